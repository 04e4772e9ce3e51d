"""The values of a whole column of fields, checked and converted as the converter of the field does it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import (
    CONVERTERS,
    Field,
    amount_value,
    count_value,
    milliseconds_value,
    signed_amount_value,
    time_value,
)
from ..schema import CALLS, TIME
from ..times import EARLIEST, LATEST

_INEXACT = 2.0**53  # from here on, not every whole number is a float
_NAIVE = r"[Tt ][^+\-Zz]*$|^[^Tt ]*$"
# the type after conversion where it is another one
_CONVERTED_TYPES: dict[Callable[[Any], Any], pa.DataType] = {milliseconds_value: pa.int64(), time_value: TIME}
_ALLOWED_WORDS: dict[Callable[[Any], Any], Sequence[str]] = {
    CONVERTERS[column.name]: column.categories for column in CALLS if column.categories is not None
}


class IrregularBlockError(Exception):
    """The block has to be read line by line.

    Parameters
    ----------
    rows
        Lines that are in the way, from 0; empty: not known.
    """

    def __init__(self, rows: Sequence[int] = ()) -> None:
        super().__init__(rows)
        self.rows = rows


def convert_values(field: Field, values: pa.Array) -> pa.Array:
    """Check and convert values as the converter of the field does."""
    if values.null_count == len(values):
        return values.cast(_CONVERTED_TYPES.get(field.convert, values.type))
    if field.convert is time_value:
        return parse_times(values)
    if field.convert in (count_value, amount_value, signed_amount_value, milliseconds_value):
        _check_numbers(values, limit=_INEXACT if field.convert is milliseconds_value else np.inf)
        return (
            pc.round(values, round_mode="half_to_even").cast(pa.int64())
            if field.convert is milliseconds_value
            else values
        )
    words = _ALLOWED_WORDS.get(field.convert)
    if words is not None and not pc.all(pc.is_in(values.drop_null(), pa.array(words))).as_py():
        raise IrregularBlockError
    return values


def _check_numbers(values: pa.Array, *, limit: float) -> None:
    bounds = pc.min_max(values).as_py()
    if bounds["min"] < 0 or not bounds["max"] < limit:
        raise IrregularBlockError
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        raise IrregularBlockError


def parse_times(values: pa.Array) -> pa.Array:
    """Read ISO 8601 times; those without a time zone are in UTC."""
    times = _parsed_times(values)
    bounds = pc.min_max(times.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not EARLIEST <= bounds["min"] <= bounds["max"] <= LATEST:
        raise IrregularBlockError
    return times


def _parsed_times(values: pa.Array) -> pa.Array:
    try:
        return values.cast(TIME)
    except pa.ArrowInvalid:
        naive = pc.match_substring_regex(values, _NAIVE)
        zoned = pc.if_else(naive, None, values).cast(TIME)
        return pc.coalesce(zoned, pc.if_else(naive, values, None).cast(pa.timestamp("us")).cast(TIME))
