"""The records of lines, gathered until many of them are read: together where they are alike, else one by one."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import InvalidCallError
from ..formats import Row, alike_rows, rows_from_line
from ..frame import table_from_columns, table_from_rows
from .lines_content import NO_CALLS, LinesContent, Reject, Repair, make_reject, make_repairs

# lines that are read together: large groups of records that are alike, and few values for Python to look through for
# circles as long as they live
_TOGETHER, _BYTES = 1024, 2 << 20


class _Line(NamedTuple):
    number: int
    value: Any
    format: str | None
    raw: bytes


class LineRecords:
    """What lines of one log hold, in the order in which they are added.

    Parameters
    ----------
    source
        Name of the log, for the rejects.
    columns
        The columns to read; None: all.
    """

    def __init__(self, source: str, columns: frozenset[str] | None) -> None:
        self._source, self._columns = source, columns
        self._begin()

    def _begin(self) -> None:
        self._lines: list[_Line] = []  # that are not yet read
        self._bytes = 0  # of them
        self._tables: list[pa.Table] = []
        self._numbers: list[np.ndarray] = []
        self._rejects: list[Reject] = []
        self._passed: Counter[str] = Counter()
        self._unclear: list[tuple[str, str]] = []
        self._repairs: list[Repair] = []
        self._new_rejects: list[tuple[int, Reject]] = []  # and how many lines were gathered before them

    def add(self, number: int, value: Any, format: str | None, raw: bytes) -> None:
        """Add the value of a line; None detects its format."""
        self._lines.append(_Line(number, value, format, raw))
        self._bytes += len(raw)
        if len(self._lines) >= _TOGETHER or self._bytes >= _BYTES:
            self._read()

    def reject(self, number: int, reason: str, raw: bytes) -> None:
        """Reject a line."""
        self._reject(len(self._lines), number, reason, raw)

    def _reject(self, place: int, number: int, reason: str, raw: bytes) -> None:
        self._new_rejects.append((place, make_reject(self._source, number, reason, raw)))

    def content(self, lines: int = 0) -> LinesContent:
        """Return what was added since the last content."""
        self._read()
        table = pa.concat_tables(self._tables) if self._tables else NO_CALLS
        numbers = np.concatenate([np.array([], np.int64), *self._numbers])
        content = LinesContent(table, numbers, self._rejects, self._passed, self._unclear, lines, self._repairs)
        self._begin()
        return content

    def _read(self) -> None:
        """Read the lines that are gathered."""
        alike = alike_rows([(line.value, line.format) for line in self._lines], self._columns)
        self._passed += alike.passed
        tables = [table_from_columns(group.columns, len(group.places)) for group in alike.groups]
        places = [group.places for group in alike.groups]
        in_line = [group.numbers for group in alike.groups]
        if alike.odd:
            rows, of_rows = self._one_by_one(alike.odd)
            tables.append(table_from_rows(rows))
            places.append(np.array(of_rows, np.int64))
            in_line.append(np.arange(len(rows)))
        if tables:
            table, place = pa.concat_tables(tables), np.concatenate(places)
            if len(tables) > 1:
                order = np.lexsort((np.concatenate(in_line), place))
                table, place = table.unify_dictionaries().take(order), place[order]
            self._tables.append(table)
            self._numbers.append(np.array([line.number for line in self._lines], np.int64)[place])
        self._new_rejects.sort(key=lambda each: each[0])
        self._rejects += [reject for _, reject in self._new_rejects]
        self._new_rejects, self._lines, self._bytes = [], [], 0

    def _one_by_one(self, places: list[int]) -> tuple[list[Row], list[int]]:
        """Read lines by themselves; return their rows, and the place of the line of each."""
        rows: list[Row] = []
        of_rows: list[int] = []
        for place in places:
            number, value, line_format, raw = self._lines[place]
            try:
                found = rows_from_line(value, line_format, self._columns)
            except (ValueError, InvalidCallError) as error:
                self._reject(place, number, str(error), raw)
                continue
            rows += found.rows
            of_rows += [place] * len(found.rows)
            for reason in found.errors:
                self._reject(place, number, reason, raw)
            self._passed += found.passed
            self._unclear += [(self._source, counts) for counts in found.unclear]
            self._repairs += make_repairs(self._source, number, found.repairs)
        return rows, of_rows
