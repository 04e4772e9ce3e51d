"""Which calls the Explorer shows: the filters and the view that passes them. Figures and rows, no widget."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from threading import Lock

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..detectors import Thresholds, find_and_flag
from ..errors import InvalidOptionError
from ..frame import as_calls
from ..plot import COLORS
from ..pricing import PriceBook, Prices, reprice
from ..report import PATTERN_PLACE, TOTALS_COLUMNS, key_values, trace_codes, waste_by
from ..report import by as totals_by_key
from ..watch import anomalies, local_times
from .spans import Days

LABELS = ("model", "team", "route")
_MORE_LABELS = ("user_id", "agent", "provider")  # where a log has them
# the columns that figures and plots need; the texts are not copied
_FIGURES = (
    "timestamp", "cost", "latency_ms", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens",
    "service_tier",
)  # fmt: skip
_TEXTS = ("prompt", "response", "tool_calls", "tags", "extra")
_MOST_TAGS, _MOST_TEXTS = 12, 1000  # that are offered, and whose keys are looked at
_PATTERN_KEYS = ("detector", "cause", *PATTERN_PLACE, "certainty", "savings_note")


@dataclass(frozen=True)
class ViewFilters:
    """Which calls are in a view; a filter that is not set lets all calls pass.

    Parameters
    ----------
    since, until
        First and last day, in the time zone.
    labels
        Values of ``model``, ``team`` and other labels that pass; None means an unknown value.
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

    @property
    def begin(self) -> pd.Timestamp | None:
        """When the first day begins; None: with the log."""
        return None if self.since is None else pd.Timestamp(_midnight(self.since, self.tz), unit="us", tz="UTC")

    def between(self, days: Days) -> "ViewFilters":
        """Return the same filters for other days."""
        return replace(self, since=days.since, until=days.until)


@dataclass(frozen=True)
class Figures:
    """The figures of a view, in US dollars, calls, milliseconds, and a share from 0 to 1; NaN where unknown."""

    cost: float
    waste_cost: float
    could_save: float
    n_calls: int
    p95_latency_ms: float
    unpriced_share: float


@dataclass(frozen=True)
class Searched:
    """What a search for waste found: the findings that count, and of each call its waste in US dollars and finding."""

    findings: pd.DataFrame
    wasted: np.ndarray
    finding: np.ndarray


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
        self,
        calls: pd.DataFrame,
        *,
        thresholds: Thresholds | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.calls = as_calls(calls).reset_index(drop=True)
        self.prices = PriceBook.load(prices)
        more = [name for name in _MORE_LABELS if len(self.calls[name].cat.categories)]
        self.labels = {**{name: self.calls[name] for name in (*LABELS, *more)}, **_tags(self.calls)}
        self.figures = self.calls[list(_FIGURES)].assign(**self.labels)
        self.cost = self.calls["cost"].to_numpy()
        self._time = self.calls["timestamp"].array.asi8
        self._searched: Searched | None = None
        self._searching = Lock()
        if thresholds is not None:
            self.detect(thresholds)  # so that a wrong one is refused here

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def searched(self) -> Searched:
        """What a search for waste finds, which is made when it is asked for first; from whichever thread."""
        with self._searching:
            if self._searched is None:
                self._searched = self._search(None)
            return self._searched

    @property
    def is_searched(self) -> bool:
        """Whether the search is done."""
        return self._searched is not None

    def detect(self, thresholds: Thresholds | None) -> None:
        """Find waste again, with other thresholds."""
        with self._searching:
            self._searched = self._search(thresholds)

    def _search(self, thresholds: Thresholds | None) -> Searched:
        findings, flagged = find_and_flag(self.calls, thresholds=thresholds, prices=self.prices)
        active = findings[findings["suppressed_by"].isna()].reset_index(drop=True)
        number = pc.index_in(pa.array(flagged["finding_id"]), pa.array(active["finding_id"]), skip_nulls=True)
        return Searched(active, flagged["waste_cost"].to_numpy(), pc.fill_null(number, -1).to_numpy())

    def days(self, tz: str) -> Days | None:
        """Return the first and the last day of the log; None if no call has a time."""
        times = self.calls["timestamp"]
        ends = pd.DataFrame({"timestamp": [times.min(), times.max()]})
        if ends["timestamp"].isna().any():
            return None
        first, last = local_times(ends, tz)
        return Days(first.date(), last.date())

    @cached_property
    def latency(self) -> np.ndarray:
        """How long each call took, in milliseconds; NaN where unknown."""
        return self.calls["latency_ms"].to_numpy(np.float64, na_value=np.nan)

    @cached_property
    def _traces(self) -> tuple[np.ndarray, pa.Array]:
        return trace_codes(self.calls["trace_id"])

    def view(self, filters: ViewFilters) -> "View":
        """Return the calls that pass the filters."""
        passed = np.ones(len(self.calls), bool)
        if filters.since is not None:
            passed &= self._time >= _midnight(filters.since, filters.tz)
        if filters.until is not None:
            passed &= (self._time < _midnight(filters.until + timedelta(days=1), filters.tz)) & self.calls[
                "timestamp"
            ].notna().to_numpy()
        if filters.trace:
            trace, names = self._traces
            passed &= pc.match_substring(names, filters.trace, ignore_case=True).to_numpy(False)[trace]
        if filters.only_wasted:
            passed &= self.searched.wasted != 0  # NaN: wasted, at an unknown cost
        of_labels = {label: self._has(label, values) for label, values in (filters.labels or {}).items() if values}
        return View(self, passed, of_labels)

    def _has(self, label: str, values: tuple[str | None, ...]) -> np.ndarray:
        """Return which calls have one of the values."""
        column = self.labels[label].cat
        chosen = np.append(column.categories.isin([v for v in values if v is not None]), None in values)
        has: np.ndarray = chosen[column.codes]  # the code of a missing value is -1, the last place
        return has


