"""How well alerts find labelled events: precision, recall, F1."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from tests.watch.months import HOURS, KINDS, START, Label, Month

ALERTS = list[tuple[str, int, int]]  # series, first hour, the hour after the last one
_LATE = 24  # hours after the end of an event in which it may still be found


class Score(NamedTuple):
    """Counts over months."""

    found: int
    missed: int
    false: int
    by_kind: dict[str, tuple[int, int]]  # found, of how many
    series: int

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.found / max(2 * self.found + self.false + self.missed, 1)


def score(months: list[Month], find: Callable[[pd.DataFrame], ALERTS]) -> Score:
    """Match alerts to events of the same series that they overlap; several alerts of one event count once."""
    found = false = series = 0
    by_kind = {kind: [0, 0] for kind in KINDS}
    for each in months:
        alerts = find(each.calls)
        series += each.calls["model"].nunique()
        for label in each.labels:
            hit = any(_is_of(alert, label) for alert in alerts)
            by_kind[label.kind][0] += hit
            by_kind[label.kind][1] += 1
            found += hit
        false += sum(not any(_is_of(alert, label) for label in each.labels) for alert in alerts)
    total = sum(number for _, number in by_kind.values())
    return Score(found, total - found, false, {kind: (a, b) for kind, (a, b) in by_kind.items()}, series)


def alerts_of(found: pd.DataFrame) -> ALERTS:
    """Return the rows of ``cf.anomalies`` that name a series."""
    named = found[found["model"].notna()]
    begins, ends = ((named[name] - START) // pd.Timedelta("1h") for name in ("start", "end"))
    return list(zip(named["model"], begins, ends, strict=True))


def joined_hours(series: str, hours: list[int]) -> ALERTS:
    """Return hours that are less than a day apart as single alerts."""
    found: ALERTS = []
    for hour in hours:
        if found and hour - found[-1][2] < HOURS:
            found[-1] = (series, found[-1][1], hour + 1)
        else:
            found.append((series, hour, hour + 1))
    return found


def _is_of(alert: tuple[str, int, int], label: Label) -> bool:
    return alert[0] == label.series and alert[1] < label.end + _LATE and label.start < alert[2]
