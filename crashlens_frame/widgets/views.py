"""What of a log is looked at: the filters, and what they leave. Figures and rows, no widget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..detectors import Thresholds, find_and_flag
from ..frame import as_calls
from ..pricing import PriceBook, Prices, reprice
from ..report import trace_codes

LABELS = ("model", "team", "route")
# what figures and plots are made of; texts stay where they are
_FIGURES = (
    "timestamp", *LABELS, "cost", "latency_ms", "input_tokens", "output_tokens", "cached_input_tokens",
    "cache_write_tokens", "service_tier",
)  # fmt: skip
_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Filters:
    """Which calls are looked at; a filter that is not set lets everything pass.

    Parameters
    ----------
    since, until
        First and last day, in UTC.
    labels
        Values of ``model``, ``team`` and ``route`` that pass; None stands for a value that is not known.
    trace
        Part of a trace id, whatever its case.
    only_wasted
        Whether only calls of which money was wasted pass.
    """

    since: date | None = None
    until: date | None = None
    labels: Mapping[str, tuple[str | None, ...]] | None = None
    trace: str = ""
    only_wasted: bool = False


@dataclass(frozen=True)
class Figures:
    """The figures of a view: US dollars, a number of calls, milliseconds, a share from 0 to 1; NaN where unknown."""

    cost: float
    waste_cost: float
    calls: int
    p95_latency_ms: float
    unpriced: float


class Study:
    """Calls and what the detectors found in them, made ready to be filtered again and again.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds, prices
        As for ``find_waste``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.widgets.views import Filters, Study
    >>> study = Study(cf.simulate_workload(100, seed=1))
    >>> study.view(Filters(labels={"model": ("gpt-4o",)})).calls["model"].unique().tolist()
    ['gpt-4o']
    """

    def __init__(
        self, calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None
    ) -> None:
        self.calls = as_calls(calls).reset_index(drop=True)
        self.prices = PriceBook.load(prices)
        self._trace, self._names = trace_codes(self.calls["trace_id"])
        # the number of a trace stands for its name, which is dear to compare
        self._figures = self.calls[list(_FIGURES)].assign(trace_id=self._trace)
        self._time = self.calls["timestamp"].array.asi8
        self.detect(thresholds)

    def detect(self, thresholds: Thresholds | None) -> None:
        """Look for waste once more, with other thresholds."""
        findings, flagged = find_and_flag(self.calls, thresholds=thresholds, prices=self.prices)
        self._wasted = flagged["waste_cost"].to_numpy()
        self._counted = findings[findings["suppressed_by"].isna()].reset_index(drop=True)
        number = pc.index_in(pa.array(flagged["finding_id"]), pa.array(self._counted["finding_id"]), skip_nulls=True)
        self._finding = pc.fill_null(number, -1).to_numpy()

    def values(self, label: str) -> list[str | None]:
        """List the values of a label that occur, in order; None last, where there are calls without one."""
        codes = self.calls[label].cat.codes
        used = np.bincount(codes + 1, minlength=len(self.calls[label].cat.categories) + 1)
        known = [name for name, number in zip(self.calls[label].cat.categories, used[1:], strict=True) if number]
        return [*known, *([None] if used[0] else [])]

    def view(self, filters: Filters) -> "View":
        """Give what the filters leave."""
        passed = np.ones(len(self.calls), bool)
        if filters.since is not None:
            passed &= self._time >= _midnight(filters.since)
        if filters.until is not None:
            passed &= (self._time < _midnight(filters.until) + _DAY) & self.calls["timestamp"].notna().to_numpy()
        for label, values in (filters.labels or {}).items():
            if values:
                passed &= self._has(label, values)
        if filters.trace:
            passed &= pc.match_substring(self._names, filters.trace, ignore_case=True).to_numpy(False)[self._trace]
        if filters.only_wasted:
            passed &= self._wasted != 0  # NaN, a waste of unknown cost, is one
        return View(self, np.flatnonzero(passed))

    def _has(self, label: str, values: tuple[str | None, ...]) -> np.ndarray:
        """Tell which calls have one of the values."""
        column = self.calls[label].cat
        chosen = np.append(column.categories.isin([v for v in values if v is not None]), None in values)
        flags: np.ndarray = chosen[column.codes]  # -1, for no value, is the last
        return flags


class View:
    """The calls that filters leave, and what is to be seen of them."""

    def __init__(self, study: Study, rows: np.ndarray) -> None:
        self._study = study
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def calls(self) -> pd.DataFrame:
        """The calls without their texts, numbers standing for trace ids: what figures and plots are made of."""
        figures = self._study._figures
        return figures if len(self) == len(figures) else figures.take(self._rows)

    @property
    def logged(self) -> pd.DataFrame:
        """The calls as they were logged."""
        return self._study.calls.take(self._rows)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings that the calls belong to, the most wasteful first, with what of these calls was wasted.

        Suppressed findings are left out.
        """
        number, wasted = self._study._finding[self._rows], self._study._wasted[self._rows]
        size = len(self._study._counted)
        known = (number >= 0) & (wasted != 0) & ~np.isnan(wasted)
        unknown = np.bincount(number[np.isnan(wasted)], minlength=size) > 0
        sums = np.bincount(number[known], weights=wasted[known], minlength=size).astype(np.float64)
        sums[unknown & (np.bincount(number[known], minlength=size) == 0)] = np.nan
        seen = np.bincount(number[number >= 0], minlength=size) > 0
        findings = self._study._counted.assign(waste_cost=sums)[seen]
        return findings.sort_values("waste_cost", ascending=False, kind="stable")

    def figures(self) -> Figures:
        """Sum up the calls."""
        cost = self.calls["cost"].to_numpy()
        known = ~np.isnan(cost)
        latency = self.calls["latency_ms"].to_numpy(np.float64, na_value=np.nan)
        latency = latency[~np.isnan(latency)]
        return Figures(
            cost=float(cost[known].sum()) if known.any() or not len(self) else np.nan,
            waste_cost=float(self.findings["waste_cost"].sum()),
            calls=len(self),
            p95_latency_ms=float(np.quantile(latency, 0.95)) if len(latency) else np.nan,
            unpriced=float(1 - known.mean()) if len(self) else 0.0,
        )

    def reprice(self, model: str, to_model: str) -> pd.DataFrame:
        """Sum up what the calls of a model would have cost on another one, as ``cf.reprice`` does."""
        own = self.calls[self.calls["model"] == model]
        return reprice(own, {model: to_model}, prices=self._study.prices)


def _midnight(day: date) -> int:
    return pd.Timestamp(day, tz="UTC").value // 1000
