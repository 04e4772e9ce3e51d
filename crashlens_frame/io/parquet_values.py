"""The values of a Parquet file, checked as those of every other log are: a file may hold anything, whoever wrote it."""

import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import parallel_map
from ..errors import InvalidCallError, MissingColumnsError, SchemaVersionError
from ..formats import USAGE_COLUMNS, contradicting_counts
from ..frame import as_calls, table_from_frame
from ..schema import CALLS, COUNT, NUMBER, TIME, Column
from ..times import EARLIEST, LATEST

_MANY = 100_000  # from this number of rows on, threads save more time than they take to start
_REMEDY = "correct the file, or leave the column out with columns="

_LARGEST = sys.float_info.max
# of each type of CALLS the least and the greatest value, and what they mean
_LIMITS: dict[pa.DataType, tuple[float, float, str]] = {
    COUNT: (0, 2**63 - 1, "a whole number from 0 to 2**63 - 1"),
    NUMBER: (0.0, _LARGEST, "a finite number from 0 on"),
    TIME: (EARLIEST, LATEST, "a time in the years 1 to 9999"),
}
_CREDIT = (-_LARGEST, _LARGEST, "a finite number")  # a cost is negative for a credit
# whole numbers beside nulls stay whole
_WITHIN_INT64 = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32())
_NULLABLE = {
    **dict.fromkeys(_WITHIN_INT64, pd.Int64Dtype()),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def check_values(calls: pa.Table, file: str, *, first: int = 0) -> None:
    """Refuse values that no reader accepts.

    Parameters
    ----------
    calls
        Columns of CALLS.
    file
        Name of the file, for the message.
    first
        Number of the first row, for the message.

    Raises
    ------
    InvalidCallError
        Text is no UTF-8, a number is negative (a credit excepted) or infinite, a time is in no calendar, a word is
        not one of those allowed, a count is larger than the one that it is a part of, or ``trace_id`` is null. The text
        names file, column, row and value.
    """

    def check(column: Column) -> None:
        _check_column(calls[column.name], column, file, first)

    columns = [column for column in CALLS if column.name in calls.column_names]
    for _ in (parallel_map if len(calls) > _MANY else map)(check, columns):
        pass
    if USAGE_COLUMNS.issubset(calls.column_names):
        odd = contradicting_counts({name: calls[name] for name in USAGE_COLUMNS})
        if odd is not None:
            row = int(odd.argmax())
            counts = {name: calls[name][row].as_py() for name in sorted(USAGE_COLUMNS)}
            found = ", ".join(f"{name} {value}" for name, value in counts.items() if value is not None)
            raise InvalidCallError(
                f"{file} holds counts that contradict one another in row {first + row}: {found}; {_REMEDY}"
            )


def _check_column(values: pa.ChunkedArray, column: Column, file: str, first: int) -> None:
    _check_text(values, column.name, file, first)
    for wrong, expected in wrong_values(values, column):
        _refuse(wrong, values, column.name, expected, file, first)
    if column.name == "trace_id" and values.null_count:
        _refuse(values.is_null(), values, column.name, "text", file, first)


def wrong_values(values: pa.ChunkedArray, column: Column) -> Iterator[tuple[pa.ChunkedArray, str]]:
    """Yield which values of a column no reader accepts, and what is expected; NaN is neither too small nor large."""
    if column.arrow in _LIMITS:
        low, high, expected = _CREDIT if column.name == "cost" else _LIMITS[column.arrow]
        numbers = values.cast(pa.int64()) if column.arrow == TIME else values
        ends = pc.min_max(numbers).as_py()
        if ends["min"] is not None and not (low <= ends["min"] and ends["max"] <= high):
            yield pc.or_(pc.less(numbers, low), pc.greater(numbers, high)), expected
    if column.categories is not None:
        words = pc.is_in(pc.cast(values, pa.string()), pa.array([*column.categories, None]))
        yield pc.invert(words), f"one of {', '.join(column.categories)}"


def calls_of_others(table: pa.Table, file: str, *, first: int = 0) -> pa.Table:
    """Turn columns that another program wrote into CALLS.

    Bytes are read as UTF-8, and numbers in ``timestamp`` as seconds, milliseconds, microseconds or nanoseconds since
    1970, by their size.

    Raises
    ------
    InvalidCallError
        A value does not fit its column. The text names file, column, row and value.
    SchemaVersionError
        ``trace_id`` or ``model`` is missing.
    """
    frame = frame_of_others(table, file, first=first)
    try:
        return table_from_frame(as_calls(frame))
    except MissingColumnsError as error:
        raise SchemaVersionError(f"{file} holds no calls: {error}") from None
    except InvalidCallError as error:
        raise InvalidCallError(f"{file}: {error}; {_REMEDY}") from None
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError, NotImplementedError) as error:
        raise InvalidCallError(_not_held(file, error)) from error


