"""Reports of parts of a log, each with whole traces, merged into the report of the whole log."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from .._core import exact_sums
from ..schema import TEXT
from .patterns import merge_patterns
from .summary import Report, summarize

_COUNTS = ("events", "traces", "input_tokens", "output_tokens", "total_tokens", "errors", "no_timestamp")
_SUMS_BY_MODEL = ["n_calls", "n_traces", "cost", "input_tokens", "output_tokens"]
_WASTE_AMOUNTS = ["cost", "waste_cost", "could_save", "waste_tokens"]
_LATENCIES = ["model", "latency_ms", "n_calls"]


class PartialReport(NamedTuple):
    """The report of some calls, and how often each model had each latency: percentiles cannot be added."""

    report: Report
    latencies: pa.Table


def partial_report(calls: pd.DataFrame, findings: pd.DataFrame) -> PartialReport:
    """Sum up a part of a log, given the findings in it."""
    timed = calls.loc[calls["latency_ms"].notna(), ["model", "latency_ms"]]
    model, latency = (pa.array(timed[name], from_pandas=True) for name in timed)
    ones = pa.array(np.ones(len(timed), np.int64))
    latencies = pa.table([model.cast(TEXT), latency.cast(pa.int64()), ones], names=_LATENCIES)
    return PartialReport(summarize(calls, findings), _counted(latencies))


def merge_reports(parts: Iterable[PartialReport]) -> Report:
    """Merge the reports of one part or more; no trace may have calls in two of them.

    Counts and percentiles are the same as those of ``summarize`` for all calls; sums of US dollars may differ in their
    last digits, because they are added in another order.
    """
    reports: list[Report] = []
    latencies: list[pa.Table] = []
    for report, more in parts:
        reports.append(report)
        latencies = [_counted(pa.concat_tables([*latencies, more]))]
    counts = {name: sum(getattr(report, name) for report in reports) for name in _COUNTS}
    starts = [report.start for report in reports if report.start is not None]
    ends = [report.end for report in reports if report.end is not None]
    costs = pd.Series([report.cost for report in reports if report.events], dtype="float64")
    times = latencies[0].to_pandas().astype({"model": "str"})
    mean, p95 = _mean_and_p95(np.zeros(len(times), np.int64), times)
    return Report(
        **counts,
        start=min(starts, default=None),
        end=max(ends, default=None),
        cost=float(costs.sum(min_count=1)) if len(costs) else 0.0,
        mean_latency_ms=float(mean[0]) if len(mean) else np.nan,
        p95_latency_ms=float(p95[0]) if len(p95) else np.nan,
        cost_sources=_added([report.cost_sources for report in reports]),
        token_sources=_added([report.token_sources for report in reports]),
        token_readings=_added([report.token_readings for report in reports]),
        by_model=_models(pd.concat(_by_text(report.by_model) for report in reports), times),
        unpriced=_unpriced(pd.concat(report.unpriced for report in reports), counts["events"]),
        patterns=merge_patterns(report.patterns for report in reports),
        waste=_waste(pd.concat(report.waste.assign(n_calls=report.events) for report in reports)),
    )


def _counted(latencies: pa.Table) -> pa.Table:
    return latencies.group_by(_LATENCIES[:2]).aggregate([("n_calls", "sum")]).rename_columns(_LATENCIES)


def _added(counts: list[dict[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for count in counts for name in count)
    return {name: sum(count.get(name, 0) for count in counts) for name in names}


def _by_text(models: pd.DataFrame) -> pd.DataFrame:
    """Turn models into text: the categories of the parts differ."""
    return models.astype({"model": "str"})


def _models(parts: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    models = exact_sums(parts.groupby("model", dropna=False)[_SUMS_BY_MODEL])
    timed = times.groupby("model", dropna=False)
    mean, p95 = _mean_and_p95(timed.ngroup().to_numpy(), times)
    latency = pd.DataFrame({"mean_latency_ms": mean, "p95_latency_ms": p95}, index=timed.size().index)
    models = models.join(latency).reset_index().astype({"model": "category"})
    return models.sort_values("cost", ascending=False, kind="stable", ignore_index=True)


def _mean_and_p95(group: np.ndarray, times: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and 95th percentile of each group, interpolated as NumPy does."""
    order = np.lexsort((times["latency_ms"], group))
    latency, n_calls = (times[name].to_numpy(np.int64)[order] for name in _LATENCIES[1:])
    size = np.bincount(group[order], n_calls).astype(np.int64)
    place = 0.95 * (size - 1)
    below = np.floor(place).astype(np.int64)
    first = size.cumsum() - size
    low, high = (
        latency[np.searchsorted(n_calls.cumsum(), first + at, side="right")]
        for at in (below, np.ceil(place).astype(np.int64))
    )
    return np.bincount(group[order], latency * n_calls) / size, low + (high - low) * (place - below)


def _unpriced(parts: pd.DataFrame, events: int) -> pd.DataFrame:
    by_model = parts.groupby(["model", "reason"], dropna=False)
    models = exact_sums(by_model[["n_calls", "input_tokens", "output_tokens"]])
    models = models.sort_values("n_calls", ascending=False, kind="stable").reset_index()
    return models.assign(share=models["n_calls"].to_numpy(np.float64) / max(events, 1))


def _waste(parts: pd.DataFrame) -> pd.DataFrame:
    # amounts are 0 where nothing was found, and null where something was found and no amount is known
    amounts = parts[_WASTE_AMOUNTS].where(parts["n_findings"] > 0)
    looked = parts.loc[parts["missing"].isna() & (parts["n_calls"] > 0), "detector"].unique()
    by_detector = parts.assign(**{name: amounts[name] for name in _WASTE_AMOUNTS}).groupby("detector", observed=False)
    waste = exact_sums(by_detector[["n_findings", "n_traces", *_WASTE_AMOUNTS, "n_suppressed"]])
    missing = by_detector["missing"].first()
    waste = waste.assign(missing=missing.where(~missing.index.isin(looked)).astype("str"))
    known_zero = {name: waste[name].where(waste["n_findings"] > 0, 0) for name in _WASTE_AMOUNTS}
    return waste.assign(**known_zero).reset_index()
