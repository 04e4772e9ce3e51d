"""What one trace did, attempt by attempt."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import UnknownTraceError
from ..frame import check_calls, failed_calls
from ..words import UNKNOWN, cut, money, printable, quantity
from .canvas import GREY, LONGEST_NAME, axis_label, colors_of, draw_message, most_expensive, new_axes, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CALLS = 40
_TIME_UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_SHORTEST = 0.006  # part of the axis, so that a call without a latency can still be seen


def plot_trace(calls: pd.DataFrame, trace_id: str, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the calls of a trace as bars in time, one below the other: attempts, waits, failures, costs.

    Parameters
    ----------
    calls
        Frame of calls.
    trace_id
        The trace; its first forty calls are drawn.
    ax
        Axes to draw on; a new figure when not given.

    Returns
    -------
    Axes
        One bar per call, from its start for as long as it took, in seconds, minutes, hours or days since the start of
        the trace; the bar of a failed call is hollow. Model, cost and error are written beside it.

    Raises
    ------
    UnknownTraceError
        No call belongs to the trace.
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=3, seed=1)
    >>> len(cf.plot_trace(book.df, trace).patches)
    4
    """
    from matplotlib.ticker import MaxNLocator

    check_calls(calls, needs=("trace_id", "timestamp", "latency_ms", "model", "cost", "level", "error"))
    own = calls[calls["trace_id"] == trace_id]
    if own.empty:
        raise UnknownTraceError(f"no call belongs to the trace {trace_id!r}; df.crashlens.traces() lists them")
    ax = new_axes(ax)
    timed = own[own["timestamp"].notna()].sort_values("timestamp", kind="stable")
    if timed.empty:
        return draw_message(ax, "No call of the trace has a time")
    drawn = timed.head(_MOST_CALLS)
    start = (drawn["timestamp"] - timed["timestamp"].iloc[0]).dt.total_seconds().to_numpy()
    length = drawn["latency_ms"].fillna(0).to_numpy(np.float64) / 1000
    span = float((start + length).max()) or 1.0
    unit, seconds = next((unit, size) for unit, size in _TIME_UNITS.items() if span >= 2 * size or size == 1)
    start, length, span = start / seconds, length / seconds, span / seconds
    models = drawn["model"].astype("str").fillna(UNKNOWN)
    colors, bad = models.map(colors_of(most_expensive(calls, "model"))), failed_calls(drawn)

    rows = np.arange(len(drawn))
    ax.barh(
        rows,
        np.maximum(length, _SHORTEST * span),
        left=start,
        height=0.6,
        facecolor=np.where(bad, "none", colors).tolist(),
        edgecolor=colors.tolist(),
        linewidth=1.6,
    )
    for row, text in zip(rows, _bar_texts(drawn, bad), strict=True):
        end = start[row] + length[row]
        before = start[row] > span - end  # on the side with more room
        ax.annotate(
            text,
            (start[row] if before else end, row),
            xytext=(-8 if before else 8, 0),
            textcoords="offset points",
            ha="right" if before else "left",
            va="center",
            fontsize="small",
            parse_math=False,
        )
    ax.set_yticks(rows, [str(row + 1) for row in rows])
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.set_xlim(-0.01 * span, 1.015 * span)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines["left"].set_visible(False)
    ax.tick_params(length=0, axis="both")
    ax.tick_params(axis="y", labelcolor=GREY)
    hidden = len(own) - len(drawn)
    ax.set_xlabel(axis_label(f"{unit} since the start of the trace", hidden, "without a time or after the fortieth"))
    errors = quantity(int(failed_calls(own).sum()), "failure")
    name = cut(printable(trace_id), LONGEST_NAME)
    set_title(ax, f"{name}: {quantity(len(own), 'call')}, {errors}, cost {money(own['cost'].sum(min_count=1))}")
    return ax


def _bar_texts(calls: pd.DataFrame, bad: np.ndarray) -> list[str]:
    """Return the text beside each bar: model, cost and error of the call."""
    models = calls["model"].astype("str").fillna(UNKNOWN)
    costs = ["cost unknown" if pd.isna(cost) else money(cost) for cost in calls["cost"]]
    errors = calls["error"].astype("str").fillna("failed")
    return [
        ", ".join([cut(printable(model), LONGEST_NAME), cost, *([cut(printable(error), 32)] if wrong else [])])
        for model, cost, error, wrong in zip(models, costs, errors, bad, strict=True)
    ]
