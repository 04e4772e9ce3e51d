"""Calls side by side that belong together, in time order: what the detectors that look beyond a trace work on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._core import in_large_groups, joint_codes
from .facts import SECOND, Facts

_LEAST_GAP = 10  # seconds; what asks at regular times waits this long
_FEW_GROUPS = 8  # for each row; a table of these is small


@dataclass(frozen=True)
class Lane:
    """Rows sorted by a group and, within it, by time; ``group`` holds the group of each, side by side."""

    row: np.ndarray
    group: np.ndarray

    @cached_property
    def follows(self) -> np.ndarray:
        """Whether each row follows another one of its group."""
        same = np.zeros(len(self.row), bool)
        same[1:] = self.group[1:] == self.group[:-1]
        return same

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each group begins."""
        return np.flatnonzero(~self.follows)

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of rows of each group."""
        return np.diff(np.append(self.starts, len(self.row)))

    @cached_property
    def size(self) -> np.ndarray:
        """The number of rows of the group of each row."""
        return self.counts[self.number]

    @cached_property
    def number(self) -> np.ndarray:
        """The groups numbered from 0, in their order."""
        return np.cumsum(~self.follows) - 1

    @cached_property
    def linked(self) -> np.ndarray:
        """Whether another row of its group follows each row."""
        return np.append(self.follows[1:], False)[: len(self.row)]

    def only(self, kept: np.ndarray) -> "Lane":
        """Keep the rows that a mask or positions select."""
        place = np.flatnonzero(kept) if kept.dtype == bool else kept
        return Lane(self.row[place], self.group[place])

    def of_at_least(self, least: int) -> "Lane":
        """Keep the groups of at least this number of rows."""
        if least < 2:
            return self
        return self.only(self.follows | self.linked if least == 2 else self.size >= least)

    def split(self, begins: np.ndarray) -> "Lane":
        """Begin a new group at each marked row as well."""
        return Lane(self.row, np.cumsum(begins | ~self.follows) - 1)

    @cached_property
    def before(self) -> np.ndarray:
        """The row before each row; meaningless for the first of a group."""
        return np.roll(self.row, 1)

    def previous(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the value of the row before it; meaningless for the first of a group."""
        return values[self.before]

    def rise(self, values: np.ndarray) -> np.ndarray:
        """Return how much larger the value of each row is than that of the row before it."""
        own = values[self.row]
        return own - np.roll(own, 1)

    def any(self, mask: np.ndarray) -> np.ndarray:
        """Return for each row whether the mask holds for any row of its group."""
        found = np.zeros(len(self.starts), bool)
        found[self.number[mask]] = True
        return found[self.number]

    def count(self, mask: np.ndarray) -> np.ndarray:
        """Return for each row for how many rows of its group the mask holds."""
        return np.bincount(self.number[mask], minlength=len(self.starts))[self.number]

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the sum of its group."""
        return np.bincount(self.number, values)[self.number] if len(self.row) else np.zeros(0)

    def reduce(self, values: np.ndarray, how: np.ufunc) -> np.ndarray:
        """Return for each row what a function such as ``np.minimum`` makes of its group."""
        return how.reduceat(values, self.starts)[self.number] if len(self.row) else values

    def median(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the median of its group."""
        order = np.lexsort((values, self.number))
        ranked = values[order]
        middle = (ranked[self.starts + (self.counts - 1) // 2] + ranked[self.starts + self.counts // 2]) / 2
        return middle[self.number]

    def distinct(self, codes: np.ndarray) -> np.ndarray:
        """Return for each row how many different ones of the known codes (0 or more) its group has."""
        pair = np.sort((self.number << 32 | codes)[codes >= 0])
        new = np.ones(len(pair), bool)
        new[1:] = pair[1:] != pair[:-1]
        return np.bincount(pair[new] >> 32, minlength=len(self.starts))[self.number]


def lanes(facts: Facts, codes: Sequence[np.ndarray], rows: np.ndarray, *, least: int = 1) -> Lane:
    """Place rows of equal codes side by side, in time order; rows of equal time keep their order.

    Groups of fewer than ``least`` rows are left out.
    """
    own = [code[rows] for code in codes if code.max(initial=-1) >= 0] or [np.zeros(len(rows), np.int64)]
    bits = len(facts.start).bit_length()
    widest = 1 << (63 - bits)  # group and place are sorted as one number
    if least > 1 and math.prod(int(code.max(initial=0)) + 2 for code in own) > widest:
        kept = np.flatnonzero(in_large_groups(own, least))
        rows, own = rows[kept], [code[kept] for code in own]
    group = joint_codes(own, widest)
    if least > 2 and group.max(initial=0) < _FEW_GROUPS * len(rows):
        kept = np.flatnonzero((np.bincount(group) >= least)[group])
        rows, group = rows[kept], group[kept]
    in_time = facts.by_time
    order = np.sort(group << bits | (rows if in_time is None else in_time[1][rows]))
    row = order & ((1 << bits) - 1)
    return Lane(row if in_time is None else in_time[0][row], order >> bits).of_at_least(least)


def is_periodic(facts: Facts, lane: Lane) -> np.ndarray:
    """Return for each row whether its group asks at regular times: at least 4 gaps, of 10 s or more, about equal."""
    regular = np.zeros(len(lane.row), bool)
    several = np.flatnonzero(lane.size > 4)
    large = lane.only(several)
    if not len(large.row):
        return regular
    gap = np.where(large.follows, large.rise(facts.start), 0) / SECOND
    # where the median is 10 s or more, and the gaps are about equal, so is their mean, nearly
    slow = np.flatnonzero(large.sum(gap) / (large.size - 1) > 0.8 * _LEAST_GAP)
    several, large, gap = several[slow], large.only(slow), gap[slow]
    if not len(slow):
        return regular
    number = large.size - 1
    mean = large.sum(gap) / number
    spread = np.where(large.follows, (gap - mean) ** 2, 0.0)
    deviation = np.sqrt(large.sum(spread) / number)
    steady = deviation < 0.15 * mean  # and so the median is within 15 % of the mean
    middle = np.zeros(len(gap))
    gaps = large.only(large.follows & steady)
    middle[large.follows & steady] = gaps.median(gap[large.follows & steady])
    regular[several] = steady & (large.reduce(middle, np.maximum) >= _LEAST_GAP)
    return regular
