"""How far long work has come: a bar in the terminal and in the notebook."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Wrap = Callable[[IO[Any]], Any]
_PATIENCE = 2  # seconds before a bar that nobody asked for is shown


@contextmanager
def progress_of_files(files: list[Any], *, shown: bool | None) -> Iterator[Wrap]:
    """Give what wraps each stream of the files, so that a bar counts the bytes read of all of them.

    Parameters
    ----------
    files
        Paths, "-", or streams; only of paths the size is known.
    shown
        True: from the start; None: after two seconds, where people look; False: never.
    """
    if not _is_shown(shown):
        yield lambda stream: stream
        return
    from tqdm.utils import CallbackIOWrapper

    with progress_bar(_size(files), "read", "B", shown=shown) as advance:
        yield lambda stream: CallbackIOWrapper(advance, stream, "read")


@contextmanager
def progress_bar(total: int | None, what: str, unit: str, *, shown: bool | None) -> Iterator[Callable[[int], Any]]:
    """Give what moves a bar on, shown as ``watched`` has it; None: how much there is to do is not known."""
    if not _is_shown(shown):
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    delay = 0 if shown else _PATIENCE
    with tqdm(total=total, desc=what, unit=unit, unit_scale=True, delay=delay, leave=bool(shown)) as shown_bar:
        yield shown_bar.update


def _is_shown(shown: bool | None) -> bool:
    return shown or (shown is None and _people_look())


def _people_look() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _size(files: list[Any]) -> int | None:
    """Give the size of all files; None where one has none, such as a pipe."""
    sizes = [os.stat(file).st_size if _is_file(file) else None for file in files]  # noqa: PTH116  any kind of path
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _is_file(file: Any) -> bool:
    return isinstance(file, str | os.PathLike) and Path(file).is_file()
