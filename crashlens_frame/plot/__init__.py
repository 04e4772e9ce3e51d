"""Plots of calls: what they cost, what of it was wasted, how long they took, what they said, and what one trace did."""

from .canvas import COLORS, GREY, WELL_SPENT, colors_of
from .cost import plot_cost
from .heatmap import plot_heatmap
from .latency import duration_text, plot_latency
from .svg import draw_svg
from .tokens import plot_tokens
from .trace import plot_trace
from .waste import plot_waste

__all__ = [
    "COLORS",
    "GREY",
    "WELL_SPENT",
    "colors_of",
    "draw_svg",
    "duration_text",
    "plot_cost",
    "plot_heatmap",
    "plot_latency",
    "plot_tokens",
    "plot_trace",
    "plot_waste",
]
