"""Explorer: a dashboard of what calls cost and how much of it was wasted."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..detectors import Thresholds
from ..errors import InvalidOptionError, check_text
from ..logbook import LogBook
from ..plot import PLOTS, CostStack, Plot, cost_stack, draw_svg
from ..pricing import Prices
from ..watch import BudgetSource
from ..words import cut, printable, quantity
from . import markup
from .addresses import read_state, state_text
from .browser import Chart, Page
from .charting import budget_lines, cost_chart
from .closing import close_parts
from .figures import cards_of
from .filters import FilterFields, compared_note
from .panels import ThresholdPanel, WhatIfPanel, make_field, show_errors, toolbar
from .pause import Background, Pause
from .saving import ExportPanel
from .seen import Seen
from .spans import Days, days_before, last_days
from .views import Searched, Study, View
from .waste import COULD_SAVE, WASTED, WastePanel
from .watching import ForecastPanel, GroupsPanel, InvoicePanel, UnusualPanel, WhyPanel

_PLOTS_WITH_TAB = [plot for plot in PLOTS if plot.tab is not None]
_SOON = 0.05  # seconds after which what is below the figures and the chart is computed
_MOST_AT_ONCE = 50_000  # calls of a log that is shown all together


class Explorer(W.VBox):
    """A dashboard of calls: what they cost and when, what is wasted, who spends it, why it changed, will it hold.

    Only figures and the few visible rows are sent to the browser. Logged text is shown as text, never as markup. A
    LogBook that grows is followed: what is logged later is shown too.

    Parameters
    ----------
    calls
        Frame of calls, or a LogBook.
    thresholds
        Parameters of detectors, such as ``{"retry_loops": {"max_retries": 5}}``; the defaults of each where not given.
    prices
        Prices for the detectors that compare models and for what-if: the path of a YAML file, a PriceBook or a mapping;
        the shipped prices when not given.
    budgets
        Budgets to show, of all calls whatever the filters: the path of ``budgets.yaml``, ``Budgets`` or a mapping.
    tz
        Time zone of days and plots at first, such as ``"Europe/Paris"``; that of the budgets when not given, or UTC.
        Its field changes it.
    name
        Name of the log, for its title; the file of a LogBook, or "Calls" when not given.
    state
        The view to begin with, as the property ``state`` of an Explorer has it, such as
        ``"period=7+days&is.team=search"``.
    address
        Whether the address of the page holds the view, so that it can be sent; for a page that has nothing else.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls.
    InvalidOptionError
        ``calls`` is neither a frame nor a LogBook, ``tz`` is no text, or a threshold is not allowed.
    PriceFileError, BudgetFileError
        The prices or the budgets are not valid.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> explorer = cf.Explorer(cf.simulate_workload(100, seed=1, days=1))
    >>> explorer.filters.labels["team"].value = ("legal",)
    >>> explorer.view.calls["team"].unique().tolist()
    ['legal']
    >>> explorer.state
    'is.team=legal'
    """

    _ends: tuple[Callable[[], object], ...] = ()  # what close() ends; none if the calls were refused

    def __init__(
        self,
        calls: pd.DataFrame | LogBook,
        *,
        thresholds: Thresholds | None = None,
        prices: Prices | None = None,
        budgets: BudgetSource | None = None,
        tz: str | None = None,
        name: str | None = None,
        state: str = "",
        address: bool = False,
    ) -> None:
        check_text("tz", tz)
        self.study = Study(_frame_of(calls), thresholds=thresholds, prices=prices)
        self._prices, self._thresholds = prices, thresholds
        file = calls.path if isinstance(calls, LogBook) else None
        self._name = name or (Path(file).name if file else "Calls")
        self.status = W.HTML()
        self.title = W.HTML()
        self.cards = W.HTML()
        self.page = Page(has_address=address)
        self.forecast = ForecastPanel(budgets)
        self.filters = FilterFields(self.study, self.update, tz or self.forecast.tz)
        self.by = make_field(W.Dropdown, "By", options=self._groupings(), style={"description_width": "auto"})
        self.marks = W.Checkbox(description="Mark anomalies", value=True, indent=False, layout=W.Layout(width="auto"))
        self.chart = Chart()
        self.waste = WastePanel()
        self.patterns, self.findings, self.trace = self.waste.patterns, self.waste.findings, self.waste.trace
        self.groups, self.why, self.unusual = GroupsPanel(), WhyPanel(), UnusualPanel()
        self.what_if = WhatIfPanel(self.study.prices)
        self.invoice = InvoicePanel()
        self.plots = W.Tab([W.HTML() for _ in _PLOTS_WITH_TAB], titles=[plot.tab for plot in _PLOTS_WITH_TAB])
        self.thresholds = ThresholdPanel(self._find)
        self.export = ExportPanel(self.page)
        # the tabs, and what brings each up to date when it is open
        self._tabs: dict[str, tuple[Any, Callable[[Seen], object]]] = {
            "Waste": (self.waste, lambda seen: self.waste.show(seen.view)),
            "Who?": (self.groups, self.groups.show),
            "Why?": (self.why, self.why.show),
            "Unusual?": (self.unusual, self.unusual.show),
            "Will it hold?": (self.forecast, self.forecast.show),
            "What if?": (self.what_if, lambda _: None),
            "Invoice?": (self.invoice, self.invoice.show),
            "Plots": (self.plots, lambda _: self.draw()),
            "Thresholds": (self.thresholds, lambda _: None),
            "Export": (self.export, lambda _: None),
        }
        self.tabs = W.Tab([panel for panel, _ in self._tabs.values()], titles=list(self._tabs))
        self._search = Background(self._searched)
        self._soon = Pause(self.show_rest, seconds=_SOON)
        self._grown = Pause(lambda: self.take(_frame_of(calls)), seconds=1.0)
        follows = [calls.watch(self._grown.begin)] if isinstance(calls, LogBook) else []
        self._ends = (*follows, self._soon.end, self._grown.end)
        self.by.observe(lambda _: self.update(), names="value")
        self.marks.observe(lambda _: self._show_soon(), names="value")
        self.tabs.observe(lambda _: self._open_tab(), names="selected_index")
        self.plots.observe(lambda _: self.draw(), names="selected_index")
        self.waste.kind.observe(lambda _: self._put_state(), names="value")
        self.page.observe(lambda change: self.restore(change["new"]), names="state")
        main = W.VBox([toolbar(self.by, self.marks), self.chart, self.tabs])
        split = W.Box([self.filters.side, main])
        split.add_class("cl-split")
        super().__init__(
            [
                W.HTML(markup.STYLE), self.title, toolbar(self.filters.period_bar, self.page), self.filters.compared,
                self.cards, self.status, split,
            ]
        )  # fmt: skip
        self.add_class("crashlens")
        self._is_restoring = False
        self._stacks: dict[tuple[str, str], CostStack] = {}  # of the whole log, by label and time zone
        self.restore(state)

    def __repr__(self) -> str:
        return f"Explorer of {quantity(len(self.study.calls), 'call')}, which a notebook shows"

    @property
    def state(self) -> str:
        """The view as text: filters, period, what costs are divided by, and the open tab."""
        tab = self.tabs.titles[self.tabs.selected_index or 0]
        fields = self.filters.state()._replace(
            by="" if self.by.value == self.by.options[0][1] else self.by.value,
            waste="" if self.waste.kind.value == WASTED else self.waste.kind.value,
            open="" if tab == self.tabs.titles[0] else tab,
        )
        return state_text(fields)

    @show_errors
    def restore(self, text: str) -> None:
        """Show the view that a text names, as :attr:`state` has it; what the log does not have is left out."""
        if self._is_restoring or (text == self.state and hasattr(self, "view")):
            return
        state = read_state(text)
        self._is_restoring = True
        try:
            by_names = [value for _, value in self.by.options]
            self.by.value = state.by if state.by in by_names else by_names[0]
            self.waste.kind.value = COULD_SAVE if state.waste == COULD_SAVE else WASTED
            titles = list(self.tabs.titles)
            self.tabs.selected_index = titles.index(state.open) if state.open in titles else 0
            self.filters.restore(state)
        finally:
            self._is_restoring = False
        self.update()

    @show_errors
    def take(self, calls: pd.DataFrame) -> None:
        """Show other calls through the same filters."""
        self.study = Study(calls, thresholds=self._thresholds, prices=self._prices)
        self._stacks = {}
        kept = self.by.value
        self.by.options = self._groupings()
        self.by.value = kept if kept in self.study.labels else self.by.options[0][1]
        self.filters.take(self.study)
        self.update()

    @show_errors
    def update(self) -> None:
        """Show the calls that pass the filters."""
        if self._is_restoring:
            return
        self.status.value = ""
        filters, by = self.filters.filters, self.by.value
        self.view = self.study.view(filters)
        past = self.view if filters.since is None else self.study.view(replace(filters, since=None))
        days = self.filters.before()
        self._before = None if days is None else self.study.view(filters.between(days))
        self.seen = Seen(self._name, self.view, past, self._before, self._compared(), filters.begin, by, filters.tz)
        whole = self.study.days(filters.tz)
        self.title.value = markup.title(self._name, f"{whole or 'no times'}, {quantity(len(self.study), 'call')}")
        n_before = 0 if self._before is None else len(self._before)
        self.filters.compared.value = compared_note(self.filters.days(), days, whole, n_before)
        if len(self.study) <= _MOST_AT_ONCE:
            self.study.searched  # noqa: B018  which searches
        self._show_figures()
        self._stack = self._cost_stack(by, filters.tz)
        self._draw_chart(None)
        self.filters.count(self.view)
        self._put_state()
        self._show_soon()

    @show_errors
    def show_rest(self) -> None:
        """Show what is below the chart, and what is unusual in it."""
        if not self.study.is_searched:  # which shows the rest when it is done
            study = self.study
            self._search.begin(lambda: study.searched)
            return
        self.what_if.show(self.view)
        self.export.show(self.seen)
        self._show_open_tab()
        self._draw_chart(self.seen.anomalies if self.marks.value else None)

    @show_errors
    def draw(self) -> None:
        """Draw the plot of the open tab; the others are drawn when their tab is opened."""
        for place, (tab, plot) in enumerate(zip(self.plots.children, _PLOTS_WITH_TAB, strict=True)):
            tab.value = markup.picture(draw_svg(self._plot(plot))) if place == self.plots.selected_index else ""

    def close(self) -> None:
        """Remove the Explorer from the screen, and stop following the book."""
        ends, self._ends = self._ends, ()
        for end in ends:
            end()
        close_parts(self)
        super().close()

    def _groupings(self) -> list[tuple[str, str]]:
        return [(cut(printable(name), 40), name) for name in self.study.labels]

    def _compared(self) -> tuple[Days, Days, View, View] | None:
        """Return the period, the one before it, and the calls of both that pass the other filters."""
        filters, days = self.filters.filters, self.filters.days()
        if days is not None and self._before is not None:
            return days, days_before(days, self.filters.preset), self.view, self._before
        whole = self.study.days(self.filters.zone)
        last = None if whole is None else last_days(whole)
        if last is None:
            return None
        earlier = days_before(last)
        return last, earlier, self.study.view(filters.between(last)), self.study.view(filters.between(earlier))

    @show_errors
    def _searched(self, result: Callable[[], Searched]) -> None:
        result()  # raises what the search has raised
        if hasattr(self, "view"):
            self.update() if self.filters.only_wasted.value else self._show_figures()
            self._show_soon()

    def _show_soon(self) -> None:
        """Show the rest: of a large log after what is above it has been shown."""
        self.show_rest() if len(self.study) <= _MOST_AT_ONCE else self._soon.begin()

    def _find(self, thresholds: Thresholds) -> None:
        self.study.detect(thresholds)
        self._thresholds = thresholds
        self.update()

    def _show_figures(self) -> None:
        waste = self.study.is_searched
        before = None if self._before is None or not len(self._before) else self._before.figures(waste=waste)
        self.cards.value = markup.cards(cards_of(self.view.figures(waste=waste), before, is_searched=waste))

    def _cost_stack(self, by: str, tz: str) -> CostStack:
        """Return the costs over time, in the colours that the names have in the whole log, whatever the filters."""
        if (by, tz) not in self._stacks:
            self._stacks[by, tz] = cost_stack(self.study.figures[["timestamp", "cost", by]], by, tz=tz)
        whole = self._stacks[by, tz]
        if self.view.is_whole:
            return whole
        stack = cost_stack(self.view.columns("timestamp", "cost", by), by, tz=tz)
        return stack._replace(colors={**stack.colors, **whole.colors})

    def _draw_chart(self, marked: pd.DataFrame | None) -> None:
        limits = budget_lines(self.forecast.spending(self.study.calls), self._stack)
        self.chart.data = cost_chart(self._stack, self.by.value, marked=marked, limits=limits)

    @show_errors
    def _open_tab(self) -> None:
        self._put_state()
        if self.study.is_searched:
            self._show_open_tab()

    def _show_open_tab(self) -> None:
        if self.tabs.selected_index is not None and not self._is_restoring:
            _, show = self._tabs[self.tabs.titles[self.tabs.selected_index]]
            show(self.seen)

    def _put_state(self) -> None:
        if not self._is_restoring:
            self.page.state = self.state

    def _plot(self, plot: Plot) -> Callable[..., Any]:
        """Return a function that draws a plot of the calls of the view, with the options that it takes."""
        by, tz = self.by.value, self.filters.zone
        options: dict[str, Any] = {"findings": self.view.findings, "by": by, "tz": tz}
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
