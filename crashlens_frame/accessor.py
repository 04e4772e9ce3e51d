"""df.crashlens: the functions of the package that take calls, as methods of a frame. A table of contents."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd

from .detectors import ROSTER, cache_report, find_waste, flag
from .errors import NotCallsError
from .formats import may_be_export, synonyms_among
from .handout import write_report
from .io import to_csv, to_excel, to_jsonl, to_parquet
from .plot import PLOTS
from .pricing import add_cost, cost_parts, reprice, reprice_calls, unpriced
from .report import by, summarize, traces, waste_by
from .tokens import add_tokens
from .watch import anomalies, broken_rules, budgets, change, forecast, reconcile, redact, to_focus

P = ParamSpec("P")
R = TypeVar("R")


def _bound(function: Callable[Concatenate[pd.DataFrame, P], R]) -> Callable[..., R]:
    """Return a method that calls a function with the frame as its first argument."""

    @wraps(function)
    def method(self: Any, *args: P.args, **options: P.kwargs) -> R:
        return function(self._calls, *args, **options)

    return method


def check_holds_calls(columns: Iterable[str]) -> None:
    """Check that columns are those of a frame of calls.

    Raises
    ------
    NotCallsError
        ``trace_id`` or ``model`` is missing, or the columns are those of findings.

    Examples
    --------
    >>> from crashlens_frame.accessor import check_holds_calls
    >>> check_holds_calls(["trace_id", "model", "cost"])
    """
    columns = list(columns)
    missing = sorted({"model", "trace_id"} - set(columns))
    if missing:
        raise NotCallsError(
            f"the frame holds no calls: missing {' and '.join(missing)}; df = {_remedy(columns)} makes it calls"
        )
    if "suppressed_by" in columns:
        raise NotCallsError("the frame holds findings, not calls; cf.style_findings(findings) lays them out")


def _remedy(columns: list[str]) -> str:
    """Return the code that makes calls of a frame with these columns."""
    if "model" in columns or "model" in synonyms_among(columns).values() or may_be_export(columns):
        return "cf.as_calls(df)"
    return "cf.as_calls(df, columns={'its column of models': 'model'})"


class CrashlensAccessor:
    """The functions of the package for a frame of calls.

    Each method is a function of ``crashlens_frame`` with the frame as its first argument.

    Raises
    ------
    NotCallsError
        The frame has no ``trace_id`` or no ``model`` column, or it is a frame of findings.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)
    >>> book.df.crashlens.retry_loops()[["model", "n_calls"]]
       model  n_calls
    0  gpt-4        5
    """

    def __init__(self, calls: pd.DataFrame) -> None:
        check_holds_calls(calls.columns)
        self._calls = calls

    summary = _bound(summarize)
    report = _bound(write_report)
    by = _bound(by)
    traces = _bound(traces)
    change = _bound(change)
    anomalies = _bound(anomalies)

    waste = _bound(find_waste)
    waste_by = _bound(waste_by)
    cache_report = _bound(cache_report)
    flag = _bound(flag)

    forecast = _bound(forecast)
    budgets = _bound(budgets)
    broken_rules = _bound(broken_rules)
    reconcile = _bound(reconcile)
    redact = _bound(redact)

    add_tokens = _bound(add_tokens)
    add_cost = _bound(add_cost)
    cost_parts = _bound(cost_parts)
    reprice = _bound(reprice)
    reprice_calls = _bound(reprice_calls)
    unpriced = _bound(unpriced)

    to_csv = _bound(to_csv)
    to_excel = _bound(to_excel)
    to_focus = _bound(to_focus)
    to_jsonl = _bound(to_jsonl)
    to_parquet = _bound(to_parquet)

    @property
    def plot(self) -> "PlotAccessor":
        """The plots of the calls."""
        return PlotAccessor(self._calls)


for _detector in ROSTER:
    setattr(CrashlensAccessor, _detector.name, _bound(_detector.find))


class PlotAccessor:
    """The plots of a frame of calls, one method for each plot of the roster."""

    def __init__(self, calls: pd.DataFrame) -> None:
        self._calls = calls


for _plot in PLOTS:
    setattr(PlotAccessor, _plot.name, _bound(_plot.draw))
