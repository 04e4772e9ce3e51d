"""What was unusual: the spend of each series, what was expected, and what moved."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..frame import checked_calls
from ..watch import anomalies_and_hours
from ..words import UNKNOWN, cut, money, printable, signed_money
from .canvas import COLORS, GREY, LONGEST_NAME, WELL_SPENT, can_be_drawn, days_label, draw_message, new_axes, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_SERIES = 6
_MOST_POINTS = 260
_LANE = 0.72  # of the height of a row
_LETTER = 0.0105  # of the width, of a letter in the text of an event
_MOVED = {
    "calls": ("more calls", COLORS[5]),
    "cost of a call": ("cost of a call", COLORS[1]),
    "calls and cost of a call": ("calls and their cost", COLORS[3]),
    "cost of a call and calls": ("calls and their cost", COLORS[3]),
}
_FELL = ("fewer calls", COLORS[0])


def plot_anomalies(
    calls: pd.DataFrame,
    *,
    ax: "Axes | None" = None,
    by: str = "model",
    tz: str | None = None,
    threshold: float = 5.0,
    min_usd: float | None = None,
) -> "Axes":
    """Draw the spend of the series with anomalies, hour by hour, what was expected, and what moved.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    by
        Key of a series, as :func:`crashlens_frame.anomalies` takes it. The six series with most dollars of anomalies
        are drawn, the first on top; without anomalies those with the highest spend.
    tz
        Time zone of days, weekends, nights and written times, such as ``"Europe/Paris"``; UTC when not given.
    threshold
        Score above which an hour is unusual.
    min_usd
        US dollars that must be at stake; 3 % of a usual day of the series when not given.

    Returns
    -------
    Axes
        A row for each series, each on a scale of its own: the spend as an area, the expected spend as a line, each
        anomaly as a band in the colour of what moved, with its kind and the US dollars more or less than expected.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``tz`` is no time zone, or the threshold is not above 0.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_anomalies(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    calls = checked_calls(calls, needs=("timestamp",))
    drawable = calls[can_be_drawn(calls["timestamp"])]
    found, hours = anomalies_and_hours(drawable, by=by, tz=tz, threshold=threshold, min_usd=min_usd)
    if hours.empty:
        return draw_message(new_axes(ax), "None of the calls has a time" if len(calls) else "No calls to draw")
    hours = hours.assign(**{by: _names(hours[by])})
    # what many series share belongs to no series, and is written into each
    found = found.assign(**{by: _names(found[by]), "is_shared": found["sentence"].str.startswith("Many series")})
    drawn = _most_important(found, hours, by)
    ax = new_axes(ax, height=1.3 + 0.9 * max(len(drawn), 2), width=10.0)
    names = []
    for row, name in enumerate(reversed(drawn)):
        own = hours[hours[by] == name]
        _draw_series(ax, row, own, found[(found[by] == name) | found["is_shared"]])
        names.append(f"{cut(printable(name), LONGEST_NAME)}\n{money(own['cost'].sum())}")
    ax.set_ylim(-0.1, len(drawn) + 0.05)
    ax.set_yticks(np.arange(len(drawn)) + _LANE / 2, names, parse_math=False)
    begin, last = hours["timestamp"].iloc[0], hours["timestamp"].iloc[-1]
    end = last + pd.Timedelta("1h")
    ax.set_xlim(begin, end)
    locator = AutoDateLocator(tz=tz, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=tz, show_offset=False))  # type: ignore[no-untyped-call]
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    hidden = found.loc[~found["is_shared"], by].nunique() - len(set(found[by]) & set(drawn))
    more = f"; {hidden} more series with anomalies not shown" if hidden > 0 else ""
    ax.set_xlabel(f"{days_label(begin, last)}, {tz or 'UTC'}{more}")
    set_title(ax, _title(found, by))
    _draw_legend(ax, found)
    return ax


def _names(values: pd.Series) -> pd.Series:
    return values.astype("object").where(values.notna(), UNKNOWN).astype("str")


