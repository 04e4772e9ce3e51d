"""Warnings of what could not be logged: they reach the user of the log, never the program that calls models."""

import warnings
from contextlib import suppress

from ..errors import UnsavedCallsWarning


def warn_unlogged(text: str, stacklevel: int) -> None:
    """Warn; where warnings are errors, the program goes on all the same."""
    with suppress(UnsavedCallsWarning):
        warnings.warn(text, UnsavedCallsWarning, stacklevel=stacklevel + 1)
