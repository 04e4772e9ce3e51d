"""What is wasted: patterns first, their findings on a click, then what happened in the trace of a finding."""

from collections.abc import Callable, Sequence

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..words import money, quantity
from . import markup
from .browser import Grid
from .grids import GridColumn, GridRows
from .panels import toolbar
from .trace import TracePanel
from .views import View

WASTED, COULD_SAVE = "wasted", "could save"
_AMOUNTS = {WASTED: "waste_cost", COULD_SAVE: "could_save"}
_PLACES = (GridColumn("route", "route"), GridColumn("model", "model"), GridColumn("team", "team"))
_FINDING_COLUMNS = (
    GridColumn("severity", "severity", "severity"),
    GridColumn("waste_cost", "dollars", "money"),
    GridColumn("description", "what happened", "wide"),
    GridColumn("trace_id", "trace", "id"),
    *_PLACES,
    GridColumn("n_calls", "calls", "count"),
    GridColumn("start", "when", "time"),
)


class GridView(Grid):
    """A table of a frame.

    Parameters
    ----------
    columns
        Its columns; :meth:`show` may give others.
    hint
        What the search field says.
    opened
        Function that is called with the row that is clicked, or None when it is clicked again; a row does not open
        without it.
    """

    def __init__(
        self,
        columns: Sequence[GridColumn],
        *,
        hint: str = "search",
        opened: Callable[[pd.Series | None], None] | None = None,
    ) -> None:
        self._columns, self._opened = tuple(columns), opened
        self._rows = GridRows(pd.DataFrame(columns=[column.name for column in columns]), columns)
        super().__init__(hint=hint, opens=opened is not None)
        self.observe(self._draw, names=["sort", "descending", "page"])
        self.observe(self._on_search, names="search")
        self.observe(self._on_choice, names="chosen")

    def show(self, frame: pd.DataFrame, columns: Sequence[GridColumn] | None = None) -> None:
        """Show the first page of a frame; search and order stay."""
        self._columns = self._columns if columns is None else tuple(columns)
        self._rows = GridRows(frame, self._columns)
        with self.hold_sync():
            self.columns = [column._asdict() for column in self._columns]
            self.falls = [column.name for column in self._columns if column.falls]
            self._keep_chosen(-1)
            self.page = 0
            self._draw(None)

    def choose(self, row: int) -> None:
        """Choose a row by its place in the frame, as a click on it does."""
        self.chosen = row

    def unchoose(self) -> None:
        """Choose no row, and open none."""
        self._keep_chosen(-1)

    def _keep_chosen(self, row: int) -> None:
        opened, self._opened = self._opened, None
        self.chosen = row
        self._opened = opened

    def _draw(self, _: object) -> None:
        page = self._rows.page(search=self.search, sort=self.sort, descending=self.descending, number=self.page)
        with self.hold_sync():
            self.rows = [{"key": key, "cells": cells} for key, cells in zip(page.keys, page.cells, strict=True)]
            self.total, self.pages, self.page = len(self._rows.frame), page.pages, page.number
            self.place = page.place or ("nothing found" if self.search else "")

    def _on_search(self, _: object) -> None:
        self.page = 0
        self._draw(None)

    def _on_choice(self, _: object) -> None:
        if self._opened is not None:
            frame = self._rows.frame
            self._opened(frame.iloc[self.chosen] if 0 <= self.chosen < len(frame) else None)


class WastePanel(W.VBox):
    """Patterns of waste, their findings, and the trace of a finding."""

    def __init__(self) -> None:
        self._view: View | None = None
        options = (("Wasted", WASTED), ("Could save", COULD_SAVE))
        self.kind = W.ToggleButtons(options=options, tooltips=("Certain and likely waste", "If somebody agrees"))
        self.kind.style.button_width = "auto"
        self.note = W.HTML()
        self.patterns = GridView((), hint="search patterns", opened=self._open_pattern)
        self.title = W.HTML()
        self.findings = GridView(_FINDING_COLUMNS, hint="search findings", opened=self._open_finding)
        self.trace = TracePanel()
        self.kind.observe(lambda _: self.draw(), names="value")
        super().__init__([toolbar(self.kind, self.note), self.patterns, self.title, self.findings, self.trace])

    def show(self, view: View) -> None:
        """Show the patterns of a view."""
        self._view = view
        self.draw()

    def draw(self) -> None:
        """Show the patterns of the chosen kind, and all their findings."""
        if self._view is None:
            return
        amount = _AMOUNTS[self.kind.value]
        columns = (
            GridColumn(amount, self.kind.value, "money"),
            *([GridColumn("certainty", "certainty")] if self.kind.value == WASTED else []),
            GridColumn("pattern", "what happens", "wide"),
            *_PLACES,
            GridColumn("savings_note", "what to change", "wide"),
        )
        patterns = self._view.patterns
        own = patterns[(patterns["certainty"] == "candidate") == (self.kind.value == COULD_SAVE)]
        self.patterns.show(own, columns)
        nothing = "No waste found." if self.kind.value == WASTED else "Nothing more could be saved."
        found = f"{money(own[amount].sum())} in {quantity(len(own), 'pattern')}; a row opens its findings"
        self.note.value = markup.note(found if len(own) else nothing)
        self._open_pattern(None)

    def _open_pattern(self, pattern: pd.Series | None) -> None:
        assert self._view is not None
        found = self._view.findings
        if pattern is None:
            found = found[(found["certainty"] == "candidate") == (self.kind.value == COULD_SAVE)]
            title = f"All {quantity(len(found), 'finding')}" if len(found) else ""
        else:
            found = self._view.findings_of(pattern)
            title = f"{quantity(len(found), 'finding')}: {pattern['pattern']}"
        self.title.value = markup.heading(title) if title else ""
        self.findings.show(found)
        self.findings.layout.display = "" if len(found) else "none"
        self.trace.clear()

    def _open_finding(self, finding: pd.Series | None) -> None:
        assert self._view is not None
        if finding is None:
            self.trace.clear()
        else:
            self.trace.show(self._view.study, finding["trace_id"], finding["finding_id"])
