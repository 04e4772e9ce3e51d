"""A file that lines are appended to for good: each is whole in it or not at all, whoever else writes to it."""

import errno
import os
import time
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows, where appending is a single write all the same, but not under a lock
    fcntl = None  # type: ignore[assignment]

from .._core import fork_safe_lock
from ..errors import LogFileChangedWarning, LogFileError, UnsavedCallsError
from ..words import printable, quantity
from .file_kind import check_handle_is_log, check_is_log

if TYPE_CHECKING:
    from .streams import AnyPath

LOCK_WAIT = 10.0  # seconds that a line waits for the lock of its file
_PAUSES = (0.0005, 0.005)  # seconds between two attempts to get the lock, the first and the longest
# a named pipe that took the place of the file must not keep the program waiting
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(slots=True, eq=False)
class QueuedLines:
    """Lines that wait to be saved, and their number of calls; without data, they keep their place until made."""

    data: bytes | None
    calls: int = 1


class Journal:
    """Append whole lines to a file, under its lock, and notice what others do to it.

    Lines are queued first and then saved, so that a thread that waits for the file keeps nobody else from queueing.
    The file is opened with the first line and stays open. A process that was forked opens it again: a lock that two
    processes share keeps neither of them out.

    Parameters
    ----------
    path
        Path of the file; it is made with the first line.
    fsync
        Whether a line has to be on the disk itself, and not only with the operating system, when ``save`` returns.
    lock_wait
        Seconds that a line waits for the lock of the file.

    Attributes
    ----------
    saved
        Number of calls that the file is known to hold.

    Raises
    ------
    LogFileError
        The file is no plain log, or is named like something else.
    """

    def __init__(self, path: "AnyPath", *, fsync: bool = False, lock_wait: float | None = None) -> None:
        check_is_log(path)
        self.path = os.fspath(path)
        self.fsync = fsync
        self.saved = 0
        self._lock_wait = lock_wait
        self._queue: list[QueuedLines] = []  # that are not in the file yet
        self._turn = fork_safe_lock()  # of the threads of this process
        self._saving = False
        self._handle, self._opener = -1, 0
        self._close: Callable[[], object] = int  # nothing is open
        there = _status(self.path)
        self._identity = None if there is None else (there.st_dev, there.st_ino)
        self._size = 0 if there is None else there.st_size  # that was seen last
        _JOURNALS.add(self)

    def __reduce__(self) -> tuple[Callable[..., "Journal"], tuple[str, bool, int]]:
        """Pickle and copy the path; the lines that are not saved stay with this journal, which saves them."""
        return _reopened, (self.path, self.fsync, self.saved)

    @property
    def waiting(self) -> int:
        """Number of lines, or of groups of them, that are not in the file yet."""
        return len(self._queue)

    def queue(self, lines: QueuedLines) -> None:
        """Put lines behind those that wait to be saved. This never waits for the file."""
        self._queue.append(lines)

    def save(self) -> None:
        """Write the lines of the queue to the file, up to the first that is still to be made.

        A line that a signal handler queues while this runs is written by the run that it interrupted.

        Raises
        ------
        UnsavedCallsError
            The file cannot be written to, or another program holds its lock for too long. The journal keeps the lines
            for the next time.

        Warns
        -----
        LogFileChangedWarning
            The file was replaced or cut since the last time.
        """
        wait = LOCK_WAIT if self._lock_wait is None else self._lock_wait
        deadline = time.monotonic() + wait
        if not self._turn.acquire(timeout=wait):
            raise self._unsaved(_lock_is_held())
        try:
            if not self._saving:
                self._save(deadline)
        finally:
            self._turn.release()

    def flush(self) -> None:
        """Save the lines of the queue, and have all of the file on the disk itself."""
        self.save()
        if self._handle >= 0:
            os.fsync(self._handle)

    def close(self) -> None:
        """Close the file; saving opens it again."""
        with self._turn:  # no thread writes to a file that is closed
            self._close()
            self._handle, self._close = -1, int

    def leave_to_parent(self) -> None:
        """Leave the lines that waited before a fork to the parent, which saves them."""
        self._queue, self._saving = [], False

    def _save(self, deadline: float) -> None:
        self._saving = True
        try:
            while self._queue and self._queue[0].data is not None:
                self._write_queue(deadline)
        except (OSError, LogFileError) as error:
            raise self._unsaved(error) from error
        except BaseException:  # Ctrl-C, or a signal handler that queued a last line and ends the program
            with suppress(OSError, LogFileError):
                self._write_queue(deadline=0)
            raise
        finally:
            self._saving = False

    def _write_queue(self, deadline: float) -> None:
        """Write the lines of the queue; a torn last line, as a killed program leaves it, is ended first."""
        handle, size = self._locked(deadline)
        try:
            queued = list(takewhile(lambda lines: lines.data is not None, self._queue[:]))
            data = b"".join([lines.data or b"" for lines in queued])
            if size < self._size:
                check_handle_is_log(handle, self.path)
                seen, self._size = self._size, size
                self._warn(f"was cut from {seen:,} to {size:,} bytes", stacklevel=9)
            if size and not _ends_a_line(handle, size):
                data = b"\n" + data
            self._write(data, size, len(queued))
            for lines in queued:
                self.saved += lines.calls
                lines.data = b""  # whoever queued them may hold them longer
            if self.fsync:
                os.fsync(handle)
        finally:
            self._unlock()

    def _write(self, data: bytes, size: int, lines: int) -> None:
        """Write all of the data and take its lines off the queue or, where that fails, write nothing."""
        rest = data
        try:
            while rest:
                written = os.write(self._handle, rest)
                if not written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
                rest = rest[written:]
        except BaseException:
            os.ftruncate(self._handle, size)
            raise
        del self._queue[:lines]  # from here on nothing writes them twice, whatever fails
        self._size = size + len(data)

    def _locked(self, deadline: float) -> tuple[int, int]:
        """Return the handle of the file that the path leads to now, locked, and its size."""
        while True:
            if self._handle < 0 or self._opener != os.getpid():
                self._open()
            _lock(self._handle, deadline)
            there = _status(self.path)
            if there is not None and (there.st_dev, there.st_ino) == self._identity:
                return self._handle, there.st_size
            self.close()

    def _unlock(self) -> None:
        try:
            _unlock(self._handle)
        except OSError:
            with suppress(OSError):
                self.close()  # which unlocks it as well
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.close()
        handle = os.open(self.path, _FLAGS, 0o666)
        self._close = weakref.finalize(self, os.close, handle)
        self._handle, self._opener = handle, os.getpid()
        status = os.fstat(handle)
        before, identity = self._identity, (status.st_dev, status.st_ino)
        if before != identity:
            check_handle_is_log(handle, self.path)
            self._identity, self._size = identity, 0
            if before is not None:
                self._warn("was replaced or removed", stacklevel=11)

    def _unsaved(self, error: OSError | LogFileError) -> UnsavedCallsError:
        reason = (isinstance(error, OSError) and error.strerror) or error
        unsaved = quantity(sum(lines.calls for lines in self._queue), "call")
        return UnsavedCallsError(
            f"{printable(self.path)}: {reason}; {quantity(self.saved, 'call')} of the book in the file,"
            f" {unsaved} only in memory until the next one can be written"
        )

    def _warn(self, what: str, *, stacklevel: int) -> None:
        """Warn of the file; the stack level is that of whoever logs to the book."""
        warnings.warn(
            f"{printable(self.path)} {what} while it was logged to; what it held may be gone, and what is logged from"
            " now on is appended to what is there",
            LogFileChangedWarning,
            stacklevel=stacklevel,
        )


