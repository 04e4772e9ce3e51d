"""Names of files, and what the system raises for a file -> errors of the package that name it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from ..errors import CrashlensFrameError, FileAccessError, InvalidOptionError, MissingFileError
from ..words import printable

_LONGEST = 200  # characters of a name in a message
_ABSENT = (FileNotFoundError, NotADirectoryError)


def check_path(path: str | PathLike[str]) -> None:
    r"""Refuse a name that no file can have, or that the system does not follow; a file need not be there.

    Raises
    ------
    FileAccessError
        The name is too long, holds a null byte or half a surrogate pair, leads in a circle, or is in a folder that may
        not be entered.
    InvalidOptionError
        It is neither text nor a path.

    Examples
    --------
    >>> from crashlens_frame._core import check_path
    >>> check_path("logs\0.jsonl")
    Traceback (most recent call last):
    crashlens_frame.errors.FileAccessError: logs\x00.jsonl cannot be the name of a file: embedded null byte
    """
    if not isinstance(path, str | PathLike):
        raise InvalidOptionError(f"{path!r} is no path, expected a path or a file object")
    if not os.fspath(path):
        raise FileAccessError("the name of the file is empty, expected a path")
    try:
        os.stat(path)  # noqa: PTH116  pathlib takes some of these names for those of absent files
    except _ABSENT:
        return
    except OSError as error:
        raise access_error(path, error) from None
    except ValueError as error:
        reason = "it holds half a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        raise FileAccessError(f"{_shortened(path)} cannot be the name of a file: {reason}") from None


@contextmanager
def file_errors(path: str | PathLike[str]) -> Iterator[None]:
    """Turn what the system raises where a file is opened, read or written, after a check of its name.

    Raises
    ------
    MissingFileError
        There is no such file, or no such folder to write it to.
    FileAccessError
        As ``check_path``, or any other error of the system, such as a full disk.

    Examples
    --------
    >>> from crashlens_frame._core import file_errors
    >>> with file_errors("logs.jsonl"):
    ...     raise PermissionError(13, "Permission denied")
    Traceback (most recent call last):
    crashlens_frame.errors.FileAccessError: logs.jsonl: Permission denied
    """
    check_path(path)
    try:
        yield
    except CrashlensFrameError:
        raise
    except OSError as error:
        raise access_error(path, error) from error


def access_error(path: str | PathLike[str], error: OSError) -> OSError:
    """Return the error of the package for one that the system raised for a file."""
    kind = MissingFileError if isinstance(error, _ABSENT) else FileAccessError
    made = kind(f"{_shortened(path)}: {error.strerror or error}")
    made.errno = error.errno
    return made


def _shortened(path: str | PathLike[str]) -> str:
    name = printable(os.fspath(path))
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
