"""The panels of the Explorer, each with its own fields. A panel calls a function when a field changes."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import ipywidgets as W  # noqa: N812  as its own documentation does
import pandas as pd

from ..detectors import ROSTER, Thresholds
from ..pricing import PriceBook
from ..words import cut, money, percent, printable, quantity
from . import markup
from .views import View

P = ParamSpec("P")
Panel = TypeVar("Panel", bound=Any)

MOST_CHOICES = 500  # in a list to choose from; a browser takes seconds to build long ones
_LONGEST_TEXT = 80
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
    if "layout" not in options:  # that is not used it would never be closed
        options["layout"] = W.Layout(width="244px", max_width="100%")
    return kind(description=label, **{"style": {"description_width": "86px"}, **options})


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


class WhatIfPanel(W.VBox):
    """What the calls of a model would have cost on another one."""

    def __init__(self, prices: PriceBook) -> None:
        self._view: View | None = None
        self.model = make_field(W.Dropdown, "Calls of")
        priced = list(prices.models)
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
        spent = view.columns("model", "cost").groupby("model", observed=True)["cost"].sum()
        cost = spent.sort_values(ascending=False, kind="stable").head(MOST_CHOICES)
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
                "Now": markup.Card(money(before), quantity(found["n_calls"], "call")),
                f"On {found['to_model']}": markup.Card(money(after), saved),
                "Difference": markup.Card(
                    money(after - before), f"{quantity(found['n_unpriced'], 'call')} without a known cost"
                ),
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


def short_texts(calls: pd.DataFrame) -> pd.DataFrame:
    """Return calls with prompts and responses cut to one line of a table."""
    short = {}
    for name in ("prompt", "response"):
        long = (calls[name].str.len() > _LONGEST_TEXT).fillna(False).astype(bool)
        short[name] = calls[name].mask(long, calls[name].str.slice(0, _LONGEST_TEXT - 1) + "…")
    return calls.assign(**short)
