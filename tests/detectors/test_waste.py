"""All the waste of a log: who owns a trace, what a call cost in vain, and what must not matter."""

import tracemalloc
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
from crashlens_frame.simulate import simulate_workload
from tests.support.calls import calls, logs

PRICES = {
    "pricing": {
        "gpt-3.5-turbo": {"input_price_per_1m": 0.5, "output_price_per_1m": 1.5},
        "gpt-4": {"input_price_per_1m": 30, "output_price_per_1m": 60, "cheaper_alternative": "gpt-3.5-turbo"},
    }
}
ANSWER = {"input_tokens": 1000, "output_tokens": 20, "response": "Rayleigh"}
MIXED = calls(
    # a loop, and over its calls and others a storm
    {"trace_id": "t1", "s": 0, "model": "gpt-4", **ANSWER, "cost": 0.03, "temperature": 0.0},
    {"trace_id": "t1", "s": 1, "model": "gpt-4", **ANSWER, "cost": 0.04, "temperature": 0.0},
    {"trace_id": "t1", "s": 2, "model": "gpt-3.5-turbo", **ANSWER, "cost": 0.002},
    # a failure
    {"trace_id": "t2", "s": 0, "model": "gpt-3.5-turbo", **ANSWER, "cost": 0.001, "prompt": "And the sea?"},
    {"trace_id": "t2", "s": 1, "model": "gpt-4", **ANSWER, "cost": 0.05, "fallback_reason": "timeout",
     "prompt": "And the sea?"},
    # small talk, in a cut answer that was asked again
    {"trace_id": "t3", "s": 0, "model": "gpt-4", "prompt": "hi", "input_tokens": 1, "output_tokens": 2,
     "response": "Hel", "cost": 0.02, "finish_reason": "length"},
    {"trace_id": "t3", "s": 5, "model": "gpt-4", "prompt": "hi", "input_tokens": 1, "output_tokens": 2,
     "response": "Hello", "cost": 0.02},
)  # fmt: skip


def test_each_dollar_is_counted_once() -> None:
    findings = find_waste(MIXED, prices=PRICES)
    counted = findings[["detector", "trace_id", "waste_cost", "counted_cost", "suppressed_by"]]
    assert counted.round(4).astype("str").fillna("-").to_numpy().tolist() == [
        ["retry_loops", "t1", "0.03", "0.03", "-"],
        ["cut_answers", "t3", "0.02", "0.02", "-"],
        ["fallback_storms", "t1", "0.07", "0.04", "-"],
        ["fallback_failures", "t2", "0.05", "0.05", "-"],
        ["overkill_models", "t3", "0.02", "0.0", "cut_answers"],
        ["overkill_models", "t3", "0.02", "0.02", "-"],
    ]
    assert findings.dtypes.astype("str").equals(empty_frame(FINDINGS).dtypes.astype("str"))


def test_flag_shows_what_each_call_wasted() -> None:
    flagged = flag(MIXED, prices=PRICES)
    pd.testing.assert_frame_equal(flagged[MIXED.columns], MIXED)
    assert flagged["finding_id"].tolist() == [
        "retry_loops/t1/0", "fallback_storms/t1/0", "fallback_storms/t1/0", "fallback_failures/t2/0",
        "fallback_failures/t2/0", "cut_answers/t3/0", "overkill_models/t3/1",
    ]  # fmt: skip
    assert flagged["waste_cost"].round(4).tolist() == [0.03, 0.04, 0.0, 0.0, 0.05, 0.02, 0.02]


def test_severity_is_by_money() -> None:
    def severity(cost: float, rest: float) -> str:
        failed = {"error": "timeout", "cost": cost}
        frame = calls({"s": 0, **failed}, {"s": 1, "cost": 0.0, **ANSWER}, {"s": 2, "prompt": "other", "cost": rest})
        return str(find_waste(frame)["severity"].iloc[0])

    assert [severity(cost, 999.0) for cost in (1.0, 0.999, 0.1, 0.0999)] == ["high", "medium", "medium", "low"]
    assert [severity(cost, 10 - cost) for cost in (0.1, 0.09, 0.011, 0.009)] == ["high", "medium", "medium", "low"]


def test_what_costs_nothing_is_listed_and_suppresses_nothing() -> None:
    refused = {"error": "429", "cost": 0.0, "billed": "no"}
    frame = calls(
        *({"s": s, **refused} for s in range(7)),
        *({"s": 10 + s, "model": model, **ANSWER, "cost": 1.0} for s, model in enumerate("abc")),
    )
    found = find_waste(frame)[["detector", "waste_cost", "counted_cost", "severity", "suppressed_by"]]
    assert found.astype("str").fillna("-").to_numpy().tolist() == [
        ["retry_loops", "0.0", "0.0", "low", "-"], ["fallback_storms", "2.0", "2.0", "high", "-"],
    ]  # fmt: skip


