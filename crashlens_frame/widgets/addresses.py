"""A view as text, for the address of a page: ``since=2026-03-01&is.team=search``. Texts, no widget."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from .spans import ALL, OWN, PRESETS

_IS, _WITHOUT = "is.", "without"  # a value of a label, and a label that calls are without


class ViewState(NamedTuple):
    """What the fields of an Explorer are set to; what is not set is as it is at first."""

    period: str = ALL
    since: date | None = None
    until: date | None = None
    tz: str = ""
    trace: str = ""
    only_wasted: bool = False
    by: str = ""
    waste: str = ""
    open: str = ""
    labels: Mapping[str, tuple[str | None, ...]] = {}


def state_text(state: ViewState) -> str:
    """Write a state, leaving out what is as it is at first.

    Examples
    --------
    >>> from crashlens_frame.widgets.addresses import ViewState, read_state, state_text
    >>> text = state_text(ViewState(period="7 days", labels={"team": ("search", None)}))
    >>> text
    'period=7+days&is.team=search&without=team'
    >>> read_state(text).labels
    {'team': ('search', None)}
    """
    days = {"since": state.since, "until": state.until} if state.period == OWN else {}
    fields = {
        "period": "" if state.period == ALL else state.period,
        **{name: str(day) for name, day in days.items() if day is not None},
        "tz": state.tz,
        "trace": state.trace,
        "wasted": "yes" if state.only_wasted else "",
        "by": state.by,
        "waste": state.waste,
        "open": state.open,
    }
    chosen = [
        (_WITHOUT, label) if value is None else (f"{_IS}{label}", value)
        for label, values in state.labels.items()
        for value in values
    ]
    return urlencode([*((name, value) for name, value in fields.items() if value), *chosen])


def read_state(text: str) -> ViewState:
    """Read a state; what it holds that no Explorer knows, or that is no day, is left out.

    Examples
    --------
    >>> from crashlens_frame.widgets.addresses import read_state
    >>> read_state("period=30+days&since=soon&nonsense=1").period
    '30 days'
    """
    pairs = parse_qsl(text, keep_blank_values=True)
    fields = dict(pairs)
    labels: dict[str, tuple[str | None, ...]] = {}
    for name, value in pairs:
        if name == _WITHOUT:
            labels[value] = (*labels.get(value, ()), None)
        elif name.startswith(_IS):
            label = name.removeprefix(_IS)
            labels[label] = (*labels.get(label, ()), value)
    period = fields.get("period", ALL)
    return ViewState(
        period=period if period in PRESETS else ALL,
        since=_day(fields.get("since")),
        until=_day(fields.get("until")),
        **{name: fields.get(name, "") for name in ("tz", "trace", "by", "waste", "open")},
        only_wasted="wasted" in fields,
        labels=labels,
    )


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
