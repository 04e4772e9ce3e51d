"""At which hours calls are made."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import InvalidOptionError, check_choice
from ..frame import checked_calls
from ..report import shown_by_clocks
from ..words import digits, money, quantity
from .canvas import axis_label, draw_message, new_axes, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
VALUES = ("cost", "calls")


def plot_heatmap(
    calls: pd.DataFrame, *, ax: "Axes | None" = None, value: str = "cost", tz: str | None = None
) -> "Axes":
    """Draw what calls cost, or how many there were, by hour of the day and day of the week.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    value
        ``"cost"`` in US dollars, or ``"calls"``.
    tz
        Time zone of the hours, such as ``"Europe/Paris"``; UTC when not given.

    Returns
    -------
    Axes
        A grid of 7 days by 24 hours, with its colour scale.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``value`` is not one of the two, or ``tz`` is no time zone.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_heatmap(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    from matplotlib.ticker import FuncFormatter

    check_choice("value", value, VALUES)
    calls = checked_calls(calls, needs=("timestamp", "cost"))
    ax = new_axes(ax)
    times = shown_by_clocks(calls["timestamp"])
    drawn = times.notna() & (calls["cost"].notna() if value == "cost" else True)
    if not drawn.any():
        missing = "a time and a known cost" if value == "cost" else "a time"
        return draw_message(ax, f"None of the calls has {missing}" if len(calls) else "No calls to draw")
    sums = _week(times[drawn], calls["cost"][drawn] if value == "cost" else None, tz or "UTC")

    write = money if value == "cost" else digits
    mesh = ax.pcolormesh(np.arange(25), np.arange(8), sums, cmap="cividis", vmin=0.0, vmax=sums.max() or 1.0)
    scale = ax.figure.colorbar(mesh, ax=ax, pad=0.02, format=FuncFormatter(lambda amount, _: write(amount)))
    scale.outline.set_visible(False)
    scale.ax.tick_params(length=0)
    ax.set_yticks(np.arange(7) + 0.5, _DAYS)
    ax.invert_yaxis()
    ax.set_xticks(np.arange(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    why = "without time or price" if value == "cost" else "without a time"
    ax.set_xlabel(axis_label(f"hour of the day, {tz or 'UTC'}", int((~drawn).sum()), why))
    day, hour = np.unravel_index(sums.argmax(), sums.shape)
    total = money(sums.sum()) if value == "cost" else quantity(int(sums.sum()), "call")
    set_title(ax, f"{total}, most of it on {_DAYS[day]} from {hour:02d}:00: {write(sums.max())}")
    return ax


def _week(times: pd.Series, amounts: pd.Series | None, zone: str) -> np.ndarray:
    """Return the sums of amounts, or the number of times where there are none, by 7 days and 24 hours."""
    numbers, hours = pd.factorize(times.dt.floor("15min"))  # few are distinct, and converting to a zone is slow
    try:
        local = pd.DatetimeIndex(hours).tz_convert(zone)
    except (LookupError, ValueError, TypeError) as error:
        raise InvalidOptionError(f"tz is {zone!r}, expected the name of a time zone such as Europe/Paris") from error
    place = np.asarray(local.day_of_week * 24 + local.hour)[numbers]
    weights = None if amounts is None else amounts.to_numpy(np.float64)
    return np.bincount(place, weights=weights, minlength=7 * 24).reshape(7, 24)
