"""The panels of the Explorer, each with its own fields. A panel calls a function when a field changes."""

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import available_timezones

import ipywidgets as W  # noqa: N812  as its own documentation does
import pandas as pd

from ..detectors import ROSTER, Thresholds
from ..errors import ExistingFileError
from ..io import to_csv, to_jsonl
from ..plot import draw_svg, plot_trace
from ..report import calls_table
from ..words import UNKNOWN, cut, digits, money, percent, printable, quantity
from . import markup
from .views import LABELS, Study, View, ViewFilters

P = ParamSpec("P")
Panel = TypeVar("Panel", bound=Any)

_PAGE_SIZE = 8
_MOST_CALLS = 40
MOST_CHOICES = 500  # in a list to choose from; a browser takes seconds to build long ones
_LONGEST_TEXT = 80
_TITLES = (
    ("severity", ""), ("detector", ""), ("models", ""), ("calls", "cl-number"), ("waste", "cl-number"),
    ("what happened", ""),
)  # fmt: skip
# the kind of field by the type of the default; thresholds of other types have no field, and keep their default
_THRESHOLD_FIELDS: dict[type, Callable[..., Any]] = {
    int: partial(W.BoundedIntText, min=1, max=10_000),
    str: W.Text,
}


def show_errors(method: Callable[Concatenate[Panel, P], None]) -> Callable[..., None]:
    """Show an error in the ``status`` of the panel: a notebook does not show an error raised by a click."""

    @wraps(method)
    def safe(self: Panel, *args: P.args, **options: P.kwargs) -> None:
        try:
            method(self, *args, **options)
        except Exception as error:
            self.status.value = markup.alert(str(error) or type(error).__name__)

    return safe


def make_field(kind: Callable[..., Any], label: str, **options: Any) -> Any:
    """Return a field with its label before it."""
    style = {"description_width": "86px"}
    layout = W.Layout(width="244px", max_width="100%")
    return kind(description=label, **{"style": style, "layout": layout, **options})


def make_row(*parts: W.Widget) -> W.Box:
    """Return parts side by side, or one below the other where there is no room."""
    box = W.Box(parts)
    box.add_class("cl-row")
    return box


def toolbar(*parts: W.Widget) -> W.Box:
    """Return parts side by side in one line, vertically centred."""
    box = make_row(*parts)
    box.add_class("cl-bar")
    return box


class FilterPanel(W.VBox):
    """The filters; ``changed`` is called after each change."""

    def __init__(self, study: Study, changed: Callable[[], None], tz: str = "UTC") -> None:
        self._changed = changed
        self.tz = make_field(
            W.Combobox, "Time zone", value=tz, options=sorted(available_timezones()), continuous_update=False
        )
        self.since = make_field(W.DatePicker, "From")
        self.until = make_field(W.DatePicker, "Until")
        self.trace = make_field(W.Text, "Trace", placeholder="part of its id", continuous_update=False)
        self.only_wasted = make_field(W.Checkbox, "Only wasted calls", value=False, indent=False, style={})
        self.labels, left_out = {}, []
        for label in LABELS:
            values, more = study.values(label, MOST_CHOICES)
            options = [(cut(printable(v), 40) if v is not None else UNKNOWN, v) for v in values]
            self.labels[label] = make_field(W.SelectMultiple, label.capitalize(), options=options, rows=4)
            left_out += [f"{digits(more)} of {label} with fewer calls"] if more else []
        self.left_out = W.HTML(markup.note(f"Not in the lists: {', '.join(left_out)}.") if left_out else "")
        self.reset = W.Button(description="Reset filters", tooltip="Show all calls again")
        self.reset.on_click(lambda _: self.clear())
        self._empty: list[tuple[Any, Any]] = [
            (self.since, None), (self.until, None), (self.tz, tz), (self.trace, ""), (self.only_wasted, False),
            *((each, ()) for each in self.labels.values()),
        ]  # fmt: skip
        for each, _ in self._empty:
            each.observe(self._on_change, names="value")
        dates = W.VBox([self.since, self.until, self.tz, self.trace])
        super().__init__([make_row(dates, *self.labels.values()), toolbar(self.only_wasted, self.reset), self.left_out])

    @property
    def filters(self) -> ViewFilters:
        """The filters that the fields set."""
        return ViewFilters(
            since=self.since.value,
            until=self.until.value,
            labels={label: each.value for label, each in self.labels.items()},
            trace=self.trace.value.strip(),
            only_wasted=self.only_wasted.value,
            tz=self.tz.value.strip() or "UTC",
        )

    def clear(self) -> None:
        """Reset all filters."""
        for each, empty in self._empty:
            each.unobserve(self._on_change, names="value")
            each.value = empty
            each.observe(self._on_change, names="value")
        self._changed()

    def _on_change(self, _: object) -> None:
        self._changed()


