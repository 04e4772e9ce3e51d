"""What the prompt cache did over time."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..detectors import CACHE_CAUSES, missed_by_call
from ..errors import check_choice
from ..frame import checked_calls
from ..pricing import Prices
from ..words import cut, money, percent, printable, quantity
from .canvas import (
    COLORS,
    GREY,
    LONGEST_NAME,
    WELL_SPENT,
    axis_label,
    can_be_drawn,
    days_label,
    draw_message,
    names_and_codes,
    new_axes,
    set_title,
)
from .tokens import tokens_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = {"read": WELL_SPENT, "written": COLORS[1], "paid in full": COLORS[0]}
_MISS = COLORS[5]
_MARKERS = ("v", "X", "D", "s", "P", "*", "o")  # one for each cause
_LANES = ("session_id", "route", "name", "team", "model", "trace_id")
_MOST_LANES = 6
_BARS = 72
_LANE_HEIGHT, _FRAME_HEIGHT = 0.85, 1.4  # inches


def plot_cache(
    calls: pd.DataFrame, *, ax: "Axes | None" = None, lane: str | None = None, prices: Prices | None = None
) -> "Axes":
    """Draw the input over time, lane by lane: read from the cache, written to it, paid in full, and what was missed.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    lane
        Column that divides the calls into lanes: "session_id", "route", "name", "team", "model" or "trace_id"; the
        session where a call has one, else its route, when not given. The six lanes with the most expensive misses,
        then those with the most input, are drawn.
    prices
        Prices whose rates for reading and writing are used: the path of a YAML file, a PriceBook or a mapping; the
        shipped ones when not given.

    Returns
    -------
    Axes
        One row of stacked bars per lane, in tokens, with a mark above each period in which calls missed the cache: its
        shape is the cause.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``lane`` is none of those columns.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_cache(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    if lane is not None:
        check_choice("lane", lane, _LANES)
    needed = ("timestamp", "input_tokens", "cached_input_tokens", "cache_write_tokens", "model")
    calls = checked_calls(calls, needs=(*needed, *([lane] if lane else ["session_id", "route"])))
    drawn = calls[can_be_drawn(calls["timestamp"]) & calls["input_tokens"].notna()]
    if drawn.empty:
        ax = new_axes(ax)
        return draw_message(ax, "None of the calls has a time and known tokens" if len(calls) else "No calls to draw")
    dollars, cause = missed_by_call(drawn, prices)
    sent, read, written = (drawn[name].to_numpy(np.float64, na_value=0.0) for name in needed[1:4])
    # the cache of a prompt that grew while its counts did not is still no more than its input
    parts = dict(zip(_PARTS, (read, written, np.maximum(sent - read - written, 0.0)), strict=True))
    codes, names = names_and_codes(
        drawn[lane] if lane else drawn["session_id"].astype("str").fillna(drawn["route"].astype("str"))
    )
    lanes = _lanes_to_draw(codes, len(names), dollars, sent)
    ax = new_axes(ax, height=_FRAME_HEIGHT + _LANE_HEIGHT * len(lanes))

    edges, period = _periods(drawn["timestamp"])
    for row, code in enumerate(lanes):
        own = codes == code
        _draw_lane(ax, row, edges, period[own], {name: tokens[own] for name, tokens in parts.items()})
        _mark_misses(ax, row, edges, period[own], cause[own])
    n_calls, n_read, n_sent = (np.bincount(codes, each) for each in (None, read, sent))
    labels = [
        f"{cut(printable(names[code]), LONGEST_NAME)}\n{percent(n_read[code], n_sent[code])} read,"
        f" {quantity(int(n_calls[code]), 'call')}"
        for code in lanes
    ]
    ax.set_yticks(np.arange(len(lanes)) + 0.4, labels, parse_math=False)
    ax.set_ylim(len(lanes), -0.12)
    _format_time(ax, edges)
    shown = np.isin(codes, lanes)
    days = days_label(drawn["timestamp"].min(), drawn["timestamp"].max())
    ax.set_xlabel(axis_label(f"{days}, UTC", len(calls) - int(shown.sum()), "of other lanes, or without tokens,"))
    missed = dollars.sum()
    set_title(
        ax,
        f"{percent(read.sum(), sent.sum())} of {tokens_text(sent.sum())} input tokens read from a cache"
        + (f", misses cost {money(missed)}" if missed else ", no misses found"),
    )
    _legend(ax, [number for number in range(len(CACHE_CAUSES)) if np.any(cause[shown] == number)])
    return ax


def _lanes_to_draw(codes: np.ndarray, size: int, dollars: np.ndarray, sent: np.ndarray) -> np.ndarray:
    """Return the lanes that missed most, then those with the most input."""
    missed, tokens = (np.bincount(codes, values, minlength=size) for values in (dollars, sent))
    order = np.lexsort((-tokens, -missed))
    return order[tokens[order] > 0][:_MOST_LANES]


def _periods(times: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of equal periods, in days as matplotlib counts them, and the period of each call."""
    from matplotlib.dates import date2num

    place = np.asarray(date2num(times.dt.tz_localize(None)))  # type: ignore[no-untyped-call]
    edges = np.linspace(place.min(), max(place.max(), place.min() + 1 / 1440), _BARS + 1)
    return edges, np.minimum(np.searchsorted(edges, place, side="right") - 1, _BARS - 1)


def _draw_lane(ax: "Axes", row: int, edges: np.ndarray, period: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    """Draw the stacked bars of one lane, upwards from its lower edge."""
    sums = {name: np.bincount(period, tokens, minlength=_BARS) for name, tokens in parts.items()}
    most = sum(sums.values()).max() or 1.0  # type: ignore[union-attr]
    bottom, width = np.full(_BARS, row + 0.8), edges[1] - edges[0]
    for name, tokens in sums.items():
        height = 0.66 * tokens / most
        used = height > 0
        ax.bar(
            edges[:-1][used], -height[used], bottom=bottom[used], width=0.9 * width, align="edge", color=_PARTS[name],
            label=f"_{name}",
        )  # fmt: skip
        bottom -= height
    ax.axhline(row + 0.8, color=GREY, linewidth=0.6)


def _mark_misses(ax: "Axes", row: int, edges: np.ndarray, period: np.ndarray, cause: np.ndarray) -> None:
    """Mark the periods in which calls missed the cache."""
    middle = (edges[:-1] + edges[1:]) / 2
    for number, marker in enumerate(_MARKERS):
        places = np.unique(period[cause == number])
        if len(places):
            ax.scatter(middle[places], np.full(len(places), row + 0.06), s=22, color=_MISS, marker=marker, zorder=3)


def _format_time(ax: "Axes", edges: np.ndarray) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    ax.set_xlim(edges[0], edges[-1])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)


def _legend(ax: "Axes", causes: list[int]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    parts = [Patch(color=color, label=name) for name, color in _PARTS.items()]
    marks = [
        Line2D([], [], color=_MISS, marker=_MARKERS[number], linestyle="none", label=CACHE_CAUSES[number])
        for number in causes
    ]
    ax.legend(handles=[*parts, *marks], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