_JOURNALS: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _leave_to_parent() -> None:
    for journal in list(_JOURNALS):
        journal.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def append_bytes(target: "AnyPath", data: bytes) -> None:
    """Append whole lines to a file that is not kept open.

    Raises
    ------
    LogFileError
        The file is no plain log.
    UnsavedCallsError
        It cannot be written to, or another program holds its lock for too long. It is as it was.
    """
    journal = Journal(target)
    journal.queue(QueuedLines(data))
    try:
        journal._write_queue(time.monotonic() + LOCK_WAIT)
    except OSError as error:
        raise UnsavedCallsError(
            f"{printable(journal.path)}: {error.strerror or error}; nothing was appended"
        ) from error
    finally:
        journal.close()


def _reopened(path: str, fsync: bool, saved: int) -> Journal:
    journal = Journal(path, fsync=fsync)
    journal.saved = saved
    return journal


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  errors name it as it was given
    except (FileNotFoundError, NotADirectoryError):
        return None


def _ends_a_line(handle: int, size: int) -> bool:
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) == b"\n"


def _lock(handle: int, deadline: float) -> None:
    """Lock a file, at once or as soon as others unlock it.

    Raises
    ------
    TimeoutError
        They have not by the deadline, a time of the monotonic clock.
    """
    pause, longest = _PAUSES
    while fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise _lock_is_held() from None
        else:
            break
        time.sleep(pause)
        pause = min(2 * pause, longest)


def _lock_is_held() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "another program or thread holds the lock of the file for too long")


def _unlock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)
