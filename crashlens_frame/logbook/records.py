"""One record in memory -> one line of JSON, which the readers read as ``log_event`` reads the record."""

import json
import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import orjson

from ..errors import InvalidCallError
from ..formats import is_null, time_value
from ..jsonvalues import quoted
from ..times import EPOCH


def line_of_record(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of JSON.

    Raises
    ------
    InvalidCallError
        The record holds what JSON cannot hold.

    Examples
    --------
    >>> from crashlens_frame.logbook.records import line_of_record
    >>> line_of_record({"trace_id": "t1", "cost": 0.5})
    b'{"trace_id":"t1","cost":0.5}'
    """
    try:
        line = orjson.dumps(record, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)
        # orjson writes infinite numbers as null, which would be read as missing values
        if b"null" not in line or not _holds_infinity(record):
            return line
    except TypeError:  # half surrogate pairs, whole numbers past 64 bits, or what JSON cannot hold
        pass
    try:
        return json.dumps(record, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCallError(f"a record is {quoted(record)}, expected what JSON can hold ({error})") from None


def _plain(value: Any) -> Any:
    """Return a value of Python, NumPy or pandas as one of those that JSON has."""
    if is_null(value):
        return None
    if isinstance(value, date | np.datetime64):
        return _iso(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.timedelta64 | np.complexfloating):
        raise TypeError(f"{type(value).__name__} is no type of JSON")
    if isinstance(value, np.bool_ | np.integer | np.ndarray):
        return value.tolist()
    if hasattr(value, "__float__"):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON")


def _iso(moment: date | np.datetime64) -> str:
    try:
        micros = time_value(moment)
    except ValueError:  # left to the reader, which refuses it as it would any other text
        return str(moment)
    return (EPOCH + timedelta(microseconds=micros or 0)).isoformat()


def _holds_infinity(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return math.isinf(value)
    if isinstance(value, Mapping):
        return any(map(_holds_infinity, value.values()))
    return isinstance(value, list | tuple | np.ndarray) and any(map(_holds_infinity, value))
