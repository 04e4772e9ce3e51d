"""What hooks log, whatever fails here: the rows of a record, and warnings that never reach the program."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import UnsavedCallsWarning
from ..formats import Row, rows_from_line

if TYPE_CHECKING:
    from ..logbook import LogBook


def warn_unsaved(text: str) -> None:
    """Warn of calls that are not logged; also where warnings are errors, the program goes on."""
    with suppress(Warning):
        warnings.warn(text, UnsavedCallsWarning, stacklevel=3)


def log_record(
    book: "LogBook",
    record: Mapping[str, Any],
    format: str,
    columns: Mapping[str, Any],
    complete: Callable[[Row], Row] = lambda row: row,
) -> None:
    """Log the calls of a record; what cannot be logged is a warning, and does not reach the program."""
    try:
        found = rows_from_line(record, format)
        for row in found.rows:
            book.log_row(complete({**columns, **row}))
        if found.errors:
            raise ValueError(found.errors[0])
    except Exception as error:
        warn_unsaved(f"a call is not logged, or only in memory: {error}")
