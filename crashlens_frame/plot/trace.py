"""What one trace did, attempt by attempt."""

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pandas as pd

from ..detectors import flag
from ..errors import UnknownTraceError
from ..frame import checked_calls, failed_calls
from ..jsonvalues import without_surrogates
from ..pricing import cost_parts
from ..words import UNKNOWN, cut, money, printable, quantity
from .canvas import (
    COLORS,
    GREY,
    LONGEST_NAME,
    WELL_SPENT,
    axis_label,
    colors_of,
    draw_message,
    format_dollars,
    most_expensive,
    new_axes,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CALLS = 40
_TIME_UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
# the meters that costs are made of, as they are drawn, and those of ``cost_parts`` that each stands for
_METERS = {
    "read from the cache": (WELL_SPENT, ("cached_input",)),
    "written to the cache": (COLORS[1], ("cache_write", "cache_write_1h")),
    "input": (COLORS[0], ("input", "audio_input", "cached_audio_input")),
    "output": (COLORS[3], ("output", "audio_output", "reasoning")),
    "other": (GREY, ()),
}
_THROWN_AWAY = "////"
# parts of the axis: a letter of the text beside a bar, and the gap between them
_LETTER, _GAP = 0.0115, 0.016
_PALE = 0.35  # so that what is written on it can be read, on a dark page too
_RIGHT = 0.6  # of the figure: what stands beside the bars has the rest
_SHORTEST = 0.006  # part of the axis, so that a call without a latency can still be seen


def plot_trace(calls: pd.DataFrame, trace_id: str, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the calls of a trace as bars in time, one below the other, and beside them what each cost, by meter.

    Parameters
    ----------
    calls
        Frame of calls; with a column ``waste_cost``, as :func:`crashlens_frame.flag` adds it, what it says was thrown
        away is believed, otherwise waste is looked for in the trace.
    trace_id
        The trace; its first forty calls are drawn.
    ax
        Axes to draw on; a new figure when not given.

    Returns
    -------
    Axes
        One bar per call, from its start for as long as it took, in seconds, minutes, hours or days since the start of
        the trace; the bar of a failed call is hollow. Model, cost, called tools and error are written beside it.
        At the right, each cost is divided into input, what was read from the cache and written to it, and output; it is
        hatched where some of it was wasted.

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

    calls = checked_calls(calls, needs=("trace_id", "timestamp", "latency_ms", "model", "cost", "level", "error"))
    readable = without_surrogates(str(trace_id))  # as reading a log makes it
    own = calls[calls["trace_id"] == readable].reset_index(drop=True)
    if own.empty:
        raise UnknownTraceError(f"no call belongs to the trace {trace_id!r}; df.crashlens.traces() lists them")
    is_own_figure = ax is None
    ax = new_axes(ax, height=1.4 + 0.34 * max(len(own.head(_MOST_CALLS)), 4), width=10.0)
    timed = own[own["timestamp"].notna()].sort_values("timestamp", kind="stable")
    if timed.empty:
        return draw_message(ax, "No call of the trace has a time")
    drawn = timed.head(_MOST_CALLS)
    start = (drawn["timestamp"] - timed["timestamp"].iloc[0]).dt.total_seconds().to_numpy()
    length = drawn["latency_ms"].fillna(0).to_numpy(np.float64) / 1000
    span = float((start + length).max()) or 1.0
    unit, seconds = next((unit, size) for unit, size in _TIME_UNITS.items() if span >= 2 * size or size == 1)
    start, length, span = start / seconds, length / seconds, span / seconds
    waste = _wasted(own)
    wasted = waste[drawn.index].to_numpy()
    models = drawn["model"].astype("str").fillna(UNKNOWN)
    colors, bad = models.map(colors_of(most_expensive(calls, "model"))), failed_calls(drawn)

    rows = np.arange(len(drawn))
    bars = ax.barh(
        rows,
        np.maximum(length, _SHORTEST * span),
        left=start,
        height=0.6,
        facecolor=np.where(bad, "none", colors).tolist(),
        edgecolor=colors.tolist(),
        linewidth=1.6,
    )
    for row, text in zip(rows, _bar_texts(drawn, bad), strict=True):
        _write_beside(ax, text, bars[row], span)
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
    label = axis_label(f"{unit} since the start of the trace", hidden, "without a time or after the fortieth")
    ax.set_xlabel(label.replace("; ", "\n"))
    errors = quantity(int(failed_calls(own).sum()), "failure")
    name = cut(printable(readable), LONGEST_NAME)
    set_title(ax, f"{name}: {quantity(len(own), 'call')}, {errors}, {_costs_text(own, waste)}")
    if drawn["cost"].sum() > 0:
        _draw_meters(ax, drawn, wasted)
        if is_own_figure:  # the layout ends near where it begins
            grid = ax.get_gridspec()
            assert grid is not None  # that of the figure made here
            grid.update(right=_RIGHT)
    return ax


def _wasted(calls: pd.DataFrame) -> pd.Series:
    """Return the wasted US dollars of each call of a trace."""
    if "waste_cost" in calls.columns:
        return calls["waste_cost"]
    return flag(calls)["waste_cost"]


def _costs_text(calls: pd.DataFrame, waste: pd.Series) -> str:
    """Return what the calls cost, and how much of it was wasted."""
    cost = f"cost {money(calls['cost'].sum(min_count=1))}"
    return f"{cost}, {money(waste.sum())} wasted" if waste.sum() > 0 else cost


def _write_beside(ax: "Axes", text: str, bar: Any, span: float) -> None:
    """Write the text of a bar behind it or before it; where neither has room on it, which then is paler."""
    needed = (_LETTER * len(text) + _GAP) * span
    start, end, gap = bar.get_x(), bar.get_x() + bar.get_width(), _GAP * span
    place, align = end + gap, "left"
    if span - end < needed <= start:
        place, align = start - gap, "right"
    elif span - end < needed:
        place = max(0.0, min(start, span - needed)) + gap
        red, green, blue, alpha = bar.get_facecolor()
        bar.set_facecolor((red, green, blue, alpha * _PALE))
    ax.text(place, bar.get_y() + bar.get_height() / 2, text, ha=align, va="center", fontsize="small", parse_math=False)


def _draw_meters(ax: "Axes", calls: pd.DataFrame, wasted: np.ndarray) -> None:
    """Draw the cost of each call by meter, beside its row."""
    from matplotlib.patches import Patch

    beside = ax.inset_axes((1.07, 0.0, 0.3, 1.0), sharey=ax)
    parts = cost_parts(calls.reset_index(drop=True))
    of_meter = {name: group for group, (_, names) in _METERS.items() for name in names}
    group = parts["meter"].astype("str").map(of_meter).fillna("other")
    rows, left, handles = np.arange(len(calls)), np.zeros(len(calls)), []
    for name, (color, _) in _METERS.items():
        cost = (
            parts["cost"].where(group == name, 0.0).groupby(parts.index).sum().reindex(rows, fill_value=0.0).to_numpy()
        )
        if not cost.any():
            continue
        bars = beside.barh(rows, cost, left=left, height=0.6, color=color, label=name)
        for row in np.flatnonzero(wasted > 0):
            bars[row].set(hatch=_THROWN_AWAY, edgecolor="white", linewidth=0)
        handles.append(Patch(facecolor=color, label=name))
        left += cost
    format_dollars(beside.xaxis)
    beside.xaxis.set_major_locator(_few_ticks())
    beside.spines[["left", "top", "right"]].set_visible(False)
    beside.tick_params(axis="y", left=False, labelleft=False)
    beside.set_xlabel("US dollars")
    if np.any(wasted > 0):
        handles.append(Patch(facecolor=GREY, edgecolor="white", hatch=_THROWN_AWAY, label="wasted"))
    # of the axes themselves, so that the layout makes room for it
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.38, 1.0), frameon=False, fontsize="small")


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=2, steps=[1, 2, 5, 10])


