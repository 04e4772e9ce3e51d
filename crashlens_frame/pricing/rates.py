"""Prices as arrays: the rates for many calls, by model, variant, time and number of input tokens."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any, NamedTuple

import numpy as np

from ..formats import time_option
from .price_file import METERS, Entry, Rates, tier_thresholds

ALWAYS = np.iinfo(np.int64).min  # before every time; as a NumPy time it is NaT
_DAY_US = 86_400_000_000
_PARTS = {meter.name: tuple(part.column for part in METERS if part.part_of == meter.name) for meter in METERS}
_NO_PRICE = {meter.name: np.nan for meter in METERS}

# pairs of a number of input tokens and the rate of each meter above it
Levels = tuple[tuple[int, Mapping[str, float]], ...]


class _Span(NamedTuple):
    """The prices of a model from one date to the next."""

    since: int
    levels: Levels
    windows: tuple[tuple[int, int, Levels], ...]  # hours of the day with prices of their own, in microseconds


class RateTable:
    """The rates of the models of a price book, as arrays.

    A model with one of its variants, or with none, is a plan. A plan has spans of time, a span has levels of input
    tokens, and windows of the day with levels of their own. The spans of a plan and the levels of a span are neighbours
    in the arrays, so each search is a few comparisons of whole arrays.

    Attributes
    ----------
    variants
        Names of all variants; ``levels`` takes their positions.
    rates
        For each meter an array with its rate at each level, in US dollars per million tokens. Level 0 holds NaN: it is
        the level of calls without a price.
    above
        Number of input tokens above which each level holds.
    since
        Start of each level, in microseconds since 1970; ALWAYS where no date is known.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.variants = tuple(sorted({name for entry in entries for name in _variant_names(entry)}))
        has_variant = [[name in _variant_names(entry) for name in self.variants] for entry in entries]
        self._has_variant = np.array(has_variant, dtype=bool).reshape(len(entries), len(self.variants))
        rates: list[Mapping[str, float]] = [_NO_PRICE]
        bounds = [(0, ALWAYS, 1)]
        plans: list[tuple[int, int]] = []
        spans: list[tuple[int, int, int, int]] = []
        windows: list[tuple[int, int, int]] = []

        def add_levels(since: int, levels: Levels) -> int:
            first = len(rates)
            rates.extend(level_rates for _, level_rates in levels)
            bounds.extend((above, since, len(levels) - number) for number, (above, _) in enumerate(levels))
            return first

        for entry in entries:
            for variant in (None, *self.variants):
                timeline = _timeline(entry, variant)
                plans.append((len(spans), len(timeline)))
                for span in timeline:
                    spans.append((span.since, add_levels(span.since, span.levels), len(windows), len(span.windows)))
                    windows += [(begin, end, add_levels(span.since, levels)) for begin, end, levels in span.windows]
        plans.append((len(spans), 1))  # at position -1, the plan of a model without a price
        spans.append((ALWAYS, 0, 0, 0))
        # a single call is priced from the lists, many calls from the arrays
        self._lists = rates, bounds, plans, spans, windows
        self.rates = {meter.name: np.array([level_rates[meter.name] for level_rates in rates]) for meter in METERS}
        self.above, self.since, self._n_levels = np.array(bounds, dtype=np.int64).T
        self._span, self._n_spans = np.array(plans, dtype=np.int64).T
        self._span_since, self._level, self._window, self._n_windows = np.array(spans, dtype=np.int64).T
        self._begin, self._end, self._window_level = np.array(windows, dtype=np.int64).reshape(-1, 3).T

    def variant(self, service_tier: str | None) -> int:
        """Return the position of the variant for a service tier; -1: the base prices."""
        return self.variants.index(name) if (name := str(service_tier).lower()) in self.variants else -1

    def has_variant(self, model: int, variant: int) -> bool:
        """Whether a model has prices of its own for a variant."""
        return bool(self._has_variant[model, variant])

    def levels(self, model: np.ndarray, variant: np.ndarray, at: np.ndarray, input_tokens: np.ndarray) -> np.ndarray:
        """Find the level of each call.

        Parameters
        ----------
        model, variant
            Position of its model and of its variant; -1: none.
        at
            Its time, in microseconds since 1970.
        input_tokens
            Its number of input tokens; NaN counts as 0.

        Returns
        -------
        ndarray
            Positions in the arrays of ``rates``, in ``above`` and in ``since``.
        """
        plan = np.where(model < 0, -1, model * (len(self.variants) + 1) + variant + 1)
        span = _last_begun(self._span[plan], self._n_spans[plan], self._span_since, at)
        level = self._level[span]
        windows = self._n_windows[span]
        for step in range(windows.max(initial=0)):
            rows = np.flatnonzero(windows > step)
            window = self._window[span[rows]] + step
            level[rows] = np.where(self._open(window, at[rows] % _DAY_US), self._window_level[window], level[rows])
        return _last_begun(level, self._n_levels[level], self.above + 1, input_tokens)

    def cost(self, level: np.ndarray, tokens: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the cost of each call in US dollars.

        Parameters
        ----------
        level
            Its level, as ``levels`` finds it.
        tokens
            Its numbers of tokens, by the columns of METERS.
        """
        return _cost({name: rates[level] for name, rates in self.rates.items()}, tokens, largest=np.maximum)

    def cost_of_one(self, model: int, variant: int, at: int, tokens: Mapping[str, float]) -> float:
        """Price one call as ``levels`` and ``cost`` do many: for a single value, arrays take ten times as long."""
        rates, bounds, plans, spans, windows = self._lists
        span, count = plans[-1 if model < 0 else model * (len(self.variants) + 1) + variant + 1]
        for position in range(span + 1, span + count):
            if at >= spans[position][0]:
                span = position
        _, level, window, count = spans[span]
        for begin, end, window_level in windows[window : window + count]:
            if _is_open(begin, end, at % _DAY_US):
                level = window_level
        for position in range(level + 1, level + bounds[level][2]):
            if tokens["input_tokens"] > bounds[position][0]:
                level = position
        return _cost(rates[level], tokens, largest=max)

    def _open(self, window: np.ndarray, clock: np.ndarray) -> np.ndarray:
        begin, end = self._begin[window], self._end[window]
        return np.where(begin < end, (begin <= clock) & (clock < end), (begin <= clock) | (clock < end))


def _is_open(begin: int, end: int, clock: int) -> bool:
    """Whether a window of the day is open. One such as 16:30-00:30 is open after its begin and before its end."""
    return begin <= clock < end if begin < end else begin <= clock or clock < end


def _cost(rates: Mapping[str, Any], tokens: Mapping[str, Any], *, largest: Callable[[Any, float], Any]) -> Any:
    """Add up the meters, of one call or of many: each number of tokens without its parts, at the rate of the meter."""
    millionths = 0.0
    for meter in METERS:
        n_tokens = tokens[meter.column]
        parts = _PARTS[meter.name]
        for part in parts:
            n_tokens = n_tokens - tokens[part]
        if parts and meter.part_of is None:
            n_tokens = largest(n_tokens, 0.0)  # a faulty log may have more cached than input tokens
        millionths = millionths + n_tokens * rates[meter.name]
    return millionths / 1_000_000


def _last_begun(first: np.ndarray, count: np.ndarray, start: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return, among the ``count`` positions from ``first`` on, the last whose start is not above the value.

    If no start is, it is the first position.
    """
    found = first.copy()
    for step in range(1, count.max(initial=1)):
        rows = np.flatnonzero(count > step)
        position = first[rows] + step
        found[rows] = np.where(value[rows] >= start[position], position, found[rows])
    return found


def _variant_names(entry: Entry) -> set[str]:
    return {name for period in entry.periods for name in period.variants}


def _timeline(entry: Entry, variant: str | None) -> list[_Span]:
    """Return the spans of a model in order of time; neighbours with equal prices are one span."""
    timeline: list[_Span] = []
    for since in sorted({period.since or date.min for period in entry.periods} | {date.min}):
        span = _span_from(entry, variant, since)
        if not timeline or span[1:] != timeline[-1][1:]:
            timeline.append(span)
    return timeline


def _span_from(entry: Entry, variant: str | None, day: date) -> _Span:
    """Return the prices from a day on: the last period in force, and the windows listed after it."""
    all_day: Levels = ((0, _NO_PRICE),)
    windows: list[tuple[int, int, Levels]] = []
    for period in entry.periods:
        if (period.since or date.min) > day:
            continue
        levels = levels_of({**period.rates, **(period.variants.get(variant, {}) if variant else {})})
        if period.between is None:
            all_day, windows = levels, []
        else:
            begin, end = period.between
            windows.append((_microseconds(begin), _microseconds(end), levels))
    return _Span(ALWAYS if day == date.min else time_option("from", day), all_day, tuple(windows))


def levels_of(rates: Rates) -> Levels:
    """Return the rate of every meter, also of those without a rate of their own, above each number of input tokens.

    Examples
    --------
    >>> from crashlens_frame.pricing.rates import levels_of
    >>> levels = levels_of({"input": ((0, 1.0), (50, 2.0)), "output": ((0, 8.0),)})
    >>> [(above, *rates.values()) for above, rates in levels]
    [(0, 1.0, 8.0, 1.0, 1.0, 1.0), (50, 2.0, 8.0, 2.0, 2.0, 2.0)]
    """
    steps = dict(rates)
    for meter in METERS:
        if meter.same_rate_as is not None:
            steps.setdefault(meter.name, steps[meter.same_rate_as])
    return tuple(
        (above, {meter.name: [rate for start, rate in steps[meter.name] if start <= above][-1] for meter in METERS})
        for above in (0, *tier_thresholds(steps))
    )


def _microseconds(clock: time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000
