"""CALLS -> log lines, built as whole columns of text: each value is escaped once, then the pieces are joined.

CrashLens fails at some nulls. In the format "crashlens" a filler is written in place of each of these, and ``filled``
names their columns, so that reading makes them null again.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import parallel_map
from ..errors import InvalidCallError, UnknownFormatError, UnpricedWarning, check_choice, resolve_alias
from ..formats import has_no_column
from ..jsonvalues import canonical_json, parse_json, quoted
from ..layout import FILLERS, LOG_SCHEMA, METADATA, PARENTS, TOP, USAGE
from ..schema import CALLS, COUNT, TEXT, TIME
from ..words import quantity
from .json_columns import RARE, Json, Piece, concat_pieces, json_column, text_scalar

ArrowColumns: TypeAlias = dict[str, pa.Array]
Jsons: TypeAlias = dict[str, Json]

BATCH = 16_384
_EPOCH = pd.Timestamp(0, tz="UTC")
_YEAR_10000 = 253_402_300_800_000_000
_LINE_ENDS = str.maketrans({end: RARE[end] for end in "\x85\u2028\u2029"})


def check_line_format(format: str | None, schema: str | None) -> str:
    """Return the format of lines to write, which the caller gave as ``format``, as its alias ``schema`` or not at all.

    Raises
    ------
    UnknownFormatError
        There is no such format.
    InvalidOptionError
        Both are given.
    """
    value = resolve_alias("format", format, "schema", schema)
    if value is None:
        return "crashlens"
    check_choice("format" if schema is None else "schema", value, LINE_FORMATS, error=UnknownFormatError)
    return value


def encode_lines(calls: pa.Table, *, format: str) -> Iterator[pa.Buffer]:
    """Yield the lines of a CALLS table, some thousand at a time."""
    starts = _starts(calls)
    batches = ((calls.slice(offset, BATCH), starts.slice(offset, BATCH)) for offset in range(0, len(calls), BATCH))
    yield from parallel_map(partial(_batch, LINE_FORMATS[format]), batches)


def _batch(pieces: Callable[..., list[Piece]], batch: tuple[pa.Table, pa.ChunkedArray]) -> pa.Buffer:
    calls, starts = batch
    columns = {name: _array(calls[name]) for name in calls.column_names}
    json = {column.name: json_column(columns[column.name]) for column in CALLS if column.name != "extra"}
    start = json["timestamp"] if columns["timestamp"].null_count == 0 else json_column(_array(starts))
    # Arrow keeps texts end to end, so these are the bytes of the lines
    return concat_pieces(pieces(columns, json, start, _extra_members(columns["extra"]))).buffers()[2]


# -- the two formats: the pieces of a line, each a column of texts or one text for all rows ----------------------------


def _flat(columns: ArrowColumns, json: Jsons, _: Json, extra: dict[str, list[Piece]]) -> list[Piece]:
    first, *others = LOG_SCHEMA
    return [
        *_member(first, json[first], begin="{"),
        *(piece for name in others for piece in _member(name, json[name], "null")),
        *(piece for name in json if name not in LOG_SCHEMA for piece in _optional_member(name, json[name])),
        *(piece for name in PARENTS for piece in _enclosed(name, extra[name], "{}")),
        *_filled(_null_sources(columns)),
        *extra[""],
        "}\n",
    ]


def _crashlens(columns: ArrowColumns, json: Jsons, start: Json, extra: dict[str, list[Piece]]) -> list[Piece]:
    first, *others = LOG_SCHEMA
    nulls = {name: columns[name].is_null() for name in ("timestamp", *FILLERS)} | _null_sources(columns)
    # the Log Schema keeps the nulls that CrashLens does not fail at
    null = {name: FILLERS[name] if name in ("model", "cost", "retry_count") else "null" for name in others}
    usage = [pc.fill_null(columns[name], 0).cast(pa.uint64()) for name in ("input_tokens", "output_tokens")]
    total = json_column(pc.add(*usage))
    return [
        *_member(first, json[first], begin="{"),
        *(piece for name in others for piece in _member(name, json[name], null[name])),
        *_member("traceId", json["trace_id"]),
        *_member("startTime", start),
        *_optional_member("endTime", json_column(_end(columns))),
        ',"input":{',
        *_member("model", json["model"], FILLERS["model"], begin=""),
        *_member("prompt", json["prompt"], FILLERS["prompt"]),
        *extra["input"],
        '},"usage":{',
        *_member("prompt_tokens", json["input_tokens"], FILLERS["input_tokens"], begin=""),
        *_member("completion_tokens", json["output_tokens"], FILLERS["output_tokens"]),
        *_member("total_tokens", total),
        *(piece for name in USAGE for piece in _optional_member(name, json[name])),
        *extra["usage"],
        '},"metadata":{',
        *_without_comma(
            [*(piece for name in METADATA for piece in _optional_member(name, json[name])), *extra["metadata"]]
        ),
        "}",
        *_optional_member("output", json["response"]),
        *_member("cost_usd", json["cost"], FILLERS["cost"]),
        *_member("tokens", total),
        *_optional_member("endpoint", json["route"]),
        *_optional_member("fallback_triggered", json["fallback_attempted"]),
        *(piece for name in TOP for piece in _optional_member(name, json[name])),
        *_optional_member("cost_source", json_column(_source(columns))),
        *_filled(nulls),
        *extra[""],
        "}\n",
    ]


LINE_FORMATS = {"crashlens": _crashlens, "flat": _flat}


# -- members ----------------------------------------------------------------------------------------------------------


def _member(name: str, value: Json, null: str = "", *, begin: str = ",") -> list[Piece]:
    """Return the pieces of `,"name":value` for all rows, with another value where it is null."""
    begin = f'{begin}"{name}":'
    if value.null_count:
        return [begin, pc.fill_null(value.text(), null)]
    return [value.text(begin)] if value.codes is not None else [begin + value.opening, value.texts, value.closing]


def _optional_member(name: str, value: Json) -> list[Piece]:
    """Return the pieces of `,"name":value` for the rows where it is not null."""
    if value.null_count == value.rows:
        return []
    return [pc.fill_null(value.text(f',"{name}":'), "")] if value.null_count else _member(name, value)


def _enclosed(name: str, members: list[Piece], brackets: str) -> list[Piece]:
    """Return the pieces of `,"name":{members}` for the rows that have members."""
    if not members:
        return []
    inside = concat_pieces(members)
    enclosed = concat_pieces([f',"{name}":{brackets[0]}', pc.utf8_ltrim(inside, ","), brackets[1]])
    return [pc.if_else(pc.equal(pc.binary_length(inside), 0), text_scalar(""), enclosed)]


def _without_comma(members: list[Piece]) -> list[Piece]:
    """Return members without the comma before the first one of each row."""
    if members and isinstance(members[0], str):
        return [members[0][1:], *members[1:]]
    return [pc.utf8_ltrim(concat_pieces(members), ",")] if members else []


def _filled(nulls: dict[str, pa.BooleanArray]) -> list[Piece]:
    """Return the pieces of the list of columns that are null in a row, though the line has a value for them."""
    names = [
        pc.if_else(mask, text_scalar(f',"{name}"'), text_scalar("")) for name, mask in nulls.items() if mask.true_count
    ]
    return _enclosed("filled", names, "[]")


def _source(columns: ArrowColumns) -> pa.Array:
    """Return the sources of costs, "unknown" where the cost is null, as a number is written for CrashLens."""
    source = columns["cost_source"].cast(TEXT)
    return pc.if_else(pc.and_(columns["cost"].is_null(), source.is_null()), "unknown", source)


def _null_sources(columns: dict[str, pa.Array]) -> dict[str, pa.BooleanArray]:
    """Return the rows whose sources are null, though reading the line would set one."""
    has_tokens = pc.or_(columns["input_tokens"].is_valid(), columns["output_tokens"].is_valid())
    return {
        "token_source": pc.and_(columns["token_source"].is_null(), has_tokens),
        "cost_source": columns["cost_source"].is_null(),
    }


def _end(columns: dict[str, pa.Array]) -> pa.Array:
    start, latency = columns["timestamp"].cast(COUNT), columns["latency_ms"]
    latency = pc.if_else(pc.less(latency, _YEAR_10000 // 1000), latency, None)
    end = pc.add(start, pc.multiply(latency, 1000))
    return pc.if_else(pc.less(end, _YEAR_10000), end, None).cast(TIME)


def _starts(calls: pa.Table) -> pa.ChunkedArray:
    """Return a start for each call, as a single null makes CrashLens drop two detectors for the whole file.

    A missing start becomes the earliest start of the trace, which changes neither the order nor the time span of the
    other calls.
    """
    if calls["timestamp"].null_count == 0:
        return calls["timestamp"]
    start = calls["timestamp"].to_pandas()
    earliest = start.groupby(calls["trace_id"].to_pandas(), sort=False).transform("min")
    return pa.chunked_array([pa.array(start.fillna(earliest).fillna(_EPOCH))])


def _extra_members(extra: pa.StringArray) -> dict[str, list[Piece]]:
    """Return the members of extra at the top of the line ("") and in each parent; each distinct text is split once."""
    if extra.null_count == len(extra):
        return {parent: [] for parent in ("", *PARENTS)}
    encoded = extra.dictionary_encode()
    members = [
        {parent: _members(fields) for parent, fields in split_extra(text).items()}
        for text in encoded.dictionary.to_pylist()
    ]
    return {
        parent: [
            pc.fill_null(pc.take(pa.array([each[parent] for each in members], pa.large_string()), encoded.indices), "")
        ]
        if any(each[parent] for each in members)
        else []
        for parent in ("", *PARENTS)
    }


def split_extra(extra: str) -> dict[str, dict[str, Any]]:
    """Return the fields of extra at the top of a line ("") and those in each parent.

    Raises
    ------
    InvalidCallError
        It is not a JSON object.
    """
    try:
        fields = parse_json(extra.encode())
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidCallError(f"extra is {quoted(extra)}, expected a JSON object")
    top = {key: value for key, value in fields.items() if has_no_column(key, value)}
    nested = {key: top.pop(key) for key in PARENTS if isinstance(top.get(key), dict)}
    if len(top) + len(nested) < len(fields):
        # a field with the name of a column would be read as the column
        top["extra"] = {key: value for key, value in fields.items() if key not in top and key not in nested}
    return {parent: nested.get(parent, {}) if parent else top for parent in ("", *PARENTS)}


def _members(fields: Mapping[str, Any]) -> str:
    return f",{canonical_json(fields)[1:-1].translate(_LINE_ENDS)}" if fields else ""


def _array(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


# -- what is written in place of an unknown cost ----------------------------------------------------------------------


def warn_unpriced(calls: pd.DataFrame) -> None:
    """Warn once about the models whose calls were written with a cost of 0, because the cost is unknown."""
    unknown = calls["cost"].isna()
    if unknown.any():
        models = calls.loc[unknown, "model"].astype("str").fillna("no model").value_counts()
        names = ", ".join(f"{model} ({number:,})" for model, number in models.items())
        warnings.warn(
            f"{quantity(int(unknown.sum()), 'call')} without a known cost written with cost 0 and cost_source"
            f' "unknown": {names}; price them with cf.add_cost, or silence this with'
            ' warnings.simplefilter("ignore", cf.UnpricedWarning)',
            UnpricedWarning,
            stacklevel=3,
        )
