"""The scorer, by answers known beforehand and by sums that must agree."""

from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .claims import claims_of_report
from .prices import METERS
from .registry import KINDS
from .score import Claim, Row, Score, score
from .world import Label


def label(incident: str | None, kind: str | None, *, fresh: float = 0.0, output: float = 0.0) -> Label:
    """Make the label of a call that cost 10 dollars by each meter."""
    saved = dict.fromkeys(METERS, 0.0) | {"fresh": fresh, "output": output}
    return Label(incident, incident.split("-")[0] if incident else "chat", kind, dict.fromkeys(METERS, 10.0), saved)


LABELS = [
    label(None, None),
    label("loop-0", "retry_loops", fresh=3, output=4),
    label("loop-0", "retry_loops"),
    label("small-0", "overkill_models", fresh=2),
]


def rows(of: dict[str, Row]) -> dict[str, tuple[float, float, float, float]]:
    return {name: (row.wasted, row.found, row.claimed, row.true) for name, row in of.items()}


def test_nothing_claimed_is_all_missed() -> None:
    result = score(LABELS, [])
    assert (result.calls, result.billed) == (4, 160.0)
    assert (result.total.wasted, result.total.missed, result.total.false) == (9, 9, 0)
    assert (result.total.precision, result.total.recall) == (None, 0.0)
    assert result.incidents_found() == (0, 2)


def test_a_claim_is_true_up_to_what_the_call_would_have_saved() -> None:
    result = score(LABELS, [Claim(1, "retry_loops", 10), Claim(2, "retry_loops", 1), Claim(0, "retry_loops", 5)])
    assert rows(result.detectors) == {"retry_loops": (7, 7, 16, 7), "overkill_models": (2, 0, 0, 0)}
    assert rows(result.scenarios) == {"chat": (0, 0, 5, 0), "loop": (7, 7, 11, 7), "small": (2, 0, 0, 0)}
    assert rows(result.incidents) == {"loop-0": (7, 7, 11, 7), "small-0": (2, 0, 0, 0)}
    assert (result.total.false, result.total.missed) == (9, 2)
    assert result.total.precision == pytest.approx(7 / 16)
    assert result.total.recall == pytest.approx(7 / 9)
    assert result.incidents_found() == (1, 2)


def test_a_claim_on_a_meter_is_true_of_that_meter_alone() -> None:
    result = score(LABELS, [Claim(1, "cache_misses", 5, "fresh"), Claim(1, "retry_loops", 10, "output")])
    assert rows(result.detectors) == {
        "retry_loops": (7, 7, 10, 4),
        "cache_misses": (0, 0, 5, 3),
        "overkill_models": (2, 0, 0, 0),
    }


def test_no_dollar_is_found_twice() -> None:
    result = score(LABELS, [Claim(1, "retry_loops", 6), Claim(1, "cache_misses", 6)])
    assert (result.detectors["retry_loops"].true, result.detectors["cache_misses"].true) == (6, 1)
    assert (result.total.found, result.total.claimed) == (7, 12)


def test_candidates_are_left_out_of_what_is_sure() -> None:
    claims = [Claim(1, "retry_loops", 7), Claim(3, "overkill_models", 2), Claim(0, "overkill_models", 9)]
    result = score(LABELS, claims)
    assert rows({"sure": result.sure, "total": result.total}) == {"sure": (7, 7, 7, 7), "total": (9, 9, 18, 9)}


def test_a_sure_claim_on_a_candidate_is_true_but_adds_no_recall_to_what_is_sure() -> None:
    result = score(LABELS, [Claim(3, "cache_misses", 2)])
    assert rows({"sure": result.sure}) == {"sure": (7, 0, 2, 2)}


def test_scores_of_several_logs_add_up_and_keep_their_incidents_apart() -> None:
    claims = [Claim(1, "retry_loops", 7)]
    both = score(LABELS, claims, log="a/") + score(LABELS, [], log="b/")
    assert rows({"total": both.total}) == {"total": (18, 7, 7, 7)}
    assert set(both.incidents) == {"a/loop-0", "a/small-0", "b/loop-0", "b/small-0"}
    assert both.incidents_found() == (1, 4)
    assert (Score() + both).total == both.total


CLAIMS = st.lists(
    st.builds(
        Claim,
        st.integers(0, len(LABELS) - 1),
        st.sampled_from(KINDS),
        st.floats(0, 20),
        st.sampled_from((None, *METERS)),
    ),
    max_size=12,
)


@given(CLAIMS)
def test_the_sums_agree_for_all_claims(claims: Sequence[Claim]) -> None:
    result = score(LABELS, claims)
    total = result.total
    assert total.wasted == 9
    assert total.claimed == pytest.approx(sum(claim.dollars for claim in claims))
    assert total.found == pytest.approx(total.true)
    assert -1e-9 <= total.true <= min(total.claimed, total.wasted) + 1e-9
    for of in (result.detectors, result.scenarios):
        for amount in ("wasted", "found", "claimed", "true"):
            assert sum(getattr(row, amount) for row in of.values()) == pytest.approx(getattr(total, amount))


def test_findings_of_crashlens_become_claims_on_their_calls() -> None:
    calls = pd.DataFrame(
        {
            "trace_id": ["t1", "t2", "t1", "t1", "t1", "t1", "t3"],
            "timestamp": pd.to_datetime([f"2026-11-02T09:00:0{second}Z" for second in (0, 0, 3, 1, 2, 4, 0)]),
            "model": ["gpt-4o"] * 7,
            "prompt": ["title", "hi", "again", "again", "again", "again", "bye"],
            "cost": [0.5, 0.2, 0.3, 0.1, 0.2, 0.4, None],
        }
    )
    active = {
        "retry_loops": [["t1", 4, "high", 1.0]],
        "fallback_storms": [["t3", 1, "medium", 0.0]],
        "fallback_failures": [["t1", 2, "medium", 0.0]],
        "overkill_models": [["t2", 1, "medium", 0.2]],
    }
    assert claims_of_report(calls, active) == [
        Claim(1, "overkill_models", pytest.approx(0.14)),
        Claim(3, "retry_loops", 0.1),
        Claim(4, "retry_loops", 0.2),
        Claim(2, "retry_loops", 0.3),
        Claim(5, "retry_loops", 0.4),
    ]
