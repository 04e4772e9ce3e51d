"""Spans and log records of OpenTelemetry, as they come in -> calls of a book, each of them once."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .._core import fork_safe_lock
from ..errors import UnsavedCallsError
from ..formats import Row, rows_from_line
from ..frame import table_from_rows
from ..io import keep_once

if TYPE_CHECKING:
    from ..logbook import LogBook

_REMEMBERED = 10_000  # calls that later spans are compared with
_COMPARED = ("trace_id", "event_id", "parent_id", "model", "name", "input_tokens", "output_tokens")


class Taken(NamedTuple):
    """What became of a batch: the number of calls that were logged, and why others could not be read."""

    calls: int
    errors: list[str]


class Telemetry:
    """Logs the calls among spans and log records; it remembers the last ones.

    A span that is sent again, and one around the span of the same call, which ends after it, are the same call.
    """

    def __init__(self, book: "LogBook", columns: Mapping[str, Any]) -> None:
        self._book = book
        self._columns = columns
        self._lock = fork_safe_lock()
        self._seen: OrderedDict[tuple[Any, Any], Row] = OrderedDict()
        self.n_calls = 0  # that were logged

    def take(self, document: Any) -> Taken:
        """Log the calls of a document of OTLP, or of a list of spans.

        Raises
        ------
        UnsavedCallsError
            The file of the book cannot be written to. The book has all calls of the document, and writes them with the
            next one; sent again, they are the same calls.
        """
        found = rows_from_line(document)
        unsaved: UnsavedCallsError | None = None
        with self._lock:
            rows = self._new(found.rows)
            self.n_calls += len(rows)
            for row in rows:
                try:
                    self._book.log_row({**self._columns, **row})
                except UnsavedCallsError as error:
                    unsaved = error
        if unsaved is not None:
            raise unsaved
        return Taken(len(rows), found.errors)

    def _new(self, rows: list[Row]) -> list[Row]:
        fresh = {_key(row): row for row in rows if row.get("event_id") is None or _key(row) not in self._seen}
        traces = {row["trace_id"] for row in fresh.values()}
        before = [row for (trace, _), row in self._seen.items() if trace in traces]
        compared = [{name: row[name] for name in _COMPARED if name in row} for row in fresh.values()]
        kept = _kept([*before, *compared])
        # spans that are logged already, around spans of the same call that come now
        outer = {_key(row) for row in before} - kept
        for key, row in zip(fresh, compared, strict=True):
            self._seen[key] = row
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return [
            row
            for key, row in fresh.items()
            if row.get("event_id") is None or (key in kept and (row["trace_id"], row.get("parent_id")) not in outer)
        ]


def _kept(rows: list[Row]) -> set[tuple[Any, Any]]:
    """Return the keys of rows that are no second record of another one."""
    keys = {_key(row) for row in rows}
    if keys.isdisjoint((row["trace_id"], row.get("parent_id")) for row in rows):
        return keys  # none is inside another: a table of one or two rows takes long to make
    once = keep_once(table_from_rows(rows)).calls
    return set(zip(once["trace_id"].to_pylist(), once["event_id"].to_pylist(), strict=True))


def _key(row: Row) -> tuple[Any, Any]:
    """Return what identifies a call; one without an id of its own is like no other."""
    return row["trace_id"], row.get("event_id", id(row))
