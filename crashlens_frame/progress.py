"""How far the reading of a file has come: a bar in the terminal and in the notebook."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Wrap = Callable[[IO[Any]], Any]
_PATIENCE = 2  # seconds before a bar that nobody asked for is shown


@contextmanager
def watched(files: list[Any], *, shown: bool | None) -> Iterator[Wrap]:
    """Give what wraps each stream of the files, so that a bar counts the bytes read of all of them.

    Parameters
    ----------
    files
        Paths, "-", or streams; only of paths the size is known.
    shown
        True: from the start; None: after two seconds, where people look; False: never.
    """
    if shown is False or (shown is None and not _people_look()):
        yield lambda stream: stream
        return
    from tqdm.auto import tqdm
    from tqdm.utils import CallbackIOWrapper

    delay = 0 if shown else _PATIENCE
    with tqdm(total=_size(files), desc="read", unit="B", unit_scale=True, delay=delay, leave=bool(shown)) as bar:
        yield lambda stream: CallbackIOWrapper(bar.update, stream, "read")


def _people_look() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _size(files: list[Any]) -> int | None:
    """Give the size of all files; None where one has none, such as a pipe."""
    sizes = [os.stat(file).st_size if _is_file(file) else None for file in files]  # noqa: PTH116  any kind of path
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _is_file(file: Any) -> bool:
    return isinstance(file, str | os.PathLike) and Path(file).is_file()