def _bar_texts(calls: pd.DataFrame, bad: np.ndarray) -> list[str]:
    """Return the text beside each bar: model, cost, called tools and error of the call."""
    models = calls["model"].astype("str").fillna(UNKNOWN)
    costs = ["cost unknown" if pd.isna(cost) else money(cost) for cost in calls["cost"]]
    errors = calls["error"].astype("str").fillna("failed").where(bad)
    tools = _tool_names(calls)
    texts = zip(models, costs, tools, errors, strict=True)
    return [
        ", ".join(
            [cut(printable(model), LONGEST_NAME), cost, *(cut(printable(str(x)), 32) for x in more if pd.notna(x))]
        )
        for model, cost, *more in texts
    ]


def _tool_names(calls: pd.DataFrame) -> pd.Series:
    """Return the names of the tools that each answer calls, such as "search(), read()"; null where there is none."""
    if "tool_calls" not in calls.columns:
        return pd.Series(None, index=calls.index, dtype="str")
    return calls["tool_calls"].map(_tools_text, na_action="ignore")


def _tools_text(tool_calls: str) -> str | None:
    try:
        return ", ".join(f"{call['name']}()" for call in orjson.loads(tool_calls)) or None
    except (ValueError, TypeError, KeyError):
        return None  # a log may hold another text in this column
