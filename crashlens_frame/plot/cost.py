"""What calls cost over time."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..frame import checked_calls
from ..report import period_starts
from ..words import cut, money, printable, quantity
from .canvas import (
    COLORS,
    GREY,
    LONGEST_NAME,
    OTHERS,
    axis_label,
    can_be_drawn,
    colors_of,
    days_label,
    draw_message,
    format_dollars,
    most_expensive,
    names_and_codes,
    new_axes,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
_MOST_COLORED = 100
_ROOM_ABOVE = 1.08  # of the highest bar, for the lines of anomalies


def plot_cost(
    calls: pd.DataFrame,
    *,
    ax: "Axes | None" = None,
    by: str = "model",
    freq: str | None = None,
    tz: str | None = None,
    marked: pd.DataFrame | None = None,
) -> "Axes":
    """Draw what calls cost over time, stacked by model or by another column.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    by
        Column to stack by, such as ``"model"`` or ``"team"``. The six most expensive values have bars of their own.
    freq
        Length of a period, as pandas writes it: ``"h"``, ``"D"``, ``"W"``, ``"MS"``; one that fits the time span
        of the calls when not given.
    tz
        Time zone in which periods begin and times are written, such as ``"Europe/Paris"``; UTC when not given.
    marked
        Anomalies to mark, as :func:`crashlens_frame.anomalies` finds them by the same column: each as a band in the
        colour of its series, or grey where many series share it.

    Returns
    -------
    Axes
        Stacked bars in US dollars, one bar per period.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``freq`` is no length of a period, or ``tz`` no time zone.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_cost(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    calls = checked_calls(calls, needs={"timestamp", "cost", by})
    ax = new_axes(ax)
    stack = cost_stack(calls, by, freq=freq, tz=tz or "UTC")
    if stack.costs.empty:
        return draw_message(ax, stack.title)
    costs, colors = stack.costs, stack.colors
    begin = pd.DatetimeIndex(costs.index)
    places = date2num(begin.tz_convert("UTC").tz_localize(None))  # type: ignore[no-untyped-call]
    below, entries = np.zeros(len(costs)), list[Any]()
    for place, name in enumerate(costs.columns):
        cost = costs.iloc[:, place]
        label = f"{cut(printable(name), LONGEST_NAME)}  {money(cost.sum())}"
        bars = ax.bar(
            places, cost, bottom=below, width=0.92 * stack.days, align="edge", color=colors[name], label=label
        )
        entries.append(bars)
        below += cost.to_numpy()
    highest = _ROOM_ABOVE * below.max()
    if 0 < highest < np.inf:
        ax.set_ylim(0, highest)
    if marked is not None:
        entries += _mark(ax, marked[by].astype("object"), marked["start"], marked["end"], colors)
    locator = AutoDateLocator(tz=tz, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=tz, show_offset=False))  # type: ignore[no-untyped-call]
    ax.spines["left"].set_visible(False)
    format_dollars(ax.yaxis)
    span = f"{days_label(begin[0], begin[-1])}, {tz or 'UTC'}"
    ax.set_xlabel(axis_label(span, len(calls) - stack.n_calls, "without time or price"))
    ax.set_ylabel(f"US dollars per {stack.period}")
    set_title(ax, stack.title)
    # by their list, as Matplotlib leaves out labels that begin with an underscore
    legend = ax.legend(
        entries,
        [entry.get_label() for entry in entries],
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        reverse=True,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a $ in a logged name starts no formula
    return ax


class CostStack(NamedTuple):
    """Costs over time as they are drawn.

    ``costs`` has a row per period that has calls and a column per name, in stacking order; ``n_calls``
    is the number of calls that have a time and a cost.
    """

    costs: pd.DataFrame
    freq: str
    colors: dict[str, str]
    n_calls: int
    title: str

    @property
    def period(self) -> str:
        """How a period is called, such as "day"."""
        return _PERIODS.get(self.freq, self.freq)

    @property
    def days(self) -> float:
        """How long a period is, in days; where periods differ, how long the shortest is."""
        return _days(self.freq)


def cost_stack(calls: pd.DataFrame, by: str, *, freq: str | None = None, tz: str = "UTC") -> CostStack:
    """Return what calls cost by period and name, as :func:`plot_cost` draws it.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot.cost import cost_stack
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hi", cost=0.5, timestamp="2026-03-01 12:30")
    >>> stack = cost_stack(book.df, "model")
    >>> stack.costs["gpt-4o"].tolist(), stack.period
    ([0.5], 'minute')
    """
    has_cost = calls["cost"].notna() & can_be_drawn(calls["timestamp"])
    drawn = calls[["timestamp", by, "cost"]]
    drawn = drawn if has_cost.all() else drawn[has_cost]
    if drawn.empty:
        why = "None of the calls has a time and a known cost" if len(calls) else "No calls to draw"
        return CostStack(pd.DataFrame(), freq or "D", {}, 0, why)
    freq = freq or _fitting_period(drawn["timestamp"].max() - drawn["timestamp"].min())
    costs = _stack(drawn[by], period_starts(drawn["timestamp"], freq, tz), drawn["cost"])
    # so that a name has its colour in all plots; names after the first hundred share theirs anyway
    colors = colors_of([*most_expensive(calls, by)[:_MOST_COLORED], *costs.columns])
    title = f"{money(drawn['cost'].sum())} in {quantity(len(drawn), 'call')}, by {by}"
    return CostStack(costs, freq, colors, len(drawn), title)


def _mark(ax: "Axes", names: pd.Series, start: pd.Series, end: pd.Series, colors: dict[str, str]) -> list[Any]:
    """Draw bands for anomalies, with a line above each that is seen where the band is narrow; return their legend."""
    from matplotlib.dates import date2num

    begins, ends = (date2num(times.dt.tz_convert("UTC").dt.tz_localize(None)) for times in (start, end))  # type: ignore[no-untyped-call]
    above = ax.get_xaxis_transform()
    for name, begin, stop in zip(names, begins, ends, strict=True):
        color = colors.get(name, GREY) if isinstance(name, str) else GREY
        ax.axvspan(begin, stop, color=color, alpha=0.15, linewidth=0, zorder=0)
        ax.plot([begin, stop], [0.985] * 2, transform=above, color=color, linewidth=4)
    return ax.plot([], [], color=GREY, linewidth=4, label="anomaly") if len(names) else []  # of whichever series


def _stack(labels: pd.Series, begin: pd.Series, cost: pd.Series) -> pd.DataFrame:
    """Return the cost by period and name: the most expensive names, then all others together, in stacking order."""
    codes, names = names_and_codes(labels)
    calls = np.bincount(codes, minlength=len(names))
    spent = np.bincount(codes, weights=cost, minlength=len(names))
    order = np.lexsort((-spent, calls == 0))[: np.count_nonzero(calls)]
    own = [names[code] for code in order[: len(COLORS)]]
    drawn = own + [OTHERS] * (len(order) > len(own))
    column = np.full(len(names), len(own))
    column[order[: len(own)]] = np.arange(len(own))
    row, starts = pd.factorize(begin, sort=True)
    sums = np.bincount(row * len(drawn) + column[codes], weights=cost, minlength=len(starts) * len(drawn))
    return pd.DataFrame(sums.reshape(len(starts), len(drawn)), index=starts, columns=drawn)


def _fitting_period(span: pd.Timedelta) -> str:
    """Return the shortest period that does not cut a span of time into too many parts."""
    return next((freq for freq in _PERIODS if span / pd.Timedelta(days=_days(freq)) <= _MOST_PERIODS), "YS")


def _days(freq: str) -> float:
    """Return the length of a period in days; where periods differ, the length of the shortest."""
    step = pd.tseries.frequencies.to_offset(freq)
    january = pd.Timestamp("2023-01-01")
    length: pd.Timedelta = (january + step + step) - (january + step)
    return length / pd.Timedelta(days=1)