def test_a_later_detector_keeps_what_is_left_of_a_call() -> None:
    # the labels would cost next to nothing elsewhere, and the batch rate takes half of all: only what is left of it
    task = "Classify the mail as spam or ham, with one word and nothing else: "
    frame = calls(
        *(
            {"trace_id": f"{day}-{n}", "s": 86_400 * day + 9 * n, "model": "gpt-4o", "prompt": f"{task}{day}-{n}",
             "response": ("spam", "ham")[n % 2], "input_tokens": 1000, "output_tokens": 0, "cost": 0.0025}
            for day in range(2) for n in range(40)
        )
    )  # fmt: skip
    frame["timestamp"] += pd.Timedelta(days=260)
    found = find_waste(frame)
    counted = found.groupby("detector", observed=True)[["waste_cost", "counted_cost"]].sum().round(4)
    assert counted.to_dict("index") == {
        "overkill_models": {"waste_cost": 0.188, "counted_cost": 0.188},
        "batchable_calls": {"waste_cost": 0.1, "counted_cost": 0.012},
    }
    assert found["certainty"].unique().tolist() == ["candidate"]


def test_thresholds_reach_their_detector() -> None:
    found = find_waste(MIXED, prices=PRICES, thresholds={"fallback_storms": {"min_calls": 4}})
    assert "fallback_storms" not in set(found["detector"])


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (
            {"retries": {}},
            "a name in thresholds is 'retries', expected 'retry_loops', 'cut_answers', 'fallback_storms',"
            " 'fallback_failures', 'stuck_agents', 'repeated_calls', 'cache_misses', 'growing_context',"
            " 'overkill_models' or 'batchable_calls'",
        ),
        (
            {"retry_loops": {"retries": 3}},
            "a name in thresholds['retry_loops'] is 'retries', expected 'min_calls', 'max_wait', 'max_retries' or"
            " 'max_gap'",
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
@settings(max_examples=40, deadline=None)
def test_the_flags_add_up_to_the_waste_and_never_exceed_the_cost(frame: pd.DataFrame, rules: str) -> None:
    findings = find_waste(frame, rules=rules)
    flagged = flag(frame, rules=rules)
    active = findings[findings["suppressed_by"].isna()]
    assert flagged["waste_cost"].sum() == pytest.approx(findings["counted_cost"].sum())
    assert (findings["counted_cost"].fillna(0) <= findings["waste_cost"].fillna(0) + 1e-12).all()
    assert (flagged["waste_cost"].fillna(0) <= frame["cost"].fillna(np.inf) + 1e-12).all()
    assert set(flagged["finding_id"].dropna()) <= set(active["finding_id"])
    assert (findings.loc[findings["suppressed_by"].notna(), "counted_cost"] == 0).all()
    if rules == "default":
        assert (findings.loc[~(findings["waste_cost"] > 0), "severity"] == "low").all()


@pytest.mark.long
@given(frame=logs(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_what_must_not_matter(frame: pd.DataFrame, data: st.DataObject) -> None:
    expected = find_waste(frame)
    # calls at one time keep their order, since nothing else tells which came first
    apart = frame.assign(timestamp=frame["timestamp"] + pd.to_timedelta(np.arange(len(frame)), unit="us"))
    expected = find_waste(apart)
    shuffled = apart.iloc[data.draw(st.permutations(range(len(apart))))]
    untimed = apart["timestamp"].isna()
    if not untimed.any():
        pd.testing.assert_frame_equal(find_waste(shuffled), expected)

    labelled = apart.assign(mine=1).set_axis(list("abcdefghijklmnopqrst"[: len(apart)]))
    pd.testing.assert_frame_equal(find_waste(labelled), expected)

    half = len(apart) // 2
    chunks = pa.concat_tables([table_from_frame(apart.iloc[:half]), table_from_frame(apart.iloc[half:])])
    pd.testing.assert_frame_equal(find_waste(frame_from_table(chunks)), expected)


def test_the_memory_for_many_models_grows_with_the_calls() -> None:
    log = simulate_workload(8000, seed=1)
    log = log.assign(model=pd.Categorical([f"model-{number}" for number in range(len(log))]))
    find_waste(log)  # so that what is made once is not counted
    tracemalloc.start()
    try:
        find_waste(log)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1500 * len(log)  # bytes; a table of bursts and models has some thousands for each call
