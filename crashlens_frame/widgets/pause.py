"""Work that waits until nothing has asked for it for a moment, and work that is done beside."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Worked = TypeVar("Worked")


class Pause:
    """Do work once, when nothing has asked for it for a moment; immediately where no event loop is running.

    ``begin`` may be called from any thread.

    Parameters
    ----------
    work
        The function to call.
    seconds
        How long to wait after the last ``begin``.

    Examples
    --------
    >>> from crashlens_frame.widgets.pause import Pause
    >>> Pause(lambda: print("done"), seconds=0.2).begin()
    done
    """

    def __init__(self, work: Callable[[], None], *, seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._waiting: asyncio.TimerHandle | None = None
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def begin(self) -> None:
        """Ask for the work; the wait starts again."""
        if self._loop is None or not self._loop.is_running():
            self._work()
        else:
            self._loop.call_soon_threadsafe(self._again)

    def end(self) -> None:
        """Cancel the work that is waiting."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _again(self) -> None:
        self.end()
        assert self._loop is not None
        self._waiting = self._loop.call_later(self._seconds, self._done)

    def _done(self) -> None:
        self._waiting = None
        self._work()


class Background(Generic[Worked]):
    """Work in a thread, whose result is taken where the widgets are; immediately where no event loop is running.

    Of several works only the result of the last one is taken.

    Parameters
    ----------
    done
        Function that is called with a function that returns the result, or raises what the work has raised.

    Examples
    --------
    >>> from crashlens_frame.widgets.pause import Background
    >>> Background(lambda result: print(result())).begin(lambda: 42)
    42
    """

    def __init__(self, done: Callable[[Callable[[], Worked]], None]) -> None:
        self._done = done
        self._begun = 0
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def begin(self, work: Callable[[], Worked]) -> None:
        """Begin the work."""
        self._begun += 1
        number = self._begun
        if self._loop is None or not self._loop.is_running():
            self._done(work)
            return

        def take(future: asyncio.Future[Worked]) -> None:
            if number == self._begun:
                self._done(future.result)

        self._loop.run_in_executor(None, work).add_done_callback(take)
