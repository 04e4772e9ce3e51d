"""Whole blocks of log lines -> CALLS at once, with Arrow. A block that holds anything odd is left to the line reader.

What is read here is what ``formats.row_from_record`` would read line by line: the same fields by the same tables. Where
a line could mean anything else (a value that does not fit, two fields that disagree, a duplicate key), the block is not
read at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ..formats import (
    CRASHLENS,
    EARLIEST,
    END,
    FILLABLE,
    FLAT,
    LATEST,
    TOTAL,
    Field,
    Format,
    Tree,
    amount_value,
    bool_value,
    cost_source_value,
    count_value,
    detect_format,
    milliseconds_value,
    pruned_tree,
    sign_keys,
    time_value,
    token_source_value,
    unfold_extra,
)
from ..jsonvalues import canonical_json, parse_json
from ..schema import CALLS, COST_SOURCES, LABEL, TEXT, TIME, TOKEN_SOURCES, arrow_schema

# the default pool gives the memory of each block back to the system, only to fault it in again for the next
_POOL = pa.system_memory_pool()
_INEXACT = 2.0**53  # from here on not every whole number is a float
_NAIVE = r"[Tt ][^+\-Zz]*$|^[^Tt ]*$"
_READ = {each.name: each for each in (CRASHLENS, FLAT)}
_LINE_FEED, _CARRIAGE_RETURN, _OPEN, _CLOSE = b"\n\r{}"


class _IrregularError(Exception):
    """The block holds something that only the line reader can judge."""


class BulkReader:
    """Read the blocks of a log at once, and learn which fields its lines have.

    Arrow pays in every row for each field that it is told of and that is not there, so it is told of no others than
    those that were seen.

    Parameters
    ----------
    format
        Key of FORMATS; None reads the two vocabularies of the package. Other formats are never read at once.
    columns
        The columns that are asked for; None for all.
    """

    def __init__(self, format: str | None, columns: frozenset[str] | None = None) -> None:
        self._format = _READ.get(format or "crashlens")
        self._all = columns is None
        self._tree = {} if self._format is None else pruned_tree(self._format.tree, columns)
        self._known = {field.path: field for field in _leaves(self._tree)}
        self._paths = frozenset() if self._all else frozenset(self._known)

    def read(self, block: bytes, rows: int) -> pa.Table | None:
        """Read a block of whole lines; None where it has to be read line by line.

        Parameters
        ----------
        block
            Lines that begin and end as an object does, each ended by a line feed.
        rows
            Number of the lines.
        """
        if self._format is None or not rows:
            return None
        try:
            if not block.isascii():
                block.decode("utf-8")  # Arrow lets through what is not
            parsed, extra = self._parsed(block)
            return self._calls(parsed, extra, self._format) if len(parsed) == rows else None
        except (UnicodeDecodeError, pa.ArrowInvalid, pa.ArrowNotImplementedError, _IrregularError):
            return None

    def understands(self, block: bytes) -> bool:
        """Tell from its first line whether a block may hold regular lines of the vocabularies that are read at once."""
        try:
            first = parse_json(block[: block.index(b"\n")])
        except ValueError:
            return self._format is not None
        return self._format is not None and isinstance(first, dict) and detect_format(first).format in _READ

    def _parsed(self, block: bytes) -> tuple[pa.Table, pa.Array | None]:
        """Parse a block strictly; the columns are the paths of the fields. Beside them, what has no column."""
        if not self._all:
            return _parse(block, self._schema(_sign_fields()), "ignore"), None
        try:
            return _parse(block, self._schema(), "error"), None
        except pa.ArrowInvalid:
            rests = self._learn(block)
        if not any(rests):
            return _parse(block, self._schema(), "error"), None
        extra = pa.array([canonical_json(rest) if rest else None for rest in rests], TEXT)
        return _parse(block, self._schema(), "ignore"), extra

    def _learn(self, block: bytes) -> list[dict[str, Any]]:
        """Learn the fields of the lines; give what each line has beside them."""
        seen: set[str] = set()
        try:
            records = [parse_json(line) for line in block.split(b"\n")[:-1]]
            rests = [_rest(record, self._tree, seen) for record in records]
        except (ValueError, AttributeError):
            raise _IrregularError from None
        for record, rest in zip(records, rests, strict=True):
            if not sign_keys().isdisjoint(rest) and detect_format(record).format not in _READ:
                raise _IrregularError
        self._paths |= seen
        for rest in rests:
            rest.pop("filled", None)  # Arrow reads it
        return [unfold_extra(rest) for rest in rests]

    def _schema(self, more: tuple[pa.Field, ...] = ()) -> pa.Schema:
        return pa.schema([*_fields(self._tree, self._paths), _FILLED, *more])

    def _calls(self, parsed: pa.Table, extra: pa.Array | None, format: Format) -> pa.Table:
        if any(parsed[name].null_count < len(parsed) for name in _irregular_paths().intersection(parsed.column_names)):
            raise _IrregularError
        columns = _coalesced(parsed, format)
        if columns["trace_id"].null_count or pc.any(pc.equal(columns["trace_id"], "")).as_py():
            raise _IrregularError
        filled = _filled(parsed)
        columns = _without(columns, filled)
        columns["latency_ms"] = _settled(parsed, columns, format)
        columns = _without(_with_sources(columns), filled)
        columns["extra"] = pa.nulls(len(parsed), TEXT) if extra is None else extra
        arrays = [
            pc.dictionary_encode(columns[column.name]).cast(LABEL)
            if column.arrow == LABEL
            else columns[column.name].cast(column.arrow)
            for column in CALLS
        ]
        return pa.Table.from_arrays(arrays, schema=arrow_schema(CALLS))


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


def _leaves(tree: Tree) -> Iterator[Field]:
    for leaf in tree.values():
        if isinstance(leaf, Field):
            yield leaf
        else:
            yield from _leaves(leaf)


def _rest(record: Any, tree: Tree, seen: set[str]) -> dict[str, Any]:
    """Give what a record has beside the fields of a tree, and note which of these it has."""
    rest = {}
    for key, value in record.items():
        leaf = tree.get(key)
        if leaf is None:
            rest[key] = value
        elif isinstance(leaf, Field):
            seen.add(leaf.path)
        else:
            seen.add(next(_leaves(leaf)).path)  # though the object be null or empty, Arrow has to know of it
            if isinstance(value, dict) and (inner := _rest(value, leaf, seen)):
                rest[key] = inner
    return rest


def _parse(block: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    table = pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
        memory_pool=_POOL,
    )
    while any(pa.types.is_struct(column.type) for column in table.columns):
        table = table.flatten()
    return table


def _fields(tree: Tree, paths: frozenset[str]) -> Iterator[pa.Field]:
    """Give the Arrow fields of those leaves of a tree that are among the paths."""
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if leaf.path in paths:
                yield pa.field(key, pa.int64() if leaf.column == TOTAL else _TYPES.get(leaf.convert, pa.string()))
        elif below := list(_fields(leaf, paths)):
            yield pa.field(key, pa.struct(below))


_TYPES: dict[Callable[[Any], Any], pa.DataType] = {
    count_value: pa.int64(),
    amount_value: pa.float64(),
    milliseconds_value: pa.float64(),
    bool_value: pa.bool_(),
}
_CONVERTED: dict[Callable[[Any], Any], pa.DataType] = {milliseconds_value: pa.int64(), time_value: TIME}
_WORDS: dict[Callable[[Any], Any], tuple[str, ...]] = {
    token_source_value: TOKEN_SOURCES,
    cost_source_value: COST_SOURCES,
}
_FILLED = pa.field("filled", pa.list_(pa.string()))
_KEPT = frozenset(field.path for field in CRASHLENS.fields if field.kept)


def _sign_fields() -> tuple[pa.Field, ...]:
    return tuple(pa.field(key, pa.string()) for key in sorted(sign_keys()))


def _irregular_paths() -> frozenset[str]:
    """Return the fields whose lines are of another format, or hold more than Arrow can turn into text."""
    return _KEPT | sign_keys()


def _coalesced(parsed: pa.Table, format: Format) -> dict[str, pa.Array]:
    """Give each column what its fields hold; where two of them hold something, it must be the same."""
    columns: dict[str, pa.Array] = {}
    for field in sorted(format.fields, key=lambda field: field.loose):
        if field.path not in parsed.column_names or field.column in (END, TOTAL):
            continue
        values = _converted(field, parsed[field.path])
        known = columns.get(field.column)
        if known is None or known.null_count == len(known):
            columns[field.column] = values
        elif values.null_count < len(values):
            if pc.any(pc.not_equal(known, values)).as_py():
                raise _IrregularError
            columns[field.column] = pc.coalesce(known, values)
    for column in CALLS:
        if column.name not in columns:
            columns[column.name] = pa.nulls(len(parsed), TEXT if column.arrow == LABEL else column.arrow)
    return columns


def _converted(field: Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Check values as the converter of the field does."""
    if values.null_count == len(values):
        return values.cast(_CONVERTED.get(field.convert, values.type))
    if field.convert is time_value:
        return _times(values)
    if field.convert in (count_value, amount_value, milliseconds_value):
        _check_numbers(values, most=_INEXACT if field.convert is milliseconds_value else np.inf)
        return (
            pc.round(values, round_mode="half_to_even").cast(pa.int64())
            if field.convert is milliseconds_value
            else values
        )
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
    times = _parsed_times(values)
    bounds = pc.min_max(times.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not EARLIEST <= bounds["min"] <= bounds["max"] <= LATEST:
        raise _IrregularError
    return times


def _parsed_times(values: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return values.cast(TIME)
    except pa.ArrowInvalid:
        naive = pc.match_substring_regex(values, _NAIVE)
        zoned = pc.if_else(naive, None, values).cast(TIME)
        return pc.coalesce(zoned, pc.if_else(naive, values, None).cast(pa.timestamp("us")).cast(TIME))


def _filled(parsed: pa.Table) -> dict[str, pa.Array]:
    """Tell for each column in which rows the writer filled a null of it."""
    if parsed["filled"].null_count == len(parsed):
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


def _settled(parsed: pa.Table, columns: Mapping[str, pa.Array], format: Format) -> pa.Array:
    """Check what follows from the columns; give the latency, from the end where the line does not tell it."""
    paths = {field.column: field.path for field in format.fields if field.path in parsed.column_names}
    total = pc.add(pc.fill_null(columns["input_tokens"], 0), pc.fill_null(columns["output_tokens"], 0))
    for field in format.fields:
        told = field.column == TOTAL and field.path in parsed.column_names
        if told and pc.any(pc.not_equal(parsed[field.path], total)).as_py():
            raise _IrregularError
    latency, start = columns["latency_ms"], columns["timestamp"]
    if END not in paths or parsed[paths[END]].null_count == len(parsed):
        return latency
    end = _times(parsed[paths[END]])
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
