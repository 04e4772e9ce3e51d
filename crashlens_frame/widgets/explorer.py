"""Explorer: a dashboard of what calls cost and what of it was wasted."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..detectors import Thresholds
from ..plot import draw_svg, duration_text, plot_cost, plot_heatmap, plot_latency, plot_tokens, plot_waste
from ..pricing import Prices
from ..words import UNKNOWN, digits, money, percent, quantity
from . import markup
from .panels import (
    ExportPanel,
    FilterPanel,
    FindingsPanel,
    ThresholdPanel,
    TracePanel,
    WhatIfPanel,
    make_field,
    show_errors,
)
from .views import LABELS, Study

_PLOTS: dict[str, Callable[..., Any]] = {
    "Cost": plot_cost,
    "Waste": plot_waste,
    "Latency": plot_latency,
    "Tokens": plot_tokens,
    "Week": plot_heatmap,
}
_BY = ("Cost", "Latency", "Tokens")  # plots that compare the values of a label


class Explorer(W.VBox):
    """A dashboard of calls: filters, cards, plots, findings, timelines, what-if and export.

    Nothing but figures, pictures and the few rows that are seen goes to the browser; whatever was logged is shown as
    text.

    Parameters
    ----------
    calls
        Frame of calls, such as the ``df`` of a LogBook.
    thresholds
        Parameters of single detectors, such as ``{"retry_loops": {"max_retries": 5}}``; theirs where none are given.
    prices
        Prices for the detectors that compare models and for what-if: the path of a YAML file, a PriceBook or a mapping;
        the shipped ones when not given.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls, or a threshold is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> explorer = cf.Explorer(cf.simulate_workload(100, seed=1, days=1))
    >>> explorer.filters.labels["team"].value = ("legal",)
    >>> explorer.view.calls["team"].unique().tolist()
    ['legal']
    """

    def __init__(
        self, calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None
    ) -> None:
        self._study = Study(calls, thresholds=thresholds, prices=prices)
        self.status = W.HTML()
        self.cards = W.HTML()
        self.filters = FilterPanel(self._study, self.update)
        self.by = make_field(W.Dropdown, "Plots by", options=[(label, label) for label in LABELS])
        self.plots = W.Tab([W.HTML() for _ in _PLOTS], titles=tuple(_PLOTS))
        self.findings = FindingsPanel(self.choose)
        self.trace = TracePanel()
        self.what_if = WhatIfPanel(self._study)
        self.thresholds = ThresholdPanel(self._find)
        self.export = ExportPanel()
        for each in (self.by, self.plots):
            each.observe(lambda _: self.draw(), names=["value", "selected_index"])
        tools = W.Accordion(
            [self.what_if, self.thresholds, self.export],
            titles=("What if: the same tokens on another model", "Thresholds of the detectors", "Export"),
        )
        super().__init__(
            [
                W.HTML(markup.STYLE), self.cards, self.filters, self.status, self.by, self.plots,
                W.HTML(markup.heading("Findings")), self.findings, self.trace, tools,
            ]
        )  # fmt: skip
        self.add_class("crashlens")
        self.update()

    @show_errors
    def update(self) -> None:
        """Show what the filters leave."""
        self.status.value = ""
        self.view = self._study.view(self.filters.filters)
        self.cards.value = self._cards()
        self.draw()
        self.findings.show(self.view.findings)
        self.trace.clear()
        self.what_if.show(self.view)
        self.export.show(self.view)

    @show_errors
    def draw(self) -> None:
        """Draw the plot whose tab is open; the others are drawn when theirs are."""
        for place, (tab, name) in enumerate(zip(self.plots.children, _PLOTS, strict=True)):
            tab.value = markup.picture(draw_svg(self._plot(name))) if place == self.plots.selected_index else ""

    def choose(self, trace_id: str) -> None:
        """Show a trace, as a click on its finding does."""
        self.trace.show(self._study.calls, trace_id)

    def _find(self, thresholds: Thresholds) -> None:
        self._study.detect(thresholds)
        self.update()

    def _cards(self) -> str:
        figures = self.view.figures()
        p95 = UNKNOWN if pd.isna(figures.p95_latency_ms) else duration_text(figures.p95_latency_ms)
        return markup.cards(
            {
                "Spend": (money(figures.cost), "of priced calls"),
                "Waste": (money(figures.waste_cost), f"{percent(figures.waste_cost, figures.cost)} of the spend"),
                "Calls": (digits(figures.calls), quantity(len(self.view.findings), "finding")),
                "p95 latency": (p95, "5 % take longer"),
                "Unpriced": (percent(figures.unpriced, 1), "of the calls, in no sum"),
            }
        )

    def _plot(self, name: str) -> Callable[..., Any]:
        """Give a plot of the calls that are looked at."""
        options: dict[str, Any] = {"findings": self.view.findings} if name == "Waste" else {}
        options |= {"by": self.by.value} if name in _BY else {}
        return partial(_PLOTS[name], self.view.calls, **options)
