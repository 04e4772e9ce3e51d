"""One call -> one line, at the moment it is logged: the same line that ``write_lines`` writes from whole columns.

Arrow needs milliseconds to set up the columns of a line, a dict needs microseconds.
"""

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..layout import FILLERS, LOG_SCHEMA, METADATA, PARENTS, TOP, USAGE
from ..times import EPOCH

if TYPE_CHECKING:  # the lines of most calls need neither Arrow nor pandas
    from ..formats import Row

_EPOCH = EPOCH.replace(tzinfo=None)
_FILLED = {name: orjson.loads(text) for name, text in FILLERS.items()}
# these stay null in the Log Schema, as CrashLens does not fail at them
_KEPT_NULL = {"prompt", "input_tokens", "output_tokens"}
# some readers of text take these for line ends; their bytes are never part of another character
_LINE_ENDS = {end.encode(): f"\\u{ord(end):04x}".encode() for end in "\x85\u2028\u2029"}


def line_from_row(row: "Row") -> bytes:
    """Return a call as a line for CrashLens, with its line feed.

    Parameters
    ----------
    row
        Values by column: checked, with tokens and cost, the timestamp in microseconds since 1970 and not null.

    Examples
    --------
    >>> from crashlens_frame.io.write_row import line_from_row
    >>> line_from_row({"trace_id": "t1", "timestamp": 0, "model": "gpt-4o"}).decode()[:59]
    '{"trace_id":"t1","timestamp":"1970-01-01T00:00:00.000000Z",'
    """
    try:
        line = orjson.dumps(_record(row), option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, OverflowError):  # half surrogate pairs, numbers past 64 bits, years past 9999
        from ..frame import table_from_rows
        from .write_lines import encode_lines

        return b"".join(encode_lines(table_from_rows([row]), format="crashlens"))
    if not line.isascii():
        for end, escaped in _LINE_ENDS.items():
            line = line.replace(end, escaped)
    return line


class _Layout(NamedTuple):
    """Where the known values of a call are written, and what is written in place of the others."""

    log_schema: dict[str, Any]  # all of its names, with what is written where a value is not known
    logged: tuple[str, ...]
    usage: tuple[str, ...]
    metadata: tuple[str, ...]
    top: tuple[str, ...]
    filled: list[str]


@lru_cache(maxsize=256)
def _layout(known: tuple[str, ...]) -> _Layout:
    """Return the layout of a line; the calls of a program mostly have the same columns."""
    log_schema = {name: None if name in _KEPT_NULL else _FILLED.get(name) for name in LOG_SCHEMA}
    logged, usage, metadata, top = (
        tuple(name for name in names if name in known) for names in (LOG_SCHEMA, USAGE, METADATA, (*TOP, "cost_source"))
    )
    return _Layout(log_schema, logged, usage, metadata, top, [name for name in FILLERS if name not in known])


def _record(row: "Row") -> dict[str, Any]:
    known = {name: value for name, value in row.items() if value is not None}
    layout = _layout(tuple(known))
    known["timestamp"] = _time(row["timestamp"])
    sent, written = known.get("input_tokens", 0), known.get("output_tokens", 0)
    usage = {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}
    record = layout.log_schema.copy()
    for name in layout.logged:
        record[name] = known[name]
    record["traceId"] = known["trace_id"]
    record["startTime"] = known["timestamp"]
    if "latency_ms" in known:
        record["endTime"] = _time(row["timestamp"] + 1000 * known["latency_ms"])
    record["input"] = {"model": record["model"], "prompt": known.get("prompt", _FILLED["prompt"])}
    for name in layout.usage:
        usage[name] = known[name]
    record["usage"] = usage
    record["metadata"] = {name: known[name] for name in layout.metadata}
    if "response" in known:
        record["output"] = known["response"]
    record["cost_usd"], record["tokens"] = record["cost"], sent + written
    if "route" in known:
        record["endpoint"] = known["route"]
    if "fallback_attempted" in known:
        record["fallback_triggered"] = known["fallback_attempted"]
    for name in layout.top:
        record[name] = known[name]
    if layout.filled:
        record["filled"] = layout.filled
    if "extra" in known:
        from .write_lines import split_extra

        fields = split_extra(known["extra"])
        for parent in PARENTS:
            record[parent] |= fields[parent]
        record |= fields[""]
    return record


def _time(microseconds: int) -> str:
    second, rest = divmod(microseconds, 1_000_000)
    return f"{_second(second)}.{rest:06d}Z"


@lru_cache(maxsize=16)
def _second(since_1970: int) -> str:
    return (_EPOCH + timedelta(seconds=since_1970)).isoformat()
