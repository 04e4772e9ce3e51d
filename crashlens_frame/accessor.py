"""df.crashlens: every function of the package that takes calls, bound to a frame. A table of contents."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd

from .detectors import ROSTER, find_waste, flag
from .errors import NotCallsError
from .io import to_csv, to_jsonl, to_parquet
from .pricing import add_cost, reprice, reprice_calls, unpriced
from .report import by, style_findings, summarize, traces
from .tokens import add_tokens

P = ParamSpec("P")
R = TypeVar("R")


def _bound(function: Callable[Concatenate[pd.DataFrame, P], R]) -> Callable[..., R]:
    """Make a method of a function whose first argument is the calls."""

    @wraps(function)
    def method(self: Any, *args: P.args, **options: P.kwargs) -> R:
        return function(self._calls, *args, **options)

    return method


def check_holds_calls(columns: Iterable[str]) -> None:
    """Refuse the columns of a frame that holds no calls.

    Examples
    --------
    >>> from crashlens_frame.accessor import check_holds_calls
    >>> check_holds_calls(["trace_id", "model", "cost"])
    """
    missing = sorted({"model", "trace_id"}.difference(columns))
    if missing:
        raise NotCallsError(
            f"the frame holds no calls: missing {' and '.join(missing)}; read a log with cf.read_jsonl, or use the"
            " df of a LogBook"
        )


@pd.api.extensions.register_dataframe_accessor("crashlens")
class CrashlensAccessor:
    """Everything that can be asked of a frame of calls.

    Each method is the free function of the same purpose with the frame as its first argument.

    Raises
    ------
    NotCallsError
        The frame has no ``trace_id`` or no ``model`` column, so it holds no calls.

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
    by = _bound(by)
    traces = _bound(traces)

    waste = _bound(find_waste)
    flag = _bound(flag)

    add_tokens = _bound(add_tokens)
    add_cost = _bound(add_cost)
    reprice = _bound(reprice)
    reprice_calls = _bound(reprice_calls)
    unpriced = _bound(unpriced)

    style = _bound(style_findings)

    to_csv = _bound(to_csv)
    to_jsonl = _bound(to_jsonl)
    to_parquet = _bound(to_parquet)

    @property
    def plot(self) -> "PlotAccessor":
        """The plots of the calls."""
        return PlotAccessor(self._calls)


for _detector in ROSTER:
    setattr(CrashlensAccessor, _detector.name, _bound(_detector.find))


class PlotAccessor:
    """The plots of a frame of calls; matplotlib is imported when the first one is drawn."""

    def __init__(self, calls: pd.DataFrame) -> None:
        self._calls = calls

    def waste(self, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_waste`."""
        from .plot import plot_waste

        return plot_waste(self._calls, **options)

    def cost(self, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_cost`."""
        from .plot import plot_cost

        return plot_cost(self._calls, **options)

    def trace(self, trace_id: str, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_trace`."""
        from .plot import plot_trace

        return plot_trace(self._calls, trace_id, **options)

    def latency(self, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_latency`."""
        from .plot import plot_latency

        return plot_latency(self._calls, **options)

    def heatmap(self, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_heatmap`."""
        from .plot import plot_heatmap

        return plot_heatmap(self._calls, **options)

    def tokens(self, **options: Any) -> Any:
        """Draw :func:`crashlens_frame.plot.plot_tokens`."""
        from .plot import plot_tokens

        return plot_tokens(self._calls, **options)
