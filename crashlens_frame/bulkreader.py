"""Whole blocks of log lines -> CALLS at once, with Arrow. A block that holds anything odd is left to the line reader.

What is read here is what ``formats.row_from_record`` would read line by line: the same fields by the same tables. Where
a line could mean anything else (an unknown field, a value that does not fit, two fields that disagree, a duplicate
key), the block is not read at all.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from .formats import CRASHLENS, DERIVED, FILLABLE, FLAT, TREES, Field
from .schema import CALLS, COST_SOURCES, LABEL, TEXT, TIME, TOKEN_SOURCES, arrow_schema
from .values import amount, cost_source, count, flag, milliseconds, moment, text, token_source

_INEXACT = 2.0**53  # from here on not every whole number is a float
_NAIVE = r"[Tt ][^+\-Zz]*$|^[^Tt ]*$"
_FIELDS = {"crashlens": CRASHLENS, "flat": FLAT}
_LINE_FEED, _CARRIAGE_RETURN, _OPEN, _CLOSE = b"\n\r{}"


class _IrregularError(Exception):
    """The block holds something that only the line reader can judge."""


def read_bulk(block: bytes, format: str | None) -> pa.Table | None:
    """Read a block of whole lines; None where it has to be read line by line.

    Parameters
    ----------
    block
        Whole lines, each ended by a line feed.
    format
        Key of FORMATS; None reads both vocabularies.
    """
    try:
        regular = regular_lines(block)
        if not len(regular) or not regular.all():
            return None
        block.decode("utf-8")  # Arrow lets through what is not
        columns = _columns(block, format or "crashlens")
        return _calls(columns, format or "crashlens") if len(columns) == len(regular) else None
    except (UnicodeDecodeError, pa.ArrowInvalid, pa.ArrowNotImplementedError, _IrregularError):
        return None


def regular_lines(block: bytes) -> np.ndarray:
    """Tell which lines begin and end as an object does.

    Of others Arrow could make more or fewer rows than lines, and Arrow 26 crashes on a block that begins with a null.
    """
    characters = np.frombuffer(block, np.uint8)
    ends = line_ends(block)
    begins = np.append(0, ends[:-1] + 1)[: len(ends)]
    last = ends - 1 - (characters[ends - 1] == _CARRIAGE_RETURN)
    regular: np.ndarray = (characters[begins] == _OPEN) & (characters[last] == _CLOSE)
    return regular


def line_ends(block: bytes) -> np.ndarray:
    """Give the positions of the line feeds."""
    return np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_FEED)


def _columns(block: bytes, format: str) -> pa.Table:
    """Parse the block strictly; the columns are the paths of the fields."""
    table = pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block)),
        parse_options=pj.ParseOptions(explicit_schema=_SCHEMAS[format], unexpected_field_behavior="error"),
    )
    while any(pa.types.is_struct(column.type) for column in table.columns):
        table = table.flatten()
    return table


def _schema(tree: Mapping[str, Any], more: Mapping[str, pa.DataType]) -> list[pa.Field]:
    """Give the Arrow fields of the keys of a format."""
    fields = []
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            fields.append(pa.field(key, pa.struct(_schema(leaf, {}))))
        else:
            fields.append(pa.field(key, _TYPES[leaf.convert] if isinstance(leaf, Field) else _DERIVED[leaf]))
    return [*fields, *(pa.field(key, kind) for key, kind in more.items())]


_TYPES: dict[Callable[[Any], Any], pa.DataType] = {
    text: pa.string(),
    moment: pa.string(),
    token_source: pa.string(),
    cost_source: pa.string(),
    count: pa.int64(),
    amount: pa.float64(),
    milliseconds: pa.float64(),
    flag: pa.bool_(),
}
_CONVERTED: dict[Callable[[Any], Any], pa.DataType] = {milliseconds: pa.int64(), moment: TIME}
_WORDS: dict[Callable[[Any], Any], tuple[str, ...]] = {token_source: TOKEN_SOURCES, cost_source: COST_SOURCES}
_DERIVED = {path: pa.string() if path == "endTime" else pa.int64() for path in DERIVED}
_SCHEMAS = {
    name: pa.schema(_schema(tree, {"filled": pa.list_(pa.string())} if name == "crashlens" else {}))
    for name, tree in TREES.items()
}


def _calls(parsed: pa.Table, format: str) -> pa.Table:
    columns = _coalesced(parsed, format)
    if columns["trace_id"].null_count or pc.any(pc.equal(columns["trace_id"], "")).as_py():
        raise _IrregularError
    filled = _filled(parsed)
    columns = _without(columns, filled)
    if format == "crashlens":
        columns["latency_ms"] = _settled(parsed, columns)
    columns = _without(_with_sources(columns), filled)
    nothing = pa.nulls(len(parsed), TEXT)
    arrays = [
        pc.dictionary_encode(columns[column.name]).cast(LABEL)
        if column.arrow == LABEL
        else columns.get(column.name, nothing).cast(column.arrow)
        for column in CALLS
    ]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(CALLS))


def _coalesced(parsed: pa.Table, format: str) -> dict[str, pa.Array]:
    """Give each column what its fields hold; where two of them hold something, it must be the same."""
    columns: dict[str, pa.Array] = {}
    for field in sorted(_FIELDS[format], key=lambda field: field.loose):
        values = _converted(field, parsed[field.path])
        known = columns.get(field.column)
        if known is None or known.null_count == len(known):
            columns[field.column] = values
        elif values.null_count < len(values):
            if pc.any(pc.not_equal(known, values)).as_py():
                raise _IrregularError
            columns[field.column] = pc.coalesce(known, values)
    return columns


def _converted(field: Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Check values as the converter of the field does."""
    if values.null_count == len(values):
        return values.cast(_CONVERTED.get(field.convert, values.type))
    if field.convert is moment:
        return _times(values)
    if field.convert in (count, amount, milliseconds):
        _check_numbers(values, most=_INEXACT if field.convert is milliseconds else np.inf)
        return pc.round(values, round_mode="half_to_even").cast(pa.int64()) if field.convert is milliseconds else values
    words = _WORDS.get(field.convert)
    if words is not None and not pc.all(pc.is_in(values.drop_null(), pa.array(words))).as_py():
        raise _IrregularError
    return values


