"""The public price lists as entries of a price book: genai-prices and LiteLLM."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, PriceFileError
from .price_file import Entry, Period, PriceFile, Rates

# makers keep their names; what a host serves under another's name has a price of its own, so the host's is put before
_MAKERS = ("openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "cohere", "meta")
# provider, how its models begin, what stands before their names in logs
_HOSTS = (("groq", "", "groq/"), ("together", "meta-llama/", "together_ai/"))

_KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
# which calls a variant is for, as a tier of service
_TIERS = {("processing", "batch"): "batch", ("speed", "fast"): "fast"} | {
    ("service_tier", tier): tier for tier in ("fast", "flex", "priority")
}
# sounds, pictures and pages have tokens that are not those of a text
_NOT_OURS = re.compile(
    r"audio|dall-e|image|live|moderation|nano-banana|ocr|omni|orpheus|realtime|robotics|transcribe|tts|voice|voxtral"
    r"|whisper|\.ft-"
)
# what genai-prices compares with that is no name: a path, a fine-tuned model's beginning, half a date
_NO_ALIAS = re.compile(r"[/:]|-20\d\d$")

_LITELLM_KINDS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}
_LITELLM_TIERS = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}


def genai_prices() -> PriceFile:
    """Take the prices of text models from the installed genai-prices: ``PriceBook.from_genai_prices``."""
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
            if not model.id.startswith(begin) or _NOT_OURS.search(model.id):
                continue
            entry = _genai_entry(providers[provider_id], model, prefix)
            if entry is not None and entry.model not in taken:
                entry = replace(entry, aliases=tuple(one for one in entry.aliases if one not in taken))
                taken |= {entry.model, *entry.aliases}
                entries[entry.model] = entry
    return PriceFile(entries, f"genai-prices {version('genai-prices')}")


def _genai_entry(provider: Any, model: Any, prefix: str) -> Entry | None:
    prices = model.prices if isinstance(model.prices, list) else [_Always(model.prices)]
    variants = model.price_variants or []
    days = sorted({_since(one) for one in (*prices, *variants) if not _hours(one)} | {date.min})
    periods: list[Period] = []
    for day in days:
        rates = [_genai_rates(one.prices) for one in prices if not _hours(one) and _since(one) <= day][-1]
        if "input" not in rates:
            return None
        period = Period(rates, None if day == date.min else day, None, _genai_variants(variants, day))
        if not periods or (rates, period.variants) != (periods[-1].rates, periods[-1].variants):
            periods.append(period)
    periods += [Period(_genai_rates(one.prices), None, hours) for one in prices if (hours := _hours(one))]
    name = model.id.removesuffix("-")
    if (short := name.removesuffix("-latest")) != name and _owner(provider, short) in (model, None):
        name = short
    if prefix:
        return Entry(f"{prefix}{name}", tuple(periods), provider.id)
    aliases = [
        alias
        for alias in dict.fromkeys(_texts(model.match))
        if alias != name and not _NO_ALIAS.search(alias) and _owner(provider, alias) is model
    ]
    return Entry(name, tuple(periods), provider.id, None, tuple(aliases))


@dataclass(frozen=True)
class _Always:
    """Prices that hold at all times, in the form of those that do not."""

    prices: Any
    constraint: None = None


def _since(price: Any) -> date:
    day: date = getattr(price.constraint, "start_date", date.min)
    return day


def _hours(price: Any) -> tuple[time, time] | None:
    begin, end = getattr(price.constraint, "start_time", None), getattr(price.constraint, "end_time", None)
    return (begin.replace(tzinfo=None), end.replace(tzinfo=None)) if begin and end else None


def _genai_variants(variants: Iterable[Any], day: date) -> dict[str, Rates]:
    """Give the variants in force on a day; of two prices for the same tokens the first counts."""
    found: dict[str, dict[str, Any]] = {}
    for variant in variants:
        tier = _TIERS.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None
        if tier is not None and _since(variant) <= day:
            found[tier] = {**_genai_rates(variant.prices), **found.get(tier, {})}
    return dict(sorted(found.items()))


def _genai_rates(price: Any) -> dict[str, Any]:
    rates = {}
    for kind, key in _KINDS.items():
        value = getattr(price, key)
        if value is not None:
            tiers = [(tier.start, float(tier.price)) for tier in getattr(value, "tiers", ())]
            rates[kind] = ((0, float(getattr(value, "base", value))), *tiers)
    # embeddings give no tokens back
    if "input" in rates:
        rates.setdefault("output", ((0, 0.0),))
    return {kind: rates[kind] for kind in _KINDS if kind in rates}


def _texts(clause: Any) -> Iterator[str]:
    """Give the texts that a rule of matching compares with."""
    for part in getattr(clause, "or_", ()):
        yield from _texts(part)
    for kind in ("equals", "starts_with"):
        if hasattr(clause, kind):
            yield getattr(clause, kind).rstrip("-@")


def _owner(provider: Any, name: str) -> Any:
    return next((model for model in provider.models if model.is_match(name)), None)


# -- LiteLLM ----------------------------------------------------------------------------------------------------------


def litellm_prices(path: str | PathLike[str]) -> PriceFile:
    """Take the prices of text models from LiteLLM's list: ``PriceBook.from_litellm``."""
    try:
        models = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PriceFileError(f"{fspath(path)}: cannot be read as JSON: {error}") from error
    if not isinstance(models, dict) or not all(isinstance(model, dict) for model in models.values()):
        raise PriceFileError(f"{fspath(path)}: is no JSON object of models, as LiteLLM publishes them")
    entries = {
        name: Entry(name, (Period(rates, None, None, _litellm_variants(model)),), model.get("litellm_provider"))
        for name, model in models.items()
        if name != "sample_spec" and "input" in (rates := _litellm_rates(model, "")) and "output" in rates
    }
    return PriceFile(entries, f"LiteLLM {Path(path).name}")


def _litellm_variants(model: Mapping[str, Any]) -> dict[str, Rates]:
    found = {tier: _litellm_rates(model, suffix) for tier, suffix in _LITELLM_TIERS.items()}
    return {tier: rates for tier, rates in found.items() if rates}


def _litellm_rates(model: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    rates = {}
    for kind, key in _LITELLM_KINDS.items():
        base = model.get(f"{key}{suffix}")
        if isinstance(base, int | float):
            tiers = [
                (int(found[1]) * 1000, _per_million(rate))
                for name, rate in model.items()
                if (found := re.fullmatch(rf"{key}_above_(\d+)k_tokens{suffix}", name))
                and isinstance(rate, int | float)
            ]
            rates[kind] = ((0, _per_million(base)), *sorted(tiers))
    return rates


def _per_million(rate: float) -> float:
    # 0.00000015 a token is 0.15 a million, whatever floating point makes of the product
    return float(f"{rate * 1_000_000:.12g}")
