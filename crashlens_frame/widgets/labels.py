"""The filter of one label: its values as boxes to tick, those with most calls first, found by a search."""

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import traitlets as T  # noqa: N812

from ..words import UNKNOWN, cut, digits, printable
from .browser import Choices

_MOST_VALUES = 40  # in the browser at once; the search finds the others
_SEARCHABLE = 8  # values from which on a search field helps
_LONGEST = 60


class LabelFilter(Choices):
    """The values of a label; ``value`` holds those that are chosen, None for calls without one.

    Parameters
    ----------
    label
        Name of the label.
    values
        Its values.
    opened
        Whether the list is open at first.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.widgets.labels import LabelFilter
    >>> team = LabelFilter("team", ["legal", "search"])
    >>> team.count(np.array([1, 20, 3]))
    >>> [(row["text"], row["count"]) for row in team.rows]
    [('search', '20'), ('unknown', '3'), ('legal', '1')]
    >>> team.value = ("search",)
    >>> team.chosen
    [1]
    """

    value = T.Tuple()  # not sent: the browser knows values by their numbers

    def __init__(self, label: str, values: list[str], *, opened: bool = False) -> None:
        self._values = values
        self._calls = np.zeros(len(values) + 1, np.int64)
        super().__init__(title=label, opened=opened, can_search=len(values) > _SEARCHABLE)
        self.observe(self._take, names="chosen")
        self.observe(self._put, names="value")
        self.observe(lambda _: self._draw(), names="search")

    def count(self, calls: np.ndarray) -> None:
        """Show how many calls each value has; last, those that have none."""
        self._calls = calls
        self._draw()

    @cached_property
    def _texts(self) -> pa.Array:
        return pa.array([*self._values, UNKNOWN], pa.string())

    @cached_property
    def _numbers(self) -> dict[Any, int]:
        return {value: number for number, value in enumerate([*self._values, None])}

    def _draw(self) -> None:
        is_offered = self._calls > 0
        if self.search.strip():
            is_offered &= pc.match_substring(self._texts, self.search.strip(), ignore_case=True).to_numpy(False)
        is_offered[self.chosen] = True
        offered = np.flatnonzero(is_offered)
        order = offered[np.lexsort((-self._calls[offered], ~np.isin(offered, self.chosen)))]
        hidden = len(order) - _MOST_VALUES
        with self.hold_sync():
            self.more = f"and {digits(hidden)} more, which the search finds" if hidden > 0 else ""
            self.rows = [
                {"key": number, "text": self._text(number), "count": digits(self._calls[number])}
                for number in order[:_MOST_VALUES].tolist()
            ]

    def _text(self, number: int) -> str:
        return cut(printable(self._values[number]), _LONGEST) if number < len(self._values) else UNKNOWN

    def _take(self, _: object) -> None:
        known = [*self._values, None]
        self.value = tuple(known[number] for number in self.chosen if 0 <= number < len(known))

    def _put(self, _: object) -> None:
        # what the log does not have cannot be chosen
        self.chosen = [self._numbers[value] for value in self.value if value in self._numbers]
        self._draw()
