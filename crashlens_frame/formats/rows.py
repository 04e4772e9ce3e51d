"""Calls one by one, before they are a table: each value checked against its column at the moment it is logged."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from operator import index
from typing import Any

import pyarrow as pa

from ..errors import InvalidCallError
from ..jsonvalues import without_surrogates
from ..schema import CALLS, COUNT, FLAG, NUMBER, TIME, arrow_schema

Row = dict[str, Any]

ROW = pa.struct(list(arrow_schema(CALLS)))


def table_from_rows(rows: list[Row]) -> pa.Table:
    """Turn checked rows into a CALLS table."""
    try:
        return pa.Table.from_struct_array(pa.array(rows, ROW))
    except UnicodeEncodeError:
        # half a surrogate pair is no character and no UTF-8; a call is worth more than it
        clean = [
            {name: without_surrogates(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in rows
        ]
        return pa.Table.from_struct_array(pa.array(clean, ROW))


def check_row(row: Row) -> None:
    """Check each value against its column, and turn NaN, whole floats and NumPy scalars into what the column holds."""
    for name, value in row.items():
        if value is None:
            continue
        if name not in _CHECKS:
            near = get_close_matches(name, _CHECKS, n=1)
            raise TypeError(f"log() has no column {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        row[name] = _CHECKS[name](name, value)
    for name in ("model", "trace_id"):
        if not row[name]:
            what = "the name of a model" if name == "model" else "an id, or nothing for a new one,"
            raise InvalidCallError(f"{name} is {row[name]!r}, expected {what} as non-empty text")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise InvalidCallError(f"{name} is {value!r}, expected text")


def _count(name: str, value: Any) -> int:
    if not isinstance(value, bool):
        try:
            whole = index(value)
        except TypeError:
            whole = -1
        if 0 <= whole < 2**63:
            return whole
    raise InvalidCallError(f"{name} is {value!r}, expected a whole number from 0 on")


def _milliseconds(name: str, value: Any) -> int:
    number = _amount(name, value)
    return 0 if number is None else round(number)


def _amount(name: str, value: Any) -> float | None:
    if not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if math.isnan(number):
            return None
        if 0 <= number < math.inf and not isinstance(value, str):
            return number
    raise InvalidCallError(f"{name} is {value!r}, expected a number from 0 on")


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidCallError(f"{name} is {value!r}, expected True or False")


def _one_of(allowed: Sequence[str], name: str, value: Any) -> str:
    if _text(name, value) in allowed:
        return value
    raise InvalidCallError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")


_CHECK_OF_TYPE = {COUNT: _count, NUMBER: _amount, FLAG: _flag}
_CHECKS = {column.name: _CHECK_OF_TYPE.get(column.arrow, _text) for column in CALLS if column.arrow != TIME} | {
    "latency_ms": _milliseconds,
    **{column.name: partial(_one_of, column.categories) for column in CALLS if column.categories is not None},
}
