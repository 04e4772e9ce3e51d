"""Logs and frames from bug reports, each with the cost that is right."""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.pricing.audit import litellm_path

CASES = Path(__file__).parents[1] / "cases" / "numbers"
DEFAULT = cf.PriceBook.default()
AT = "2026-11-23"


def frame(name: str) -> pd.DataFrame:
    return pd.DataFrame([json.loads(line) for line in (CASES / f"{name}.jsonl").read_text().splitlines()])


# what each log costs, call by call, and where the price comes from
COSTS: dict[str, tuple[str, list[float]]] = {
    "anthropic_batch_may_2026": ("priced", [0.225]),
    "anthropic_batch_opus_4_1": ("priced", [1.125]),
    "anthropic_fast_mode": ("priced", [15.0]),
    "anthropic_growing_lines_out_of_order": ("priced", [0.003906]),
    "anthropic_web_search": ("priced", [0.095]),
    "bedrock_regional_premium": ("priced", [4.95]),
    "deepinfra_estimated_cost": ("reported", [0.000339]),
    "deepseek_cache_hit_tokens": ("priced", [0.0073863]),
    "deepseek_v4_night_before_peak_pricing": ("priced", [0.522]),
    "deepseek_v4_weekend": ("priced", [0.858]),
    "flat_currency_eur": ("reported", [math.nan]),
    "langfuse_cached_counted_inside": ("priced", [0.02348625]),
    "langfuse_flex_tier": ("priced", [0.045]),
    "langfuse_langchain_anthropic_1h": ("priced", [0.2505]),
    "langfuse_ttl_cache_keys": ("priced", [0.37551]),
    "litellm_1h_cache_write": ("priced", [0.2505]),
    "litellm_cache_hit_repriced": ("reported", [0.0]),
    "litellm_response_service_tier": ("priced", [1.125]),
    "litellm_top_level_cache_keys": ("priced", [0.126]),
    "nested_llm_spans": ("priced", [0.0035]),
    "openai_batch_before_2026_10_14": ("priced", [0.105]),
    "openai_priority_aug_2026": ("priced", [5.95]),
    "openai_responses_web_search": ("priced", [0.02225]),
    "openinference_thoughts_outside": ("priced", [0.0028]),
    "openrouter_usage_cost": ("reported", [0.0075]),
    "otel_operation_cost": ("reported", [0.082]),
    "otel_pydantic_ai_cache_details": ("priced", [0.030101]),
    "otel_underscore_cache_names": ("priced", [0.01035]),
    "otel_vercel_cached_input_tokens": ("priced", [0.00060664]),
    "waste_pages_of_images": ("priced", [0.00525] * 6),
    "waste_tool_calls_taken_as_no_answer": ("priced", [0.00325] * 5),
}
# frames of a user's own, which have tests below
FRAMES = {
    "add_cost_1h_more_than_written", "add_cost_cached_more_than_input", "add_cost_epoch_ms_timestamps",
    "add_cost_negative_tokens", "from_litellm_reasoning_rate",
}  # fmt: skip


def test_every_case_has_its_right_value_here() -> None:
    assert {path.stem for path in CASES.glob("*.jsonl")} == {*COSTS} | FRAMES


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
@pytest.mark.parametrize("name", COSTS)
def test_a_log_has_the_cost_that_is_right(name: str) -> None:
    source, costs = COSTS[name]
    calls = cf.add_cost(cf.read_jsonl(CASES / f"{name}.jsonl"))
    assert calls["cost"].tolist() == pytest.approx(costs, rel=1e-12, nan_ok=True)
    assert calls["cost_source"].tolist() == [source] * len(costs)


def test_a_cost_in_another_currency_is_unknown_until_it_is_priced_anew() -> None:
    calls = cf.add_cost(cf.read_jsonl(CASES / "flat_currency_eur.jsonl"), explain=True)
    assert calls["unknown_because"].tolist() == ["cost in another currency"]
    assert cf.unpriced(calls)["reason"].tolist() == ["cost in another currency"]
    assert cf.cost_parts(calls)[["meter", "cost"]].fillna(-1).to_numpy().tolist() == [["unknown", -1]]
    assert cf.add_cost(calls)["cost"].isna().all()
    assert cf.add_cost(calls.assign(extra=None))["cost"].tolist() == [0.0035]  # its cost was taken out, not left out
    again = cf.add_cost(calls, reprice=True)
    assert (again["cost"].item(), again["cost_source"].item()) == (0.0035, "priced")


def test_a_cache_hit_of_a_gateway_costs_nothing_at_any_price() -> None:
    calls = cf.read_jsonl(CASES / "litellm_cache_hit_repriced.jsonl")
    assert cf.add_cost(calls, reprice=True)["cost"].tolist() == [0.0]
    assert cf.add_cost(calls.assign(billed="yes"), reprice=True)["cost"].tolist() == [0.0035]


