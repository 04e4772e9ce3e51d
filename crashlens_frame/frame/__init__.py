"""Arrow tables <-> typed DataFrames, and what makes a frame one of calls."""

from .calls import ANSWER_COLUMNS, as_calls, check_calls, checked_calls, failed_calls
from .tables import (
    arrow_column,
    empty_frame,
    frame_from_table,
    selected_columns,
    table_from_columns,
    table_from_frame,
    table_from_rows,
)

__all__ = [
    "ANSWER_COLUMNS",
    "arrow_column",
    "as_calls",
    "check_calls",
    "checked_calls",
    "empty_frame",
    "failed_calls",
    "frame_from_table",
    "selected_columns",
    "table_from_columns",
    "table_from_frame",
    "table_from_rows",
]
