"""Reports of parts of a log, each of whole traces, added up to the report of the whole."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from ..schema import TEXT
from .summary import Report, summarize

_COUNTS = ("events", "traces", "input_tokens", "output_tokens", "total_tokens", "errors", "no_timestamp")
_OF_MODELS = ["calls", "traces", "cost", "input_tokens", "output_tokens"]
_OF_WASTE = ["cost", "waste_cost", "waste_tokens"]
_LATENCIES = ["model", "latency_ms", "calls"]


class PartialReport(NamedTuple):
    """The report of some calls, and how many calls of each model took how many milliseconds: percentiles do not add."""

    report: Report
    latencies: pa.Table


def partial_report(calls: pd.DataFrame, findings: pd.DataFrame) -> PartialReport:
    """Sum up a part of a log, given what was found in it."""
    timed = calls.loc[calls["latency_ms"].notna(), ["model", "latency_ms"]]
    model, latency = (pa.array(timed[name], from_pandas=True) for name in timed)
    ones = pa.array(np.ones(len(timed), np.int64))
    latencies = pa.table([model.cast(TEXT), latency.cast(pa.int64()), ones], names=_LATENCIES)
    return PartialReport(summarize(calls, findings), _counted(latencies))


def merge_reports(tallies: Iterable[PartialReport]) -> Report:
    """Add up one tally or more, no two of them with calls of one trace.

    Counts and percentiles are those of ``summarize`` for all calls at once; sums of US dollars may differ from them in
    their last digit, as floats do that are added in another order.
    """
    reports: list[Report] = []
    latencies: list[pa.Table] = []
    for report, more in tallies:
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
        by_model=_models(pd.concat(_by_text(report.by_model) for report in reports), times),
        unpriced=_unpriced(pd.concat(report.unpriced for report in reports), counts["events"]),
        waste=_waste(pd.concat(report.waste for report in reports)),
    )


def _counted(latencies: pa.Table) -> pa.Table:
    return latencies.group_by(_LATENCIES[:2]).aggregate([("calls", "sum")]).rename_columns(_LATENCIES)


def _added(counts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(count[name] for count in counts) for name in counts[0]}


def _by_text(models: pd.DataFrame) -> pd.DataFrame:
    """Take models for text: those of one part are other categories than those of another."""
    return models.astype({"model": "str"})


def _models(parts: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    models = parts.groupby("model", dropna=False)[_OF_MODELS].sum(min_count=1)
    timed = times.groupby("model", dropna=False)
    mean, p95 = _mean_and_p95(timed.ngroup().to_numpy(), times)
    latency = pd.DataFrame({"mean_latency_ms": mean, "p95_latency_ms": p95}, index=timed.size().index)
    models = models.join(latency).reset_index().astype({"model": "category"})
    return models.sort_values("cost", ascending=False, kind="stable", ignore_index=True)


def _mean_and_p95(group: np.ndarray, times: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and 95th percentile of each group, as NumPy interpolates it."""
    order = np.lexsort((times["latency_ms"], group))
    latency, calls = (times[name].to_numpy(np.int64)[order] for name in _LATENCIES[1:])
    number = np.bincount(group[order], calls).astype(np.int64)
    place = 0.95 * (number - 1)
    below = np.floor(place).astype(np.int64)
    first = number.cumsum() - number
    low, high = (
        latency[np.searchsorted(calls.cumsum(), first + at, side="right")]
        for at in (below, np.ceil(place).astype(np.int64))
    )
    return np.bincount(group[order], latency * calls) / number, low + (high - low) * (place - below)


def _unpriced(parts: pd.DataFrame, events: int) -> pd.DataFrame:
    models = parts.groupby("model", dropna=False)[["n_calls", "input_tokens", "output_tokens"]].sum(min_count=1)
    models = models.sort_values("n_calls", ascending=False, kind="stable").reset_index()
    return models.assign(share=models["n_calls"].to_numpy(np.float64) / max(events, 1))


def _waste(parts: pd.DataFrame) -> pd.DataFrame:
    # where nothing was found the amounts are 0, and where nothing is known of what was found they are null
    amounts = parts[_OF_WASTE].where(parts["findings"] > 0)
    by_detector = parts.assign(**{name: amounts[name] for name in _OF_WASTE}).groupby("detector", observed=False)
    waste = by_detector.sum(min_count=1)
    return waste.assign(**{name: waste[name].where(waste["findings"] > 0, 0) for name in _OF_WASTE}).reset_index()
