"""CALLS -> log lines, built as whole columns of text: each value is escaped once, then the pieces are joined.

``SCHEMAS["crashlens"]`` writes for each value that CrashLens cannot bear null one that it can, and names the columns it
did this for under ``filled``, so that reading gives the nulls back.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import parallel_map
from ..errors import InvalidCallError, UnknownFormatError, UnpricedWarning
from ..formats import has_no_column
from ..jsonvalues import canonical_json, parse_json, quoted
from ..schema import CALLS, COUNT, LOG_SCHEMA, NUMBER, TEXT, TIME
from ..words import quantity
from .json_columns import RARE, Json, Piece, concat_pieces, json_column, text_scalar

ArrowColumns: TypeAlias = dict[str, pa.Array]
Jsons: TypeAlias = dict[str, Json]

BATCH = 16_384
_EPOCH = pd.Timestamp(0, tz="UTC")
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
_LINE_ENDS = str.maketrans({end: RARE[end] for end in "\x85\u2028\u2029"})

# what CrashLens is given for a null that it cannot bear
FILLERS = {
    "model": '"unknown"',
    "prompt": '""',
    "input_tokens": "0",
    "output_tokens": "0",
    "cost": "0",
    "retry_count": "0",
}
# where a field of extra stands below one of these, it is written there, beside what the envelope writes
PARENTS = ("input", "usage", "metadata")

# columns that are written only where they are known, and the path they take in the CrashLens envelope
METADATA = ("fallback_attempted", "fallback_reason", "route", "team", "source")
USAGE = ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
TOP = ("type", "level", "name", "service_tier", "error", "event_id", "token_source")


def check_schema(schema: str) -> None:
    """Refuse the name of a schema that cannot be written."""
    if schema not in SCHEMAS:
        raise UnknownFormatError(f"schema is {schema!r}, expected one of {', '.join(SCHEMAS)}")


def encode_lines(calls: pa.Table, *, schema: str) -> Iterator[pa.Buffer]:
    """Write a CALLS table as lines, some at a time."""
    _check(calls)
    starts = _starts(calls)
    batches = ((calls.slice(offset, BATCH), starts.slice(offset, BATCH)) for offset in range(0, len(calls), BATCH))
    yield from parallel_map(partial(_batch, SCHEMAS[schema]), batches)


def _batch(write: Callable[..., list[Piece]], batch: tuple[pa.Table, pa.ChunkedArray]) -> pa.Buffer:
    calls, starts = batch
    columns = {name: _array(calls[name]) for name in calls.column_names}
    json = {column.name: json_column(columns[column.name]) for column in CALLS if column.name != "extra"}
    start = json["timestamp"] if columns["timestamp"].null_count == 0 else json_column(_array(starts))
    # Arrow keeps texts end to end, so these are the bytes of the lines
    return concat_pieces(write(columns, json, start, _placed(columns["extra"]))).buffers()[2]


# -- the two schemas: the pieces of a line, each a column of texts or the same text in every row -----------------------


def _flat(columns: ArrowColumns, json: Jsons, _: Json, extra: dict[str, list[Piece]]) -> list[Piece]:
    first, *others = LOG_SCHEMA
    return [
        *_member(first, json[first], begin="{"),
        *(piece for name in others for piece in _member(name, json[name], "null")),
        *(piece for name in json if name not in LOG_SCHEMA for piece in _known(name, json[name])),
        *(piece for name in PARENTS for piece in _enclosed(name, extra[name], "{}")),
        *_filled(_unsaid(columns)),
        *extra[""],
        "}\n",
    ]


def _crashlens(columns: ArrowColumns, json: Jsons, start: Json, extra: dict[str, list[Piece]]) -> list[Piece]:
    first, *others = LOG_SCHEMA
    nulls = {name: columns[name].is_null() for name in ("timestamp", *FILLERS)} | _unsaid(columns)
    # the Log Schema keeps its nulls where CrashLens can bear them
    null = {name: FILLERS[name] if name in ("model", "cost", "retry_count") else "null" for name in others}
    usage = [pc.fill_null(columns[name], 0).cast(pa.uint64()) for name in ("input_tokens", "output_tokens")]
    total = json_column(pc.add(*usage))
    return [
        *_member(first, json[first], begin="{"),
        *(piece for name in others for piece in _member(name, json[name], null[name])),
        *_member("traceId", json["trace_id"]),
        *_member("startTime", start),
        *_known("endTime", json_column(_end(columns))),
        ',"input":{',
        *_member("model", json["model"], FILLERS["model"], begin=""),
        *_member("prompt", json["prompt"], FILLERS["prompt"]),
        *extra["input"],
        '},"usage":{',
        *_member("prompt_tokens", json["input_tokens"], FILLERS["input_tokens"], begin=""),
        *_member("completion_tokens", json["output_tokens"], FILLERS["output_tokens"]),
        *_member("total_tokens", total),
        *(piece for name in USAGE for piece in _known(name, json[name])),
        *extra["usage"],
        '},"metadata":{',
        *_without_comma([*(piece for name in METADATA for piece in _known(name, json[name])), *extra["metadata"]]),
        "}",
        *_known("output", json["response"]),
        *_member("cost_usd", json["cost"], FILLERS["cost"]),
        *_member("tokens", total),
        *_known("endpoint", json["route"]),
        *_known("fallback_triggered", json["fallback_attempted"]),
        *(piece for name in TOP for piece in _known(name, json[name])),
        *_known("cost_source", json_column(_source(columns))),
        *_filled(nulls),
        *extra[""],
        "}\n",
    ]


SCHEMAS = {"crashlens": _crashlens, "flat": _flat}


# -- members ----------------------------------------------------------------------------------------------------------


def _member(name: str, value: Json, null: str = "", *, begin: str = ",") -> list[Piece]:
    """Write `,"name":value` in every row, with another value where it is null."""
    begin = f'{begin}"{name}":'
    if value.null_count:
        return [begin, pc.fill_null(value.text(), null)]
    return [value.text(begin)] if value.codes is not None else [begin + value.opening, value.texts, value.closing]


def _known(name: str, value: Json) -> list[Piece]:
    """Write `,"name":value` in the rows in which it is not null."""
    if value.null_count == value.rows:
        return []
    return [pc.fill_null(value.text(f',"{name}":'), "")] if value.null_count else _member(name, value)


def _enclosed(name: str, members: list[Piece], brackets: str) -> list[Piece]:
    """Write `,"name":{members}` in the rows in which there are any."""
    if not members:
        return []
    inner = concat_pieces(members)
    whole = concat_pieces([f',"{name}":{brackets[0]}', pc.utf8_ltrim(inner, ","), brackets[1]])
    return [pc.if_else(pc.equal(pc.binary_length(inner), 0), text_scalar(""), whole)]


def _without_comma(members: list[Piece]) -> list[Piece]:
    """Take from members the comma that the first of them in each row begins with."""
    if members and isinstance(members[0], str):
        return [members[0][1:], *members[1:]]
    return [pc.utf8_ltrim(concat_pieces(members), ",")] if members else []


def _filled(nulls: dict[str, pa.BooleanArray]) -> list[Piece]:
    """Name for each row the columns that are null whatever the rest of the line says."""
    names = [
        pc.if_else(mask, text_scalar(f',"{name}"'), text_scalar("")) for name, mask in nulls.items() if mask.true_count
    ]
    return _enclosed("filled", names, "[]")


def _source(columns: ArrowColumns) -> pa.Array:
    """Say of a cost that is null that it is unknown: CrashLens is given a number for it."""
    source = columns["cost_source"].cast(TEXT)
    return pc.if_else(pc.and_(columns["cost"].is_null(), source.is_null()), "unknown", source)


def _unsaid(columns: dict[str, pa.Array]) -> dict[str, pa.BooleanArray]:
    """Find the sources that are null although reading would assume one."""
    quantity = pc.or_(columns["input_tokens"].is_valid(), columns["output_tokens"].is_valid())
    return {
        "token_source": pc.and_(columns["token_source"].is_null(), quantity),
        "cost_source": columns["cost_source"].is_null(),
    }


def _end(columns: dict[str, pa.Array]) -> pa.Array:
    start, latency = columns["timestamp"].cast(COUNT), columns["latency_ms"]
    latency = pc.if_else(pc.less(latency, _YEAR_10000 // 1000), latency, None)
    end = pc.add(start, pc.multiply(latency, 1000))
    return pc.if_else(pc.less(end, _YEAR_10000), end, None).cast(TIME)


def _starts(calls: pa.Table) -> pa.ChunkedArray:
    """Give each call a start: CrashLens drops two detectors for the whole file over a single null.

    The earliest known start of the trace moves no other call and hides none; a far-off one would stretch the trace
    beyond the window of its storm.
    """
    if calls["timestamp"].null_count == 0:
        return calls["timestamp"]
    start = calls["timestamp"].to_pandas()
    earliest = start.groupby(calls["trace_id"].to_pandas(), sort=False).transform("min")
    return pa.chunked_array([pa.array(start.fillna(earliest).fillna(_EPOCH))])


def _placed(extra: pa.StringArray) -> dict[str, list[Piece]]:
    """Split extra into members for the top of the line ("") and for each parent; each distinct text once."""
    if extra.null_count == len(extra):
        return {place: [] for place in ("", *PARENTS)}
    encoded = extra.dictionary_encode()
    split = [_split(text) for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices
    return {
        place: [pc.fill_null(pc.take(pa.array([one[place] for one in split], pa.large_string()), codes), "")]
        if any(one[place] for one in split)
        else []
        for place in ("", *PARENTS)
    }


def _split(text: str) -> dict[str, str]:
    return {place: _bare(fields) for place, fields in split_extra(text).items()}


def split_extra(extra: str) -> dict[str, dict[str, Any]]:
    """Tell which fields of extra stand at the top of a line ("") and which below each parent.

    Raises
    ------
    InvalidCallError
        It is no JSON object.
    """
    try:
        fields = parse_json(extra.encode())
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidCallError(f"extra is {quoted(extra)}, expected a JSON object")
    own = {key: value for key, value in fields.items() if has_no_column(key, value)}
    nested = {key: own.pop(key) for key in PARENTS if isinstance(own.get(key), dict)}
    if len(own) + len(nested) < len(fields):
        # the name of a column, so the field cannot stand at its own place
        own["extra"] = {key: value for key, value in fields.items() if key not in own and key not in nested}
    return {place: nested.get(place, {}) if place else own for place in ("", *PARENTS)}


def _bare(fields: Mapping[str, Any]) -> str:
    return f",{canonical_json(fields)[1:-1].translate(_LINE_ENDS)}" if fields else ""


def _array(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


# -- what cannot be written -------------------------------------------------------------------------------------------


def _check(table: pa.Table) -> None:
    """Refuse values that no reader would take back."""
    _refuse(table, "trace_id", pc.equal(table["trace_id"], ""), "non-empty text")
    for column in CALLS:
        values = table[column.name]
        if column.arrow == COUNT:
            _refuse(table, column.name, pc.less(values, 0), "a whole number from 0 on")
        elif column.arrow == NUMBER:
            fits = pc.and_(pc.greater_equal(values, 0.0), pc.is_finite(values))
            _refuse(table, column.name, pc.invert(fits), "a finite number from 0 on")
        elif column.arrow == TIME:
            micros = values.cast(COUNT)
            beyond = pc.or_(pc.less(micros, _YEAR_1), pc.greater_equal(micros, _YEAR_10000))
            _refuse(table, column.name, beyond, "a time of the years 1 to 9999")


def _refuse(table: pa.Table, name: str, wrong: pa.ChunkedArray, expected: str) -> None:
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise InvalidCallError(f"{name} is {table[name][row].as_py()!r} in row {row}, expected {expected}")


def warn_unpriced(calls: pd.DataFrame) -> None:
    """Say once which models were written at a cost of 0, because theirs is not known."""
    unknown = calls["cost"].isna()
    if unknown.any():
        models = calls.loc[unknown, "model"].astype("str").fillna("no model").value_counts()
        named = ", ".join(f"{model} ({number:,})" for model, number in models.items())
        warnings.warn(
            f"{quantity(int(unknown.sum()), 'call')} without a known cost written for CrashLens at 0 with"
            f' cost_source "unknown": {named}; price them with cf.add_cost, or silence this with'
            ' warnings.simplefilter("ignore", cf.UnpricedWarning)',
            UnpricedWarning,
            stacklevel=3,
        )
