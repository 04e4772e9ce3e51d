"""Plots as part of a page: SVG that takes on the colours of the page."""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from ..words import printable

_INK = "#010203"  # no plot has this colour: it stands for that of the text around
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color")


def draw_svg(draw: Callable[..., Any], *, width: float = 10.5, height: float = 3.8) -> str:
    """Draw a plot as SVG, whose words and lines take the colour of the text around it.

    Letters are drawn as outlines, so nothing that was logged is part of the markup. What the plot says is its label.

    Parameters
    ----------
    draw
        Function that draws on ``ax`` and returns it.
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
    settings: Any = dict.fromkeys(_INKED, _INK) | {"svg.fonttype": "path", "font.size": 10}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        ax = draw(ax=figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL).replace(_INK, "currentColor")
    text = text.replace("*{", "svg *{")  # the style of a picture is not that of the page
    says = ax.get_title(loc="left") or " ".join(each.get_text() for each in ax.texts)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(printable(says))}"', 1)
