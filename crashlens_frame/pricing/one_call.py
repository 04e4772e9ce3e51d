"""The price of one call, as of many in ``priced``: for a single call, arrays take ten times as long."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CrashlensFrameError, InvalidCallError, UnknownModelError
from .hosts import name_at
from .price_file import METERS
from .regions import region_factor
from .tiers import OTHER, tier_kind
from .timeline import BASE

if TYPE_CHECKING:
    from .book import PriceBook

_REMEMBERED = 4096  # meanings of labels, of each price book
_UNITS = tuple(meter.column for meter in METERS if meter.column)
_WHOLES = tuple(meter.column for meter in METERS if meter.column and any(meter.name == part.part_of for part in METERS))
_OTHERS = tuple(column for column in _UNITS if column not in _WHOLES)


class Meaning(NamedTuple):
    """What the labels of a call mean: position of the model, variant, factor of the region, and kind of the tier."""

    model: int
    variant: int
    factor: float
    kind: int


def cost_of_call(book: "PriceBook", call: Mapping[str, Any]) -> float:
    """Return the cost of one call, a mapping of values by column, in US dollars; NaN where it is unknown."""
    meaning = _meaning(book, call)
    if meaning is None or call.get("input_tokens") is None:
        return math.nan
    table = book.table
    level = table.level_of_one(meaning.model, meaning.variant, call["timestamp"], call["input_tokens"])
    if meaning.kind == OTHER and table.origin_of_one(level) == BASE:
        return math.nan
    # what is not used costs nothing; a whole is needed to see whether its parts exceed it
    units = {column: call.get(column) or 0 for column in _WHOLES}
    for column in _OTHERS:
        if used := call.get(column):
            units[column] = used
    if call.get("output_tokens") is None:
        units["output_tokens"] = math.nan
    return table.cost_of_one(level, units, meaning.factor)


def _meaning(book: "PriceBook", call: Mapping[str, Any]) -> Meaning | None:
    """Return what the labels of a call mean; None for a model without a price. The calls of a program have few."""
    key = call.get("model"), call.get("provider"), call.get("region"), call.get("service_tier")
    meanings: dict[tuple[str | None, ...], Meaning | None] = book.table.meanings
    if key not in meanings:
        if len(meanings) == _REMEMBERED:
            meanings.clear()
        meanings[key] = _meaning_of(book, *key)
    return meanings[key]


def _meaning_of(
    book: "PriceBook", model: str | None, provider: str | None, region: str | None, service_tier: str | None
) -> Meaning | None:
    name = name_at(book, model, provider) if model else None
    found = book.find(name) if name else None
    if found is None:
        return None
    variant = book.table.variant(service_tier)
    return Meaning(
        book.position[found.model], variant, region_factor(book, name, provider, region), tier_kind(service_tier)
    )


def why_unknown(book: "PriceBook", model: str, call: Mapping[str, Any], at: Any) -> CrashlensFrameError:
    """Return the error for a call of a known model whose cost is unknown."""
    if math.isnan(book.table.rate_of_one("input", _level(book, model, call))):
        return UnknownModelError(f"no price of {model} is known for {at}: its first price begins later")
    name = name_at(book, call["model"], call["provider"])
    if math.isnan(region_factor(book, name, call["provider"], call["region"])):
        return UnknownModelError(f"no price of {model} is known for the region {call['region'] or call['model']}")
    untiered = {**call, "service_tier": None}
    if not math.isnan(cost_of_call(book, untiered)):
        return UnknownModelError(f"no price of {model} is known for the service tier {call['service_tier']}")
    if not math.isnan(cost_of_call(book, {**untiered, "web_searches": 0})):
        return UnknownModelError(f"no price of {model} is known for web searches")
    numbers = ", ".join(f"{name} {call[name]}" for name in _UNITS if call[name])
    return InvalidCallError(f"a part is larger than its whole: {numbers}")


def _level(book: "PriceBook", model: str, call: Mapping[str, Any]) -> int:
    variant = book.table.variant(call.get("service_tier"))
    return book.table.level_of_one(book.position[model], variant, call["timestamp"], call["input_tokens"])