def _most_important(found: pd.DataFrame, hours: pd.DataFrame, by: str) -> list[str]:
    """Return the series to draw: those with most dollars of anomalies, then, if there are none, of spend."""
    at_stake = found[~found["is_shared"]].groupby(by)["dollars"].agg(lambda dollars: dollars.abs().sum())
    spent = hours.groupby(by)["cost"].sum()
    ranked = (at_stake if len(at_stake) else spent).sort_values(ascending=False, kind="stable")
    return [str(name) for name in ranked.index[:_MOST_SERIES]]


def _draw_series(ax: "Axes", row: int, hours: pd.DataFrame, found: pd.DataFrame) -> None:
    """Draw a series into its row."""
    step = max(1, -(-len(hours) // _MOST_POINTS))
    part = np.arange(len(hours)) // step
    times = [*hours["timestamp"].iloc[::step], hours["timestamp"].iloc[-1] + pd.Timedelta("1h")]
    seen = np.bincount(part, hours["cost"])
    expected = np.bincount(part, hours["expected"])  # NaN where a part of it is
    # a single huge call must not flatten the rest
    usual = np.quantile(np.fmax(seen, expected), 0.99)
    scale = _LANE / max(float(usual) * 1.1, 1e-12)
    tops = [row + np.minimum(np.append(values, values[-1]) * scale, _LANE) for values in (seen, expected)]
    ax.fill_between(times, row, tops[0], step="post", color=GREY, alpha=0.4, linewidth=0)
    ax.step(times, tops[1], where="post", color=WELL_SPENT, linewidth=1.2)
    _draw_events(ax, row, found, times[0], times[-1])


def _draw_events(ax: "Axes", row: int, found: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> None:
    """Draw the bands of events, and what they are above them, or below the edge; the largest sums where texts meet."""
    taken: list[tuple[bool, float, float]] = []
    columns = ("start", "end", "kind", "moved", "dollars", "is_shared")
    by_sum = found.loc[found["dollars"].abs().sort_values(ascending=False, kind="stable").index]
    for start, stop, kind, moved, dollars, is_shared in zip(*(by_sum[name] for name in columns), strict=True):
        _, color = _look(moved, dollars)
        ax.fill_between([start, stop], row, row + _LANE, color=color, alpha=0.25, linewidth=0)
        ax.plot([start, stop], [row + _LANE] * 2, color=color, linewidth=3, solid_capstyle="projecting")
        text = f"{kind}{' of many series' if is_shared else ''} {signed_money(dollars)}"
        width = _LETTER * len(text)
        middle = (start + (stop - start) / 2 - begin) / (end - begin)
        left = min(max(middle - width / 2, 0.0), 1 - width)
        is_below = next((below for below in (False, True) if _is_free(taken, below, left, left + width)), None)
        if is_below is None:
            continue
        taken.append((is_below, left, left + width))
        ax.annotate(
            text,
            (begin + (left + width / 2) * (end - begin), row + _LANE),
            xytext=(0, -4 if is_below else 3),
            textcoords="offset points",
            ha="center",
            va="top" if is_below else "bottom",
            fontsize="small",
            color=color,
            parse_math=False,
        )


def _is_free(taken: list[tuple[bool, float, float]], is_below: bool, left: float, right: float) -> bool:
    """Whether no text stands between two places yet, above the edge or below it."""
    return not any(below == is_below and left < stop and start < right for below, start, stop in taken)


def _look(moved: str, dollars: float) -> tuple[str, str]:
    """Return what moved, in words, and its colour."""
    return _FELL if dollars < 0 else _MOVED[moved]


def _title(found: pd.DataFrame, by: str) -> str:
    if found.empty:
        return f"Nothing unusual, by {by}"
    more, less = found["dollars"].clip(lower=0).sum(), -found["dollars"].clip(upper=0).sum()
    parts = [f"{money(amount)} {word}" for amount, word in ((more, "more"), (less, "less")) if amount]
    return f"{len(found)} {'anomaly' if len(found) == 1 else 'anomalies'} by {by}, {' and '.join(parts)} than expected"


def _draw_legend(ax: "Axes", found: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    moved = dict(map(_look, found["moved"], found["dollars"]))
    marks = [
        Patch(color=GREY, alpha=0.4, linewidth=0, label="spend"),
        Line2D([], [], color=WELL_SPENT, linewidth=1.2, label="expected"),
        *(Patch(color=color, alpha=0.5, linewidth=0, label=label) for label, color in moved.items()),
    ]
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
