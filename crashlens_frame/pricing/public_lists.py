"""Read the public price lists, genai-prices and LiteLLM, as entries of a price book."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, PriceFileError
from .price_file import METERS, Entry, Period, PriceFile, Rates

# Models of makers keep their names. A host has prices of its own for models of others, so their names get a prefix.
_MAKERS = ("openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "cohere", "meta")
# provider, beginning of the names of its models to read, prefix of the names in logs
_HOSTS = (("groq", "", "groq/"), ("together", "meta-llama/", "together_ai/"))

# where each list has the rate of a meter; meters that are not here have no rate from it
_GENAI_RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "audio_input": "input_audio_mtok",
    "reasoning": "output_reasoning_mtok",
    "audio_output": "output_audio_mtok",
    "web_search": "web_searches_kcount",
    "request": "requests_kcount",
}
# the service tier that a variant is for
_GENAI_TIERS = {("processing", "batch"): "batch", ("speed", "fast"): "fast"} | {
    ("service_tier", tier): tier for tier in ("fast", "flex", "priority")
}
# models of speech, images and pages: their tokens are not those of texts
_NOT_TEXT = re.compile(
    r"dall-e|image|live|moderation|nano-banana|ocr|omni|orpheus|realtime|robotics|transcribe|tts|voice|voxtral"
    r"|whisper|\.ft-|audio-preview"
)
# open models of a maker that does not run them itself: each host has a price of its own
_OF_HOSTS = re.compile(r"^gpt-oss")
# texts that genai-prices compares names with and that are no names: paths, beginnings of fine-tuned models, half dates
_NOT_AN_ALIAS = re.compile(r"[/:]|-20\d\d$")

_LITELLM_RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "audio_input": "input_cost_per_audio_token",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_output": "output_cost_per_audio_token",
    "request": "input_cost_per_request",
}
_LITELLM_SEARCH = (
    "search_context_cost_per_query",
    "search_context_size_medium",
)  # the size that vendors use by default
_PER = {meter.name: meter.per for meter in METERS}
_LITELLM_TIERS = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}


def genai_prices() -> PriceFile:
    """Read the prices of text models from the installed genai-prices: ``PriceBook.from_genai_prices``."""
    from importlib.metadata import version

    try:
        from genai_prices import data_snapshot
    except ImportError as error:
        raise MissingExtraError('genai-prices is not installed; pip install "crashlens-frame[prices]"') from error
    entries: dict[str, Entry] = {}
    taken: set[str] = set()
    providers = {provider.id: provider for provider in data_snapshot.get_snapshot().providers}
    for provider_id, begin, prefix in (*((maker, "", "") for maker in _MAKERS), *_HOSTS):
        for model in providers[provider_id].models:
            if not model.id.startswith(begin) or _NOT_TEXT.search(model.id) or _OF_HOSTS.search(model.id):
                continue
            entry = _genai_entry(providers[provider_id], model, prefix)
            if entry is not None and entry.model not in taken:
                entry = replace(entry, aliases=tuple(alias for alias in entry.aliases if alias not in taken))
                taken |= {entry.model, *entry.aliases}
                entries[entry.model] = entry
    return PriceFile(entries, f"genai-prices {version('genai-prices')}")


def _genai_entry(provider: Any, model: Any, prefix: str) -> Entry | None:
    prices = model.prices if isinstance(model.prices, list) else [_Always(model.prices)]
    variants = model.price_variants or []
    days = sorted({_since(price) for price in (*prices, *variants) if not _hours_of(price)} | {date.min})
    periods: list[Period] = []
    for day in days:
        rates = [_genai_rates(price.prices) for price in prices if not _hours_of(price) and _since(price) <= day][-1]
        if "input" not in rates:
            return None
        period = Period(rates, None if day == date.min else day, None, _genai_variants(variants, day))
        if not periods or (rates, period.variants) != (periods[-1].rates, periods[-1].variants):
            periods.append(period)
    periods += [Period(_genai_rates(price.prices), None, hours) for price in prices if (hours := _hours_of(price))]
    name = model.id.removesuffix("-")
    if (short := name.removesuffix("-latest")) != name and _owner(provider, short) in (model, None):
        name = short
    if prefix:
        return Entry(f"{prefix}{name}", tuple(periods), provider.id)
    aliases = [
        alias
        for alias in dict.fromkeys(_texts(model.match))
        if alias != name and not _NOT_AN_ALIAS.search(alias) and _owner(provider, alias) is model
    ]
    return Entry(name, tuple(periods), provider.id, None, tuple(aliases))


@dataclass(frozen=True)
class _Always:
    """Prices that hold at all times, in the form of prices with a constraint."""

    prices: Any
    constraint: None = None


def _since(price: Any) -> date:
    day: date = getattr(price.constraint, "start_date", date.min)
    return day


def _hours_of(price: Any) -> tuple[time, time] | None:
    begin, end = getattr(price.constraint, "start_time", None), getattr(price.constraint, "end_time", None)
    return (begin.replace(tzinfo=None), end.replace(tzinfo=None)) if begin and end else None


def _genai_variants(variants: Iterable[Any], day: date) -> dict[str, Rates]:
    """Return the rates of the variants in force on a day; if two have a rate for the same meter, the first counts."""
    rates: dict[str, dict[str, Any]] = {}
    for variant in variants:
        tier = _GENAI_TIERS.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None
        if tier is not None and _since(variant) <= day:
            rates[tier] = {**_genai_rates(variant.prices), **rates.get(tier, {})}
    return dict(sorted(rates.items()))


def _genai_rates(price: Any) -> dict[str, Any]:
    rates = {}
    for meter, key in _GENAI_RATES.items():
        value = getattr(price, key, None)
        if value is not None:
            tiers = [(tier.start, float(tier.price)) for tier in getattr(value, "tiers", ())]
            rates[meter] = ((0, float(getattr(value, "base", value))), *tiers)
    # embeddings have no output tokens
    if "input" in rates:
        rates.setdefault("output", ((0, 0.0),))
    return {meter: rates[meter] for meter in _GENAI_RATES if meter in rates}


def _texts(clause: Any) -> Iterator[str]:
    """Yield the texts that a matching rule compares names with."""
    for part in getattr(clause, "or_", ()):
        yield from _texts(part)
    for comparison in ("equals", "starts_with"):
        if hasattr(clause, comparison):
            yield getattr(clause, comparison).rstrip("-@")


def _owner(provider: Any, name: str) -> Any:
    return next((model for model in provider.models if model.is_match(name)), None)


# -- LiteLLM ----------------------------------------------------------------------------------------------------------


def litellm_prices(path: str | PathLike[str]) -> PriceFile:
    """Read the prices of text models from LiteLLM's list: ``PriceBook.from_litellm``."""
    try:
        models = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PriceFileError(f"{fspath(path)}: cannot be read as JSON: {error}") from error
    if not isinstance(models, dict) or not all(isinstance(model, dict) for model in models.values()):
        raise PriceFileError(f"{fspath(path)}: is not a JSON object of models, as LiteLLM publishes it")
    entries = {
        name: entry
        for name, model in models.items()
        if name != "sample_spec" and (entry := _litellm_entry(name, model)) is not None
    }
    return PriceFile(entries, f"LiteLLM {Path(path).name}")


