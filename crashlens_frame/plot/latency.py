"""How long calls take."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..frame import checked_calls
from ..words import cut, printable
from .canvas import (
    COLORS,
    GREY,
    LONGEST_NAME,
    MOST_NAMES,
    axis_label,
    draw_message,
    names_and_codes,
    new_axes,
    set_rows,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUANTILES = {0.5: ("median", COLORS[0], "o"), 0.95: ("p95", COLORS[1], "s"), 0.99: ("p99", COLORS[5], "D")}


def plot_latency(calls: pd.DataFrame, *, ax: "Axes | None" = None, by: str = "model") -> "Axes":
    """Draw the median, the 95th and the 99th percentile of the latency, by model or by another column.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    by
        Column to compare, such as ``"model"`` or ``"route"``. The twelve values with the most calls are drawn, the
        slowest on top.

    Returns
    -------
    Axes
        One row per value, with a mark for each percentile on a logarithmic axis of time.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_latency(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    calls = checked_calls(calls, needs=("latency_ms", by))
    ax = new_axes(ax)
    drawn = calls.loc[calls["latency_ms"].notna(), [by, "latency_ms"]]
    if drawn.empty:
        return draw_message(ax, "None of the calls has a known latency" if len(calls) else "No calls to draw")
    # a logarithmic axis cannot show a latency of 0
    latency = np.maximum(drawn["latency_ms"].to_numpy(np.float64), 1.0)
    codes, names = names_and_codes(drawn[by])
    n_calls = np.bincount(codes, minlength=len(names))
    most = [code for code in np.argsort(-n_calls, kind="stable")[:MOST_NAMES] if n_calls[code]]
    table = pd.DataFrame(
        {names[code]: np.quantile(latency[codes == code], list(_QUANTILES), overwrite_input=True) for code in most},
        index=[label for label, *_ in _QUANTILES.values()],
    ).T.sort_values(["p95", "median"], kind="stable")

    rows = np.arange(len(table))
    ax.hlines(rows, table["median"], table["p99"], color=GREY, linewidth=1.5, zorder=1)
    for label, color, marker in _QUANTILES.values():
        ax.scatter(table[label], rows, s=42, color=color, marker=marker, label=label, zorder=2)
    ax.set_yticks(rows, [cut(printable(name), LONGEST_NAME) for name in table.index], parse_math=False)
    ax.set_xscale("log")
    ax.set_xlim(table["median"].min() / 1.4, table["p99"].max() * 1.4)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_text(value)))
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines["left"].set_visible(False)
    ax.tick_params(length=0)
    set_rows(ax, len(table))
    left_out = len(calls) - int(n_calls[most].sum())
    ax.set_xlabel(axis_label("time for an answer", left_out, "with other values or unknown latency"))
    median, p95 = np.quantile(latency, [0.5, 0.95])
    set_title(ax, f"p95 {duration_text(p95)}, median {duration_text(median)}, by {by}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def duration_text(milliseconds: float) -> str:
    """Return a time as text, in the unit that fits.

    Examples
    --------
    >>> from crashlens_frame.plot.latency import duration_text
    >>> [duration_text(time) for time in (250, 1500, 20_000, 90_000)]
    ['250 ms', '1.5 s', '20 s', '1.5 min']
    """
    for unit, length in (("min", 60_000.0), ("s", 1000.0)):
        if milliseconds >= length:
            return f"{milliseconds / length:.3g} {unit}"
    return f"{milliseconds:.3g} ms"
