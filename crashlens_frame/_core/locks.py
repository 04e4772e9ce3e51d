"""Locks that a fork leaves free in both processes: a child has none of the threads that could release one.

They are reentrant: a signal handler runs in the middle of whatever the main thread does, and may take the lock as well.
"""

import os
import threading
import weakref
from typing import Any

_LOCKS: "weakref.WeakSet[Any]" = weakref.WeakSet()
_held: list[Any] = []


def fork_safe_lock() -> Any:
    """Return a reentrant lock that a fork waits for, and then releases in both processes."""
    lock = threading.RLock()
    _LOCKS.add(lock)
    return lock


def _acquire_all() -> None:
    """Acquire all locks. None is held while another is waited for, as threads may take them in any order."""
    locks = list(_LOCKS)
    waited = None
    while True:
        if waited is not None:
            waited.acquire()
            _held.append(waited)
        busy = next((lock for lock in locks if lock is not waited and not _acquired(lock)), None)
        if busy is None:
            return
        _release_all()
        waited = busy


def _acquired(lock: Any) -> bool:
    is_free: bool = lock.acquire(blocking=False)
    if is_free:
        _held.append(lock)
    return is_free


def _release_all() -> None:
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire_all, after_in_parent=_release_all, after_in_child=_release_all)