def _check_numbers(values: pa.ChunkedArray, *, most: float) -> None:
    bounds = pc.min_max(values).as_py()
    if bounds["min"] < 0 or not bounds["max"] < most:
        raise _IrregularError
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        raise _IrregularError


def _times(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read ISO 8601 times, those without a zone as UTC."""
    naive = pc.match_substring_regex(values, _NAIVE)
    if not pc.any(naive).as_py():
        return values.cast(TIME)
    zoned = pc.if_else(naive, None, values).cast(TIME)
    return pc.coalesce(zoned, pc.if_else(naive, values, None).cast(pa.timestamp("us")).cast(TIME))


def _filled(parsed: pa.Table) -> dict[str, pa.Array]:
    """Tell for each column in which rows the writer filled a null of it."""
    if "filled" not in parsed.column_names or parsed["filled"].null_count == len(parsed):
        return {}
    lists = parsed["filled"].combine_chunks()
    names, rows = lists.flatten(), pc.list_parent_indices(lists)
    distinct = names.unique().to_pylist()
    if not FILLABLE.issuperset(distinct):
        raise _IrregularError
    every = pa.array(range(len(parsed)), rows.type)
    return {name: pc.is_in(every, rows.filter(pc.equal(names, name))) for name in distinct}


def _without(columns: dict[str, pa.Array], filled: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Give back the nulls that the writer filled because CrashLens cannot bear them."""
    return {
        name: pc.if_else(filled[name], pa.scalar(None, values.type), values) if name in filled else values
        for name, values in columns.items()
    }


def _settled(parsed: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Array:
    """Check what follows from the columns; give the latency, from the end where the line does not tell it."""
    total = pc.add(pc.fill_null(columns["input_tokens"], 0), pc.fill_null(columns["output_tokens"], 0))
    for path in ("tokens", "usage.total_tokens"):
        if pc.any(pc.not_equal(parsed[path], total)).as_py():
            raise _IrregularError
    latency, start = columns["latency_ms"], columns["timestamp"]
    if parsed["endTime"].null_count == len(parsed):
        return latency
    end = _times(parsed["endTime"])
    if pc.any(pc.and_(pc.is_valid(end), pc.is_null(start))).as_py():
        raise _IrregularError
    span = pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))
    off = pc.abs(pc.subtract(span, pc.multiply(latency, 1000)))
    if pc.any(pc.greater_equal(off, 1000)).as_py():
        raise _IrregularError
    untold = pc.and_(pc.is_null(latency), pc.is_valid(span))
    if pc.any(pc.and_(untold, pc.less(span, 0))).as_py():
        raise _IrregularError
    return pc.if_else(untold, pc.divide(span, 1000), latency)


def _with_sources(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Say where counts and cost came from, where the lines do not."""
    counted = pc.or_(pc.is_valid(columns["input_tokens"]), pc.is_valid(columns["output_tokens"]))
    tokens = pc.if_else(pc.and_(pc.is_null(columns["token_source"]), counted), "reported", columns["token_source"])
    cost, source = columns["cost"], columns["cost_source"]
    untold = pc.fill_null(pc.and_(pc.equal(source, "unknown"), pc.equal(cost, 0.0)), False)
    cost = pc.if_else(untold, pa.scalar(None, cost.type), cost)
    source = pc.coalesce(source, pc.if_else(pc.is_valid(cost), "reported", "unknown"))
    return {**columns, "token_source": tokens, "cost": cost, "cost_source": source}
