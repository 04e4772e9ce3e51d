"""What the panels of the Explorer are given: the calls that are seen, those they are compared with, and how."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

import pandas as pd

from .spans import Days
from .views import View


@dataclass(frozen=True)
class Seen:
    """What is seen.

    Parameters
    ----------
    name
        Name of the log.
    view
        The calls that pass the filters.
    past
        These and those before them: what is unusual, and how a month goes on, is judged by the past.
    before
        Those of the period before that pass the other filters; None where no period is chosen.
    compared
        The period and the one before it with their calls, also where none is chosen: the last days of the log then.
    begin
        When the period begins; None: with the log.
    by
        The label that costs are divided by.
    tz
        Time zone of days.
    """

    name: str
    view: View
    past: View
    before: View | None
    compared: tuple[Days, Days, View, View] | None
    begin: pd.Timestamp | None
    by: str
    tz: str

    @cached_property
    def anomalies(self) -> pd.DataFrame:
        """The hours of the period that are unusual against their past, whether that is in the period or not."""
        found = self.past.anomalies(self.by, self.tz)
        return found if self.begin is None else found[found["end"] > self.begin]

    @property
    def labels(self) -> pd.Series:
        """The value of the label that each call has."""
        return self.view.columns(self.by)[self.by]

    @property
    def file_name(self) -> str:
        """A name for files of these calls, without a suffix."""
        stem = PurePath(self.name).name.partition(".")[0]
        return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "calls"