class FindingsPanel(W.VBox):
    """The findings, one page at a time; ``chosen`` is called with the trace of a finding that is clicked."""

    def __init__(self, chosen: Callable[[str], None]) -> None:
        self._chosen = chosen
        self._findings = pd.DataFrame()
        self._first = 0
        title = W.HTML(markup.line(_TITLES, "cl-head"))
        self._lines = []
        for place in range(_PAGE_SIZE):
            button = W.Button(layout=W.Layout(width="150px", flex="0 0 auto"))
            button.on_click(lambda _, place=place: self.choose(place))
            line = W.HBox([button, W.HTML()])
            line.add_class("cl-line")
            self._lines.append(line)
        self.before = W.Button(description="Previous", layout=W.Layout(width="110px"))
        self.after = W.Button(description="Next", layout=W.Layout(width="110px"))
        self.before.on_click(lambda _: self._turn(-_PAGE_SIZE))
        self.after.on_click(lambda _: self._turn(_PAGE_SIZE))
        self.place = W.HTML()
        spacer = W.HTML('<span class="cl-head">trace</span>', layout=W.Layout(width="150px", flex="0 0 auto"))
        header = W.HBox([spacer, title])
        header.add_class("cl-line")
        super().__init__([header, *self._lines, toolbar(self.before, self.after, self.place)])

    def show(self, findings: pd.DataFrame) -> None:
        """Show the first page of findings."""
        self._findings, self._first = findings, 0
        self._turn(0)

    def choose(self, place: int) -> None:
        """Choose the finding in a line, as a click on it does."""
        for number, line in enumerate(self._lines):
            (line.add_class if number == place else line.remove_class)("cl-chosen")
        self._chosen(self._findings["trace_id"].iloc[self._first + place])

    def _turn(self, by: int) -> None:
        self._first = max(0, min(self._first + by, len(self._findings) - 1))
        page = self._findings.iloc[self._first : self._first + _PAGE_SIZE]
        for place, line in enumerate(self._lines):
            line.remove_class("cl-chosen")
            line.layout.display = "flex" if place < len(page) else "none"
            if place < len(page):
                finding = page.iloc[place]
                button, cells = line.children
                button.description = cut(printable(finding["trace_id"]), 16)
                button.tooltip = f"Show what happened in trace {printable(finding['trace_id'])}"
                cells.value = _finding_line(finding)
        last = self._first + len(page)
        total = quantity(len(self._findings), "finding")
        self.place.value = markup.note(f"{self._first + 1} to {last} of {total}" if len(page) else "No waste found.")
        self.before.disabled, self.after.disabled = self._first == 0, last >= len(self._findings)


class TracePanel(W.VBox):
    """One trace: its timeline and its calls."""

    def __init__(self) -> None:
        self.timeline = W.HTML()
        self.calls = W.HTML()
        self.status = W.HTML()
        super().__init__([self.status, self.timeline, self.calls])
        self.clear()

    def clear(self) -> None:
        """Show a note that no trace is chosen."""
        self.timeline.value = self.calls.value = ""
        self.status.value = markup.note("Choose a finding to see what happened in its trace.")

    @show_errors
    def show(self, calls: pd.DataFrame, trace_id: str) -> None:
        """Show the calls of a trace, each model in the colour that it has in the plots of all calls."""
        own = calls[calls["trace_id"] == trace_id]
        height = min(1.4 + 0.34 * len(own), 9.0)
        self.timeline.value = markup.picture(draw_svg(lambda ax: plot_trace(calls, trace_id, ax=ax), height=height))
        head = own.sort_values("timestamp", kind="stable").head(_MOST_CALLS)
        self.calls.value = markup.scrolled(calls_table(short_texts(head)))
        more = len(own) - len(head)
        self.status.value = markup.note(f"and {quantity(more, 'more call')}" if more else "")


