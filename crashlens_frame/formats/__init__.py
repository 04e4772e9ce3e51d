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
    is_unknown,
    row_from_record,
    rows_from_line,
    unfolded,
)
from .rows import Row, check_row, table_from_rows
from .table import END, TOTAL, Field, Format, Tree, pruned
from .values import amount, cost_source, count, flag, milliseconds, moment, token_source

__all__ = [
    "CRASHLENS",
    "END",
    "FILLABLE",
    "FLAT",
    "FORMATS",
    "SIGNS",
    "TOTAL",
    "Detected",
    "Field",
    "Format",
    "Row",
    "Rows",
    "Tree",
    "amount",
    "check_format",
    "check_row",
    "cost_source",
    "count",
    "detect_format",
    "flag",
    "is_unknown",
    "milliseconds",
    "moment",
    "pruned",
    "row_from_record",
    "rows_from_line",
    "table_from_rows",
    "token_source",
    "unfolded",
]
