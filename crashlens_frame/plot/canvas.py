"""What all plots share: axes, colours, amounts of money and texts on them.

A plot imports matplotlib when it is drawn: most programs draw nothing, and the import is slow.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pandas as pd

from ..words import UNKNOWN, money, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), which colour-blind readers can distinguish; without black, which is invisible on a dark
# background, and without yellow, which is invisible on a light one
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY = "#757575"
WELL_SPENT = "#009E73"
OTHERS = "others"
LONGEST_NAME = 28
MOST_NAMES = 12


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name; the first six names, which should be the most important ones, never share one.

    Examples
    --------
    >>> from crashlens_frame.plot import colors_of
    >>> colors_of(["gpt-4o"])["gpt-4o"] == colors_of(["gpt-4o", "o3"])["gpt-4o"]
    True
    """
    colors = {OTHERS: GREY}
    for name in names:
        first = crc32(name.encode())  # so that a name keeps its colour in the plots of other logs, if possible
        wheel = [COLORS[(first + step) % len(COLORS)] for step in range(len(COLORS))]
        colors.setdefault(name, next((color for color in wheel if color not in colors.values()), wheel[0]))
    return colors


def most_expensive(calls: pd.DataFrame, by: str) -> list[str]:
    """Return the names in a column, the most expensive first.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.plot.canvas import most_expensive
    >>> most_expensive(pd.DataFrame({"model": ["a", "b", None], "cost": [1.0, 2.0, None]}), "model")
    ['b', 'a', 'unknown']
    """
    codes, names = names_and_codes(calls[by])
    cost = np.bincount(codes, weights=np.nan_to_num(calls["cost"].to_numpy(np.float64)), minlength=len(names))
    return [names[code] for code in np.argsort(-cost, kind="stable")]


def names_and_codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the number of each call's name, and the names; a null is named unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.plot.canvas import names_and_codes
    >>> codes, names = names_and_codes(pd.Series(["b", None, "a"]))
    >>> codes.tolist(), names
    ([1, 2, 0], ['a', 'b', 'unknown'])
    """
    labels = values.astype("category").cat
    names = [str(label) for label in labels.categories.tolist()]
    if UNKNOWN not in names:
        names.append(UNKNOWN)
    codes = labels.codes.to_numpy(np.int64)
    return np.where(codes < 0, names.index(UNKNOWN), codes), names


def new_axes(ax: "Axes | None", *, height: float = 3.6, width: float = 8.0) -> "Axes":
    """Return the axes to draw on; when not given, those of a new figure of that size in inches."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def draw_message(ax: "Axes", why: str) -> "Axes":
    """Write why there is nothing to draw."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center")
    return ax


def set_title(ax: "Axes", text: str) -> None:
    """Write what the plot shows; a ``$`` in a name starts no formula."""
    ax.set_title(text, loc="left", fontweight="bold", parse_math=False)


def axis_label(text: str, left_out: int, why: str) -> str:
    """Return the label of an axis, with how many calls are not drawn and why."""
    return f"{text}; {quantity(left_out, 'call')} {why} not shown" if left_out else text


def days_label(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """Write from which day to which a plot goes.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.plot.canvas import days_label
    >>> days_label(pd.Timestamp("2026-03-02 08:00"), pd.Timestamp("2026-03-02 20:00"))
    '2026-03-02'
    """
    begin, end = f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"
    return begin if begin == end else f"{begin} to {end}"


def set_rows(ax: "Axes", number: int) -> None:
    """Make room for rows, from the bottom up; a few of them stay thin."""
    spare = max(0.0, (5 - number) / 2)
    ax.set_ylim(-0.6 - spare, number - 0.4 + spare)


def format_dollars(axis: Any) -> None:
    """Label an axis with amounts of money, and draw a faint line at each."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def label(value: float, _: object) -> str:
        return f"${value:,.0f}" if max(np.abs(axis.get_view_interval())) >= 5 else money(value)

    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(label))
    axis.grid(alpha=0.25)
    axis.axes.set_axisbelow(True)
    axis.set_tick_params(length=0)


def can_be_drawn(times: pd.Series) -> pd.Series:
    """Return whether an axis of dates can hold each time: Matplotlib ends at the years 1 and 9999, margins included.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.plot.canvas import can_be_drawn
    >>> times = ["0001-01-01", "2026-01-01", None]
    >>> can_be_drawn(pd.Series(times, dtype="datetime64[us, UTC]")).tolist()
    [False, True, False]
    """
    return times.between(pd.Timestamp("1000-01-01", tz="UTC"), pd.Timestamp("9000-01-01", tz="UTC"))
