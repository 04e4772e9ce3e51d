"""How each log format names the columns of CALLS: a table for each, and what reads one record by it.

A field that no table names is kept in ``extra``, under the keys that led to it.
"""

from .crashlens import CRASHLENS, FLAT
from .field import END, TOTAL, Field, Format, Sign, Tree, pruned
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
    "Rows",
    "Sign",
    "Tree",
    "check_format",
    "detect_format",
    "is_unknown",
    "pruned",
    "row_from_record",
    "rows_from_line",
    "unfolded",
]
