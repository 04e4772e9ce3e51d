"""Tariff as arrays: the rates for many calls, by model, variant, time and number of input tokens."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .price_file import METERS
from .rate_lists import THURSDAY, RateLists, sum_of_parts
from .timeline import DAY_US


class RateTable:
    """The rates of the models of a price book, as arrays.

    Attributes
    ----------
    lists
        What they are made of.
    rates
        For each meter an array with its rate at each level.
    above, since, origin, discount
        Of each level, as ``RateLists`` has them.
    """

    def __init__(self, lists: RateLists) -> None:
        self.lists = lists
        self.rates = {meter.name: np.array([rates[meter.name] for rates in lists.rates]) for meter in METERS}
        self.above, self.since, n_levels, self.origin = np.array(lists.bounds, dtype=np.int64).T.copy()
        # no number of tokens is above the end of the last level of a span
        self._up_to = np.where(n_levels > 1, np.append(self.above[1:], 0), np.inf)
        self.discount = np.array(lists.discounts)
        first_span, n_spans = np.array(lists.plans, dtype=np.int64).T
        self._last_span = first_span + n_spans - 1
        self._span_since, self._level, self._window, self._n_windows = np.array(lists.spans, dtype=np.int64).T.copy()
        windows = np.array(lists.windows, dtype=np.int64).reshape(-1, 4)
        self._begin, self._end, self._days, self._window_level = windows.T

    def plan(self, model: np.ndarray, variant: np.ndarray) -> np.ndarray:
        """Return the plan of each pair of positions of a model and of a variant; -1: none."""
        return np.where(model < 0, -1, model * (len(self.lists.variants) + 1) + variant + 1)

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
        rates = {meter.name: self.rates[meter.name].take(level) for meter, _ in self.lists.used(tuple(units))}
        return sum_of_parts(self.lists.parts(rates, units, where_any), factor, where_any)

    def _open(self, window: np.ndarray, at: np.ndarray) -> np.ndarray:
        begin, end, clock = self._begin[window], self._end[window], at % DAY_US
        is_day = self._days[window] >> (at // DAY_US + THURSDAY) % 7 & 1 == 1
        return is_day & np.where(begin < end, (begin <= clock) & (clock < end), (begin <= clock) | (clock < end))


def where_any(test: np.ndarray, yes: Any, no: np.ndarray) -> np.ndarray:
    """Return the values of ``no``, and where a test holds the value of ``yes``."""
    return np.where(test, yes, no) if test.any() else no
