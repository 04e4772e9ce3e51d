"""All the waste of a log: who owns a trace, what a call cost in vain, and what must not matter."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors import ROSTER
from crashlens_frame.detectors.waste import find_waste, flag
from crashlens_frame.errors import InvalidOptionError
from crashlens_frame.frame import empty_frame, frame_from_table, table_from_frame
from crashlens_frame.schema import FINDINGS
from tests.support.calls import calls, logs

PRICES = {
    "pricing": {
        "gpt-3.5-turbo": {"input_price_per_1m": 0.5, "output_price_per_1m": 1.5},
        "gpt-4": {"input_price_per_1m": 30, "output_price_per_1m": 60, "cheaper_alternative": "gpt-3.5-turbo"},
    }
}
SHORT = {"input_tokens": 6, "output_tokens": 20, "response": "Rayleigh", "cost": 0.001}
MIXED = calls(
    # a storm, and within it what would be a failure and an overkill
    {"trace_id": "t1", "s": 0, "model": "gpt-3.5-turbo", **SHORT},
    {"trace_id": "t1", "s": 1, "model": "gpt-4", **SHORT},
    {"trace_id": "t1", "s": 2, "model": "gpt-3.5-turbo", **SHORT, "cost": 0.002},
    # a failure, whose second call would be an overkill
    {"trace_id": "t2", "s": 0, "model": "gpt-3.5-turbo", **SHORT},
    {"trace_id": "t2", "s": 1, "model": "gpt-4", **SHORT, "cost": 0.04},
    # nothing
    {"trace_id": "t3", "s": 0, "model": "gpt-3.5-turbo", **SHORT},
)


def test_the_first_detector_owns_the_trace() -> None:
    findings = find_waste(MIXED, prices=PRICES)
    owned = findings[["detector", "trace_id", "suppressed_by"]].astype("str").fillna("-")
    assert owned.to_numpy().tolist() == [
        ["fallback_storms", "t1", "-"],
        ["fallback_failures", "t1", "fallback_storms"],
        ["fallback_failures", "t2", "-"],
        ["overkill_models", "t1", "fallback_storms"],
        ["overkill_models", "t2", "fallback_failures"],
    ]
    assert findings.dtypes.astype("str").equals(empty_frame(FINDINGS).dtypes.astype("str"))


def test_flag_shows_what_each_call_wasted() -> None:
    flagged = flag(MIXED, prices=PRICES)
    pd.testing.assert_frame_equal(flagged[MIXED.columns], MIXED)
    assert flagged["finding"].dropna().tolist() == ["fallback_storms"] * 3 + ["fallback_failures"] * 2
    assert flagged["finding_id"].dropna().tolist() == ["fallback_storms/t1/0"] * 3 + ["fallback_failures/t2/0"] * 2
    assert flagged["waste_cost"].tolist() == [0.001, 0.001, 0.0, 0.0, 0.04, 0.0]


def test_a_call_of_two_findings_is_flagged_with_the_one_that_wasted_it() -> None:
    chain = {
        "pricing": {
            name: {"input_price_per_1m": rate, "output_price_per_1m": rate} for rate, name in enumerate("abc", 1)
        }
    }
    frame = calls(*({"s": s, "model": model, "response": "r", "cost": 1.0 + s} for s, model in enumerate("abc")))
    flagged = flag(frame, prices=chain, thresholds={"fallback_storms": {"min_calls": 4}})
    assert flagged["finding_id"].tolist() == ["fallback_failures/t1/0"] * 2 + ["fallback_failures/t1/1"]
    assert flagged["waste_cost"].tolist() == [0.0, 2.0, 3.0]


def test_thresholds_reach_their_detector() -> None:
    found = find_waste(MIXED, prices=PRICES, thresholds={"fallback_storms": {"min_calls": 4}})
    assert set(found["detector"]) == {"fallback_failures", "overkill_models"}


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (
            {"retries": {}},
            "a name in thresholds is 'retries', expected 'retry_loops', 'fallback_storms', 'fallback_failures' or"
            " 'overkill_models'",
        ),
        (
            {"retry_loops": {"retries": 3}},
            "a name in thresholds['retry_loops'] is 'retries', expected 'max_retries' or 'max_gap'",
        ),
    ],
)
def test_unknown_thresholds_are_refused(thresholds: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        find_waste(MIXED, thresholds=thresholds)
    assert str(caught.value) == message


def test_a_detector_without_thresholds_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(ROSTER[0], find=lambda calls: calls)
    monkeypatch.setattr("crashlens_frame.detectors.waste.ROSTER", (bare,))
    with pytest.raises(InvalidOptionError) as caught:
        find_waste(MIXED, thresholds={"retry_loops": {"max_retries": 3}})
    assert str(caught.value) == (
        "thresholds['retry_loops'] is {'max_retries': 3}, but retry_loops has no thresholds; leave it out"
    )


def test_no_calls_no_findings() -> None:
    pd.testing.assert_frame_equal(find_waste(empty_frame()), empty_frame(FINDINGS))
    assert flag(empty_frame()).columns[-3:].tolist() == ["finding", "finding_id", "waste_cost"]


@given(frame=logs(), rules=st.sampled_from(("default", "crashlens")))
@settings(max_examples=60)
def test_the_flags_add_up_to_the_waste(frame: pd.DataFrame, rules: str) -> None:
    findings = find_waste(frame, rules=rules)
    flagged = flag(frame, rules=rules)
    active = findings[findings["suppressed_by"].isna()]
    assert flagged["waste_cost"].sum() == pytest.approx(active["waste_cost"].sum())
    flagged_ids = set(flagged["finding_id"].dropna())
    assert flagged_ids <= set(active["finding_id"])
    # a finding without a call of its own shares all of them with its neighbours, as failures in a row do
    assert set(active["finding_id"]) - flagged_ids <= set(
        active.loc[active["detector"] == "fallback_failures", "finding_id"]
    )


@given(frame=logs(), data=st.data())
@settings(max_examples=60)
def test_what_must_not_matter(frame: pd.DataFrame, data: st.DataObject) -> None:
    expected = find_waste(frame)
    # calls at one time keep their order, since nothing else tells which came first
    apart = frame.assign(timestamp=frame["timestamp"] + pd.to_timedelta(np.arange(len(frame)), unit="us"))
    expected = find_waste(apart)
    shuffled = apart.iloc[data.draw(st.permutations(range(len(apart))))]
    untimed = apart["timestamp"].isna()
    if not untimed.any():
        pd.testing.assert_frame_equal(find_waste(shuffled), expected)

    labelled = apart.assign(team="search", mine=1).set_axis(list("abcdefghijklmnopqrst"[: len(apart)]))
    pd.testing.assert_frame_equal(find_waste(labelled), expected)

    half = len(apart) // 2
    chunks = pa.concat_tables([table_from_frame(apart.iloc[:half]), table_from_frame(apart.iloc[half:])])
    pd.testing.assert_frame_equal(find_waste(frame_from_table(chunks)), expected)
