"""Plots of calls: what they cost over time, and what of it was wasted."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zlib import crc32

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import totals
from .findings import find_waste
from .frame import check_calls
from .schema import DETECTORS
from .tables import UNKNOWN, counted, cut, money, share, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), which the colour-blind tell apart; without black, which a dark background swallows, and without
# yellow, which a light one does
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY = "#757575"
WELL_SPENT = "#009E73"
OTHERS = "others"

_DETECTOR_COLORS = ("#D55E00", "#E69F00", "#CC79A7", "#56B4E9")
_PERIODS = {
    "min": "minute",
    "5min": "5 minutes",
    "15min": "15 minutes",
    "h": "hour",
    "6h": "6 hours",
    "D": "day",
    "W": "week",
    "MS": "month",
    "YS": "year",
}
_MOST_PERIODS = 62
_LONGEST_NAME = 28


def plot_waste(calls: pd.DataFrame, *, ax: "Axes | None" = None, findings: pd.DataFrame | None = None) -> "Axes":
    """Draw what each detector found, as steps from what was spent down to what would have been enough.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    findings
        What the detectors found in the calls; ``find_waste`` is run when not given. Suppressed findings are left out.

    Returns
    -------
    Axes
        One bar for what was spent, one a detector, one for the rest, in US dollars.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot import plot_waste
    >>> ax = plot_waste(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    check_calls(calls, needs=("cost",))
    ax = _axes(ax)
    spent = float(calls["cost"].sum())
    if not calls["cost"].notna().any():
        return _nothing(ax, "None of the calls has a known cost" if len(calls) else "No calls to draw")
    if findings is None:
        findings = find_waste(calls)
    active = findings[findings["suppressed_by"].isna()]
    by_detector = active["waste_cost"].groupby(active["detector"].astype("str"))
    found = by_detector.size().reindex(DETECTORS, fill_value=0)
    wasted = by_detector.sum(min_count=1).reindex(DETECTORS).where(found > 0, 0.0)
    steps = wasted.fillna(0.0).to_numpy()
    left = spent - steps.cumsum()

    names = ["spent", *(name.replace("_", " ") for name in DETECTORS), "without waste"]
    widths, starts = np.array([spent, *steps, left[-1]]), np.array([0.0, *left, 0.0])
    ax.barh(names, widths, left=starts, color=[GREY, *_DETECTOR_COLORS, WELL_SPENT], height=0.66)
    # each step begins where the one above it ends
    ax.vlines([spent, *left], np.arange(5) + 0.33, np.arange(5) + 0.67, color=GREY, linewidth=0.8)
    details = [
        f"{money(cost)}, {share(cost, spent)} in {counted(number, 'finding')}"
        for cost, number in zip(wasted, found, strict=True)
    ]
    for row, text in enumerate([money(spent), *details, money(left[-1])]):
        _beside(ax, row, starts[row], starts[row] + widths[row], spent, text)
    ax.set_xlim(min(0.0, left.min()), 1.015 * spent or 1.0)
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    _in_dollars(ax.xaxis)
    ax.set_xlabel(_axis_label("US dollars", calls["cost"].isna(), "without a known price"))
    share_of_all = f"{money(steps.sum())} of {money(spent)} wasted ({share(steps.sum(), spent)})"
    _title(ax, share_of_all if len(active) else f"No waste found in {counted(len(calls), 'call')}")
    return ax


def plot_cost(
    calls: pd.DataFrame,
    *,
    ax: "Axes | None" = None,
    by: str = "model",
    freq: str | None = None,
    tz: str | None = None,
) -> "Axes":
    """Draw what calls cost over time, stacked by model or by another column.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    by
        Column to stack by, such as ``"model"`` or ``"team"``. The six dearest values have bars of their own.
    freq
        Length of a period, as pandas writes it: ``"h"``, ``"D"``, ``"W"``, ``"MS"``; by the span of the calls when not
        given.
    tz
        Time zone in which periods begin and times are shown, such as ``"Europe/Paris"``; UTC when not given.

    Returns
    -------
    Axes
        Stacked bars in US dollars, one for each period.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidCallError
        The freq or the time zone is not known.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot import plot_cost
    >>> ax = plot_cost(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    check_calls(calls, needs={*totals.MEASURED, "timestamp", by})
    ax = _axes(ax)
    drawn = calls[["timestamp", by, *totals.MEASURED]][calls["cost"].notna() & calls["timestamp"].notna()]
    if drawn.empty:
        return _nothing(ax, "None of the calls has a time and a known cost" if len(calls) else "No calls to draw")
    freq = freq or _fitting(drawn["timestamp"].max() - drawn["timestamp"].min())
    costs = _stack(totals.by(drawn, by, freq=freq, tz=tz), by)
    colors = colors_of(costs.columns)
    begin = pd.DatetimeIndex(costs.index)
    places = date2num(begin.tz_convert("UTC").tz_localize(None))  # type: ignore[no-untyped-call]
    below = np.zeros(len(costs))
    for name in costs.columns:
        cost = costs[name]
        label = f"{cut(shown(name), _LONGEST_NAME)}  {money(cost.sum())}"
        ax.bar(places, cost, bottom=below, width=0.92 * _days(freq), align="edge", color=colors[name], label=label)
        below += cost.to_numpy()

    locator = AutoDateLocator(tz=tz, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=tz, show_offset=False))  # type: ignore[no-untyped-call]
    ax.spines["left"].set_visible(False)
    _in_dollars(ax.yaxis)
    first, last = f"{begin[0]:%Y-%m-%d}", f"{begin[-1]:%Y-%m-%d}"
    span = f"{first if first == last else f'{first} to {last}'}, {tz or 'UTC'}"
    ax.set_xlabel(_axis_label(span, calls["cost"].isna() | calls["timestamp"].isna(), "without time or price"))
    ax.set_ylabel(f"US dollars per {_PERIODS.get(freq, freq)}")
    _title(ax, f"{money(drawn['cost'].sum())} in {counted(len(drawn), 'call')}, by {by}")
    legend = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, reverse=True)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a logged name is no mathematics
    return ax


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """Give each name a colour: its own whatever else is drawn, unless two of the names share it.

    Examples
    --------
    >>> from crashlens_frame.plot import colors_of
    >>> colors_of(["gpt-4o"])["gpt-4o"] == colors_of(["gpt-4o", "o3"])["gpt-4o"]
    True
    """
    colors = {OTHERS: GREY}
    for name in sorted(set(names) - {OTHERS}):
        first = crc32(name.encode())
        wheel = [COLORS[(first + step) % len(COLORS)] for step in range(len(COLORS))]
        colors[name] = next((color for color in wheel if color not in colors.values()), wheel[0])
    return colors


def _axes(ax: "Axes | None") -> "Axes":
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _nothing(ax: "Axes", why: str) -> "Axes":
    ax.set_axis_off()
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center")
    return ax


def _title(ax: "Axes", text: str) -> None:
    ax.set_title(text, loc="left", fontweight="bold", parse_math=False)


def _axis_label(text: str, left_out: pd.Series, why: str) -> str:
    number = int(left_out.sum())
    return f"{text}; {counted(number, 'call')} {why} left out" if number else text


def _in_dollars(axis: Any) -> None:
    """Label an axis with amounts, and draw a faint line at each."""

    def label(value: float, _: object) -> str:
        return f"${value:,.0f}" if max(np.abs(axis.get_view_interval())) >= 5 else money(value)

    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(label))
    axis.grid(alpha=0.25)
    axis.axes.set_axisbelow(True)
    axis.set_tick_params(length=0)


def _beside(ax: "Axes", row: int, left: float, right: float, whole: float, text: str) -> None:
    """Write a text into a bar that is long enough, else on the side of it that has more room."""
    inside = right - left > 0.5 * whole
    before = not inside and left > whole - right
    ax.annotate(
        text,
        (left if before or inside else right, row),
        xytext=(-6 if before else 6, 0),
        textcoords="offset points",
        ha="right" if before else "left",
        va="center",
        color="white" if inside else None,
        fontweight="bold" if inside else None,
        parse_math=False,
    )


def _stack(summed: pd.DataFrame, by: str) -> pd.DataFrame:
    """Give cost by period and name: the dearest names, the others together, in the order of the stack."""
    names = summed[by].astype("str").fillna(UNKNOWN)
    dearest = summed["cost"].groupby(names).sum().sort_values(ascending=False, kind="stable").index
    names = names.where(names.isin(dearest[: len(COLORS)]), OTHERS)
    costs = summed.assign(name=names).pivot_table(
        index="timestamp", columns="name", values="cost", aggfunc="sum", fill_value=0.0
    )
    order = [*dearest[: len(COLORS)], *([OTHERS] if len(dearest) > len(COLORS) else [])]
    return costs[order]


def _fitting(span: pd.Timedelta) -> str:
    """Give the shortest period of which not too many lie in a span of time."""
    return next((freq for freq in _PERIODS if span / pd.Timedelta(days=_days(freq)) <= _MOST_PERIODS), "YS")


def _days(freq: str) -> float:
    """Give the length of a period, of the shortest one where they differ, in days."""
    step = pd.tseries.frequencies.to_offset(freq)
    january = pd.Timestamp("2023-01-01")
    length: pd.Timedelta = (january + step + step) - (january + step)
    return length / pd.Timedelta(days=1)
