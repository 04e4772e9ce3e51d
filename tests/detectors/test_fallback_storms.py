"""Fallback storms: by eye, against the oracle, at each threshold."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.fallback_storms import find_fallback_storms
from crashlens_frame.errors import InvalidOptionError
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import calls, logs

RULES = ("default", "crashlens")


def found(frame: pd.DataFrame, **options: object) -> list[int]:
    """Give the numbers of calls of the storms."""
    return find_fallback_storms(frame, **options)["n_calls"].tolist()


def test_a_storm_to_be_checked_by_eye() -> None:
    frame = calls(
        {"s": 0, "model": "gpt-4", "cost": 0.001, "input_tokens": 6, "level": "error"},
        {"s": 2, "model": "claude-3-opus", "cost": 0.002, "input_tokens": 6, "error": "529 Overloaded"},
        {"s": 4, "model": "GPT-4", "cost": None, "input_tokens": None, "prompt": " Why is the sky blue? "},
        {"s": 9.5, "model": "gpt-4o", "cost": 0.004, "input_tokens": 6, "output_tokens": 20, "response": "Rayleigh"},
        {"s": 10, "model": "gpt-4o", "cost": 1.0, "prompt": "And the sea?", "response": "The sky"},
    )
    storm = find_fallback_storms(frame).iloc[0]
    assert storm.drop(["start", "end", "score", "suggested_model", "suppressed_by"]).to_dict() == {
        "finding_id": "fallback_storms/t1/0",
        "detector": "fallback_storms",
        "trace_id": "t1",
        "severity": "medium",
        "model": "gpt-4",
        "models": "gpt-4 -> claude-3-opus -> GPT-4 -> gpt-4o",
        "n_calls": 4,
        "span_s": 9.5,
        "cost": pytest.approx(0.007),
        "waste_cost": pytest.approx(0.003),
        "waste_tokens": 12,
        "description": "4 calls on 3 models for one request in 9.5 s",
    }
    # CrashLens takes the whole trace, the other prompt with it
    assert found(frame, rules="crashlens") == [5]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("models", "storms"), [("ab", []), ("aab", [3]), ("aaa", []), ("aaA", []), ("abc", [3])])
def test_number_of_calls_and_models(rules: str, models: str, storms: list[int]) -> None:
    assert found(calls(*({"s": s, "model": model} for s, model in enumerate(models))), rules=rules) == storms


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("number", "severity"), [(5, "medium"), (6, "high")])
def test_severity(rules: str, number: int, severity: str) -> None:
    frame = calls(*({"s": s, "model": f"m{s}"} for s in range(number)))
    assert find_fallback_storms(frame, rules=rules)["severity"].tolist() == [severity]


@pytest.mark.parametrize(("gap", "storms"), [(179.999, [3]), (180, [3]), (180.000001, [])])
def test_window_between_calls(gap: float, storms: list[int]) -> None:
    frame = calls({"s": 0, "model": "a"}, {"s": gap, "model": "b"}, {"s": 2 * gap, "model": "c"})
    assert found(frame) == storms


@pytest.mark.parametrize(("span", "storms"), [(179.999, [3]), (180, [3]), (180.000001, [])])
def test_window_of_the_whole_trace_for_crashlens(span: float, storms: list[int]) -> None:
    frame = calls({"s": 0, "model": "a"}, {"s": 1, "model": "b"}, {"s": span, "model": "c"})
    assert found(frame, rules="crashlens") == storms


def test_an_agent_of_several_models_is_no_storm() -> None:
    agent = calls(*({"s": s, "model": f"m{s}", "prompt": f"step {s}"} for s in range(5)))
    assert found(agent) == []
    assert found(agent, rules="crashlens") == [5]


def test_a_burst_in_a_long_trace() -> None:
    frame = calls(*({"s": s, "model": f"m{s % 3}"} for s in (0, 1, 2, 9000)))
    assert found(frame) == [3]
    assert found(frame, rules="crashlens") == []


@given(frame=logs(), rules=st.sampled_from(RULES), min_calls=st.integers(1, 4), min_models=st.integers(1, 3))
@settings(max_examples=150)
def test_oracle(frame: pd.DataFrame, rules: str, min_calls: int, min_models: int) -> None:
    options = {"rules": rules, "min_calls": min_calls, "min_models": min_models}
    assert_same_findings(
        find_fallback_storms(frame, **options, window="2min"), oracle.fallback_storms(frame, **options, window_s=120)
    )


def test_refused() -> None:
    with pytest.raises(InvalidOptionError, match=r"min_models is 1\.5, expected a whole number of at least 1"):
        find_fallback_storms(calls({"s": 0}), min_models=1.5)
