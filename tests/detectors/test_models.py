"""Several models for one prompt, and large models for small work: by eye, at each threshold, and what is sound."""

from typing import Any

import pandas as pd
import pytest

from crashlens_frame.detectors.fallback_failures import find_fallback_failures
from crashlens_frame.detectors.fallback_storms import find_fallback_storms
from crashlens_frame.detectors.overkill_models import find_overkill_models
from tests.support.calls import calls

ANSWER = {"response": "So.", "output_tokens": 9, "cost": 0.5}
PRICES = {
    "pricing": {
        "large": {"input_price_per_1m": 3, "output_price_per_1m": 15, "cheaper_alternative": "small"},
        "middle": {"input_price_per_1m": 0.9, "output_price_per_1m": 4.9, "cheaper_alternative": "small"},
        "small": {"input_price_per_1m": 0.1, "output_price_per_1m": 0.5},
    }
}


def storms(*rows: dict[str, Any], **shared: Any) -> list[float]:
    return find_fallback_storms(calls(*rows, **shared))["waste_cost"].tolist()


def failures(*rows: dict[str, Any], **options: Any) -> list[float]:
    return find_fallback_failures(calls(*rows, **ANSWER), prices=PRICES, **options)["waste_cost"].tolist()


def over(models: str, gap: float = 1.0, **more: Any) -> list[dict[str, Any]]:
    return [{"s": place * gap, "model": model, **ANSWER, **more} for place, model in enumerate(models)]


def test_all_but_the_last_answer_of_a_storm_are_waste() -> None:
    assert storms(*over("abc")) == [1.0]
    failed = {"response": None, "output_tokens": 0, "error": "timeout"}
    assert storms(*over("ab"), {"s": 9, "model": "c", **ANSWER, **failed, "cost": 0.25}) == [0.75]


@pytest.mark.parametrize(("models", "found"), [("ab", []), ("aab", [1.0]), ("aaa", []), ("aaA", []), ("abc", [1.0])])
def test_number_of_calls_and_models(models: str, found: list[float]) -> None:
    assert storms(*over(models)) == found


@pytest.mark.parametrize(("gap", "found"), [(180, [1.0]), (180.000001, [])])
def test_window_of_a_storm(gap: float, found: list[float]) -> None:
    assert storms(*over("abc", gap)) == found


def test_calls_that_overlap_are_hedged() -> None:
    assert storms(*over("ab", 0.1, latency_ms=3000)) == [0.5]
    assert storms(*over("ab", 4.0, latency_ms=3000)) == []
    assert storms(*over("ab", 0.1, latency_ms=3000, tags='{"experiment": "arena"}')) == []


def test_what_is_planned_is_no_storm() -> None:
    assert storms(*over("abc", fallback_reason="low_confidence")) == []
    assert storms(*over("abc", fallback_reason="timeout")) == [1.0]
    assert storms(*over("abc", route="/evals")) == []
    panel = [call | {"trace_id": f"t{n}", "prompt": f"q{n}"} for n in range(5) for call in over("abc")]
    assert storms(*panel) == []
    assert storms(*panel[:12]) == [1.0] * 4
    assert storms(*over("abc", billed="no")) == []
    assert storms(*({**call, "prompt": f"step {n} of an agent"} for n, call in enumerate(over("abc")))) == []


def test_a_failure_is_a_marked_fallback_after_an_answer() -> None:
    first, second = {"s": 0, "model": "small"}, {"s": 2.5, "model": "large", "fallback_reason": "timeout"}
    assert failures(first, second) == [0.5]
    assert failures(first, {**second, "fallback_reason": None, "fallback_attempted": True}) == [0.5]
    assert failures(first, {**second, "fallback_reason": "quality"}) == []
    assert failures(first | {"error": "500"}, second) == []
    assert failures(first, {**second, "s": 300}) == [0.5]
    assert failures(first, {**second, "s": 300.000001}) == []
    assert failures(first, {**second, "prompt": "And the sea?"}) == []


def test_a_cascade_is_a_candidate_if_asked_for() -> None:
    first, second = {"s": 0, "model": "small"}, {"s": 2.5, "model": "large"}
    assert failures(first, second) == []
    assert failures(first, second, cascades=True) == [0.5]
    assert failures(first | {"model": "large"}, second | {"model": "small"}, cascades=True) == []
    found = find_fallback_failures(calls(first, second, **ANSWER), prices=PRICES, cascades=True)
    assert found["certainty"].tolist() == ["candidate"]


# -- overkill ---------------------------------------------------------------------------------------------------------


TASK = "Classify the mail as spam or ham, with one word and nothing else: "


def labels(number: int = 10, task: str = TASK, **more: Any) -> pd.DataFrame:
    call = {"model": "large", "output_tokens": 3, "input_tokens": 100, "cost": 0.000345, "route": "/classify"}
    return calls(
        *(
            {"s": n, "trace_id": f"t{n}", "prompt": f"{task}{n}", "response": ("spam", "ham")[n % 2], **call, **more}
            for n in range(number)
        )
    )


def test_labels_cost_what_they_would_cost_on_the_smaller_model() -> None:
    found = find_overkill_models(labels(), prices=PRICES)
    assert len(found) == 10
    assert found["waste_cost"].tolist() == [pytest.approx(0.000345 - (100 * 0.1 + 3 * 0.5) / 1e6)] * 10
    assert found.loc[0, ["certainty", "cause", "suggested_model", "savings_note"]].tolist() == [
        "candidate", "labels", "small", "Send these calls to small, and check a sample of its answers.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "number"),
    [
        ({}, 10),
        ({"output_tokens": 8}, 10),
        ({"output_tokens": 9}, 0),
        ({"output_tokens": 40, "reasoning_tokens": 34}, 10),
        ({"model": "middle"}, 0),
        ({"model": "small"}, 0),
        ({"service_tier": "batch"}, 0),
        ({"name": "judge"}, 0),
        ({"task": "You are an impartial judge. Reply PASS or FAIL, with nothing else: "}, 0),
        ({"tool_calls": '[{"name": "f"}]'}, 0),
        ({"prompt": "The same prompt all the time, word for word, over and over."}, 0),
        ({"error": "500"}, 0),
    ],
)
def test_which_labels(more: dict[str, Any], number: int) -> None:
    assert len(find_overkill_models(labels(**more), prices=PRICES)) == number


def test_labels_are_at_least_ten_and_may_be_excluded() -> None:
    assert len(find_overkill_models(labels(9), prices=PRICES)) == 0
    assert len(find_overkill_models(labels(), prices=PRICES, exclude=("/classify",))) == 0
    assert len(find_overkill_models(labels(response="a"), prices=PRICES)) == 10
    various = labels(20).assign(response=[f"EUR {n}" for n in range(20)])
    assert len(find_overkill_models(various, prices=PRICES)) == 0


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("hi", True),
        ("Thank you so much!", True),
        ("ok, thanks", True),
        ("Good morning :)", True),
        ("no", True),
        ("Prove that P = NP.", False),
        ("Write a novel", False),
        ("hi, why is the sky blue?", False),
        ("History", False),
        ("No" + "o" * 60, False),
    ],
)
def test_small_talk_is_the_whole_prompt(prompt: str, found: bool) -> None:
    call = {"s": 0, "model": "large", "prompt": prompt, "response": "So.", "input_tokens": 9, "cost": 0.5}
    frame = calls({**call, "output_tokens": 60})
    assert (len(find_overkill_models(frame, prices=PRICES)) == 1) is found
    assert len(find_overkill_models(calls({**call, "output_tokens": 61}), prices=PRICES)) == 0
