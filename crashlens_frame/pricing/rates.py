"""Prices as arrays: the rates that hold for many calls at once, by model, variant, time and number of input tokens."""

from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any, NamedTuple

import numpy as np

from ..formats import time_option
from .price_file import METERS, Entry, Rates, tier_thresholds

EVER = np.iinfo(np.int64).min
_DAY = 86_400_000_000
# whose price tokens have where a model states none of their own
_INSTEAD = {"cached_input": "input", "cache_write": "input", "cache_write_1h": "cache_write"}

# the rates of KINDS above so many input tokens
Levels = tuple[tuple[int, tuple[float, ...]], ...]


class _Span(NamedTuple):
    """The prices of a model from one date to the next."""

    since: int
    levels: Levels
    windows: tuple[tuple[int, int, Levels], ...]  # hours of the day with prices of their own, in microseconds


class RateTable:
    """The rates of the models of a price book, laid out to be gathered.

    A model with one of its variants, or with none, is a plan. A plan has spans of time, a span has levels of input
    tokens, and windows of the day with levels of their own. What belongs together stands side by side, so each search
    is a few comparisons of whole arrays.

    Attributes
    ----------
    variants
        Names of all variants; ``levels`` takes their positions.
    rates
        Array with a row a level and a column for each of KINDS, in US dollars per million tokens. Row 0 holds NaN: it
        is where no price is known.
    above
        Number of input tokens above which each level holds.
    since
        Microseconds since 1970 from which on each level holds; EVER where no date is known.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.variants = tuple(sorted({name for entry in entries for name in _variants(entry)}))
        own = [[name in _variants(entry) for name in self.variants] for entry in entries]
        self._has_variant = np.array(own, dtype=bool).reshape(len(entries), len(self.variants))
        rates: list[tuple[float, ...]] = [(np.nan,) * len(METERS)]
        bounds = [(0, EVER, 1)]
        plans: list[tuple[int, int]] = []
        spans: list[tuple[int, int, int, int]] = []
        windows: list[tuple[int, int, int]] = []

        def lay(since: int, levels: Levels) -> int:
            first = len(rates)
            rates.extend(one for _, one in levels)
            bounds.extend((above, since, len(levels) - place) for place, (above, _) in enumerate(levels))
            return first

        for entry in entries:
            for variant in (None, *self.variants):
                timeline = _timeline(entry, variant)
                plans.append((len(spans), len(timeline)))
                for span in timeline:
                    spans.append((span.since, lay(span.since, span.levels), len(windows), len(span.windows)))
                    windows += [(begin, end, lay(span.since, levels)) for begin, end, levels in span.windows]
        plans.append((len(spans), 1))  # position -1, the plan of a model without a price
        spans.append((EVER, 0, 0, 0))
        # one call is priced by the lists, many by the arrays
        self._lists = rates, bounds, plans, spans, windows
        self.rates = np.array(rates)
        self.above, self.since, self._n_levels = np.array(bounds, dtype=np.int64).T
        self._span, self._n_spans = np.array(plans, dtype=np.int64).T
        self._span_since, self._level, self._window, self._n_windows = np.array(spans, dtype=np.int64).T
        self._begin, self._end, self._window_level = np.array(windows, dtype=np.int64).reshape(-1, 3).T

    def variant(self, service_tier: str | None) -> int:
        """Give the position of the variant that a tier of service asks for; -1: the base prices."""
        return self.variants.index(name) if (name := str(service_tier).lower()) in self.variants else -1

    def has_variant(self, model: int, variant: int) -> bool:
        """Tell whether a model has prices of its own for a variant."""
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
            Positions in ``rates``, ``above`` and ``since``.
        """
        plan = np.where(model < 0, -1, model * (len(self.variants) + 1) + variant + 1)
        span = _last_begun(self._span[plan], self._n_spans[plan], self._span_since, at)
        level = self._level[span]
        windows = self._n_windows[span]
        for step in range(windows.max(initial=0)):
            rows = np.flatnonzero(windows > step)
            window = self._window[span[rows]] + step
            level[rows] = np.where(self._open(window, at[rows] % _DAY), self._window_level[window], level[rows])
        return _last_begun(level, self._n_levels[level], self.above + 1, input_tokens)

    def cost(self, level: np.ndarray, *tokens: np.ndarray) -> np.ndarray:
        """Price tokens at the rates of a level each, in US dollars.

        The numbers of tokens come in the order of KINDS. Those of input include the cached and the written ones, those
        written include the ones for an hour.
        """
        return _priced([self.rates[level, kind] for kind in range(len(METERS))], tokens, most=np.maximum)

    def cost_of_one(self, model: int, variant: int, at: int, *tokens: float) -> float:
        """Price one call as ``levels`` and ``cost`` do many: for a single value, arrays take ten times as long."""
        rates, bounds, plans, spans, windows = self._lists
        span, count = plans[-1 if model < 0 else model * (len(self.variants) + 1) + variant + 1]
        for place in range(span + 1, span + count):
            if at >= spans[place][0]:
                span = place
        _, level, window, count = spans[span]
        for begin, end, inside in windows[window : window + count]:
            if _is_open(begin, end, at % _DAY):
                level = inside
        for place in range(level + 1, level + bounds[level][2]):
            if tokens[0] > bounds[place][0]:
                level = place
        return _priced(rates[level], tokens, most=max)

    def _open(self, window: np.ndarray, clock: np.ndarray) -> np.ndarray:
        begin, end = self._begin[window], self._end[window]
        return np.where(begin < end, (begin <= clock) & (clock < end), (begin <= clock) | (clock < end))


