"""Price whole columns of calls: the level of the entry that each call has, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .book import PriceBook
from .columns import checked_codes, take, time_array, unit_arrays
from .hosts import name_at
from .names import Resolution
from .regions import region_factor
from .tiers import CHEAPER, OTHER, STANDARD, tier_kind
from .timeline import BASE

CALLS_AT_A_TIME = 1 << 15  # calls that are priced at a time: their arrays stay in the cache of the processor


@dataclass(frozen=True, slots=True)
class Groups:
    """The labels that occur together: calls with the same ones differ only in time and numbers.

    ``name``, ``tier`` and ``region`` are positions in ``names`` (each name, at its host, with the model that it means),
    ``tiers`` and ``regions``; -1 is null. Each array has one item per group.

    Attributes
    ----------
    plan
        Plan of the rate table.
    factor
        Factor of the region, for tokens; NaN where the region has no rate.
    kind
        Kind of the service tier: STANDARD, CHEAPER or OTHER.
    is_billed
        False for the calls that cost 0 at any price.
    """

    name: np.ndarray
    names: Mapping[str, Resolution | None]
    tier: np.ndarray
    tiers: Sequence[str]
    region: np.ndarray
    regions: Sequence[str]
    plan: np.ndarray
    factor: np.ndarray
    kind: np.ndarray
    is_billed: np.ndarray


@dataclass(frozen=True, slots=True)
class PricedCalls:
    """Calls with their prices. Each array has one item per call.

    Attributes
    ----------
    cost
        US dollars; NaN where unknown.
    level
        Position in the rate table.
    group
        Position in the arrays of ``groups``.
    groups
        The labels of the calls.
    units
        Numbers of tokens and uses, by column.
    is_at_base
        Whether the model has, at that time, no prices for the service tier, which is not the standard one.
    """

    cost: np.ndarray
    level: np.ndarray
    group: np.ndarray
    groups: Groups
    units: Mapping[str, np.ndarray]
    is_at_base: np.ndarray

    def of_groups(self, values: np.ndarray) -> np.ndarray:
        """Return the value of the group of each call."""
        return values.take(self.group)

    @property
    def is_without_tier(self) -> np.ndarray:
        """Whether the service tier has no price and may cost more than the base prices."""
        return self.is_at_base & self.of_groups(self.groups.kind == OTHER)

    @property
    def is_base_instead(self) -> np.ndarray:
        """Whether the base prices are used instead of prices for a service tier with a discount."""
        return self.is_at_base & self.of_groups(self.groups.kind == CHEAPER)


def levels_of_calls(calls: pd.DataFrame, book: PriceBook) -> np.ndarray:
    """Return the position in the rate table that each call has, without what they cost."""
    group, groups = _grouped(calls, book)
    return book.table.levels(groups.plan.take(group), time_array(calls), unit_arrays(calls)["input_tokens"])


def price_calls(calls: pd.DataFrame, book: PriceBook) -> PricedCalls:
    """Price all calls, also those whose cost is known."""
    table = book.table
    group, groups = _grouped(calls, book)
    units, at = unit_arrays(calls), time_array(calls)
    n_calls = len(calls)
    cost, level, is_at_base = np.empty(n_calls), np.empty(n_calls, np.int32), np.zeros(n_calls, bool)
    has_tier, is_without_cost = groups.kind != STANDARD, groups.kind == OTHER
    has_factor = not np.array_equal(groups.factor, np.ones(len(groups.factor)))
    for begin in range(0, n_calls, CALLS_AT_A_TIME):
        rows = slice(begin, begin + CALLS_AT_A_TIME)
        group_of_row = group[rows].astype(np.intp)
        found = table.levels(groups.plan.take(group_of_row), at[rows], units["input_tokens"][rows])
        factor = groups.factor.take(group_of_row) if has_factor else 1.0
        block = table.cost(found, {column: numbers[rows] for column, numbers in units.items()}, factor)
        if has_tier.any():
            is_at_base[rows] = has_tier.take(group_of_row) & (table.origin.take(found) == BASE)
            block[is_at_base[rows] & is_without_cost.take(group_of_row)] = np.nan
        if not groups.is_billed.all():
            block[~groups.is_billed.take(group_of_row)] = 0.0
        cost[rows], level[rows] = block, found
    return PricedCalls(cost, level, group, groups, units, is_at_base)


def _grouped(calls: pd.DataFrame, book: PriceBook) -> tuple[np.ndarray, Groups]:
    """Return the group of each call, and the groups."""
    columns = [checked_codes(calls, name) for name in ("model", "service_tier", "region", "provider", "billed")]
    group, codes = _numbered([code for code, _ in columns], [len(labels) for _, labels in columns])
    name, tier, region, provider, billed = codes
    texts, tiers, regions, providers, words = (labels for _, labels in columns)
    of_provider = [_label(providers, each) for each in provider.tolist()]
    at = [
        None if each < 0 else name_at(book, texts[each], of_group)
        for each, of_group in zip(name.tolist(), of_provider, strict=True)
    ]
    names = {text: book.find(text) for text in at if text is not None}
    position = {text: number for number, text in enumerate(names)}
    name = np.array([-1 if text is None else position[text] for text in at], dtype=np.int64)
    factors = [
        region_factor(book, text, of_group, _label(regions, each))
        for text, of_group, each in zip(at, of_provider, region.tolist(), strict=True)
    ]
    model = take([book.table.lists.position[found.model] if found else -1 for found in names.values()], name)
    groups = Groups(
        name, names, tier, tiers, region, regions,
        plan=book.table.plan(model, take([book.table.lists.variant(label) for label in tiers], tier)),
        factor=np.array(factors, np.float64),
        kind=np.array([*(tier_kind(label) for label in tiers), STANDARD])[tier],
        is_billed=np.array([*(label != "no" for label in words), True])[billed],
    )  # fmt: skip
    return group, groups


def _label(labels: Sequence[str], code: int) -> str | None:
    return labels[code] if code >= 0 else None


def _numbered(columns: Sequence[np.ndarray], n_labels: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the position of the combination of codes that each row has, and the codes of the combinations."""
    position, combined = np.zeros(len(columns[0]), np.int32), [np.zeros(1, np.int64)]
    for code, size in zip(columns, n_labels, strict=True):
        if not size:
            combined.append(np.full(len(combined[0]), -1))
            continue
        key = position.astype(np.int64) * (size + 1) + code + 1
        n_keys = len(combined[0]) * (size + 1)
        if n_keys <= len(key) + CALLS_AT_A_TIME:
            used = np.flatnonzero(np.bincount(key, minlength=n_keys))
            place = np.zeros(n_keys, np.int32)
            place[used] = np.arange(len(used))
            position = place.take(key)
        else:  # many names beside many others: few of the pairs can occur
            position, used = pd.factorize(key)
        combined = [*(each[used // (size + 1)] for each in combined), used % (size + 1) - 1]
    return position, combined[1:]