class View:
    """The calls that pass the filters, with their figures and findings.

    Parameters
    ----------
    study
        All calls.
    passed
        Which of them pass the filters other than those of labels.
    of_labels
        Which of them pass the filter of each label.
    """

    def __init__(self, study: Study, passed: np.ndarray, of_labels: Mapping[str, np.ndarray]) -> None:
        self.study = study
        self._passed, self._of_labels = passed, of_labels
        self.rows = np.flatnonzero(self._all_but(None))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether all calls pass."""
        return len(self) == len(self.study)

    def _all_but(self, label: str | None) -> np.ndarray:
        passed = self._passed
        for name, has in self._of_labels.items():
            if name != label:
                passed = passed & has
        return passed

    def counts(self, label: str) -> np.ndarray:
        """Return the calls of each value of a label that pass the filters of the others; last, those without one."""
        codes = self.study.labels[label].cat.codes.to_numpy()
        if label in self._of_labels:
            codes = codes[self._all_but(label)]
        elif not self.is_whole:
            codes = codes[self.rows]
        size = len(self.study.labels[label].cat.categories) + 1
        return np.roll(np.bincount(codes.astype(np.int64) + 1, minlength=size), -1)

    @cached_property
    def calls(self) -> pd.DataFrame:
        """The calls without their texts and trace ids, for figures and plots."""
        return self.columns(*self.study.figures.columns)

    def columns(self, *names: str) -> pd.DataFrame:
        """Return some of the columns of the calls that figures and plots need."""
        columns = self.study.figures[list(dict.fromkeys(names))]
        return columns if self.is_whole else columns.take(self.rows)

    @property
    def logged(self) -> pd.DataFrame:
        """The calls as logged."""
        calls = self.study.calls
        return calls if self.is_whole else calls.take(self.rows)

    @property
    def priced(self) -> pd.DataFrame:
        """The calls without their texts, with the labels."""
        calls = self.study.calls.drop(columns=list(_TEXTS)).assign(**self.study.labels)
        return calls if self.is_whole else calls.take(self.rows)

    @property
    def counted(self) -> pd.DataFrame:
        """The calls with the columns that totals need, and the labels."""
        calls = self.study.calls[[*TOTALS_COLUMNS, "cached_input_tokens"]].assign(**self.study.labels)
        return calls if self.is_whole else calls.take(self.rows)

    def anomalies(self, by: str, tz: str) -> pd.DataFrame:
        """Return the anomalies of the most expensive groups, which have colours of their own in the plot of costs."""
        calls = self.columns("timestamp", "cost", by, *PATTERN_PLACE)
        cost = calls.groupby(by, observed=True)["cost"].sum()
        own = calls[calls[by].isin(cost.nlargest(len(COLORS)).index)]
        return anomalies(own, by=by, tz=tz)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings of the calls, the most wasteful first; ``waste_cost`` is the waste in these calls alone.

        Suppressed findings are left out.
        """
        searched = self.study.searched
        number, wasted = searched.finding[self.rows], searched.wasted[self.rows]
        size = len(searched.findings)
        known = (number >= 0) & (wasted != 0) & ~np.isnan(wasted)
        unknown = np.bincount(number[np.isnan(wasted)], minlength=size) > 0
        sums = np.bincount(number[known], weights=wasted[known], minlength=size).astype(np.float64)
        sums[unknown & (np.bincount(number[known], minlength=size) == 0)] = np.nan
        seen = np.bincount(number[number >= 0], minlength=size) > 0
        findings = searched.findings.assign(waste_cost=sums)[seen]
        return findings.sort_values("waste_cost", ascending=False, kind="stable")

    @cached_property
    def patterns(self) -> pd.DataFrame:
        """The patterns behind the findings, the most expensive first, with the dollars of these calls alone."""
        counted = self.findings.assign(counted_cost=self.findings["waste_cost"])
        return waste_by(self.study.calls.head(0), *PATTERN_PLACE, findings=counted)

    def findings_of(self, pattern: pd.Series) -> pd.DataFrame:
        """Return the findings that a row of ``patterns`` sums up."""
        found = self.findings
        own = np.ones(len(found), bool)
        for name in _PATTERN_KEYS:
            values = found[name].astype("str")
            own &= (values.isna() if pd.isna(pattern[name]) else values.eq(pattern[name]).fillna(False)).to_numpy(bool)
        return found[own]

    @property
    def wasted(self) -> np.ndarray:
        """What was wasted of each call in US dollars; 0 where that is unknown."""
        return np.where(self._is_candidate, 0.0, self._found_in_calls)

    @property
    def could_save(self) -> np.ndarray:
        """What could be saved of each call in US dollars, if somebody agrees; 0 where that is unknown."""
        return np.where(self._is_candidate, self._found_in_calls, 0.0)

    @property
    def _found_in_calls(self) -> np.ndarray:
        return np.nan_to_num(self.study.searched.wasted[self.rows])

    @property
    def _is_candidate(self) -> np.ndarray:
        searched = self.study.searched
        of_findings = np.append((searched.findings["certainty"] == "candidate").to_numpy(), False)
        return of_findings[searched.finding[self.rows]]  # -1, no finding, is the last place

    def wasted_by(self, by: str) -> pd.DataFrame:
        """Return the waste of each group in US dollars: the group, ``waste_cost`` and ``could_save``."""
        labels = self.study.labels[by]
        names = [*labels.cat.categories, None]
        codes = labels.cat.codes.to_numpy()[self.rows].astype(np.int64) % len(names)  # -1 becomes the last place
        sums = {
            name: np.bincount(codes, weights=of_calls, minlength=len(names))
            for name, of_calls in (("waste_cost", self.wasted), ("could_save", self.could_save))
        }
        return pd.DataFrame({by: names, **sums})

    def groups(self, by: str, before: "View | None" = None) -> pd.DataFrame:
        """Return the totals of each group, the most expensive first, and how its cost changed since a period before.

        A group that had calls only before has none, and a cost of 0.
        """
        totals = _totals(self.counted, by).merge(self.wasted_by(by).astype({by: "str"}), how="left", on=by)
        if before is None:
            return totals.assign(cost_change=np.nan).sort_values("cost", ascending=False, kind="stable")
        old = _totals(before.counted, by)[[by, "cost"]]
        both = totals.merge(old, how="outer", on=by, suffixes=("", "_before"))
        gone, new = both["n_calls"].isna(), ~both[by].isin(old[by])
        both = both.assign(n_calls=both["n_calls"].fillna(0), cost=both["cost"].mask(gone, 0.0))
        change = both["cost"] - both["cost_before"].mask(new, 0.0)
        return both.assign(cost_change=change).sort_values("cost", ascending=False, kind="stable")

    def figures(self, *, waste: bool = True) -> Figures:
        """Return the figures of the calls; without waste those that need no search, and NaN for the others."""
        cost, latency = (
            values if self.is_whole else values[self.rows] for values in (self.study.cost, self.study.latency)
        )
        known = ~np.isnan(cost)
        latency = latency[~np.isnan(latency)]
        wasted = could_save = np.nan
        if waste:
            is_candidate = self.findings["certainty"] == "candidate"
            wasted, could_save = (self.findings.loc[kind, "waste_cost"].sum() for kind in (~is_candidate, is_candidate))
        return Figures(
            cost=float(cost[known].sum()) if known.any() or not len(self) else np.nan,
            waste_cost=float(wasted),
            could_save=float(could_save),
            n_calls=len(self),
            p95_latency_ms=float(np.quantile(latency, 0.95)) if len(latency) else np.nan,
            unpriced_share=float(1 - known.mean()) if len(self) else 0.0,
        )

    def reprice(self, model: str, to_model: str) -> pd.DataFrame:
        """Return what the calls of a model would have cost on another one, as ``cf.reprice`` does."""
        own = self.calls[self.calls["model"] == model]
        return reprice(own, {model: to_model}, prices=self.study.prices)


def _totals(calls: pd.DataFrame, by: str) -> pd.DataFrame:
    return totals_by_key(calls, by).astype({by: "str"})


def _midnight(day: date, zone: str) -> int:
    try:
        return pd.Timestamp(day).tz_localize(zone, ambiguous=True, nonexistent="shift_forward").value // 1000
    except (LookupError, ValueError, TypeError) as error:
        raise InvalidOptionError(f"tz is {zone!r}, expected the name of a time zone such as Europe/Paris") from error


def _tags(calls: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the values of the tags that most calls have, each under the name of its key."""
    number: Counter[str] = Counter()
    for text, times in calls["tags"].value_counts().head(_MOST_TEXTS).items():
        with suppress(orjson.JSONDecodeError):
            tags = orjson.loads(str(text))
            number.update(dict.fromkeys(tags, int(times)) if isinstance(tags, dict) else {})
    names = {key: f"{key} (tag)" if key in calls.columns else key for key, _ in number.most_common(_MOST_TAGS)}
    return {name: key_values(calls, f"tags.{key}").astype("category") for key, name in names.items()}
