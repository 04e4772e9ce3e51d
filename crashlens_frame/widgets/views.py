"""Which calls the Explorer shows: the filters and the view that passes them. Figures and rows, no widget."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..detectors import Thresholds, find_and_flag
from ..frame import as_calls
from ..plot import COLORS
from ..pricing import PriceBook, Prices, reprice
from ..report import PATTERN_PLACE, TOTALS_COLUMNS, key_values, trace_codes, waste_by
from ..watch import anomalies

LABELS = ("model", "team", "route")
# the columns that figures and plots need; the texts are not copied
_FIGURES = (
    "timestamp", *LABELS, "cost", "latency_ms", "input_tokens", "output_tokens", "cached_input_tokens",
    "cache_write_tokens", "service_tier",
)  # fmt: skip
_MOST_TAGS, _MOST_TEXTS = 12, 1000  # that are offered, and whose keys are looked at
_COUNTED = (*TOTALS_COLUMNS, "model", "team", "route")


@dataclass(frozen=True)
class ViewFilters:
    """Which calls are in a view; a filter that is not set lets all calls pass.

    Parameters
    ----------
    since, until
        First and last day, in the time zone.
    labels
        Values of ``model``, ``team`` and ``route`` that pass; None means an unknown value.
    trace
        Part of a trace id, in upper or lower case.
    only_wasted
        Whether only wasted calls pass.
    tz
        Time zone in which days begin.
    """

    since: date | None = None
    until: date | None = None
    labels: Mapping[str, tuple[str | None, ...]] | None = None
    trace: str = ""
    only_wasted: bool = False
    tz: str = "UTC"


@dataclass(frozen=True)
class Figures:
    """The figures of a view, in US dollars, calls, milliseconds, and a share from 0 to 1; NaN where unknown."""

    cost: float
    waste_cost: float
    could_save: float
    n_calls: int
    p95_latency_ms: float
    unpriced_share: float


class Study:
    """Calls and the findings in them, prepared for fast filtering.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds, prices
        As for ``find_waste``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.widgets.views import ViewFilters, Study
    >>> study = Study(cf.simulate_workload(100, seed=1))
    >>> study.view(ViewFilters(labels={"model": ("gpt-4o",)})).calls["model"].unique().tolist()
    ['gpt-4o']
    """

    def __init__(
        self, calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None
    ) -> None:
        self.calls = as_calls(calls).reset_index(drop=True)
        self.prices = PriceBook.load(prices)
        self._trace, self._names = trace_codes(self.calls["trace_id"])
        # numbers replace trace ids, which are slow to compare
        tags = _tags(self.calls)
        self._figures = self.calls[list(_FIGURES)].assign(trace_id=self._trace, **tags)
        self.groupings = (*LABELS, *tags)
        self._time = self.calls["timestamp"].array.asi8
        self.detect(thresholds)

    def detect(self, thresholds: Thresholds | None) -> None:
        """Find waste again, with other thresholds."""
        findings, flagged = find_and_flag(self.calls, thresholds=thresholds, prices=self.prices)
        self._wasted = flagged["waste_cost"].to_numpy()
        self._active = findings[findings["suppressed_by"].isna()].reset_index(drop=True)
        number = pc.index_in(pa.array(flagged["finding_id"]), pa.array(self._active["finding_id"]), skip_nulls=True)
        self._finding = pc.fill_null(number, -1).to_numpy()

    def values(self, label: str, most: int) -> tuple[list[str | None], int]:
        """Return the values of a label with most calls, sorted, then None if calls have no value; and how many more."""
        codes = self.calls[label].cat.codes.to_numpy(np.int64)
        used = np.bincount(codes + 1, minlength=len(self.calls[label].cat.categories) + 1)
        by_calls = np.argsort(-used[1:], kind="stable")[: np.count_nonzero(used[1:])]
        names = self.calls[label].cat.categories.take(np.sort(by_calls[:most])).tolist()
        return [*names, *([None] if used[0] else [])], max(0, len(by_calls) - most)

    def view(self, filters: ViewFilters) -> "View":
        """Return the calls that pass the filters."""
        passed = np.ones(len(self.calls), bool)
        if filters.since is not None:
            passed &= self._time >= _midnight(filters.since, filters.tz)
        if filters.until is not None:
            passed &= (self._time < _midnight(filters.until + timedelta(days=1), filters.tz)) & self.calls[
                "timestamp"
            ].notna().to_numpy()
        for label, values in (filters.labels or {}).items():
            if values:
                passed &= self._has(label, values)
        if filters.trace:
            passed &= pc.match_substring(self._names, filters.trace, ignore_case=True).to_numpy(False)[self._trace]
        if filters.only_wasted:
            passed &= self._wasted != 0  # NaN: wasted, at an unknown cost
        return View(self, np.flatnonzero(passed))

    def periods(self, filters: ViewFilters, days: int) -> tuple[ViewFilters, ViewFilters] | None:
        """Return the filters of the period before and of the period: the days of filters, or their last days."""
        last = self.view(filters).calls["timestamp"].max()
        if pd.isna(last):
            return None
        until = filters.until or last.tz_convert(filters.tz).date()
        since = filters.since or until - timedelta(days=days - 1)
        length = until - since + timedelta(days=1)
        return (
            replace(filters, since=since - length, until=since - timedelta(days=1)),
            replace(filters, since=since, until=until),
        )

    def _has(self, label: str, values: tuple[str | None, ...]) -> np.ndarray:
        """Return which calls have one of the values."""
        column = self.calls[label].cat
        chosen = np.append(column.categories.isin([v for v in values if v is not None]), None in values)
        has: np.ndarray = chosen[column.codes]  # the code of a missing value is -1, the last place
        return has


class View:
    """The calls that pass the filters, with their figures and findings."""

    def __init__(self, study: Study, rows: np.ndarray) -> None:
        self._study = study
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def calls(self) -> pd.DataFrame:
        """The calls without their texts and with numbers for trace ids, for figures and plots."""
        figures = self._study._figures
        return figures if len(self) == len(figures) else figures.take(self._rows)

    def anomalies(self, by: str, tz: str) -> pd.DataFrame:
        """Return the anomalies of the most expensive groups, which have colours of their own in the plot of costs."""
        cost = self.calls.groupby(by, observed=True)["cost"].sum()
        own = self.calls[self.calls[by].isin(cost.nlargest(len(COLORS)).index)]
        return anomalies(own, by=by, tz=tz)

    @property
    def logged(self) -> pd.DataFrame:
        """The calls as logged."""
        calls = self._study.calls
        return calls if len(self) == len(calls) else calls.take(self._rows)

    def counted(self, by: str) -> pd.DataFrame:
        """Return the calls with the columns that totals need, and a grouping."""
        calls = self._study.calls[list(_COUNTED)].take(self._rows)
        return calls.assign(**{by: self.calls[by]})

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings of the calls, the most wasteful first; ``waste_cost`` is the waste in these calls alone.

        Suppressed findings are left out.
        """
        number, wasted = self._study._finding[self._rows], self._study._wasted[self._rows]
        size = len(self._study._active)
        known = (number >= 0) & (wasted != 0) & ~np.isnan(wasted)
        unknown = np.bincount(number[np.isnan(wasted)], minlength=size) > 0
        sums = np.bincount(number[known], weights=wasted[known], minlength=size).astype(np.float64)
        sums[unknown & (np.bincount(number[known], minlength=size) == 0)] = np.nan
        seen = np.bincount(number[number >= 0], minlength=size) > 0
        findings = self._study._active.assign(waste_cost=sums)[seen]
        return findings.sort_values("waste_cost", ascending=False, kind="stable")

    @cached_property
    def patterns(self) -> pd.DataFrame:
        """The patterns behind the findings, the most expensive first, with the dollars of these calls alone."""
        counted = self.findings.assign(counted_cost=self.findings["waste_cost"])
        return waste_by(self.calls, *PATTERN_PLACE, findings=counted)

    def figures(self) -> Figures:
        """Return the figures of the calls."""
        cost = self.calls["cost"].to_numpy()
        known = ~np.isnan(cost)
        is_candidate = self.findings["certainty"] == "candidate"
        latency = self.calls["latency_ms"].to_numpy(np.float64, na_value=np.nan)
        latency = latency[~np.isnan(latency)]
        return Figures(
            cost=float(cost[known].sum()) if known.any() or not len(self) else np.nan,
            waste_cost=float(self.findings["waste_cost"][~is_candidate].sum()),
            could_save=float(self.findings["waste_cost"][is_candidate].sum()),
            n_calls=len(self),
            p95_latency_ms=float(np.quantile(latency, 0.95)) if len(latency) else np.nan,
            unpriced_share=float(1 - known.mean()) if len(self) else 0.0,
        )

    def reprice(self, model: str, to_model: str) -> pd.DataFrame:
        """Return what the calls of a model would have cost on another one, as ``cf.reprice`` does."""
        own = self.calls[self.calls["model"] == model]
        return reprice(own, {model: to_model}, prices=self._study.prices)


def _midnight(day: date, zone: str) -> int:
    return pd.Timestamp(day).tz_localize(zone, ambiguous=True, nonexistent="shift_forward").value // 1000


def _tags(calls: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the values of the tags that most calls have, each under the name of its key."""
    number: Counter[str] = Counter()
    for text, times in calls["tags"].value_counts().head(_MOST_TEXTS).items():
        with suppress(orjson.JSONDecodeError):
            tags = orjson.loads(str(text))
            number.update(dict.fromkeys(tags, int(times)) if isinstance(tags, dict) else {})
    names = {key: f"{key} (tag)" if key in calls.columns else key for key, _ in number.most_common(_MOST_TAGS)}
    return {name: key_values(calls, f"tags.{key}").astype("category") for key, name in names.items()}