def frame_of_others(table: pa.Table, file: str, *, first: int = 0) -> pd.DataFrame:
    """Return columns that another program wrote as pandas has them, bytes as text.

    Raises
    ------
    InvalidCallError
        pandas cannot hold a value, or text is no UTF-8.
    """
    for place, name in enumerate(table.column_names):
        values = _text_of_bytes(table.column(place), name, file, first)
        table = table.set_column(place, name, values)
    try:
        frame = table.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True)
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError, NotImplementedError) as error:
        raise InvalidCallError(_not_held(file, error)) from error
    return frame.set_axis(pd.RangeIndex(first, first + len(frame)))


def _not_held(file: str, error: Exception) -> str:
    """Return what is wrong with lists, structs, dates and times that pandas does not hold or write."""
    return f"{file} holds a value that no column of CALLS can hold: {error}; {_REMEDY}"


def _text_of_bytes(values: pa.ChunkedArray, name: str, file: str, first: int) -> pa.ChunkedArray:
    """Read bytes as text; other values stay as they are."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not is_binary(kind):
        _check_text(values, name, file, first)
        return values
    data = values.cast(kind).cast(pa.large_binary())
    text = pa.chunked_array(
        [
            pa.Array.from_buffers(pa.large_string(), len(chunk), chunk.buffers(), offset=chunk.offset)
            for chunk in data.chunks
        ],
        pa.large_string(),
    )
    _check_text(text, name, file, first)
    return text


def is_binary(kind: pa.DataType) -> bool:
    """Whether a type is that of bytes."""
    types = pa.types
    checks = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(check(kind) for check in checks)


def _check_text(values: pa.ChunkedArray, name: str, file: str, first: int) -> None:
    """Refuse text that is no UTF-8."""
    if is_sound(values):
        return
    low, high = 0, len(values)  # the first `low` values are sound, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_sound(values.slice(0, middle)) else (low, middle)
    try:
        found = repr(values.slice(low, 1).cast(pa.large_binary())[0].as_py())
    except pa.ArrowException:  # a list or a struct with text in it
        found = "not UTF-8"
    raise InvalidCallError(f"{file}: {name} is {found} in row {first + low}, expected text in UTF-8; {_REMEDY}")


def is_sound(values: pa.ChunkedArray) -> bool:
    """Whether all text is UTF-8."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _refuse(wrong: pa.ChunkedArray, values: pa.ChunkedArray, name: str, expected: str, file: str, first: int) -> None:
    """Refuse the first value that is wrong."""
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise InvalidCallError(
            f"{file}: {name} is {value_text(values[row])} in row {first + row}, expected {expected}; {_REMEDY}"
        )


def value_text(value: Any) -> str:
    """Return a value as text; a time that Python cannot hold as its number."""
    if pa.types.is_timestamp(value.type):
        return f"{value.value} microseconds since 1970"
    return "null" if value.as_py() is None else repr(value.as_py())
