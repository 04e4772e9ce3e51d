"""What the hooks of LiteLLM and LangChain log: the row of a record, whatever fails here."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..formats import Row, rows_from_line
from .warning import warn_unlogged

if TYPE_CHECKING:
    from ..logbook import LogBook


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
        warn_unlogged(f"a call is not logged, or only in memory: {error}", stacklevel=3)
