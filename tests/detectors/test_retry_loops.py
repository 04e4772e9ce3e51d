"""Retry loops: by eye, against the oracle, at each threshold."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.retry_loops import find_retry_loops
from crashlens_frame.errors import InvalidOptionError, MissingColumnsError
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import calls, logs

RULES = ("default", "crashlens")


def found(frame: pd.DataFrame, **options: object) -> list[int]:
    """Give the numbers of calls of the loops."""
    return find_retry_loops(frame, **options)["n_calls"].tolist()


def test_a_loop_to_be_checked_by_eye() -> None:
    frame = calls(
        {"s": 0, "cost": 0.001, "input_tokens": 5, "output_tokens": 0, "level": "error"},
        {"s": 1, "cost": 0.001, "input_tokens": 5, "output_tokens": 0, "level": "error"},
        {"s": 3, "cost": 0.001, "input_tokens": 5, "output_tokens": 0, "level": "error"},
        {"s": 7, "cost": 0.021, "input_tokens": 5, "output_tokens": 300, "response": "Rayleigh"},
        {"s": 8, "cost": 0.5, "prompt": "And the sea?", "output_tokens": 300, "response": "The sky"},
    )
    loops = find_retry_loops(frame)
    assert loops.drop(columns=["start", "end"]).to_dict("records") == [
        {
            "finding_id": "retry_loops/t1/0",
            "detector": "retry_loops",
            "trace_id": "t1",
            "severity": "medium",
            "model": "gpt-4",
            "models": "gpt-4",
            "n_calls": 4,
            "span_s": 7.0,
            "cost": pytest.approx(0.024),
            "waste_cost": pytest.approx(0.003),
            "waste_tokens": 15,
            "score": 60,
            "suggested_model": pytest.approx(float("nan"), nan_ok=True),
            "description": "4 calls to gpt-4 with the same prompt in 7 s, with exponential backoff",
            "suppressed_by": pytest.approx(float("nan"), nan_ok=True),
        }
    ]
    # CrashLens sees no small answers, because the last one is long, but the backoff
    assert find_retry_loops(frame, rules="crashlens")["score"].tolist() == [35]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("number", "loops"), [(3, []), (4, [4])])
def test_number_of_calls(rules: str, number: int, loops: list[int]) -> None:
    assert found(calls(*({"s": place} for place in range(number))), rules=rules) == loops
    assert found(calls(*({"s": place} for place in range(number))), rules=rules, max_retries=2) == [number]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("gap", "loops"), [(119.999, [4]), (120, [4]), (120.000001, [])])
def test_gap(rules: str, gap: float, loops: list[int]) -> None:
    assert found(calls({"s": 0}, {"s": 1}, {"s": 2}, {"s": 2 + gap}), rules=rules) == loops


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("tokens", "loops"), [(49, [4]), (50, [4]), (51, [])])
def test_small_answers(rules: str, tokens: int, loops: list[int]) -> None:
    # gaps that shrink, so that nothing but the answers tells the loop
    frame = calls(*({"s": s, "output_tokens": tokens, "response": "r"} for s in (0, 50, 70, 75)))
    assert found(frame, rules=rules) == loops


@pytest.mark.parametrize(("tokens", "loops"), [((10, 10, 10, 20), [4]), ((3, 7, 3, 7), []), ((4, 7, 4, 7), [4])])
def test_answers_of_about_one_length(tokens: tuple[int, ...], loops: list[int]) -> None:
    # 3, 7, 3, 7 have a deviation of exactly 0.4 of their mean
    starts = (0, 50, 70, 75)
    frame = calls(
        *({"s": s, "output_tokens": number, "response": "r"} for s, number in zip(starts, tokens, strict=True))
    )
    assert found(frame, rules="crashlens") == loops


@pytest.mark.parametrize(("last", "loops"), [(74.99, []), (83, []), (88, [4]), (90, [4])])
def test_gaps_that_do_not_shrink(last: float, loops: list[int]) -> None:
    # with four calls both pairs of gaps must hold: 20 and 18 s, then at least 16.2 s
    frame = calls(*({"s": s, "output_tokens": 300, "response": "r"} for s in (30, 50, 68, last)))
    assert found(frame) == ([4] if last >= 84.2 else []) == loops


@pytest.mark.parametrize(
    ("score", "severity", "number", "gap"),
    [
        (75, "high", 4, 9.9),
        (70, "high", 4, 10),
        (55, "medium", 4, 20),
        (100, "high", 8, 4.2),
        (95, "high", 8, 5),
        (80, "high", 8, 8.7),
    ],
)
def test_score(score: int, severity: str, number: int, gap: float) -> None:
    loops = find_retry_loops(calls(*({"s": place * gap, "output_tokens": 0} for place in range(number))))
    assert loops[["score", "severity"]].to_numpy().tolist() == [[score, severity]]


def test_two_loops_in_one_trace() -> None:
    frame = calls(*({"s": s} for s in (0, 1, 2, 3, 500, 501, 502, 503, 504)))
    assert find_retry_loops(frame)["finding_id"].tolist() == ["retry_loops/t1/0", "retry_loops/t1/4"]


@pytest.mark.parametrize("between", [{"model": "gpt-4o"}, {"prompt": "And the sea?"}])
def test_other_calls_in_between(between: dict[str, str]) -> None:
    frame = calls(*({"s": s, **(between if s == 4 else {})} for s in range(9)))
    assert found(frame) == [8]
    assert found(frame, rules="crashlens") == [4, 4]


def test_a_call_without_a_prompt_equals_no_other() -> None:
    assert found(calls(*({"s": s, "prompt": None} for s in range(5)))) == []
    assert found(calls(*({"s": s, "prompt": ""} for s in range(5)))) == []


@given(frame=logs(), rules=st.sampled_from(RULES), max_retries=st.integers(1, 4), max_gap_s=st.sampled_from((2, 120)))
@settings(max_examples=150)
def test_oracle(frame: pd.DataFrame, rules: str, max_retries: int, max_gap_s: int) -> None:
    before = frame.copy()
    assert_same_findings(
        find_retry_loops(frame, rules=rules, max_retries=max_retries, max_gap=f"{max_gap_s}s"),
        oracle.retry_loops(frame, rules=rules, max_retries=max_retries, max_gap_s=max_gap_s),
    )
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_retries": 0}, "max_retries is 0, expected a whole number of at least 1"),
        ({"max_gap": "soon"}, 'max_gap is \'soon\', expected a duration such as "2min" or "90s"'),
        ({"max_gap": "-1s"}, 'max_gap is \'-1s\', expected a duration such as "2min" or "90s"'),
        ({"rules": "mine"}, "rules is 'mine', expected 'default' or 'crashlens'"),
    ],
)
def test_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        find_retry_loops(calls({"s": 0}), **options)
    assert str(caught.value) == message


def test_missing_columns_are_named_together() -> None:
    with pytest.raises(MissingColumnsError, match="missing columns: level, prompt"):
        find_retry_loops(calls({"s": 0}).drop(columns=["prompt", "level"]))
