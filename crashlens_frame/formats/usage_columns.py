"""The counts of many records, settled as ``settle_usage`` does it for one, by the same readings."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from .usage import (
    INPUT,
    OTHER_INPUT,
    OTHER_OUTPUT,
    OTHER_SIDE,
    OUTPUT,
    TOTAL,
    Count,
    Reading,
    Roles,
    beside_of,
    readings_of_counts,
)

Sums = Mapping[str, np.ndarray]


class SettledUsages(NamedTuple):
    """Counts by column, None where a row has none; ``is_settled`` is where a reading fits the record."""

    is_settled: np.ndarray
    columns: dict[str, list[int | None]]
    readings: list[str | None]


def settle_usages(counts: Sequence[Count], values: Sequence[list[int]], size: int) -> SettledUsages:
    """Return the counts of rows by the readings that fit them.

    Records that only ``settle_usage`` explains, such as those of models that hide their reasoning, are not settled.

    Parameters
    ----------
    counts
        The counts that each of the records has; their own values are not read.
    values
        Of each count the values in the records, small enough to be added up in 64 bits.
    size
        Number of the records.

    Examples
    --------
    >>> from crashlens_frame.formats.usage import Count
    >>> from crashlens_frame.formats.usage_columns import settle_usages
    >>> counts = [Count("prompt", "input_tokens", 0, False), Count("cached", "cached_input_tokens", 0, False)]
    >>> settled = settle_usages(counts, [[10, 10], [4, 11]], 2)
    >>> settled.is_settled.tolist(), settled.columns["cached_input_tokens"]
    ([True, False], [4, None])
    """
    sums, is_settled = _sums(counts, values, size)
    total = sums.pop(TOTAL, np.zeros(size, np.int64))
    beside = beside_of(counts)
    columns: dict[str, np.ndarray] = {}
    readings = np.full(size, None, object)
    for rows in _alike(np.array([*sums.values(), total]) != 0):
        first = rows[0]
        nonzero = frozenset(role for role, numbers in sums.items() if numbers[first])
        tried = readings_of_counts(tuple(sums), nonzero, beside, with_total=bool(total[first]))
        here = {role: numbers[rows] for role, numbers in sums.items()}
        read = [{column: _sum(here, roles) for column, roles in reading.columns.items()} for reading in tried]
        fits = np.array([_fits(reading, row, here, total[rows]) for reading, row in zip(tried, read, strict=True)])
        chosen = fits.argmax(axis=0)
        documented = fits[[reading.is_documented for reading in tried]].any(axis=0)
        settled = fits.any(axis=0)
        for number, (reading, row) in enumerate(zip(tried, read, strict=True)):
            mine = settled & (chosen == number)
            if not mine.any():
                continue
            for other, fit in zip(read, fits, strict=True):
                settled &= ~(mine & fit & _differ(row, other))
            for column, numbers in row.items():
                columns.setdefault(column, np.full(size, None, object))[rows[mine]] = numbers[mine]
            readings[rows[mine & ~documented]] = reading.name
        is_settled[rows] &= settled
    return SettledUsages(is_settled, {name: found.tolist() for name, found in columns.items()}, readings.tolist())


def _sums(counts: Sequence[Count], values: Sequence[list[int]], size: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the count of each role, and where no two keys contradict each other."""
    sums: dict[str, np.ndarray] = {}
    agree = np.ones(size, bool)
    for count, numbers in zip(counts, map(np.array, values), strict=True):
        earlier = sums.get(count.role)
        if earlier is None:
            sums[count.role] = numbers
        elif count.role in (OTHER_INPUT, OTHER_OUTPUT, OTHER_SIDE):
            sums[count.role] = earlier + numbers
        else:
            differ = (earlier != 0) & (numbers != 0) & (earlier != numbers)
            is_added = count.beside and count.role != TOTAL
            sums[count.role] = np.where(differ & is_added, earlier + numbers, np.maximum(earlier, numbers))
            agree &= ~differ | is_added
    return sums, agree


def _alike(nonzero: np.ndarray) -> list[np.ndarray]:
    """Return the places of the columns of a matrix that are the same."""
    codes = (1 << np.arange(len(nonzero))) @ nonzero
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]


def _sum(sums: Sums, roles: Roles) -> np.ndarray:
    return reduce(np.add, (sums[role] for role in roles), np.array(0))


def _fits(reading: Reading, row: Sums, sums: Sums, total: np.ndarray) -> np.ndarray:
    fits = np.ones(len(total), bool)
    for part, whole in reading.bounds:
        fits &= _sum(sums, part) <= _sum(sums, whole)
    if reading.equal[1]:
        fits &= _sum(sums, reading.equal[0]) == _sum(sums, reading.equal[1])
    if reading.by_total:
        fits &= row.get(INPUT, 0) + row.get(OUTPUT, 0) == total
    return fits


def _differ(row: Sums, other: Sums) -> np.ndarray:
    if row.keys() != other.keys():
        return np.array(True)
    return reduce(np.logical_or, (row[column] != other[column] for column in row), np.array(False))
