"""Calls as they come in: rows and tables in their order, written to a file, counted and priced when asked for."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from os import PathLike

import pandas as pd
import pyarrow as pa

from .._core import fork_safe_lock
from ..errors import UnsavedCallsError
from ..formats import Row
from ..frame import frame_from_table, table_from_frame, table_from_rows
from ..io import Journal, QueuedLines, encode_lines, line_from_row
from ..pricing import PriceBook, add_cost, fill_cost
from ..tokens import add_tokens, fill_tokens
from .growing_frame import GrowingFrame
from .late import LateCall, Writer, warn_not_written

_FEW = 64  # rows up to which it is faster to count and price them one by one
_MOST_WAITING = 256  # calls that may wait for the file; a call that finds more writes them itself


class Ledger:
    """Accumulate calls, from any number of threads, in memory and in a file.

    Parameters
    ----------
    prices
        What the calls are priced with.
    path
        File that each call is appended to before the method that adds it returns, except for ``add_later``; None: none.
    fsync
        Whether the call has to be on the disk itself by then. No call is added later then.
    """

    def __init__(self, prices: PriceBook, path: str | PathLike[str] | None, *, fsync: bool) -> None:
        self._prices = prices
        self._journal = None if path is None else Journal(path, fsync=fsync)
        self._lock = fork_safe_lock()  # of whoever makes rows and lines, or counts and prices
        self._door = fork_safe_lock()  # of whoever adds: the file has the calls in the order of the book
        self._late: deque[LateCall] = deque()  # whose lines are still to be made
        self._writer = Writer()
        self.watchers: list[Callable[[], None]] = []  # called after each change
        self._rows: list[Row | Callable[[], Row]] = []  # added one by one, not yet a table; some are still to be made
        self._fresh: list[pa.Table] = []  # not yet counted and priced
        self._calls = GrowingFrame()  # counted and priced
        self._computing = False

    def __reduce__(self) -> "tuple[Callable[..., Ledger], tuple[PriceBook, pa.Table, Journal | None]]":
        """Pickle and copy the calls, the prices and the path of the file; watchers stay with this ledger."""
        with suppress(UnsavedCallsError):  # which stay with this ledger, too
            self.save()
        return _copied, (self._prices, table_from_frame(self.frame()), self._journal)

    def __len__(self) -> int:
        with self._lock:
            return len(self._rows) + sum(map(len, self._fresh)) + len(self._calls)

    @property
    def path(self) -> str | None:
        """The file that keeps the calls."""
        return None if self._journal is None else self._journal.path

    def add(self, row: Row) -> None:
        """Add a checked call."""
        try:
            self._add(row)
        finally:  # a call that could not be saved is in the book all the same
            self._call_watchers()

    def add_later(self, make: Callable[[], Row]) -> None:
        """Add a checked call that is made later: when the frame is asked for, or to be written to the file.

        A thread writes it, but for the first call of a process and the next one after an error, which show whether the
        file can be written to, and for calls that find too many others waiting: these are written at once.
        """
        if self._journal is None:
            self._rows.append(make)
        elif self._writer.is_ready and self._journal.waiting < _MOST_WAITING:
            late = LateCall(make)
            with self._door:
                # first, as an interrupt may come at once: nothing would ever make a line that is only queued
                self._late.append(late)
                self._journal.queue(late)
                self._rows.append(late)
            self._writer.ask(self)
        else:
            self.add(make())
            if not self._journal.fsync:
                with self._door:
                    self._writer.begin(self)
            self._writer.check()
            return
        self._call_watchers()

    def add_table(self, table: pa.Table) -> None:
        """Add many calls."""
        try:
            self._add_table(table)
        finally:
            self._call_watchers()

    def _add(self, row: Row) -> None:
        if self._journal is None:
            self._rows.append(row)  # needs no lock: others take what is there, and leave what comes meanwhile
            return
        fill_tokens(row)
        fill_cost(row, self._prices)
        line = line_from_row(row)
        with self._door:
            self._rows.append(row)
            self._journal.queue(QueuedLines(line))
        self.save()

    def _add_table(self, table: pa.Table) -> None:
        if self._journal is None:
            with self._lock:
                self._gather()
                self._fresh.append(table)
            return
        table = self._priced(table)
        lines = b"".join(encode_lines(table, format="crashlens"))
        with self._lock:
            self._make_lines()  # before others have to wait
            with self._door:
                self._gather()
                self._fresh.append(table)
                self._journal.queue(QueuedLines(lines, len(table)))
        self.save()

    def load(self, table: pa.Table) -> None:
        """Add calls that the file holds already."""
        with self._lock:
            self._gather()
            self._fresh.append(table)
            if self._journal is not None:
                self._journal.saved += len(table)

    def frame(self) -> pd.DataFrame:
        """Return the calls as a typed frame, counted and priced; only new calls are computed."""
        with self._lock:
            self._make_lines()
            if not self._computing:  # else a signal handler asks while it runs
                self._computing = True
                try:
                    self._compute()
                finally:
                    self._computing = False
            return self._calls.frame()

    def save(self, *, passing_over: bool = False) -> None:
        """Write what waits for the file.

        A call that cannot be made raises its error, which may be that of a signal handler, and waits on; passed over,
        it is in no book, as if its error had been raised when it was to be added.
        """
        if self._journal is not None:
            self._make_lines(passing_over=passing_over)
            self._journal.save()

    def flush(self) -> None:
        """Write what waits or an error kept from the file, and have all of it on the disk itself."""
        if self._journal is not None:
            self._make_lines()
            self._journal.flush()
            self._writer.check()

    def close(self) -> None:
        """Flush and close the file."""
        try:
            self.flush()
        finally:
            if self._journal is not None:
                self._journal.close()

    def _make_lines(self, *, passing_over: bool = False) -> None:
        """Make the lines of the calls that were added later until now, oldest first."""
        with self._lock:
            for _ in range(len(self._late)):
                if not self._late:  # a signal handler has made them
                    return
                late = self._late[0]
                try:
                    row = late()
                    fill_tokens(row)
                    fill_cost(row, self._prices)
                    late.data = line_from_row(row)
                except Exception as error:
                    if not passing_over:
                        raise
                    late.data, late.calls = b"", 0
                    with self._door, suppress(ValueError):  # an interrupt may have come before it was there
                        self._rows.remove(late)
                    warn_not_written(f"a call is not logged: {error}")
                with suppress(ValueError):  # a signal handler has made it
                    self._late.remove(late)

    def _call_watchers(self) -> None:
        for watcher in self.watchers:
            watcher()

    def _compute(self) -> None:
        """Count and price what is new; what an interrupt keeps from the frame, and what comes meanwhile, stays new."""
        if self._fresh or len(self._rows) > _FEW:
            self._gather()
            tables = self._fresh[:]
            self._calls.append(self._priced(pa.concat_tables(tables)))
            del self._fresh[: len(tables)]
        elif self._rows:
            rows = self._made_rows()
            for row in rows:
                fill_tokens(row)
                fill_cost(row, self._prices)
            self._calls.append(table_from_rows(rows))
            del self._rows[: len(rows)]

    def _gather(self) -> None:
        """Turn the rows into a table, so that tables and rows stay in the order in which they came."""
        if self._rows:
            rows = self._made_rows()
            self._fresh.append(table_from_rows(rows))
            del self._rows[: len(rows)]

    def _made_rows(self) -> list[Row]:
        """Return the rows, with those that were still to be made."""
        return [row() if callable(row) else row for row in self._rows[:]]

    def _priced(self, calls: pa.Table) -> pa.Table:
        return table_from_frame(add_cost(add_tokens(frame_from_table(calls)), self._prices))


def _copied(prices: PriceBook, table: pa.Table, journal: Journal | None) -> Ledger:
    ledger = Ledger(prices, None, fsync=False)
    ledger._calls.append(table)
    ledger._journal = journal
    return ledger
