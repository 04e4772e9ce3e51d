"""The price of one call, as of many in ``priced``: for a single call, arrays take ten times as long."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CrashlensFrameError, InvalidCallError, UnknownModelError
from ..times import now_us
from .hosts import name_at
from .price_file import METERS
from .rate_lists import RateLists
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
    """What the labels of a call mean: rates of the model, variant, factor of the region, and kind of the tier."""

    lists: RateLists
    variant: int
    factor: float
    kind: int


def cost_of_call(book: "PriceBook", call: Mapping[str, Any]) -> float:
    """Return the cost of one call, a mapping of values by column, in US dollars; NaN where it is unknown."""
    meaning = _meaning(book, call)
    if meaning is None or call.get("input_tokens") is None:
        return math.nan
    lists = meaning.lists
    level = lists.level_of_one(0, meaning.variant, call["timestamp"], call["input_tokens"])
    if meaning.kind == OTHER and lists.origin_of_one(level) == BASE:
        return math.nan
    # what is not used costs nothing; a whole is needed to see whether its parts exceed it
    units = {column: call.get(column) or 0 for column in _WHOLES}
    for column in _OTHERS:
        if used := call.get(column):
            units[column] = used
    if call.get("output_tokens") is None:
        units["output_tokens"] = math.nan
    return lists.cost_of_one(level, units, meaning.factor)


def fill_cost(row: dict[str, Any], book: "PriceBook") -> None:
    """Price one call, a dict of values by column, as ``add_cost`` does many."""
    is_elsewhere = row.get("cost_source") == "reported" and 'currency"' in (row.get("extra") or "")
    if row.get("cost") is not None or is_elsewhere:
        if row.get("cost_source") != "priced":
            row["cost_source"] = "reported"
        return
    cost = 0.0 if row.get("billed") == "no" else cost_of_call(book, row)
    row["cost_source"] = "unknown" if math.isnan(cost) else "priced"
    row["cost"] = None if math.isnan(cost) else cost


def _meaning(book: "PriceBook", call: Mapping[str, Any]) -> Meaning | None:
    """Return what the labels of a call mean; None for a model without a price. The calls of a program have few."""
    key = call.get("model"), call.get("provider"), call.get("region"), call.get("service_tier")
    meanings = book.meanings
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
    lists = RateLists((book.entries[found.model],), book.rules)  # those of all models take longer than to read them
    factor = region_factor(book, name, provider, region)
    return Meaning(lists, lists.variant(service_tier), factor, tier_kind(service_tier))


def moment(at: Any) -> int:
    """Return the time of a call, given as an argument, in microseconds since 1970; None: now."""
    if at is None:
        return now_us()
    from ..formats import time_option

    return time_option("at", at)


def why_unknown(book: "PriceBook", model: str, call: Mapping[str, Any], at: Any) -> CrashlensFrameError:
    """Return the error for a call of a known model whose cost is unknown."""
    lists = RateLists((book.entries[model],), book.rules)
    level = lists.level_of_one(0, lists.variant(call.get("service_tier")), call["timestamp"], call["input_tokens"])
    if math.isnan(lists.rate_of_one("input", level)):
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
