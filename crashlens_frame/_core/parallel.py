"""Work in threads, for what Arrow does without the GIL."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = os.cpu_count() or 1


def parallel_map(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results of work on items in the order of the items, with one thread per processor.

    Items are taken only as threads become free. If the iteration over the items fails, the error is raised after the
    results of the items before it.
    """
    items = iter(items)
    failure: Exception | None = None
    with ThreadPoolExecutor(WORKERS) as pool:
        running: deque[Future[Result]] = deque()
        while True:
            try:
                item = next(items)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            running.append(pool.submit(work, item))
            if len(running) > WORKERS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    if failure is not None:
        raise failure


def run_together(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return the results of tasks, which are started in their order with one thread per processor.

    What takes longest should come first: what is short then fills the gaps.

    Examples
    --------
    >>> from crashlens_frame._core import run_together
    >>> run_together([lambda: "long", lambda: "short"])
    ['long', 'short']
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(task) for task in tasks]
        return [each.result() for each in running]
