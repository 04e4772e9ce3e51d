"""Periods that are looked at: presets, and the period before each that it is compared with. Days, no widget."""

from datetime import date, timedelta
from typing import NamedTuple

from ..handout import compared_days

_DAY = timedelta(days=1)
ALL, MONTH, OWN = "All", "This month", "Own days"
_LENGTHS = {"7 days": 7, "30 days": 30}
PRESETS = (ALL, *_LENGTHS, MONTH, OWN)


class Days(NamedTuple):
    """The first and the last day of a period."""

    since: date
    until: date

    def __str__(self) -> str:
        return f"{self.since}" if self.since == self.until else f"{self.since} to {self.until}"


def preset_days(preset: str, last: date) -> Days | None:
    """Return the days of a preset in a log with a last day; None: all of them.

    Examples
    --------
    >>> from datetime import date
    >>> from crashlens_frame.widgets.spans import preset_days
    >>> str(preset_days("7 days", date(2026, 3, 22))), str(preset_days("This month", date(2026, 3, 22)))
    ('2026-03-16 to 2026-03-22', '2026-03-01 to 2026-03-22')
    """
    if preset == MONTH:
        return Days(last.replace(day=1), last)
    return Days(last - (_LENGTHS[preset] - 1) * _DAY, last) if preset in _LENGTHS else None


def days_before(days: Days, preset: str = OWN) -> Days:
    """Return the period before one: as many days, or of a month the same days of the month before.

    Examples
    --------
    >>> from datetime import date
    >>> from crashlens_frame.widgets.spans import Days, days_before
    >>> str(days_before(Days(date(2026, 3, 16), date(2026, 3, 22))))
    '2026-03-09 to 2026-03-15'
    >>> str(days_before(Days(date(2026, 3, 1), date(2026, 3, 31)), "This month"))
    '2026-02-01 to 2026-02-28'
    """
    end = days.since - _DAY
    if preset == MONTH:
        is_whole = (days.until + _DAY).day == 1
        return Days(end.replace(day=1), end if is_whole else end.replace(day=min(days.until.day, end.day)))
    return Days(days.since - (days.until - days.since) - _DAY, end)


def last_days(whole: Days) -> Days | None:
    """Return the last days of a log: 30, 7 or 1, the most that it holds twice; None where it is shorter than two days.

    Examples
    --------
    >>> from datetime import date
    >>> from crashlens_frame.widgets.spans import Days, last_days
    >>> str(last_days(Days(date(2026, 3, 1), date(2026, 3, 20))))
    '2026-03-14 to 2026-03-20'
    """
    length = compared_days((whole.until - whole.since).days + 1)
    return None if length is None else Days(whole.until - (length - 1) * _DAY, whole.until)