@pytest.mark.parametrize("name", ["waste_pages_of_images", "waste_tool_calls_taken_as_no_answer"])
def test_work_that_only_looks_repeated_is_no_waste(name: str) -> None:
    assert len(cf.add_cost(cf.read_jsonl(CASES / f"{name}.jsonl")).crashlens.waste()) == 0


@pytest.mark.parametrize(
    ("name", "variant", "is_derived"),
    [
        ("anthropic_batch_may_2026", "batch", True),
        ("anthropic_batch_opus_4_1", "batch", True),
        ("openai_batch_before_2026_10_14", "batch", True),
        ("openai_priority_aug_2026", "priority", True),
        ("anthropic_fast_mode", "fast", False),
        ("langfuse_flex_tier", "flex", False),
        ("bedrock_regional_premium", None, False),
        ("deepseek_v4_weekend", None, False),
    ],
)
def test_the_variant_in_force_is_explained(name: str, variant: str | None, is_derived: bool) -> None:
    call = cf.add_cost(cf.read_jsonl(CASES / f"{name}.jsonl"), explain=True).iloc[0]
    found = None if pd.isna(call["price_variant"]) else call["price_variant"]
    assert (found, call["price_derived"]) == (variant, is_derived)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("add_cost_1h_more_than_written", ["parts exceed cache_write_tokens"]),
        ("add_cost_cached_more_than_input", ["parts exceed input_tokens", "parts exceed input_tokens"]),
    ],
)
def test_numbers_that_cannot_be_have_no_cost(name: str, reasons: list[str]) -> None:
    explained = cf.add_cost(frame(name), explain=True)
    assert explained["cost"].isna().all()
    assert explained["unknown_because"].tolist() == reasons


def test_a_negative_number_of_tokens_is_refused() -> None:
    with pytest.raises(cf.InvalidCallError, match="input_tokens"):
        cf.add_cost(frame("add_cost_negative_tokens"))


def test_epoch_numbers_are_read_by_their_size() -> None:
    calls = frame("add_cost_epoch_ms_timestamps")
    for factor in (1e-3, 1, 1e3, 1e6):
        scaled = calls.assign(timestamp=(calls["timestamp"] * factor).astype("int64"))
        assert cf.add_cost(scaled)["cost"].tolist() == [2.0]


def test_reasoning_that_litellm_prices_apart_is_beside_the_output(tmp_path: Path) -> None:
    # Perplexity counts it beside the completion; more reasoning than output cannot be inside
    price = {
        "litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6,
        "output_cost_per_reasoning_token": 3e-6, "citation_cost_per_token": 2e-6,
        "search_context_cost_per_query": {"search_context_size_medium": 0.005},
    }  # fmt: skip
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"perplexity/sonar-deep-research": price}), encoding="utf-8")
    book = cf.PriceBook.from_litellm(path)
    assert cf.add_cost(frame("from_litellm_reasoning_rate"), book)["cost"].tolist() == [pytest.approx(0.246008)]
    description = book.entries["perplexity/sonar-deep-research"].description
    assert description == "not taken from the list: citation_cost_per_token"


def test_reasoning_has_the_rate_of_the_list_that_litellm_installs() -> None:
    path = litellm_path()
    assert path is not None
    found = cf.add_cost(frame("from_litellm_reasoning_rate"), cf.PriceBook.from_litellm(path))
    assert found["cost"].tolist() == [pytest.approx(0.246008)]


@pytest.mark.parametrize(
    ("call", "dollars"),
    [
        ({"cache_write_tokens": 100_000, "cache_write_1h_tokens": 100_000}, 0.60153),
        ({"cache_write_tokens": 100_000}, 0.37653),
    ],
)
def test_what_a_cache_write_costs_depends_on_how_long_it_is_kept(call: dict[str, int], dollars: float) -> None:
    cost = DEFAULT.cost(model="claude-sonnet-4-5", input_tokens=100_010, output_tokens=100, at=AT, **call)
    assert cost == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("option", "dollars"),
    [
        ({}, 0.525),
        ({"service_tier": "fast"}, 1.05),
        ({"region": "us"}, 0.5775),
        ({"region": "global"}, 0.525),
        ({"web_searches": 10}, 0.625),
        ({"web_searches": 10, "region": "us"}, 0.6775),
    ],
)
def test_tier_region_and_searches_of_claude(option: dict[str, Any], dollars: float) -> None:
    call = {"model": "claude-opus-4-8", "input_tokens": 100_000, "output_tokens": 1000}
    assert DEFAULT.cost(**call, **option, at=AT) == pytest.approx(dollars)
    priced = cf.add_cost(pd.DataFrame([{**call, **option, "timestamp": AT}]))
    assert priced["cost"].tolist() == [pytest.approx(dollars)]