class WhatIfPanel(W.VBox):
    """What the calls of a model would have cost on another one."""

    def __init__(self, study: Study) -> None:
        self._view: View | None = None
        self.model = make_field(W.Dropdown, "Calls of")
        priced = list(study.prices.models)
        self.to_model = make_field(
            W.Combobox, "on model", options=priced, placeholder="type a name", continuous_update=False
        )
        self.result = W.HTML()
        self.status = W.HTML()
        for each in (self.model, self.to_model):
            each.observe(lambda _: self.compute(), names="value")
        super().__init__([make_row(self.model, self.to_model), self.status, self.result])

    def show(self, view: View) -> None:
        """Take the calls of a view."""
        self._view = view
        cost = view.calls.groupby("model", observed=True)["cost"].sum().sort_values(ascending=False, kind="stable")
        cost = cost.head(MOST_CHOICES)
        options = [(f"{cut(printable(str(name)), 40)} ({money(dollars)})", name) for name, dollars in cost.items()]
        chosen = self.model.value
        self.model.options = options
        self.model.value = chosen if chosen in cost.index else next(iter(cost.index), None)
        self.compute()

    @show_errors
    def compute(self) -> None:
        """Compute the cost on the other model."""
        self.result.value = self.status.value = ""
        if self._view is None or self.model.value is None or not self.to_model.value.strip():
            self.status.value = markup.note("The same tokens at the prices of another model; its answers would differ.")
            return
        (found,) = self._view.reprice(self.model.value, self.to_model.value.strip()).to_dict("index").values()
        before, after = found["cost_before"], found["cost_after"]
        saved = f"{percent(abs(after - before), before)} {'less' if after <= before else 'more'}"
        self.result.value = markup.cards(
            {
                "Now": (money(before), quantity(found["n_calls"], "call")),
                f"On {found['to_model']}": (money(after), saved),
                "Difference": (money(after - before), f"{quantity(found['n_unpriced'], 'call')} without a known cost"),
            }
        )


class ThresholdPanel(W.VBox):
    """The thresholds of the detectors; ``changed`` is called with the new ones when "Find again" is clicked."""

    def __init__(self, changed: Callable[[Thresholds], None]) -> None:
        self._changed = changed
        self.fields: dict[tuple[str, str], Any] = {}
        groups = []
        for detector in ROSTER:
            own = {
                (detector.name, threshold): _threshold_field(threshold, default)
                for threshold, default in detector.thresholds.items()
                if type(default) in _THRESHOLD_FIELDS
            }
            if own:
                groups.append(W.VBox([W.HTML(markup.note(detector.title)), *own.values()]))
            self.fields |= own
        self.apply = W.Button(description="Find again", button_style="primary")
        self.apply.on_click(lambda _: self.compute())
        self.status = W.HTML()
        super().__init__([make_row(*groups), toolbar(self.apply, self.status)])

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds in the fields."""
        thresholds: dict[str, dict[str, Any]] = {}
        for (detector, name), each in self.fields.items():
            thresholds.setdefault(detector, {})[name] = each.value
        return thresholds

    @show_errors
    def compute(self) -> None:
        """Look for waste with the thresholds in the fields."""
        self.status.value = markup.note("looking for waste …")
        self._changed(self.thresholds)
        self.status.value = markup.note("searched again")


def _threshold_field(name: str, default: int | str) -> Any:
    label = name.replace("_", " ").capitalize()
    style = {"description_width": "132px"}
    return make_field(_THRESHOLD_FIELDS[type(default)], label, value=default, continuous_update=False, style=style)


class ExportPanel(W.VBox):
    """Writes the calls of the view to a file, by default beside the notebook."""

    def __init__(self) -> None:
        self._view: View | None = None
        self.path = make_field(W.Text, "File", value="calls.jsonl", continuous_update=False)
        self.write = W.Button(description="Export the view", button_style="primary")
        self.write.on_click(lambda _: self.export())
        self.status = W.HTML()
        hint = markup.note("JSONL, or CSV for a spreadsheet if the name ends in .csv; .gz or .zst compresses it")
        super().__init__([toolbar(self.path, self.write, W.HTML(hint)), self.status])

    def show(self, view: View) -> None:
        """Take the calls of a view."""
        self._view = view
        self.status.value = ""

    @show_errors
    def export(self) -> None:
        """Write the file; an existing file is not overwritten."""
        assert self._view is not None
        path = Path(self.path.value.strip())
        if path.exists():
            raise ExistingFileError(f"{path} exists; choose another name")
        calls = self._view.logged
        (to_csv if ".csv" in path.suffixes else to_jsonl)(calls, path)
        self.status.value = markup.note(f"wrote {quantity(len(calls), 'call')} to {path.resolve()}")


def _finding_line(finding: pd.Series) -> str:
    """Return the line of a finding as HTML."""
    severity = str(finding["severity"])
    cells = (
        (severity, f"cl-severity cl-{severity}"),
        (str(finding["detector"]).replace("_", " "), ""),
        ("" if pd.isna(finding["models"]) else finding["models"], ""),
        (digits(finding["n_calls"]), "cl-number"),
        (money(finding["waste_cost"]), "cl-number"),
        (finding["description"], ""),
    )
    return markup.line(cells)


def short_texts(calls: pd.DataFrame) -> pd.DataFrame:
    """Return calls with prompts and responses cut to one line of a table."""
    short = {}
    for name in ("prompt", "response"):
        long = (calls[name].str.len() > _LONGEST_TEXT).fillna(False).astype(bool)
        short[name] = calls[name].mask(long, calls[name].str.slice(0, _LONGEST_TEXT - 1) + "…")
    return calls.assign(**short)