def _is_open(begin: int, end: int, clock: int) -> bool:
    """Tell whether a window of the day is open; 16:30-00:30 is when it has begun, or has not ended since yesterday."""
    return begin <= clock < end if begin < end else begin <= clock or clock < end


def _priced(rates: Sequence[Any], tokens: Sequence[Any], *, most: Callable[[Any, float], Any]) -> Any:
    base, output, cached, written, written_1h = rates
    n_input, n_output, n_cached, n_written, n_written_1h = tokens
    millionths = (
        most(n_input - n_cached - n_written, 0.0) * base
        + n_output * output
        + n_cached * cached
        + (n_written - n_written_1h) * written
        + n_written_1h * written_1h
    )
    return millionths / 1_000_000


def _last_begun(first: np.ndarray, count: np.ndarray, start: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Of the ``count`` positions from ``first`` on, give the last whose start the value has reached; else the first."""
    found = first.copy()
    for step in range(1, count.max(initial=1)):
        rows = np.flatnonzero(count > step)
        further = first[rows] + step
        found[rows] = np.where(value[rows] >= start[further], further, found[rows])
    return found


def _variants(entry: Entry) -> set[str]:
    return {name for period in entry.periods for name in period.variants}


def _timeline(entry: Entry, variant: str | None) -> list[_Span]:
    """Lay the periods of a model end to end; neighbours of equal prices become one."""
    timeline: list[_Span] = []
    for since in sorted({period.since or date.min for period in entry.periods} | {date.min}):
        span = _span(entry, variant, since)
        if not timeline or span[1:] != timeline[-1][1:]:
            timeline.append(span)
    return timeline


def _span(entry: Entry, variant: str | None, day: date) -> _Span:
    """Give the prices of a day: of the periods in force the last, with the windows listed after it."""
    held: Levels = ((0, (np.nan,) * len(METERS)),)
    windows: list[tuple[int, int, Levels]] = []
    for period in entry.periods:
        if (period.since or date.min) > day:
            continue
        rates = levels({**period.rates, **(period.variants.get(variant, {}) if variant else {})})
        if period.between is None:
            held, windows = rates, []
        else:
            begin, end = period.between
            windows.append((_clock(begin), _clock(end), rates))
    return _Span(EVER if day == date.min else time_option("from", day), held, tuple(windows))


def levels(rates: Rates) -> Levels:
    """Give all rates, those without a price of their own included, above each number of input tokens.

    Examples
    --------
    >>> from crashlens_frame.pricing.rates import levels
    >>> levels({"input": ((0, 1.0), (200_000, 2.0)), "output": ((0, 8.0),)})
    ((0, (1.0, 8.0, 1.0, 1.0, 1.0)), (200000, (2.0, 8.0, 2.0, 2.0, 2.0)))
    """
    full = dict(rates)
    for kind, other in _INSTEAD.items():
        full.setdefault(kind, full[other])
    return tuple(
        (above, tuple([rate for start, rate in full[kind] if start <= above][-1] for kind in METERS))
        for above in (0, *tier_thresholds(full))
    )


def _clock(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000
