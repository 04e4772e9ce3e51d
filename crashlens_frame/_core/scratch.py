"""Temporary folders that hold logged texts: they go with the process, however it ends."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = "crashlens_frame-"
_OWNER = ".owner"  # locked for as long as the process of the folder lives
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGQUIT")  # those that end a process and can be caught; an interrupt is an exception


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new temporary folder, which is removed at the end, after an error, and on signals that end the process.

    A process that was killed cannot remove its folder; the next call of this function does. Handlers that the program
    has set for a signal stay, and signals reach the main thread only.

    Examples
    --------
    >>> from crashlens_frame._core import scratch_folder
    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    _remove_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with _removed_on_signals(folder), _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a file of the folder, which ends with the process; its number could be that of another later."""
    new = folder / f"{_OWNER}.new"
    with new.open("wb") as owner:
        if fcntl is not None:
            fcntl.flock(owner, fcntl.LOCK_EX)
        new.replace(folder / _OWNER)  # nobody sees it without the lock
        yield


@contextmanager
def _removed_on_signals(folder: Path) -> Iterator[None]:
    """Remove the folder before a signal ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    ours = [number for number in numbers if before[number] == signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, partial(_remove_and_end, folder, os.getpid()))
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _remove_and_end(folder: Path, process: int, number: int, _: FrameType | None) -> None:
    if os.getpid() == process:  # a child after a fork has the handler too
        shutil.rmtree(folder, ignore_errors=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)  # so that the parent sees what ended the process


def _remove_left_folders() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if fcntl is not None else ():
        with suppress(OSError), (folder / _OWNER).open("rb+") as owner:
            if _is_ours(folder.lstat()) and _is_ours(os.fstat(owner.fileno())):
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)


def _is_ours(status: os.stat_result) -> Any:
    """Whether a folder or file is of this user: the folder of temporary files is shared with others."""
    return status.st_uid == os.geteuid()