@pytest.mark.parametrize(
    ("model", "tier", "before", "launch", "share"),
    [
        ("gpt-4o", "batch", "2024-04-14", "2024-04-15", 0.5),
        ("claude-3-haiku", "batch", "2024-10-07", "2024-10-08", 0.5),
        ("claude-opus-4-5", "batch", "2024-10-07", "2026-01-01", 0.5),
        ("o3", "flex", "2025-04-16", "2025-04-17", 0.5),
    ],
)
def test_a_tier_has_its_ratio_from_its_launch_on(model: str, tier: str, before: str, launch: str, share: float) -> None:
    call = {"model": model, "input_tokens": 1000, "output_tokens": 1000}
    base = [DEFAULT.cost(**call, at=day) for day in (before, launch)]
    assert DEFAULT.cost(**call, at=launch, service_tier=tier) == pytest.approx(base[1] * share)
    assert DEFAULT.cost(**call, at=before, service_tier=tier) == base[0]


def test_half_price_in_june() -> None:
    call = {"model": "gpt-4o", "input_tokens": 100_000, "output_tokens": 0, "at": "2026-06-15"}
    assert DEFAULT.cost(**call, service_tier="batch") == DEFAULT.cost(**call) / 2 == 0.125


@pytest.mark.parametrize(
    ("model", "day", "dollars"),
    [
        ("mistral-large-latest", "2025-12-01", 8.0),
        ("mistral-large-latest", "2025-12-02", 2.0),
        ("mistral-large-2411", "2026-06-01", 8.0),
        ("deepseek-chat", "2025-10-01", 0.7),
        ("deepseek-chat", "2026-06-01", 0.42),
        ("deepseek-v4-flash", "2026-08-22T02:00", 1.76),  # a Saturday before weekends were off-peak
        ("deepseek-v4-flash", "2026-08-29T02:00", 0.88),  # a Saturday after
        ("deepseek-v4-flash", "2026-08-31T02:00", 1.76),
    ],
)
def test_a_name_has_the_price_of_the_model_that_it_meant(model: str, day: str, dollars: float) -> None:
    cost = DEFAULT.cost(model=model, input_tokens=1_000_000, output_tokens=1_000_000, at=day)
    assert cost == pytest.approx(dollars)


def test_long_prompts_of_sonnet_4() -> None:
    costs = [
        DEFAULT.cost(model="claude-sonnet-4-20250514", input_tokens=n, output_tokens=1000) for n in (200_000, 200_001)
    ]
    assert costs == pytest.approx([0.6 + 0.015, 200_001 * 6e-6 + 0.0225])


@pytest.mark.parametrize(
    ("model", "region", "factor"),
    [
        ("global.anthropic.claude-sonnet-4-6", None, 1),
        ("eu.anthropic.claude-sonnet-4-6", None, 1.1),
        ("eu.anthropic.claude-sonnet-4-6", "global", 1),  # the column counts before the name
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", None, 1.2),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", None, 1),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", None, 1),
        ("claude-sonnet-4-5", "us", 1),  # from Opus 4.6 on
        ("claude-sonnet-4-6", "us", 1.1),
        ("azure/eu/gpt-4o-2024-11-20", None, 1.1),
        ("azure/global/gpt-4o-2024-11-20", None, 1),
        ("gpt-4o", "eu-west-1", 1),
    ],
)
def test_what_a_region_costs(model: str, region: str | None, factor: float) -> None:
    call = {"input_tokens": 1000, "output_tokens": 1000, "at": AT}
    base = DEFAULT.cost(model=DEFAULT.resolve(model).model, **call)
    assert DEFAULT.cost(model=model, region=region, **call) == pytest.approx(base * factor)


def test_a_discount_counts_from_its_day_and_is_explained() -> None:
    book = DEFAULT.discount("anthropic", 0.12, from_=date(2026, 1, 1)).discount("gpt-4o", 0.5)
    calls = pd.DataFrame(
        {
            "model": ["claude-opus-4-5", "claude-opus-4-5", "gpt-4o", "gpt-4o-mini"],
            "timestamp": ["2025-12-31", "2026-01-01", AT, AT],
            "input_tokens": 1_000_000,
            "output_tokens": 0,
        }
    )
    explained = cf.add_cost(calls, book, explain=True)
    assert explained["cost"].tolist() == pytest.approx([5, 4.4, 1.25, 0.15])
    assert explained["price_discount"].tolist() == [0, 0.12, 0.5, 0]
    assert explained["input_price_per_1m"].tolist() == pytest.approx([5, 4.4, 1.25, 0.15])
    merged = DEFAULT.merge({"discounts": [{"of": "anthropic", "share": 0.12, "from": date(2026, 1, 1)}]})
    assert cf.add_cost(calls, merged)["cost"].tolist() == pytest.approx([5, 4.4, 2.5, 0.15])
    with pytest.raises(
        cf.InvalidOptionError, match=r"^of is 'acme', expected a provider or a model of the price book$"
    ):
        DEFAULT.discount("acme", 0.1)
    with pytest.raises(cf.InvalidOptionError, match=r"^share is 12, expected a number from 0 to 1"):
        DEFAULT.discount("openai", 12)