def _litellm_entry(name: str, model: Mapping[str, Any]) -> Entry | None:
    """Return the prices of a model; None where no price of texts is known, also where zeros stand for unknown ones."""
    rates = _litellm_rates(model, "")
    if "input" not in rates or "output" not in rates or not (rates["input"][0][1] or rates["output"][0][1]):
        return None
    search = (model.get(_LITELLM_SEARCH[0]) or {}).get(_LITELLM_SEARCH[1])
    if search is not None:
        rates["web_search"] = ((0, _rate(search, "web_search")),)
    # ratios of zero are not those of a price list: they are placeholders
    variants = {tier: _litellm_rates(model, suffix) for tier, suffix in _LITELLM_TIERS.items()}
    variants = {tier: priced for tier, priced in variants.items() if any(steps[0][1] for steps in priced.values())}
    left_out = sorted(key for key, value in model.items() if _COST_KEY.search(key) and value and not _is_taken(key))
    description = f"not taken from the list: {', '.join(left_out)}" if left_out else None
    rates = {meter: rates[meter] for meter in _PER if meter in rates}
    return Entry(name, (Period(rates, None, None, variants),), model.get("litellm_provider"), description)


# keys that hold prices, and those of them that are taken
_COST_KEY = re.compile(r"cost|pricing|multiplier|provider_specific_entry")
_TAKEN_KEY = re.compile(
    rf"(?:{'|'.join(_LITELLM_RATES.values())})(?:_above_\d+k_tokens)?(?:{'|'.join(_LITELLM_TIERS.values())})?"
)


def _is_taken(key: str) -> bool:
    return key == _LITELLM_SEARCH[0] or _TAKEN_KEY.fullmatch(key) is not None


def _litellm_rates(model: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    rates = {}
    for meter, key in _LITELLM_RATES.items():
        base = model.get(f"{key}{suffix}")
        if isinstance(base, int | float):
            tiers = [
                (int(match[1]) * 1000, _rate(rate, meter))
                for name, rate in model.items()
                if (match := re.fullmatch(rf"{key}_above_(\d+)k_tokens{suffix}", name))
                and isinstance(rate, int | float)
            ]
            rates[meter] = ((0, _rate(base, meter)), *sorted(tiers))
    return rates


def _rate(price: float, meter: str) -> float:
    # 0.00000015 per token is 0.15 per million; without rounding, the product may be 0.15000000000000002
    return float(f"{price * _PER[meter]:.12g}")
