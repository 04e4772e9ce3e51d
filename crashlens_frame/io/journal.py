"""A file that lines are added to for good: each is whole in it or not at all, whoever else adds to it."""

import errno
import os
import warnings
import weakref
from collections.abc import Callable

try:
    import fcntl
except ImportError:  # Windows, where appending is a single write all the same, but takes no turns
    fcntl = None  # type: ignore[assignment]

from ..errors import LogFileChangedWarning, UnsavedCallsError
from ..words import quantity
from .streams import AnyPath

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Journal:
    """Append whole lines to a file, under its lock, and notice what others do to it.

    The file is opened with the first line and stays open. A process that was forked opens it anew: a lock that two
    processes have in common keeps neither of them out.

    Parameters
    ----------
    path
        Path of the file; it is made with the first line.
    fsync
        Whether a line has to be on the disk itself, and not only with the operating system, when ``append`` returns.

    Attributes
    ----------
    saved
        Number of calls that the file is known to hold.
    """

    def __init__(self, path: AnyPath, *, fsync: bool = False) -> None:
        self.path = os.fspath(path)
        self.saved = 0
        self._fsync = fsync
        self._pending: list[tuple[bytes, int]] = []
        self._process = os.getpid()
        self._handle, self._opener = -1, 0
        self._close: Callable[[], object] = int  # nothing is open
        there = _status(self.path)
        self._identity = None if there is None else (there.st_dev, there.st_ino)
        self._size = 0 if there is None else there.st_size  # that was seen last
        self._end = 0  # of the last line that is known to be whole

    def append(self, data: bytes, calls: int = 1) -> None:
        """Add the lines of some calls, and before them those that an error has kept from the file.

        Raises
        ------
        UnsavedCallsError
            The file cannot be written to. The journal keeps the lines for the next time.
        """
        if self._process != os.getpid():
            self._pending, self._process = [], os.getpid()  # the parent writes what it has
        self._pending.append((data, calls))
        try:
            self.write(b"".join(data for data, _ in self._pending) if len(self._pending) > 1 else data)
        except OSError as error:
            unsaved = quantity(sum(calls for _, calls in self._pending), "call")
            raise UnsavedCallsError(
                f"{self.path}: {error.strerror or error}; {quantity(self.saved, 'call')} of the book in the file,"
                f" {unsaved} only in memory until the next one can be written"
            ) from error
        self.saved += sum(calls for _, calls in self._pending)
        self._pending = []

    def write(self, data: bytes) -> None:
        """Add whole lines; a torn last line, as a program that was killed leaves it, is ended first.

        Raises
        ------
        OSError
            They could not be written. Nothing of them is in the file then.

        Warns
        -----
        LogFileChangedWarning
            The file was replaced or cut since the last time.
        """
        handle, size = self._locked()
        try:
            if size < self._size:
                self._warn(f"was cut from {self._size:,} to {size:,} bytes")
            if size not in (0, self._end) and not _ends_a_line(handle):
                data = b"\n" + data
            self._size = size
            self._write(data, size)
            self._size = self._end = size + len(data)
        finally:
            _unlock(handle)

    def flush(self) -> None:
        """Add the lines that an error has kept from the file, and have all of it on the disk itself."""
        if self._pending:
            self.append(b"", calls=0)
        if self._handle >= 0:
            os.fsync(self._handle)

    def close(self) -> None:
        """Close the file; appending opens it again."""
        self._close()
        self._handle, self._close = -1, int

    def _locked(self) -> tuple[int, int]:
        """Give the handle of the file that the path leads to now, locked, and its size."""
        while True:
            if self._handle < 0 or self._opener != os.getpid():
                self._open()
            _lock(self._handle)
            there = _status(self.path)
            if there is not None and (there.st_dev, there.st_ino) == self._identity:
                return self._handle, there.st_size
            self.close()

    def _open(self) -> None:
        self.close()
        handle = os.open(self.path, _FLAGS, 0o666)
        self._close = weakref.finalize(self, os.close, handle)
        self._handle, self._opener = handle, os.getpid()
        status = os.fstat(handle)
        identity = status.st_dev, status.st_ino
        if self._identity not in (None, identity):
            self._warn("was replaced or removed")
        if self._identity != identity:
            self._identity, self._size, self._end = identity, 0, 0

    def _write(self, data: bytes, size: int) -> None:
        """Write all of the data or, where that fails, nothing."""
        rest = memoryview(data)
        try:
            while rest:
                written = os.write(self._handle, rest)
                if not written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
                rest = rest[written:]
            if self._fsync:
                os.fsync(self._handle)
        except BaseException:
            os.ftruncate(self._handle, size)
            raise

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"{self.path} {what} while it was logged to; what it held may be gone, and what is logged from now on is"
            " appended to what is there",
            LogFileChangedWarning,
            stacklevel=5,
        )


def append_bytes(target: AnyPath, data: bytes) -> None:
    """Add whole lines to a file that is not kept open."""
    journal = Journal(target)
    try:
        journal.write(data)
    finally:
        journal.close()


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  a tenth of what Path.stat costs
    except FileNotFoundError:
        return None


def _ends_a_line(handle: int) -> bool:
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) == b"\n"


def _lock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX)


def _unlock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)
