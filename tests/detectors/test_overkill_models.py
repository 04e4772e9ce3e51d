"""Overkill models: by eye, against the oracle, at each threshold."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.overkill_models import find_overkill_models
from crashlens_frame.pricing.book import PriceBook
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import calls, logs

RULES = ("default", "crashlens")
PRICES = {
    "pricing": {
        "gpt-4": {"input_price_per_1m": 30, "output_price_per_1m": 60, "cheaper_alternative": "gpt-4o-mini"},
        "gpt-4o": {"input_price_per_1m": 2.5, "output_price_per_1m": 10, "cheaper_alternative": "gpt-4o-mini"},
        "gpt-4o-mini": {"input_price_per_1m": 0.15, "output_price_per_1m": 0.6},
    }
}
SHORT = {"s": 0, "model": "gpt-4", "response": "Paris", "input_tokens": 8, "output_tokens": 1}


def found(call: dict[str, Any], **options: Any) -> bool:
    """Tell whether a call is overkill."""
    return len(find_overkill_models(calls({**SHORT, **call}), prices=PRICES, **options)) == 1


def test_an_overkill_to_be_checked_by_eye() -> None:
    frame = calls(
        {**SHORT, "prompt": "What is the capital of France?", "cost": 0.0003},
        {**SHORT, "s": 1, "model": "gpt-4o-mini", "cost": 0.0001},
        {**SHORT, "s": 2, "prompt": "word " * 40, "input_tokens": 40, "cost": 0.5},
    )
    overkill = find_overkill_models(frame, prices=PRICES).iloc[0]
    assert overkill.drop(["start", "end", "score", "suppressed_by"]).to_dict() == {
        "finding_id": "overkill_models/t1/0",
        "detector": "overkill_models",
        "trace_id": "t1",
        "severity": "medium",
        "model": "gpt-4",
        "models": "gpt-4",
        "n_calls": 1,
        "span_s": 0.0,
        "cost": 0.0003,
        "waste_cost": pytest.approx(0.0003 - (8 * 0.15 + 1 * 0.6) / 1e6),
        "waste_tokens": 9,
        "suggested_model": "gpt-4o-mini",
        "description": "gpt-4 for a short and simple prompt; gpt-4o-mini would do",
    }
    theirs = find_overkill_models(frame, rules="crashlens")
    assert theirs[["model", "suggested_model"]].to_numpy().tolist() == [
        ["gpt-4", "gpt-3.5-turbo"],
        ["gpt-4o-mini", "gpt-3.5-turbo"],
    ]
    assert theirs["waste_cost"].tolist() == pytest.approx([0.7 * 0.0003, 0.7 * 0.0001])


@pytest.mark.parametrize(("tokens", "overkill"), [(20, True), (21, False), (None, False)])
def test_prompt_tokens(tokens: int | None, overkill: bool) -> None:
    assert found({"input_tokens": tokens}) is overkill


@pytest.mark.parametrize(("words", "overkill"), [(27, True), (28, False)])
def test_words_for_crashlens(words: int, overkill: bool) -> None:
    assert found({"prompt": "a " * words}, rules="crashlens") is overkill


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("length", "overkill"), [(149, True), (150, False)])
def test_prompt_characters(rules: str, length: int, overkill: bool) -> None:
    assert found({"prompt": "ü" * length}, rules=rules) is overkill


def test_white_space_around_a_prompt_makes_it_no_longer() -> None:
    assert found({"prompt": "x" * 149 + " "})
    assert not found({"prompt": "x" * 149 + " "}, rules="crashlens")


@pytest.mark.parametrize(
    ("beginning", "default", "crashlens"),
    [
        ("History", False, True),
        ("Hi,", True, True),
        ("NO.", True, True),
        ("Noël", False, True),
        ("definition", True, True),
    ],
)
def test_keywords_are_whole_words(beginning: str, default: bool, crashlens: bool) -> None:
    prompt = beginning + " " + "x" * 150
    assert found({"prompt": prompt}) is default
    assert found({"prompt": prompt}, rules="crashlens") is crashlens


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(
    "prompt",
    [
        '{"task": 1}', '{"a": 1, "context": 2}', "a\nb\nc\nd\ne", "```x```", "def f(x)", "first class ticket",
        "import x", "function",
    ],
)  # fmt: skip
def test_complex_prompts_are_left_alone(rules: str, prompt: str) -> None:
    assert not found({"prompt": prompt}, rules=rules)
    assert found({"prompt": "a\nb\nc\nd"}, rules=rules)


def test_a_failed_call_and_one_without_a_prompt() -> None:
    assert not found({"level": "error"})
    assert not found({"prompt": None})
    assert found({"level": "error", "response": None}, rules="crashlens")
    assert found({"prompt": None}, rules="crashlens")


def test_a_time_is_not_needed() -> None:
    untimed = find_overkill_models(calls({**SHORT, "s": None}), prices=PRICES)
    assert untimed[["start", "span_s"]].isna().all(axis=None)


def test_a_reported_cost_below_that_of_the_alternative_wastes_nothing() -> None:
    frame = calls({**SHORT, "cost": 1e-9}, {**SHORT, "s": 1, "cost": None})
    waste = find_overkill_models(frame, prices=PRICES)["waste_cost"]
    assert waste.iloc[0] == 0.0
    assert pd.isna(waste.iloc[1])


@given(
    frame=logs(), rules=st.sampled_from(RULES), max_tokens=st.sampled_from((7, 20)), max_chars=st.sampled_from((5, 150))
)
@settings(max_examples=150)
def test_oracle(frame: pd.DataFrame, rules: str, max_tokens: int, max_chars: int) -> None:
    book = PriceBook.load(PRICES)

    def cheaper(model: str | None) -> str | None:
        return book.cheaper_alternative(model) if model else None

    def cost_on(call: dict[str, Any], model: str) -> float | None:
        rates = PRICES["pricing"][model]
        if call["input_tokens"] is None or call["output_tokens"] is None:
            return None
        sent, made = call["input_tokens"], call["output_tokens"]
        return (sent * rates["input_price_per_1m"] + made * rates["output_price_per_1m"]) / 1e6

    limits = {"max_prompt_tokens": max_tokens, "max_prompt_chars": max_chars}
    assert_same_findings(
        find_overkill_models(frame, rules=rules, prices=PRICES, **limits),
        oracle.overkill_models(frame, rules=rules, cheaper=cheaper, cost_on=cost_on, **limits),
    )
