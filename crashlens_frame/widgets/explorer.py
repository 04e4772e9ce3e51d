"""Explorer: a dashboard of what calls cost and how much of it was wasted."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..detectors import Thresholds
from ..errors import InvalidOptionError
from ..logbook import LogBook
from ..plot import PLOTS, Plot, draw_svg, duration_text
from ..pricing import Prices
from ..report import pattern_tables
from ..watch import BudgetSource
from ..words import UNKNOWN, cut, digits, money, percent, printable, quantity
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
    toolbar,
)
from .views import Study
from .watching import BudgetPanel, ChangePanel

_PLOTS_WITH_TAB = [plot for plot in PLOTS if plot.tab is not None]


class Explorer(W.VBox):
    """A dashboard of calls: filters, cards, plots, patterns of waste, findings, timelines, what-if and export.

    Only figures, pictures and the few visible rows are sent to the browser. Logged text is shown as text, never as
    markup.

    Parameters
    ----------
    calls
        Frame of calls, or a LogBook, whose calls so far are shown.
    thresholds
        Parameters of detectors, such as ``{"retry_loops": {"max_retries": 5}}``; the defaults of each where not given.
    prices
        Prices for the detectors that compare models and for what-if: the path of a YAML file, a PriceBook or a mapping;
        the shipped prices when not given.
    budgets
        Budgets to show, of all calls whatever the filters: the path of ``budgets.yaml``, ``Budgets`` or a mapping.
    tz
        Time zone of days and plots at first, such as ``"Europe/Paris"``; its field changes it.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls.
    InvalidOptionError
        ``calls`` is neither a frame nor a LogBook, or a threshold is not allowed.
    PriceFileError, BudgetFileError
        The prices or the budgets are not valid.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> explorer = cf.Explorer(cf.simulate_workload(100, seed=1, days=1))
    >>> explorer.filters.labels["team"].value = ("legal",)
    >>> explorer.view.calls["team"].unique().tolist()
    ['legal']
    """

    def __init__(
        self,
        calls: pd.DataFrame | LogBook,
        *,
        thresholds: Thresholds | None = None,
        prices: Prices | None = None,
        budgets: BudgetSource | None = None,
        tz: str = "UTC",
    ) -> None:
        self._study = Study(_frame_of(calls), thresholds=thresholds, prices=prices)
        self.status = W.HTML()
        self.cards = W.HTML()
        self.filters = FilterPanel(self._study, self.update, tz)
        groupings = [(cut(printable(name), 40), name) for name in self._study.groupings]
        self.by = make_field(W.Dropdown, "Group by", options=groupings)
        self.marks = make_field(W.Checkbox, "Mark anomalies", value=True, indent=False, style={})
        self.change = ChangePanel(self._study)
        self.budgets = [] if budgets is None else [BudgetPanel(self._study.calls, budgets)]
        self.plots = W.Tab([W.HTML() for _ in _PLOTS_WITH_TAB], titles=[plot.tab for plot in _PLOTS_WITH_TAB])
        self.patterns = W.HTML()
        self.findings = FindingsPanel(self.choose)
        self.trace = TracePanel()
        self.what_if = WhatIfPanel(self._study)
        self.thresholds = ThresholdPanel(self._find)
        self.export = ExportPanel()
        for each in (self.by, self.marks, self.plots):
            each.observe(lambda _: self.draw(), names=["value", "selected_index"])
        self.by.observe(lambda _: self.change.show(self.filters.filters, self.by.value), names="value")
        tools = W.Accordion(
            [self.what_if, self.thresholds, self.export],
            titles=("What if: the same tokens on another model", "Thresholds of the detectors", "Export"),
        )
        super().__init__(
            [
                W.HTML(markup.STYLE), self.cards, self.filters, self.status, *self.budgets,
                toolbar(self.by, self.marks), self.plots,
                W.HTML(markup.heading("Against the period before")), self.change, self.patterns,
                W.HTML(markup.heading("Findings")), self.findings, self.trace, tools,
            ]
        )  # fmt: skip
        self.add_class("crashlens")
        self.update()

    @show_errors
    def update(self) -> None:
        """Show the calls that pass the filters."""
        self.status.value = ""
        self.view = self._study.view(self.filters.filters)
        self.cards.value = self._cards()
        self.draw()
        self.change.show(self.filters.filters, self.by.value)
        tables = pattern_tables(self.view.patterns)
        self.patterns.value = "".join(markup.section(title, table) for title, table in tables.items())
        self.findings.show(self.view.findings)
        self.trace.clear()
        self.what_if.show(self.view)
        self.export.show(self.view)

    @show_errors
    def draw(self) -> None:
        """Draw the plot of the open tab; the others are drawn when their tab is opened."""
        for place, (tab, plot) in enumerate(zip(self.plots.children, _PLOTS_WITH_TAB, strict=True)):
            tab.value = markup.picture(draw_svg(self._plot(plot))) if place == self.plots.selected_index else ""

    def choose(self, trace_id: str) -> None:
        """Show a trace, as a click on one of its findings does."""
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
                "Could save": (money(figures.could_save), "if somebody agrees"),
                "Calls": (digits(figures.n_calls), quantity(len(self.view.findings), "finding")),
                "p95 latency": (p95, "5 % take longer"),
                "Unpriced": (percent(figures.unpriced_share, 1), "of calls, cost unknown"),
            }
        )

    def _plot(self, plot: Plot) -> Callable[..., Any]:
        """Return a function that draws a plot of the calls of the view, with the options that it takes."""
        by, tz = self.by.value, self.filters.tz.value.strip() or "UTC"
        options: dict[str, Any] = {"findings": self.view.findings, "by": by, "tz": tz}
        if self.marks.value and "marked" in plot.parameters:
            options["marked"] = self.view.anomalies(by, tz)
        calls = self.view.logged if plot.reads_texts else self.view.calls
        return partial(plot.draw, calls, **{k: v for k, v in options.items() if k in plot.parameters})


def _frame_of(calls: pd.DataFrame | LogBook) -> pd.DataFrame:
    """Return the calls of a book, or the frame itself."""
    if isinstance(calls, LogBook):
        return calls.df
    if isinstance(calls, pd.DataFrame):
        return calls
    raise InvalidOptionError(
        f"calls is a {type(calls).__name__}, expected a DataFrame of calls or a LogBook; cf.read_jsonl reads a file"
    )
