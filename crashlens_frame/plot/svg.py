"""Plots as part of a page: SVG in the colours of the page."""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

from ..words import printable

_INK = "#010203"  # no plot uses this colour: it is replaced by that of the surrounding text
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color")


def draw_svg(draw: Callable[..., Any], *, width: float = 10.5, height: float = 3.8) -> str:
    """Return a plot as SVG, with texts and lines in the colour of the surrounding text.

    Letters are drawn as outlines, so no logged text is part of the markup. The title of the plot is its label.

    Parameters
    ----------
    draw
        Function that draws on the axes ``ax`` and returns them.
    width, height
        In inches of 72 points.

    Returns
    -------
    str
        One ``svg`` element.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot.svg import draw_svg
    >>> draw_svg(cf.LogBook().df.crashlens.plot.cost)[:60]
    '<svg role="img" aria-label="No calls to draw" xmlns:xlink="h'
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = dict.fromkeys(_INKED, _INK) | {"svg.fonttype": "path", "font.size": 10}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = draw(ax=figure.add_subplot())
        if ax.child_axes:
            figure.draw_without_rendering()  # what stands beside axes finds its place in two steps
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL).replace(_INK, "currentColor")
    text = text.replace("*{", "svg *{")  # its style must not apply to the page
    label = ax.get_title(loc="left") or " ".join(each.get_text() for each in ax.texts)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(printable(label))}"', 1)
