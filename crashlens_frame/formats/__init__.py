"""How each log format names the columns of CALLS: one table per format, and the code that reads a record by it.

A field that no table names is kept in ``extra``, under the keys that led to it.
"""

from .columns import convert_column
from .crashlens import CRASHLENS, FLAT
from .reading import (
    FILLABLE,
    Detected,
    Rows,
    detect_format,
    has_no_column,
    row_from_record,
    rows_from_line,
    unfold_extra,
)
from .roster import FORMATS, check_format, sign_keys
from .table import END, TOTAL, Field, Format, Tree, pruned_tree
from .values import (
    Row,
    amount_value,
    bool_value,
    convert_row,
    cost_source_value,
    count_value,
    milliseconds_value,
    time_option,
    time_value,
    token_source_value,
)

__all__ = [
    "CRASHLENS",
    "END",
    "FILLABLE",
    "FLAT",
    "FORMATS",
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
    "convert_column",
    "convert_row",
    "cost_source_value",
    "count_value",
    "detect_format",
    "has_no_column",
    "milliseconds_value",
    "pruned_tree",
    "row_from_record",
    "rows_from_line",
    "sign_keys",
    "time_option",
    "time_value",
    "token_source_value",
    "unfold_extra",
]
