"""The rates of a price book as lists, and the price of a single call by them: without NumPy, as few calls need none."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .price_file import METERS, Entry, Meter, Rules
from .timeline import ALWAYS, BASE, DAY_US, NO_PRICE, Tariff, timeline, variants_of

THURSDAY = 3  # the day of the week of 1970-01-01
_PARTS = {meter.name: tuple(part for part in METERS if part.part_of == meter.name) for meter in METERS}
_TOKENS = 1_000_000  # rates of tokens are for a million of them


class RateLists:
    """The rates of the models of a price book, as lists.

    A model with one of its variants, or with none, is a plan. A plan has spans of time, a span has levels of input
    tokens, and windows of the week with levels of their own. The spans of a plan and the levels of a span are
    neighbours in the lists, so each search is a few comparisons.

    Attributes
    ----------
    position
        The position of each model; the functions for levels take it.
    variants
        Names of all variants; the functions for levels take their positions.
    rates
        For each level the rate of each meter, in US dollars per million tokens or thousand uses. Level 0 holds NaN: it
        is the level of calls without a price.
    bounds
        For each level the number of input tokens above which it holds, its start in microseconds since 1970 (ALWAYS
        where no date is known), the number of levels from it to the end of its span, and where its rates come from:
        BASE, STATED (for the variant) or BY_RATIO (by a ratio to the base).
    discounts
        Share that discounts take off the rates of each level.
    plans
        The first span of each plan and their number; the last plan is that of a model without a price.
    spans
        The start of each span, its first level, its first window and their number.
    windows
        Begin and end of each window, in microseconds of the day, its days as bits, and its first level.
    meters
        The meters that a call can have units of.
    """

    def __init__(self, entries: Sequence[Entry], rules: Rules) -> None:
        names = {name for entry in entries for period in entry.periods for name in period.variants}
        self.variants = tuple(sorted(names | {launch.tier for launch in rules.service_tiers}))
        rates: list[Mapping[str, float]] = [NO_PRICE]
        bounds = [(0, ALWAYS, 1, BASE)]
        discounts = [0.0]
        plans: list[tuple[int, int]] = []
        spans: list[tuple[int, int, int, int]] = []
        windows: list[tuple[int, int, int, int]] = []

        def add_levels(since: int, tariff: Tariff) -> int:
            first, levels = len(rates), tariff.levels
            rates.extend(level_rates for _, level_rates in levels)
            bounds.extend((above, since, len(levels) - i, tariff.origin) for i, (above, _) in enumerate(levels))
            discounts.extend(tariff.discount for _ in levels)
            return first

        base = (0, 0)
        for entry in entries:
            priced_variants = variants_of(entry, rules)
            for variant in (None, *self.variants):
                if variant is not None and variant not in priced_variants:
                    plans.append(base)
                    continue
                spans_of_plan = timeline(entry, variant, rules)
                plans.append((len(spans), len(spans_of_plan)))
                base = plans[-1] if variant is None else base
                for span in spans_of_plan:
                    spans.append((span.since, add_levels(span.since, span.tariff), len(windows), len(span.windows)))
                    windows += [(*each[:3], add_levels(span.since, each.tariff)) for each in span.windows]
        plans.append((len(spans), 1))  # at position -1, the plan of a model without a price
        spans.append((ALWAYS, 0, 0, 0))
        self.position = {entry.model: position for position, entry in enumerate(entries)}
        self.rates, self.bounds, self.discounts = rates, bounds, discounts
        self.plans, self.spans, self.windows = plans, spans, windows
        # a fee that no model has costs no time
        self.meters = tuple(
            meter for meter in METERS if meter.column or any(level_rates[meter.name] > 0 for level_rates in rates)
        )
        self._used_by_columns: dict[tuple[str, ...], tuple[tuple[Meter, tuple[Meter, ...]], ...]] = {}

    def variant(self, service_tier: str | None) -> int:
        """Return the position of the variant for a service tier; -1: the base prices."""
        return self.variants.index(name) if (name := str(service_tier).lower()) in self.variants else -1

    def level_of_one(self, model: int, variant: int, at: int, input_tokens: float) -> int:
        """Find the level of one call as ``RateTable.levels`` does for many: for one, arrays take ten times as long."""
        span, count = self.plans[-1 if model < 0 else model * (len(self.variants) + 1) + variant + 1]
        for position in range(span + 1, span + count):
            if at >= self.spans[position][0]:
                span = position
        _, level, window, count = self.spans[span]
        for begin, end, days, window_level in self.windows[window : window + count]:
            if days >> (at // DAY_US + THURSDAY) % 7 & 1 and _is_open(begin, end, at % DAY_US):
                level = window_level
        for position in range(level + 1, level + self.bounds[level][2]):
            if input_tokens > self.bounds[position][0]:
                level = position
        return level

    def rate_of_one(self, meter: str, level: int) -> float:
        """Return the rate of a meter at a level."""
        return self.rates[level][meter]

    def origin_of_one(self, level: int) -> int:
        """Return where the rates of a level come from."""
        return self.bounds[level][3]

    def cost_of_one(self, level: int, units: Mapping[str, float], factor: float) -> float:
        """Price one call as ``RateTable.cost`` does many."""
        return sum_of_parts(self.parts(self.rates[level], units, _where_one), factor, _where_one)

    def parts(
        self, rates: Mapping[str, Any], units: Mapping[str, Any], where: Callable[..., Any]
    ) -> Iterator[tuple[Meter, Any, Any]]:
        """Yield meter, billed units and their rate, of one call or of many: each number without its parts."""
        for meter, parts in self.used(tuple(units)):
            rate = rates[meter.name]
            n_units = units[meter.column] if meter.column else 1.0 + 0.0 * rate  # one each
            for part in parts:
                taken = units[str(part.column)]
                if part.name == "reasoning":
                    # who has a price of its own for reasoning counts it beside the output (Perplexity): it may be more
                    is_beside = (taken > n_units) & (rates[part.name] != rate)
                    taken = where(is_beside, 0, taken)
                n_units = n_units - taken
            if parts:
                n_units = where(n_units < 0, math.nan, n_units)  # the parts exceed the whole: no number is trusted
            if meter.name == "output":
                n_units = where((n_units != n_units) & (rate == 0), 0.0, n_units)  # embeddings have no output
            yield meter, n_units, rate

    def used(self, columns: tuple[str, ...]) -> tuple[tuple[Meter, tuple[Meter, ...]], ...]:
        """Return the meters of calls that have some columns of METERS, each with its parts."""
        if columns not in self._used_by_columns:
            self._used_by_columns[columns] = tuple(
                (meter, tuple(part for part in _PARTS[meter.name] if part.column in columns))
                for meter in self.meters
                if meter.column is None or meter.column in columns
            )
        return self._used_by_columns[columns]


def part_cost(meter: Meter, n_units: Any, rate: Any, factor: Any, where: Callable[..., Any]) -> Any:
    """Return what the units of a meter cost, of one call or of many; 0 where nothing is used, also without a rate."""
    if meter.per == _TOKENS:
        return n_units * rate / meter.per * factor
    return where(n_units == 0, 0.0, n_units * rate / meter.per)


def _where_one(test: bool, yes: float, no: float) -> float:
    return yes if test else no


def _is_open(begin: int, end: int, clock: int) -> bool:
    """Whether a window of the day is open. One such as 16:30-00:30 is open after its begin and before its end."""
    return begin <= clock < end if begin < end else begin <= clock or clock < end


def sum_of_parts(parts: Iterator[tuple[Meter, Any, Any]], factor: Any, where: Callable[..., Any]) -> Any:
    """Add up the parts; tokens are added up before they are divided, so that sums of round prices stay round."""
    millionths, uses = 0.0, 0.0
    for meter, n_units, rate in parts:
        if meter.per == _TOKENS:
            millionths = millionths + n_units * rate
        else:
            uses = uses + part_cost(meter, n_units, rate, factor, where)
    return millionths / _TOKENS * factor + uses
