"""Plots of calls: cost, anomalies, waste, latency, tokens, the prompt cache, the hours of the week, one trace.

PLOTS is the roster. ``df.crashlens.plot``, ``cf.plot_...`` and the tabs of the Explorer follow from it.
"""

from collections.abc import Callable, Collection
from inspect import signature
from typing import Any, NamedTuple

from .anomalies import plot_anomalies
from .cache import plot_cache
from .canvas import COLORS, GREY, WELL_SPENT, colors_of
from .cost import CostStack, cost_stack, plot_cost
from .heatmap import plot_heatmap
from .latency import duration_text, plot_latency
from .svg import draw_svg
from .tokens import plot_tokens
from .trace import plot_trace
from .waste import plot_waste

__all__ = [
    "COLORS",
    "GREY",
    "PLOTS",
    "WELL_SPENT",
    "CostStack",
    "Plot",
    "colors_of",
    "cost_stack",
    "draw_svg",
    "duration_text",
    "plot_anomalies",
    "plot_cache",
    "plot_cost",
    "plot_heatmap",
    "plot_latency",
    "plot_tokens",
    "plot_trace",
    "plot_waste",
]


class Plot(NamedTuple):
    """One plot of the roster.

    Parameters
    ----------
    draw
        The function, ``plot_<name>(calls, *, ax=None, ...) -> Axes``.
    tab
        Title of its tab in the Explorer; None: the Explorer has no tab of it, or a chart of its own.
    reads_texts
        Whether it looks at prompts; the others do with the columns of figures and labels.
    """

    draw: Callable[..., Any]
    tab: str | None = None
    reads_texts: bool = False

    @property
    def name(self) -> str:
        """The name of the plot, as in ``df.crashlens.plot.<name>``."""
        return self.draw.__name__.removeprefix("plot_")

    @property
    def parameters(self) -> Collection[str]:
        """The names of the parameters of the function."""
        return signature(self.draw).parameters.keys()


# the order is that of the tabs
PLOTS = (
    Plot(plot_cost),
    Plot(plot_anomalies, tab="Unusual"),
    Plot(plot_waste, tab="Waste"),
    Plot(plot_latency, tab="Latency"),
    Plot(plot_tokens, tab="Tokens"),
    Plot(plot_cache, tab="Cache", reads_texts=True),
    Plot(plot_heatmap, tab="Week"),
    Plot(plot_trace),
)
