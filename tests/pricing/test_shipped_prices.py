"""The prices that the package ships, recomputed with genai-prices, and what is ours among them."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from genai_prices import Usage, data_snapshot

import crashlens_frame as cf
from crashlens_frame.pricing.public_lists import genai_prices

BOOK = cf.PriceBook.default()
PROVIDERS = {provider.id: provider for provider in data_snapshot.get_snapshot().providers}
DAYS = ("2024-03-01", "2025-06-09", "2025-06-10", "2026-08-20", "2026-10-13", "2026-11-23")
HOURS = (0, 2, 8, 13, 20)
CONTEXTS: dict[str | None, dict[str, str]] = {
    None: {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}

# names that we add to those of genai-prices, because logs hold them, and the one that we leave out
OUR_ALIASES = {
    "claude-2": ("claude-v2", "claude-2.0", "claude-2.1"),
    "ft:gpt-3.5-turbo": ("ft:gpt-3.5-turbo-0125", "ft:gpt-3.5-turbo-1106", "ft:gpt-3.5-turbo-0613"),
    "gemini-1.5-flash": ("gemini-1.5-flash-001", "gemini-1.5-flash-002"),
    "gemini-1.5-pro": ("gemini-1.5-pro-001", "gemini-1.5-pro-002"),
    "gemini-2.0-flash": ("gemini-2.0-flash-001",),
    "gemini-2.0-flash-lite": ("gemini-2.0-flash-lite-001",),
    "gemini-2.5-flash-preview": ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview-04-17"),
    "gemini-2.5-pro": (
        "gemini-2.5-pro-preview-03-25", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview-06-05",
        "gemini-2.5-pro-exp-03-25",
    ),
    **{
        f"groq/{name}": (name,)
        for name in (
            "llama-3.1-70b-versatile", "llama-3.1-8b-instant", "llama-3.3-70b-specdec", "llama-3.3-70b-versatile",
            "llama3-70b-8192", "llama3-8b-8192", "mixtral-8x7b-32768",
        )
    },
}  # fmt: skip
# entries whose prices are ours: genai-prices has no dates for peak hours, for names that moved to another model, and no
# prices of long prompts for Sonnet 4; the entries name their sources
CORRECTED = {
    "claude-sonnet-4-0", "deepseek-chat", "deepseek-flash", "deepseek-r1", "deepseek-reasoner", "deepseek-v3",
    "deepseek-v4-flash", "deepseek-v4-pro", "ministral-3b-latest", "mistral-large-latest",
}  # fmt: skip
# entries taken from LiteLLM name it as their source
THEIRS = [model for model, entry in BOOK.entries.items() if entry.source is None and model not in CORRECTED]
# aliases that are entries now
MOVED = {"deepseek-chat-v3-0324", "deepseek-r1", "deepseek-r1-0528", "mistral-large-latest", "ministral-3b-latest"}
# text-embedding-ada is the beginning of a name; mistral-medium-3 would cross from version 3 to version 3.5
LEFT_OUT = {"text-embedding-ada", "mistral-medium-3"}


def theirs(call: dict[str, Any]) -> Decimal:
    """Price a call with genai-prices."""
    model = call["model"]
    prefix, name = next(
        ((p, model.removeprefix(p)) for p in ("groq/", "together_ai/") if model.startswith(p)), ("", model)
    )
    provider_id = {"groq/": "groq", "together_ai/": "together", "": BOOK.entries[model].provider}[prefix]
    provider = PROVIDERS[str(provider_id)]
    entry = next((one for one in provider.models if one.id == name), None)
    entry = entry or next(one for one in provider.models if one.id in (f"{name}-latest", f"{name}-"))
    usage = Usage(
        input_tokens=call["input_tokens"],
        output_tokens=call["output_tokens"],
        cache_read_tokens=call["cached_input_tokens"],
        cache_write_tokens=call["cache_write_tokens"],
        cache_write_1h_tokens=call["cache_write_1h_tokens"],
        web_searches=call["web_searches"],
        input_audio_tokens=call["audio_input_tokens"],
        output_audio_tokens=call["audio_output_tokens"],
        **dict.fromkeys(("cache_audio_read_tokens", "cache_audio_write_tokens", "cache_audio_write_1h_tokens"), 0),
    )
    return entry.calc_price(
        usage,
        provider,
        genai_request_timestamp=call["timestamp"],
        price_context=CONTEXTS[call["service_tier"]] or None,
    ).total_price


def drawn(each: int, seed: int) -> list[dict[str, Any]]:
    """Draw calls: days, hours, variants, shares of the cache, and both sides of the tiers of a model."""
    draw = random.Random(seed)
    calls = []
    for model in THEIRS:
        edges = {step for p in BOOK.entries[model].periods for steps in p.rates.values() for step, _ in steps} - {0}
        for _ in range(each):
            sent = draw.choice([draw.randrange(1, 100_000), *edges, *(edge + 1 for edge in edges)])
            cached = draw.choice([0, draw.randrange(sent + 1)])
            written = draw.choice([0, draw.randrange(sent - cached + 1)])
            calls.append(
                {
                    "trace_id": "t1",
                    "model": model,
                    "timestamp": datetime.fromisoformat(draw.choice(DAYS)).replace(hour=draw.choice(HOURS), tzinfo=UTC),
                    "input_tokens": sent,
                    "output_tokens": 5000,
                    "audio_output_tokens": draw.choice([0, 0, 4000]),
                    "audio_input_tokens": draw.choice([0, 0, draw.randrange(sent - cached - written + 1)]),
                    "cached_input_tokens": cached,
                    "cache_write_tokens": written,
                    "cache_write_1h_tokens": draw.choice([0, draw.randrange(written + 1)]),
                    "web_searches": draw.choice([0, 0, 3]),
                    "service_tier": draw.choice(list(CONTEXTS)),
                }
            )
    return calls


@pytest.mark.filterwarnings("ignore::crashlens_frame.UnpricedWarning")
def test_every_entry_has_the_costs_of_genai_prices() -> None:
    calls = drawn(each=8, seed=1)
    priced = cf.add_cost(pd.DataFrame(calls), BOOK, explain=True)
    # a ratio to the base prices is ours, and so is that a premium tier without a price has no cost
    is_theirs = ~priced["price_derived"] & priced["cost"].notna()
    assert len(calls) > 2000
    assert is_theirs.sum() > 800
    unknown = priced["unknown_because"].dropna().unique()
    assert set(unknown) == {
        "service tier priority without a rate", "service tier fast without a rate", "3 web searches without a rate",
    }  # fmt: skip
    for call, cost, kept in zip(calls, priced["cost"].tolist(), is_theirs, strict=True):
        assert not kept or cost == pytest.approx(float(theirs(call)), rel=1e-12, abs=1e-9), call


def test_the_shipped_file_is_genai_prices_with_our_names_and_alternatives() -> None:
    source = genai_prices()
    assert BOOK.source == source.source
    assert {*THEIRS, *CORRECTED} - {*source.entries} == {*CORRECTED} - {*source.entries}
    for model in THEIRS:
        aliases = {*source.entries[model].aliases, *OUR_ALIASES.get(model, ())} - LEFT_OUT - MOVED
        assert (model, set(BOOK.entries[model].aliases) - MOVED) == (model, aliases)
        assert (model, BOOK.entries[model].periods) == (model, source.entries[model].periods)


@pytest.mark.long
def test_what_genai_prices_lacks_names_its_source_and_the_day_of_the_check() -> None:
    listed = genai_prices().entries
    others = [entry for entry in BOOK.entries.values() if entry.model not in listed]
    assert len(others) > 100
    assert {(entry.source is None, entry.checked is None) for entry in others if entry.model not in CORRECTED} == {
        (False, False)
    }


def test_a_cheaper_alternative_is_cheaper() -> None:
    named = {model: entry.cheaper_alternative for model, entry in BOOK.entries.items() if entry.cheaper_alternative}
    assert len(named) > 70
    for model, other in named.items():
        sent, written = ({"input_tokens": n, "output_tokens": m} for n, m in ((1000, 0), (0, 1000)))
        # at an hour of the day at which DeepSeek is at its full price
        now = {"at": "2026-11-23T08:00Z"}
        saved = [
            BOOK.cost(model=model, **call, **now) - BOOK.cost(model=other, **call, **now) for call in (sent, written)
        ]
        assert (model, min(saved)) >= (model, 0)
        assert (model, max(saved)) > (model, 0)
        assert BOOK.entries[model].provider == BOOK.entries[other].provider


def test_there_are_models_of_every_maker() -> None:
    counts = pd.Series([entry.provider for entry in BOOK.entries.values()]).value_counts()
    assert len(BOOK.models) >= 150
    assert counts.min() >= 5
    assert set(counts.index) == {
        "openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "cohere", "meta", "groq", "together", "bedrock",
    }  # fmt: skip


def test_without_genai_prices_there_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "genai_prices", None)
    with pytest.raises(cf.MissingExtraError) as caught:
        cf.PriceBook.from_genai_prices()
    assert str(caught.value) == 'genai-prices is not installed; pip install "crashlens-frame[prices]"'
