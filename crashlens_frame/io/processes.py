"""Work in processes of their own, for what Python does under the GIL."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Any, Generic, TypeVar

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

# not multiprocessing: that runs the user's script again in each process, which fails where it has no guard
_COMMAND = f"""
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from {__name__} import work_until_end
work_until_end()
"""
_SIZE = 8  # bytes of the number that each message begins with
_PROCESSES = os.cpu_count() or 1


class Processes(Generic[Task, Outcome]):
    """Processes that do the same work on the items that threads hand to them; started with the first item.

    Where a process cannot be started, or ends too early, the work is done in the thread.

    Parameters
    ----------
    work
        A function, or a partial one, that pickle knows by its name.
    """

    def __init__(self, work: Callable[[Task], Outcome]) -> None:
        self._work = work
        self._started: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()  # None: there are no processes any more
        if not sys.executable:
            self._idle.put(None)

    def do(self, item: Task) -> Outcome:
        """Do the work on an item in the next process that is free, and wait for the result."""
        process = self._next()
        if process is None:
            return self._work(item)
        try:
            result: Outcome = _answer(process, item)
        except (OSError, EOFError, pickle.PickleError):
            self._idle.put(None)
            return self._work(item)
        self._idle.put(process)
        return result

    def _next(self) -> subprocess.Popen[bytes] | None:
        try:
            process = self._idle.get(block=len(self._started) >= _PROCESSES)
        except Empty:
            return self._start()
        if process is None:
            self._idle.put(None)  # for the other threads
        return process

    def _start(self) -> subprocess.Popen[bytes] | None:
        command = [sys.executable, "-c", _COMMAND, json.dumps(sys.path)]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._started.append(process)
            _send(process.stdin, self._work)
        except OSError:
            self._idle.put(None)
            return None
        return process

    def close(self) -> None:
        """End the processes."""
        while self._started:
            process = self._started.pop()
            process.kill()
            process.communicate()


def _answer(process: subprocess.Popen[bytes], item: Any) -> Any:
    _send(process.stdin, item)
    return _receive(process.stdout)


def _send(stream: IO[bytes] | None, value: Any) -> None:
    assert stream is not None
    content = pickle.dumps(value, protocol=5)
    stream.write(len(content).to_bytes(_SIZE, "little"))
    stream.write(content)
    stream.flush()


def _receive(stream: IO[bytes] | None) -> Any:
    assert stream is not None
    size = stream.read(_SIZE)
    if len(size) < _SIZE:
        raise EOFError
    content = stream.read(int.from_bytes(size, "little"))
    return pickle.loads(content)


def work_until_end() -> None:
    """Do the work of ``Processes``: it comes first on the standard input, then the items, until that ends."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no result
    with suppress(Exception, KeyboardInterrupt):  # an error of the work is raised where it is done again
        work = _receive(sys.stdin.buffer)
        while True:
            _send(results, work(_receive(sys.stdin.buffer)))
