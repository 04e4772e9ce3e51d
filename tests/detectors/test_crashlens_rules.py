"""The rules of CrashLens: against the oracle, and at each threshold."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.fallback_failures import find_fallback_failures
from crashlens_frame.detectors.fallback_storms import find_fallback_storms
from crashlens_frame.detectors.overkill_models import find_overkill_models
from crashlens_frame.detectors.retry_loops import find_retry_loops
from crashlens_frame.detectors.waste import find_waste
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import calls, logs


@pytest.mark.long
@given(frame=logs(), max_retries=st.integers(1, 4), max_gap_s=st.sampled_from((2, 120)))
@settings(max_examples=80)
def test_retry_loops(frame: pd.DataFrame, max_retries: int, max_gap_s: int) -> None:
    assert_same_findings(
        find_retry_loops(frame, rules="crashlens", max_retries=max_retries, max_gap=f"{max_gap_s}s"),
        oracle.retry_loops(frame, max_retries=max_retries, max_gap_s=max_gap_s),
    )


@pytest.mark.long
@given(frame=logs(), min_calls=st.integers(1, 4), min_models=st.integers(1, 3))
@settings(max_examples=80)
def test_fallback_storms(frame: pd.DataFrame, min_calls: int, min_models: int) -> None:
    options = {"min_calls": min_calls, "min_models": min_models}
    assert_same_findings(
        find_fallback_storms(frame, rules="crashlens", window="2min", **options),
        oracle.fallback_storms(frame, window_s=120, **options),
    )


@pytest.mark.long
@given(frame=logs(), window_s=st.sampled_from((2, 300)))
@settings(max_examples=80)
def test_fallback_failures(frame: pd.DataFrame, window_s: int) -> None:
    assert_same_findings(
        find_fallback_failures(frame, rules="crashlens", window=f"{window_s}s"),
        oracle.fallback_failures(frame, window_s=window_s),
    )


@pytest.mark.long
@given(frame=logs())
@settings(max_examples=80)
def test_overkill_models(frame: pd.DataFrame) -> None:
    assert_same_findings(find_overkill_models(frame, rules="crashlens"), oracle.overkill_models(frame))


@pytest.mark.parametrize(("number", "loops"), [(3, []), (4, [4])])
def test_number_of_calls(number: int, loops: list[int]) -> None:
    frame = calls(*({"s": place} for place in range(number)))
    assert find_retry_loops(frame, rules="crashlens")["n_calls"].tolist() == loops
    assert find_retry_loops(frame, rules="crashlens", max_retries=2)["n_calls"].tolist() == [number]


@pytest.mark.parametrize(("gap", "loops"), [(119.999, [4]), (120, [4]), (120.000001, [])])
def test_gap(gap: float, loops: list[int]) -> None:
    frame = calls({"s": 0}, {"s": 1}, {"s": 2}, {"s": 2 + gap})
    assert find_retry_loops(frame, rules="crashlens")["n_calls"].tolist() == loops


@pytest.mark.parametrize(("words", "overkill"), [(27, 1), (28, 0)])
def test_words_of_a_short_prompt(words: int, overkill: int) -> None:
    assert len(find_overkill_models(calls({"s": 0, "prompt": "a " * words}), rules="crashlens")) == overkill


def test_the_first_detector_owns_the_trace() -> None:
    frame = calls(
        *({"s": s, "model": model, "prompt": "hi", "cost": 0.5} for s, model in enumerate(("gpt-4", "a", "b")))
    )
    findings = find_waste(frame, rules="crashlens")
    assert findings[["detector", "counted_cost", "suppressed_by"]].astype("str").fillna("-").to_numpy().tolist() == [
        ["fallback_storms", "1.5", "-"],
        ["overkill_models", "0.0", "fallback_storms"],
    ]
