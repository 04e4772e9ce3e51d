"""How each log format names the columns of CALLS: a table for each, and what reads one record by it.

A field that no table names is kept in ``extra``, under the keys that led to it.
"""

from .crashlens import CRASHLENS, FLAT
from .reading import (
    FILLABLE,
    FORMATS,
    SIGNS,
    Detected,
    Rows,
    check_format,
    detect_format,
    has_no_column,
    row_from_record,
    rows_from_line,
    unfold_extra,
)
from .rows import Row, check_row, table_from_rows
from .table import END, TOTAL, Field, Format, Tree, pruned_tree
from .values import (
    EPOCH_UNITS,
    MAX_COUNT,
    amount_value,
    bool_value,
    cost_source_value,
    count_value,
    milliseconds_value,
    time_value,
    token_source_value,
)

__all__ = [
    "CRASHLENS",
    "END",
    "EPOCH_UNITS",
    "FILLABLE",
    "FLAT",
    "FORMATS",
    "MAX_COUNT",
    "SIGNS",
    "TOTAL",
    "Detected",
    "Field",
    "Format",
    "Row",
    "Rows",
    "Tree",
    "amount_value",
    "bool_value",
    "check_format",
    "check_row",
    "cost_source_value",
    "count_value",
    "detect_format",
    "has_no_column",
    "milliseconds_value",
    "pruned_tree",
    "row_from_record",
    "rows_from_line",
    "table_from_rows",
    "time_value",
    "token_source_value",
    "unfold_extra",
]
