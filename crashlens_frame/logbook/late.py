"""Calls that are logged later: each is made when it is first needed, and a thread writes it to the file of the book."""

import atexit
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from ..errors import UnsavedCallsError, UnsavedCallsWarning
from ..formats import Row
from ..io import QueuedLines


def warn_not_written(text: str) -> None:
    """Warn of calls that are not logged; also where warnings are errors, what waits behind them is."""
    with suppress(Warning):
        warnings.warn(text, UnsavedCallsWarning, stacklevel=2)


class LateCall(QueuedLines):
    """A call whose row is made once, when it is first asked for; its line has a place in the file."""

    __slots__ = ("_make", "_row")

    def __init__(self, make: Callable[[], Row]) -> None:
        self.data, self.calls = None, 1
        self._make: Callable[[], Row] | None = make
        self._row: Row | None = None

    def __call__(self) -> Row:
        """Return the row."""
        if self._row is None:
            assert self._make is not None
            row = self._make()
            if self._row is None:  # else a signal handler asked for it meanwhile
                self._row = row
            self._make = None  # what it was made of takes more memory
        return self._row


_PAUSE = 0.005  # seconds from a call to its writing: the program finishes with its answer first, and more may come


class Savable(Protocol):
    """What has calls that wait for its file."""

    def save(self, *, passing_over: bool = False) -> None:
        """Write them; those that cannot be made may be passed over."""


class Writer:
    """A thread that saves what waits, some milliseconds after it is asked to.

    It keeps alive what it is asked to save until that is saved, and ends with it. Whatever it cannot do is left to the
    program: after an error, at the end of the program and in the child of a fork ``is_ready`` is False.

    Attributes
    ----------
    is_ready
        Whether calls may be left to the thread.
    """

    def __init__(self) -> None:
        self.is_ready = False
        self._is_asked = False
        self._asked: SimpleQueue[Savable | None] = SimpleQueue()  # which signal handlers may use as well
        self._owner: weakref.ref[Savable] | None = None  # of the thread, once it is started
        self._error: Exception | None = None

    def begin(self, owner: Savable) -> None:
        """Take calls from now on, as saving works; the thread is started with the first of them."""
        if self.is_ready or _ENDED.is_set():
            return
        if self._owner is None:
            thread = threading.Thread(target=self._run, name="crashlens-frame writer", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there are no threads, or no more of them
                return
            self._owner = weakref.ref(owner)
            weakref.finalize(owner, self._asked.put, None).atexit = False
            _WRITERS.add(self)
        self.is_ready = True

    def ask(self, owner: Savable) -> None:
        """Wake the thread to save what waits now; whoever asks does not wait for it."""
        if not self._is_asked:
            self._is_asked = True
            self._asked.put(owner)

    def check(self) -> None:
        """Raise, once, the error of the thread that saving again does not show: a warning where those are errors."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def finish(self) -> None:
        """Save what waits, and leave nothing to the thread any more: the program ends."""
        self.is_ready = False
        owner = None if self._owner is None else self._owner()
        if owner is not None:
            try:
                owner.save(passing_over=True)
            except Exception as error:
                warn_not_written(str(error))

    def leave_to_parent(self) -> None:
        """Begin again in the child of a fork, which does not have the thread."""
        self.is_ready, self._is_asked, self._asked, self._owner = False, False, SimpleQueue(), None

    def _run(self) -> None:
        while (owner := self._asked.get()) is not None:
            time.sleep(_PAUSE)
            self._is_asked = False  # who asks from here on may be too late for this time
            try:
                owner.save(passing_over=True)
            except UnsavedCallsError:
                self.is_ready = False  # the next call tries it itself
            except Exception as error:
                self._error, self.is_ready = error, False
            del owner  # it may be forgotten


_WRITERS: "weakref.WeakSet[Writer]" = weakref.WeakSet()  # those with a thread
_ENDED = threading.Event()


def _finish() -> None:
    """Save what waits at the end of the program; later calls are saved before they return."""
    _ENDED.set()
    for writer in list(_WRITERS):
        writer.finish()


def _leave_to_parent() -> None:
    for writer in list(_WRITERS):
        writer.leave_to_parent()
    _WRITERS.clear()


atexit.register(_finish)
with suppress(AttributeError, RuntimeError):
    threading._register_atexit(_finish)  # type: ignore[attr-defined]  # processes of multiprocessing end without atexit
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
