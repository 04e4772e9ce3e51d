"""Records that other programs send while they run -> the book: each call once, and never an error into the sender."""

import warnings
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from .._core import fork_safe_lock
from ..errors import CrashlensFrameError, RejectedLinesWarning
from ..formats import Row, rows_from_line
from ..frame import table_from_rows
from ..io import REPEAT_COLUMNS, keep_once
from ..logbook import LogBook

_REMEMBERED = 10_000  # calls among which a span around them, or one inside them, is looked for

_Key = tuple[str, str]  # trace and call


class Taken(NamedTuple):
    """What became of a record: the number of its calls, and why parts of it cannot be read."""

    calls: int
    errors: list[str]


class Intake:
    """Log the calls of records to a book, from any number of threads.

    A span around another one of the same call is not logged, also where the two come in different records.
    """

    def __init__(self, book: LogBook, format: str) -> None:
        self._book = book
        self._format = format
        self._lock = fork_safe_lock()
        self._logged: OrderedDict[_Key, Row] = OrderedDict()
        self._inside: dict[_Key, list[_Key]] = {}  # calls by the span around them
        self._warned: set[type] = set()

    def take(self, record: Any) -> Taken:
        """Log the calls of a record; what cannot be read or written is a warning, once of each kind."""
        found = rows_from_line(record, self._format)
        if found.errors:
            self._warn(RejectedLinesWarning, f"a record of {self._format} cannot be read: {found.errors[0]}")
        with self._lock:
            rows = self._new(found.rows)
            self._remember(rows)
        if rows:
            try:
                self._book.log_rows(rows)
            except CrashlensFrameError as error:  # the book has the calls, and writes them with the next ones
                self._warn(RuntimeWarning, f"calls are not in the file of the book yet: {error}")
        return Taken(len(rows), found.errors)

    def _new(self, rows: list[Row]) -> list[Row]:
        """Return the rows of calls that are not logged yet."""
        earlier = {key: self._logged[key] for row in rows for key in self._related(row) if key in self._logged}
        if not earlier and len(rows) < 2:
            return rows
        once = keep_once(table_from_rows([*earlier.values(), *rows]), by_trace=True).calls
        place = once.schema.get_field_index("timestamp")
        calls = once.set_column(place, "timestamp", once["timestamp"].cast(pa.int64())).to_pylist()
        gone = earlier.keys() - set(map(_key, calls))  # spans around calls of this record that are logged already
        return [row for row in calls if _key(row) not in earlier and _around(row) not in gone]

    def _related(self, row: Row) -> Iterable[_Key]:
        """Yield the keys of the calls that may be the same call as that of a row."""
        key, around = _key(row), _around(row)
        if key is not None:
            yield key
            yield from self._inside.get(key, ())
        if around is not None:
            yield around

    def _remember(self, rows: list[Row]) -> None:
        for row in rows:
            key, around = _key(row), _around(row)
            if key is None:
                continue
            self._logged[key] = {name: row.get(name) for name in REPEAT_COLUMNS}
            if around is not None:
                self._inside.setdefault(around, []).append(key)
        while len(self._logged) > _REMEMBERED:
            _, oldest = self._logged.popitem(last=False)
            self._inside.pop((oldest["trace_id"], oldest["parent_id"]), None)

    def _warn(self, category: type[Warning], text: str) -> None:
        with self._lock:
            is_first = category not in self._warned
            self._warned.add(category)
        if is_first:
            warnings.warn(text, category, stacklevel=4)


def _key(row: Row) -> _Key | None:
    return None if row.get("event_id") is None else (row["trace_id"], row["event_id"])


def _around(row: Row) -> _Key | None:
    return None if row.get("parent_id") is None else (row["trace_id"], row["parent_id"])
