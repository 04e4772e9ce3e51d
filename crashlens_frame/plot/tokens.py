"""How many tokens calls send and receive."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..frame import checked_calls
from ..words import cut, percent, printable
from .canvas import (
    COLORS,
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

_NEEDED = ("input_tokens", "cached_input_tokens", "output_tokens")
_PARTS = {"input": COLORS[0], "input from a cache": COLORS[4], "output": COLORS[1]}


def plot_tokens(calls: pd.DataFrame, *, ax: "Axes | None" = None, by: str = "model") -> "Axes":
    """Draw input tokens, input tokens read from a cache, and output tokens, by model or by another column.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    by
        Column to compare, such as ``"model"`` or ``"team"``. The twelve values with the most tokens are drawn.

    Returns
    -------
    Axes
        One stacked bar per value.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_tokens(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    calls = checked_calls(calls, needs=(*_NEEDED, by))
    ax = new_axes(ax)
    known = calls["input_tokens"].notna() | calls["output_tokens"].notna()
    if not known.any():
        return draw_message(ax, "None of the calls has known tokens" if len(calls) else "No calls to draw")
    sent, cached, back = (calls[name].to_numpy(np.float64, na_value=0.0) for name in _NEEDED)
    codes, names = names_and_codes(calls[by])
    parts = dict(zip(_PARTS, (np.maximum(sent - cached, 0.0), cached, back), strict=True))
    sums = pd.DataFrame(
        {part: np.bincount(codes, weights=tokens, minlength=len(names)) for part, tokens in parts.items()}, index=names
    )[np.bincount(codes, minlength=len(names)) > 0]
    most = sums.sum(axis=1).sort_values(ascending=False, kind="stable").index[:MOST_NAMES]
    table = sums.loc[most[::-1]]

    rows, left = np.arange(len(table)), np.zeros(len(table))
    for part, color in _PARTS.items():
        ax.barh(rows, table[part], left=left, color=color, height=0.66, label=part)
        left += table[part].to_numpy()
    ax.set_yticks(rows, [cut(printable(name), LONGEST_NAME) for name in table.index], parse_math=False)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tokens_text(value)))
    ax.set_xlim(0, 1.015 * left.max() or 1.0)
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines["left"].set_visible(False)
    ax.tick_params(length=0)
    set_rows(ax, len(table))
    left_out = ~known.to_numpy() | ~np.isin(codes, [names.index(name) for name in most])
    ax.set_xlabel(axis_label("tokens", int(left_out.sum()), "with other values or unknown tokens"))
    new, read, out = sums.sum()
    set_title(
        ax,
        f"{tokens_text(new + read)} tokens in ({percent(read, new + read)} from a cache), {tokens_text(out)} out,"
        f" by {by}",
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def tokens_text(tokens: float) -> str:
    """Return a number of tokens as text, in thousands, millions or billions.

    Examples
    --------
    >>> from crashlens_frame.plot.tokens import tokens_text
    >>> [tokens_text(number) for number in (950, 20_000, 1_234_567)]
    ['950', '20k', '1.23M']
    """
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if tokens >= size:
            return f"{tokens / size:.3g}{unit}"
    return f"{tokens:.3g}"
