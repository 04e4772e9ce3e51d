"""The filters of the Explorer: the period, and everything else that lets calls pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import available_timezones

import ipywidgets as W  # noqa: N812  as its own documentation does

from . import markup
from .addresses import ViewState
from .labels import LabelFilter
from .panels import make_field, toolbar
from .spans import ALL, OWN, PRESETS, Days, days_before, preset_days
from .views import LABELS, Study, View, ViewFilters


class FilterFields:
    """The fields that filter calls; ``changed`` is called after each change.

    ``period_bar`` and ``side`` are the boxes that hold them.
    """

    def __init__(self, study: Study, changed: Callable[[], None], tz: str = "UTC") -> None:
        self._changed, self._first_tz = changed, tz
        self._is_quiet = False
        self.period = W.ToggleButtons(
            options=PRESETS[:-1], value=ALL, tooltips=[f"{each} of the log" for each in PRESETS]
        )
        self.period.style.button_width = "auto"
        narrow = W.Layout(width="190px", max_width="100%")
        style = {"description_width": "auto"}
        self.since = make_field(W.DatePicker, "From", layout=narrow, style=style)
        self.until = make_field(W.DatePicker, "until", layout=narrow, style=style)
        zones = sorted(available_timezones())
        self.tz = make_field(
            W.Combobox, "Time zone", value=tz, options=zones, continuous_update=False, style=style, layout=narrow
        )
        self.compared = W.HTML()
        wide = W.Layout(width="auto")
        self.trace = W.Text(placeholder="trace: part of its id", continuous_update=False, layout=wide)
        self.only_wasted = W.Checkbox(description="Only wasted calls", value=False, indent=False, layout=wide)
        self.reset = W.Button(description="Reset filters", tooltip="Show all calls again", layout=wide)
        self.reset.on_click(lambda _: self.clear())
        self.labels: dict[str, LabelFilter] = {}
        self.period_bar = toolbar(self.period, self.since, self.until, self.tz)
        self.side = W.VBox([])
        self.side.add_class("cl-side")
        for field in (self.trace, self.only_wasted, self.tz):
            field.observe(self._on_change, names="value")
        self.period.observe(self._on_preset, names="value")
        for field in (self.since, self.until):
            field.observe(self._on_days, names="value")
        self.take(study)

    def take(self, study: Study) -> None:
        """Filter other calls by the same values."""
        self.study = study
        before = {label: each.value for label, each in self.labels.items()}
        self.labels = {
            label: LabelFilter(label, values.cat.categories.tolist(), opened=label in LABELS)
            for label, values in study.labels.items()
        }
        for label, each in self.labels.items():
            each.value = before.get(label, ())
            each.observe(self._on_change, names="value")
        self.side.children = [self.trace, self.only_wasted, *self.labels.values(), self.reset]
        if self.period.value not in (ALL, None):
            self._set_days()

    @property
    def filters(self) -> ViewFilters:
        """The filters that the fields set."""
        return ViewFilters(
            since=self.since.value,
            until=self.until.value,
            labels={label: each.value for label, each in self.labels.items()},
            trace=self.trace.value.strip(),
            only_wasted=self.only_wasted.value,
            tz=self.zone,
        )

    @property
    def zone(self) -> str:
        """The time zone of days and plots."""
        zone: str = self.tz.value.strip() or "UTC"
        return zone

    @property
    def preset(self) -> str:
        """Which preset the days are; ``OWN`` if none."""
        return self.period.value or OWN

    def days(self) -> Days | None:
        """Return the days that are looked at; None: all of them, or the log has no times."""
        whole = self.study.days(self.zone)
        if whole is None or (self.since.value is None and self.until.value is None):
            return None
        return Days(self.since.value or whole.since, self.until.value or whole.until)

    def before(self) -> Days | None:
        """Return the days before those that are looked at, to compare them with."""
        days = self.days()
        return None if days is None or days.since > days.until else days_before(days, self.preset)

    def count(self, view: View) -> None:
        """Show how many calls of a view each value has."""
        for label, each in self.labels.items():
            each.count(view.counts(label))

    def clear(self) -> None:
        """Reset all filters."""
        self.restore(ViewState())

    def state(self) -> ViewState:
        """Return what the fields are set to."""
        return ViewState(
            period=self.preset,
            since=self.since.value,
            until=self.until.value,
            tz="" if self.zone == self._first_tz else self.zone,
            trace=self.trace.value,
            only_wasted=self.only_wasted.value,
            labels={label: each.value for label, each in self.labels.items() if each.value},
        )

    def restore(self, state: ViewState) -> None:
        """Set the fields; values that the log does not have are left out."""
        with self._quiet():
            self.tz.value = state.tz or self._first_tz
            self.trace.value, self.only_wasted.value = state.trace, state.only_wasted
            self.period.value = None if state.period == OWN else state.period
            if state.period == OWN:
                self.since.value, self.until.value = state.since, state.until
            else:
                self._set_days()
            for label, each in self.labels.items():
                each.value = state.labels.get(label, ())
        self._changed()

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False

    def _set_days(self) -> None:
        whole = self.study.days(self.zone)
        days = preset_days(self.period.value, whole.until) if whole is not None and self.period.value else None
        self.since.value, self.until.value = days or (None, None)

    def _on_preset(self, _: Any) -> None:
        if self._is_quiet or self.period.value is None:
            return
        with self._quiet():
            self._set_days()
        self._changed()

    def _on_days(self, _: Any) -> None:
        if self._is_quiet:
            return
        with self._quiet():
            self.period.value = ALL if self.since.value is None and self.until.value is None else None
        self._changed()

    def _on_change(self, change: Any) -> None:
        if self._is_quiet:
            return
        if change["owner"] is self.tz and self.period.value not in (ALL, None):
            with self._quiet():
                self._set_days()  # the last day of the log may be another one
        self._changed()


def compared_note(days: Days | None, before: Days | None, whole: Days | None, n_before: int) -> str:
    """Return what the figures are compared with, as HTML.

    Examples
    --------
    >>> from datetime import date
    >>> from crashlens_frame.widgets.filters import compared_note
    >>> from crashlens_frame.widgets.spans import Days
    >>> days = [Days(date(2026, 3, first), date(2026, 3, first + 6)) for first in (1, 8)]
    >>> "2026-03-08 to 2026-03-14 against 2026-03-01 to 2026-03-07" in compared_note(days[1], days[0], None, 5)
    True
    """
    if days is None or before is None:
        return ""
    if not n_before:
        return markup.note(f"{days}; no calls in {before} to compare with")
    cut_off = f"; the log begins on {whole.since}" if whole and whole.since > before.since else ""
    return markup.note(f"{days} against {before}{cut_off}")
