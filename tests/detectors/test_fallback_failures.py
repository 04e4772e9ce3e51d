"""Fallback failures: by eye, against the oracle, at each threshold."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.fallback_failures import find_fallback_failures
from crashlens_frame.pricing.book import PriceBook
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import calls, logs

RULES = ("default", "crashlens")
PRICES = {
    "pricing": {
        "gpt-3.5-turbo": {"input_price_per_1m": 0.5, "output_price_per_1m": 1.5},
        "claude-3-haiku": {"input_price_per_1m": 0.25, "output_price_per_1m": 1.25},
        "gpt-4": {"input_price_per_1m": 30, "output_price_per_1m": 60},
        "gpt-4o-mini": {"input_price_per_1m": 0.15, "output_price_per_1m": 0.6},
        "claude-3-opus": {"input_price_per_1m": 15, "output_price_per_1m": 75},  # on average as dear as gpt-4
    }
}
CHEAP, DEAR = {"model": "gpt-3.5-turbo", "response": "Rayleigh"}, {"model": "gpt-4", "response": "Rayleigh"}


def found(frame: pd.DataFrame, **options: Any) -> list[str]:
    """Give the models of the findings."""
    return find_fallback_failures(frame, prices=PRICES, **options)["models"].tolist()


def test_a_failure_to_be_checked_by_eye() -> None:
    frame = calls(
        {"s": 0, **CHEAP, "cost": 0.001, "input_tokens": 6, "output_tokens": 9},
        {"s": 2.5, **DEAR, "cost": 0.02, "input_tokens": 7, "output_tokens": 11, "prompt": "Why is the sky blue?\n"},
    )
    failure = find_fallback_failures(frame, prices=PRICES).iloc[0]
    assert failure.drop(["start", "end", "score", "suggested_model", "suppressed_by"]).to_dict() == {
        "finding_id": "fallback_failures/t1/0",
        "detector": "fallback_failures",
        "trace_id": "t1",
        "severity": "high",
        "model": "gpt-3.5-turbo",
        "models": "gpt-3.5-turbo -> gpt-4",
        "n_calls": 2,
        "span_s": 2.5,
        "cost": 0.02,
        "waste_cost": 0.02,
        "waste_tokens": 18,
        "description": "gpt-3.5-turbo answered, and gpt-4 was asked the same 2.5 s later",
    }
    assert find_fallback_failures(frame, rules="crashlens")["severity"].tolist() == ["medium"]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("gap", "number"), [(299.999, 1), (300, 1), (300.000001, 0)])
def test_window(rules: str, gap: float, number: int) -> None:
    assert len(found(calls({"s": 0, **CHEAP}, {"s": gap, **DEAR}), rules=rules)) == number


@pytest.mark.parametrize(("cost", "severity"), [(0.01, "medium"), (0.0100001, "high"), (None, "medium")])
def test_severity(cost: float | None, severity: str) -> None:
    frame = calls({"s": 0, **CHEAP}, {"s": 1, **DEAR, "cost": cost})
    assert find_fallback_failures(frame, prices=PRICES)["severity"].tolist() == [severity]


def test_a_fallback_that_was_needed_is_none() -> None:
    failing = calls({"s": 0, "model": "gpt-3.5-turbo", "error": "500"}, {"s": 1, **DEAR})
    assert found(failing) == []
    assert found(failing, rules="crashlens") == ["gpt-3.5-turbo -> gpt-4"]


def test_dearer_is_a_matter_of_prices() -> None:
    mini = {"model": "gpt-4o-mini", "response": "Rayleigh"}
    assert found(calls({"s": 0, **CHEAP}, {"s": 1, **mini})) == []
    assert found(calls({"s": 0, **CHEAP}, {"s": 1, **mini}), rules="crashlens") == ["gpt-3.5-turbo -> gpt-4o-mini"]
    opus = {"model": "claude-3-opus", "response": "Rayleigh"}
    assert found(calls({"s": 0, **DEAR}, {"s": 1, **opus}, {"s": 2, **DEAR})) == []


def test_pairs_follow_one_another() -> None:
    frame = calls({"s": 0, "model": "gpt-4o-mini", "response": "r"}, {"s": 1, **CHEAP}, {"s": 2, **DEAR})
    assert found(frame) == ["gpt-4o-mini -> gpt-3.5-turbo", "gpt-3.5-turbo -> gpt-4"]


def test_a_call_between_parts_the_pair() -> None:
    frame = calls({"s": 0, **CHEAP}, {"s": 1, **CHEAP, "prompt": "And the sea?"}, {"s": 2, **DEAR})
    assert found(frame) == []


@given(frame=logs(), rules=st.sampled_from(RULES), window_s=st.sampled_from((2, 300)))
@settings(max_examples=150)
def test_oracle(frame: pd.DataFrame, rules: str, window_s: int) -> None:
    book = PriceBook.load(PRICES)

    def rate(call: dict[str, Any]) -> float | None:
        try:
            name = book.resolve(call["model"] or "").model
        except LookupError:
            return None
        return sum(PRICES["pricing"][name].values())

    assert_same_findings(
        find_fallback_failures(frame, rules=rules, window=f"{window_s}s", prices=PRICES),
        oracle.fallback_failures(frame, rules=rules, window_s=window_s, rate=rate),
    )
