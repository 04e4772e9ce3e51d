"""Tariff as arrays: the rates for many calls, by model, variant, time and number of input tokens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .price_file import METERS, Entry, Meter, Rules
from .timeline import ALWAYS, BASE, DAY_US, NO_PRICE, Tariff, timeline, variants_of

_THURSDAY = 3  # the day of the week of 1970-01-01
_PARTS = {meter.name: tuple(part for part in METERS if part.part_of == meter.name) for meter in METERS}
_TOKENS = 1_000_000  # rates of tokens are for a million of them


class RateTable:
    """The rates of the models of a price book, as arrays.

    A model with one of its variants, or with none, is a plan. A plan has spans of time, a span has levels of input
    tokens, and windows of the week with levels of their own. The spans of a plan and the levels of a span are
    neighbours in the arrays, so each search is a few comparisons of whole arrays.

    Attributes
    ----------
    variants
        Names of all variants; ``levels`` takes their positions.
    rates
        For each meter an array with its rate at each level, in US dollars per million tokens or thousand uses. Level 0
        holds NaN: it is the level of calls without a price.
    above
        Number of input tokens above which each level holds.
    since
        Start of each level, in microseconds since 1970; ALWAYS where no date is known.
    origin
        Where the rates of each level come from: BASE, STATED (for the variant) or BY_RATIO (by a ratio to the base).
    discount
        Share that discounts take off the rates of each level.
    meanings
        What the labels of single calls mean, remembered for the next ones.
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
        # a single call is priced from the lists, many calls from the arrays
        self._lists = rates, bounds, plans, spans, windows
        self.rates = {meter.name: np.array([level_rates[meter.name] for level_rates in rates]) for meter in METERS}
        self.above, self.since, n_levels, self.origin = np.array(bounds, dtype=np.int64).T.copy()
        # no number of tokens is above the end of the last level of a span
        self._up_to = np.where(n_levels > 1, np.append(self.above[1:], 0), np.inf)
        self.discount = np.array(discounts)
        first_span, n_spans = np.array(plans, dtype=np.int64).T
        self._last_span = first_span + n_spans - 1
        self._span_since, self._level, self._window, self._n_windows = np.array(spans, dtype=np.int64).T.copy()
        self._begin, self._end, self._days, self._window_level = np.array(windows, dtype=np.int64).reshape(-1, 4).T
        self.meanings: dict[tuple[str | None, ...], Any] = {}
        self._used_by_columns: dict[tuple[str, ...], tuple[tuple[Meter, tuple[Meter, ...]], ...]] = {}
        # a fee that no model has costs no time
        self.meters = tuple(meter for meter in METERS if meter.column or np.nanmax(self.rates[meter.name], initial=0))

    def variant(self, service_tier: str | None) -> int:
        """Return the position of the variant for a service tier; -1: the base prices."""
        return self.variants.index(name) if (name := str(service_tier).lower()) in self.variants else -1

    def plan(self, model: np.ndarray, variant: np.ndarray) -> np.ndarray:
        """Return the plan of each pair of positions of a model and of a variant; -1: none."""
        return np.where(model < 0, -1, model * (len(self.variants) + 1) + variant + 1)

    def levels(self, plan: np.ndarray, at: np.ndarray, input_tokens: np.ndarray) -> np.ndarray:
        """Find the level of each call.

        Parameters
        ----------
        plan
            Its plan.
        at
            Its time, in microseconds since 1970.
        input_tokens
            Its number of input tokens; NaN counts as 0.

        Returns
        -------
        ndarray
            Positions in the arrays of ``rates``, in ``above``, ``since``, ``origin`` and ``discount``.
        """
        span = self._last_span.take(plan)
        rows = np.flatnonzero(at < self._span_since.take(span))  # most calls are of the newest span
        while len(rows):
            span[rows] -= 1
            rows = rows[at[rows] < self._span_since[span[rows]]]
        level = self._level.take(span)
        rows = np.flatnonzero(self._n_windows.take(span))
        for step in range(self._n_windows[span[rows]].max(initial=0)):
            rows = rows[self._n_windows[span[rows]] > step]
            window = self._window[span[rows]] + step
            level[rows] = np.where(self._open(window, at[rows]), self._window_level[window], level[rows])
        rows = np.flatnonzero(input_tokens > self._up_to.take(level))
        while len(rows):
            level[rows] += 1
            rows = rows[input_tokens[rows] > self._up_to[level[rows]]]
        return level

    def level_of_one(self, model: int, variant: int, at: int, input_tokens: float) -> int:
        """Find the level of one call as ``levels`` does for many: for a single value, arrays take ten times as long."""
        _, bounds, plans, spans, windows = self._lists
        span, count = plans[-1 if model < 0 else model * (len(self.variants) + 1) + variant + 1]
        for position in range(span + 1, span + count):
            if at >= spans[position][0]:
                span = position
        _, level, window, count = spans[span]
        for begin, end, days, window_level in windows[window : window + count]:
            if days >> (at // DAY_US + _THURSDAY) % 7 & 1 and _is_open(begin, end, at % DAY_US):
                level = window_level
        for position in range(level + 1, level + bounds[level][2]):
            if input_tokens > bounds[position][0]:
                level = position
        return level

    def rate_of_one(self, meter: str, level: int) -> float:
        """Return the rate of a meter at a level."""
        return self._lists[0][level][meter]

    def origin_of_one(self, level: int) -> int:
        """Return where the rates of a level come from."""
        return self._lists[1][level][3]

    def cost(self, level: np.ndarray, units: Mapping[str, np.ndarray], factor: np.ndarray | float) -> np.ndarray:
        """Return the cost of each call in US dollars; NaN where a number or a rate is unknown, or parts exceed a whole.

        Parameters
        ----------
        level
            Its level, as ``levels`` finds it.
        units
            Its numbers of tokens and uses, by the columns of METERS; those that are missing are 0.
        factor
            Its factor of the region, for tokens.
        """
        rates = {meter.name: self.rates[meter.name].take(level) for meter, _ in self._used(tuple(units))}
        return _cost(self.parts(rates, units, where_any), factor, where_any)

    def cost_of_one(self, level: int, units: Mapping[str, float], factor: float) -> float:
        """Price one call as ``cost`` does many."""
        return _cost(self.parts(self._lists[0][level], units, _where_one), factor, _where_one)

    def parts(
        self, rates: Mapping[str, Any], units: Mapping[str, Any], where: Callable[..., Any]
    ) -> Iterator[tuple[Meter, Any, Any]]:
        """Yield meter, billed units and their rate, of one call or of many: each number without its parts."""
        for meter, parts in self._used(tuple(units)):
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
                n_units = where(n_units < 0, np.nan, n_units)  # the parts exceed the whole: no number is to be trusted
            if meter.name == "output":
                n_units = where((n_units != n_units) & (rate == 0), 0.0, n_units)  # embeddings have no output
            yield meter, n_units, rate

    def _used(self, columns: tuple[str, ...]) -> tuple[tuple[Meter, tuple[Meter, ...]], ...]:
        """Return the meters of calls that have some columns of METERS, each with its parts."""
        if columns not in self._used_by_columns:
            self._used_by_columns[columns] = tuple(
                (meter, tuple(part for part in _PARTS[meter.name] if part.column in columns))
                for meter in self.meters
                if meter.column is None or meter.column in columns
            )
        return self._used_by_columns[columns]

    def _open(self, window: np.ndarray, at: np.ndarray) -> np.ndarray:
        begin, end, clock = self._begin[window], self._end[window], at % DAY_US
        is_day = self._days[window] >> (at // DAY_US + _THURSDAY) % 7 & 1 == 1
        return is_day & np.where(begin < end, (begin <= clock) & (clock < end), (begin <= clock) | (clock < end))


def part_cost(meter: Meter, n_units: Any, rate: Any, factor: Any, where: Callable[..., Any] = np.where) -> Any:
    """Return what the units of a meter cost, of one call or of many; 0 where nothing is used, also without a rate."""
    if meter.per == _TOKENS:
        return n_units * rate / meter.per * factor
    return where(n_units == 0, 0.0, n_units * rate / meter.per)


def where_any(test: np.ndarray, yes: Any, no: np.ndarray) -> np.ndarray:
    """Return the values of ``no``, and where a test holds the value of ``yes``."""
    return np.where(test, yes, no) if test.any() else no


def _where_one(test: bool, yes: float, no: float) -> float:
    return yes if test else no


def _is_open(begin: int, end: int, clock: int) -> bool:
    """Whether a window of the day is open. One such as 16:30-00:30 is open after its begin and before its end."""
    return begin <= clock < end if begin < end else begin <= clock or clock < end


def _cost(parts: Iterator[tuple[Meter, Any, Any]], factor: Any, where: Callable[..., Any]) -> Any:
    """Add up the parts; tokens are added up before they are divided, so that sums of round prices stay round."""
    millionths, uses = 0.0, 0.0
    for meter, n_units, rate in parts:
        if meter.per == _TOKENS:
            millionths = millionths + n_units * rate
        else:
            uses = uses + part_cost(meter, n_units, rate, factor, where)
    return millionths / _TOKENS * factor + uses
