"""What an SDK returned, as its own object or as the JSON of it -> the rows of its calls, almost always a single one."""

import base64
import dataclasses
import inspect
import os
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import orjson

from ..errors import InvalidCallError, InvalidOptionError
from ..formats import (
    CRASHLENS,
    FLAT,
    Row,
    convert_row,
    detect_format,
    invocation_of,
    rows_from_line,
    settle_row,
    time_option,
    warn_of_unclear,
)
from ..jsonvalues import quoted


def plain(value: Any) -> Any:
    """Return an object of an SDK as a dict; a dict, and any other value, as it is.

    Examples
    --------
    >>> import dataclasses
    >>> from crashlens_frame.logbook.responses import plain
    >>> Answer = dataclasses.make_dataclass("Answer", ["model", "text"])
    >>> plain(Answer("gpt-4o", "Hi"))
    {'model': 'gpt-4o', 'text': 'Hi'}
    """
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "http_response") and callable(getattr(value, "parse", None)):
        value = value.parse()  # of with_raw_response
        if inspect.isawaitable(value):
            close = getattr(value, "close", None)
            if close is not None:
                close()
            raise InvalidCallError("response is one of an asynchronous client, expected await response.parse()")
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic
        return dump(mode="json", by_alias=True, exclude_none=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def plain_request(value: Any) -> Any:
    """Return arguments of a call of an SDK as JSON has them, without those that the SDK marks as not given."""
    if isinstance(value, Mapping):
        kept = {key: inner for key, inner in value.items() if type(inner).__name__ not in _NOT_GIVEN}
        return {str(key): plain_request(inner) for key, inner in kept.items()}
    if isinstance(value, list | tuple):
        return [plain_request(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, type):
        return value.__name__  # a class that the answer is parsed into
    return plain(value)


_OWN = (CRASHLENS.name, FLAT.name)
_NOT_GIVEN = ("NotGiven", "Omit", "Unset", "UnsetType")
# columns that calls of other models have in common with the answer that they were a part of
_SHARED = frozenset(
    {"session_id", "parent_id", "timestamp", "provider", "team", "route", "name", "user_id", "agent", "source", "tags"}
)
_SINCE = 946_684_800_000_000  # the year 2000: an earlier time is none of a call


def timed(row: Row, started: Any, ended: Any, latency_ms: Any) -> Row:
    """Return a row with its start, and with its duration where both ends are known and no other is given.

    Raises
    ------
    InvalidOptionError
        A value is no time of a call, or the end is before the start.

    Examples
    --------
    >>> from crashlens_frame.logbook.responses import timed
    >>> timed({}, "2026-03-01T10:00:00Z", "2026-03-01T10:00:01.250Z", None)
    {'timestamp': 1772359200000000, 'latency_ms': 1250}
    """
    start, end = (
        None if value is None else _time(name, value) for name, value in (("started", started), ("ended", ended))
    )
    if start is not None:
        row = {**row, "timestamp": start}
    if end is None:
        return row
    if start is not None and end < start:
        raise InvalidOptionError(f"ended is {ended!r}, expected a time not before started, {started!r}")
    if start is not None:
        return {**row, "latency_ms": (end - start) // 1000} if latency_ms is None else row
    latency = row.get("latency_ms")  # with it the end shows the start
    return {**row, "timestamp": end - 1000 * latency if latency is not None else row.get("timestamp") or end}


def _time(name: str, value: Any) -> int:
    micros = time_option(name, value)
    if micros < _SINCE:
        raise InvalidOptionError(
            f"{name} is {value!r}, a time before the year 2000, expected that of the call; time.time() counts from"
            " 1970, time.perf_counter() does not"
        )
    return micros


def rows_from_response(
    response: Any,
    request: Any = None,
    *,
    format: str | None = None,
    columns: Mapping[str, Any],
    kept: Mapping[str, Any] = MappingProxyType({}),
    needs_model: bool = True,
) -> list[Row]:
    """Return the values of a call by column, from the answer to it and, where it is at hand, from what was sent.

    Other models may have had a part in the answer, such as an advisor: their calls follow, as a log of the vendor has
    them, unless ``columns`` have the cost, which is that of all.

    Parameters
    ----------
    response, request
        Objects of an SDK, or what they are in JSON.
    format
        Name of the format of the answer; None detects it.
    columns
        Values that count before those of the answer; None as a value leaves it to the answer.
    kept
        Values without a column, for ``extra``.
    needs_model
        Whether a call that names no model is refused.

    Raises
    ------
    InvalidCallError
        The answer is of no known vendor, or a value does not fit its column.
    """
    answer, asked = plain(response), plain(request)
    if not isinstance(answer, Mapping):
        raise InvalidCallError(
            f"response is {quoted(repr(response))}, expected an answer of an SDK, or the dict of one"
        )
    given = {name: value for name, value in columns.items() if value is not None}
    trace_id = given.pop("trace_id", None) or os.urandom(16).hex()
    sent = {} if asked is None else {"request": asked}
    record = {"trace_id": trace_id, **sent, "response": answer} if sent else {**answer, "trace_id": trace_id}
    name = format or detect_format(record).format
    if name in _OWN and isinstance(asked, Mapping) and "modelId" in asked:
        record = {**(invocation_of(asked, answer) or record), "trace_id": trace_id}
        name = detect_format(record).format
    if name in _OWN:
        keys = ", ".join(map(str, list(answer)[:8]))
        raise InvalidCallError(f"the response has the keys {keys}, expected the answer of a vendor")
    found = rows_from_line({**record, **kept}, name)
    if found.errors:
        raise InvalidCallError(found.errors[0])
    if not found.rows:
        raise InvalidCallError("the response holds no call, expected one")
    row, *others = found.rows
    if not all(str(other.get("event_id")).startswith(f"{row.get('event_id')}/") for other in others):
        raise InvalidCallError(f"the response holds {len(found.rows)} calls, expected one")
    if "cost" in given:
        others = []
    if "tags" in row and isinstance(given.get("tags"), Mapping):
        given["tags"] = {**orjson.loads(row["tags"]), **given["tags"]}
    shared = {name: value for name, value in given.items() if name in _SHARED}
    asked_model = asked.get("model") if isinstance(asked, Mapping) else None
    given = {"model": row.get("model") or asked_model, "trace_id": trace_id, **given}
    row |= convert_row(given, needs_model=needs_model)
    for other in others:
        other |= convert_row({**shared, "trace_id": trace_id}, needs_model=False)
    unclear = "".join(found.unclear) or "".join(filter(None, map(settle_row, (row, *others))))
    if unclear:
        with suppress(Warning):  # where warnings are errors, the call is logged all the same
            warn_of_unclear("the call", unclear, stacklevel=3)
    return [row, *others]
