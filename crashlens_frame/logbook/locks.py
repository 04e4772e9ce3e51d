"""Locks that a fork leaves free in both processes: a child has none of the threads that could release one."""

import os
import threading
import weakref

_LOCKS: "weakref.WeakSet[threading.Lock]" = weakref.WeakSet()
_held: list[threading.Lock] = []


def fork_safe_lock() -> threading.Lock:
    """Make a lock that a fork waits for, and then gives back in both processes."""
    lock = threading.Lock()
    _LOCKS.add(lock)
    return lock


def _acquire_all() -> None:
    for lock in list(_LOCKS):
        lock.acquire()
        _held.append(lock)


def _release_all() -> None:
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire_all, after_in_parent=_release_all, after_in_child=_release_all)
