"""Price whole columns of calls: the level of the entry that each call has, and what it costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .book import PriceBook
from .columns import checked_codes, has_label, take, time_array, unit_arrays
from .names import Resolution
from .tiers import CHEAPER, OTHER, STANDARD, tier_kind
from .timeline import BASE


@dataclass(frozen=True, slots=True)
class PricedCalls:
    """Calls with their prices. Each array has one item per call.

    ``level`` is a position in the rate table. ``name``, ``tier`` and ``region`` are positions in ``names`` (each logged
    name with the model that it means), ``tiers`` and ``regions``; -1 is null.

    Attributes
    ----------
    cost
        US dollars; NaN where unknown.
    units
        Numbers of tokens and uses, by column.
    factor
        Factor of the region, for tokens; NaN where the region has no rate.
    is_billed
        False for the calls that cost 0 at any price.
    kind
        Kind of the service tier: STANDARD, CHEAPER or OTHER.
    is_at_base
        Whether the model has, at that time, no prices for the service tier, which is not the standard one.
    """

    cost: np.ndarray
    level: np.ndarray
    name: np.ndarray
    names: Mapping[str, Resolution | None]
    tier: np.ndarray
    tiers: Sequence[str]
    region: np.ndarray
    regions: Sequence[str]
    units: Mapping[str, np.ndarray]
    factor: np.ndarray
    is_billed: np.ndarray
    kind: np.ndarray
    is_at_base: np.ndarray

    @property
    def is_without_tier(self) -> np.ndarray:
        """Whether the service tier has no price and may cost more than the base prices."""
        return self.is_at_base & (self.kind == OTHER)

    @property
    def is_base_instead(self) -> np.ndarray:
        """Whether the base prices are used instead of prices for a service tier with a discount."""
        return self.is_at_base & (self.kind == CHEAPER)


def price_calls(calls: pd.DataFrame, book: PriceBook) -> PricedCalls:
    """Price all calls, also those whose cost is known."""
    name, texts = checked_codes(calls, "model")
    names = {text: book.find(text) for text in texts}
    tier, tiers = checked_codes(calls, "service_tier")
    region, regions = checked_codes(calls, "region")
    units = unit_arrays(calls)
    level = book.table.levels(
        take([book.position[found.model] if found else -1 for found in names.values()], name),
        take([book.table.variant(label) for label in tiers], tier),
        time_array(calls),
        units["input_tokens"],
    )
    kind = np.array([*(tier_kind(label) for label in tiers), STANDARD])[tier]
    is_at_base = (kind != STANDARD) & (book.table.origin[level] == BASE)
    factor = _region_factors(calls, book, (name, list(names)), (region, regions))
    is_billed = ~has_label(calls, "billed", "no")
    cost = book.table.cost(level, units, factor)
    cost[is_at_base & (kind == OTHER)] = np.nan
    cost[~is_billed] = 0.0
    return PricedCalls(
        cost, level, name, names, tier, tiers, region, regions, units, factor, is_billed, kind, is_at_base
    )


_Codes = tuple[np.ndarray, Sequence[str]]  # codes and the label of each code


def _region_factors(calls: pd.DataFrame, book: PriceBook, names: _Codes, regions: _Codes) -> np.ndarray:
    """Return the factor of each call, looked up once for each name, region and provider that occur together."""
    providers = checked_codes(calls, "provider") if regions[1] else (np.full(len(calls), -1), [])
    columns = (names, providers, regions)
    shape = tuple(len(labels) + 1 for _, labels in columns)
    code = np.ravel_multi_index(tuple(codes + 1 for codes, _ in columns), shape)
    factors = np.ones(math.prod(shape))
    for position in np.flatnonzero(np.bincount(code)):
        places = np.unravel_index(position, shape)
        factors[position] = book.region_factor(
            *(labels[int(place) - 1] if place else None for (_, labels), place in zip(columns, places, strict=True))
        )
    return factors[code]
