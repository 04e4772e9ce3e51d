"""Whole blocks of log lines -> CALLS in bulk, with Arrow. Blocks with irregular lines are left to the line reader.

The result is that of ``formats.row_from_record`` for each line: the same fields by the same tables. If a line could be
read in another way (a value that does not fit, two fields that disagree, a duplicate key), the block is not read here.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ..formats import (
    CRASHLENS,
    CURRENCY_KEYS,
    END,
    FILLABLE,
    FLAT,
    SIGNS_OF_A_CALL,
    TOTAL,
    Field,
    Format,
    Tree,
    amount_value,
    bool_value,
    contradicting_counts,
    count_value,
    currency_of,
    detect_format,
    milliseconds_value,
    sign_keys,
    signed_amount_value,
    signs,
    unfold_extra,
)
from ..jsonvalues import canonical_json, parse_json
from ..schema import CALLS, LABEL, TEXT, arrow_schema
from .block_values import IrregularBlockError, convert_values, parse_times

# the default pool returns the memory of each block to the system and has to ask for it again for the next block
_POOL = pa.system_memory_pool()
_BULK_FORMATS = {each.name: each for each in (CRASHLENS, FLAT)}
_LINE_FEED, _CARRIAGE_RETURN, _OPEN, _CLOSE = b"\n\r{}"


class BulkReader:
    """Read the blocks of a log in bulk, and learn which fields its lines have.

    Arrow spends time in every row on each field of its schema that is missing, so the schema has only the fields that
    were in lines before.

    Parameters
    ----------
    format
        Key of FORMATS; None reads the two formats of the package. Other formats are never read in bulk.
    columns
        The columns to read; None: all.
    """

    def __init__(self, format: str | None, columns: frozenset[str] | None = None) -> None:
        self._format = _BULK_FORMATS.get(format or "crashlens")
        self._columns = columns
        self._tree: Tree = {} if self._format is None else self._format.tree
        self._paths: frozenset[str] = frozenset()

    def read(self, block: bytes, rows: int) -> pa.Table | None:
        """Read a block of whole lines; None if it has to be read line by line.

        Parameters
        ----------
        block
            Lines that begin and end as a JSON object does, each with a line feed.
        rows
            Number of the lines.
        """
        if self._format is None or not rows:
            return None
        try:
            if not block.isascii():
                block.decode("utf-8")  # Arrow accepts other bytes
            parsed, extra = self._parsed(block)
            return self._calls(parsed, extra, self._format) if len(parsed) == rows else None
        except (UnicodeDecodeError, pa.ArrowInvalid, pa.ArrowNotImplementedError, IrregularBlockError):
            return None

    def understands(self, block: bytes) -> bool:
        """Whether a block may hold regular lines of the formats that are read in bulk, judged by its first line."""
        try:
            first = parse_json(block[: block.index(b"\n")])
        except ValueError:
            return self._format is not None
        return self._format is not None and isinstance(first, dict) and detect_format(first).format in _BULK_FORMATS

    def _parsed(self, block: bytes) -> tuple[pa.Table, pa.Array | None]:
        """Parse a block strictly; return the fields as columns named by their paths, and the value of ``extra``."""
        try:
            return _parse(block, self._schema(), "error"), None
        except pa.ArrowInvalid:
            rests = self._learn(block)
        if not any(rests):
            return _parse(block, self._schema(), "error"), None
        if self._columns is not None and "extra" not in self._columns:
            return _parse(block, self._schema(), "ignore"), None
        extra = pa.array([canonical_json(rest) if rest else None for rest in rests], TEXT)
        return _parse(block, self._schema(), "ignore"), extra

    def _learn(self, block: bytes) -> list[dict[str, Any]]:
        """Learn the fields of the lines; return the other fields of each line."""
        seen: set[str] = set()
        try:
            records = [parse_json(line) for line in block.split(b"\n")[:-1]]
            rests = [_rest(record, self._tree, seen) for record in records]
        except (ValueError, AttributeError):
            raise IrregularBlockError from None
        for record, rest in zip(records, rests, strict=True):
            if not sign_keys().isdisjoint(rest) and detect_format(record).format not in _BULK_FORMATS:
                raise IrregularBlockError
            if currency_of(rest) is not None:
                raise IrregularBlockError
        self._paths |= seen
        for rest in rests:
            rest.pop("filled", None)  # it is in the Arrow schema
        return [unfold_extra(rest) for rest in rests]

    def _schema(self) -> pa.Schema:
        return pa.schema([*_arrow_fields(self._tree, self._paths), _FILLED_FIELD])

    def _calls(self, parsed: pa.Table, extra: pa.Array | None, format: Format) -> pa.Table:
        if any(parsed[name].null_count < len(parsed) for name in _line_reader_only().intersection(parsed.column_names)):
            raise IrregularBlockError
        if _may_show_others(parsed):
            raise IrregularBlockError
        columns = _coalesced(parsed, format)
        if columns["trace_id"].null_count or pc.any(pc.equal(columns["trace_id"], "")).as_py():
            raise IrregularBlockError
        filled = _filled_rows(parsed)
        columns = _with_nulls(columns, filled)
        columns["latency_ms"] = _checked_latency(parsed, columns, format)
        columns = _with_nulls(_with_sources(columns), filled)
        _check_calls(columns)
        columns["extra"] = pa.nulls(len(parsed), TEXT) if extra is None else extra
        arrays = [
            pc.dictionary_encode(columns[column.name]).cast(LABEL)
            if column.arrow == LABEL
            else columns[column.name].cast(column.arrow)
            for column in CALLS
        ]
        return pa.Table.from_arrays(arrays, schema=arrow_schema(CALLS))


def regular_lines(block: bytes) -> np.ndarray:
    """Return for each line whether it begins and ends as a JSON object does.

    From other lines Arrow could make more or fewer rows than lines, and Arrow 26 crashes if a block begins with a null.
    """
    characters = np.frombuffer(block, np.uint8)
    ends = line_ends(block)
    begins = np.append(0, ends[:-1] + 1)[: len(ends)]
    last = ends - 1 - (characters[ends - 1] == _CARRIAGE_RETURN)
    regular: np.ndarray = (characters[begins] == _OPEN) & (characters[last] == _CLOSE)
    return regular


def line_ends(block: bytes) -> np.ndarray:
    """Return the positions of the line feeds."""
    return np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_FEED)


def _leaves(tree: Tree) -> Iterator[Field]:
    for leaf in tree.values():
        if isinstance(leaf, Field):
            yield leaf
        else:
            yield from _leaves(leaf)


def _rest(record: Any, tree: Tree, seen: set[str]) -> dict[str, Any]:
    """Return the fields of a record that are not in a tree, and add the paths of those that are to ``seen``."""
    rest = {}
    for key, value in record.items():
        leaf = tree.get(key)
        if leaf is None:
            rest[key] = value
        elif isinstance(leaf, Field):
            seen.add(leaf.path)
        else:
            seen.add(next(_leaves(leaf)).path)  # Arrow needs the object in its schema, even if it is null or empty
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


def _arrow_fields(tree: Tree, paths: frozenset[str]) -> Iterator[pa.Field]:
    """Yield the Arrow fields for those leaves of a tree whose paths are given."""
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if leaf.path in paths:
                yield pa.field(key, pa.int64() if leaf.column == TOTAL else _JSON_TYPES.get(leaf.convert, pa.string()))
        elif fields := list(_arrow_fields(leaf, paths)):
            yield pa.field(key, pa.struct(fields))


# what Arrow parses values as, by the converter of their field; others are texts
_JSON_TYPES: dict[Callable[[Any], Any], pa.DataType] = {
    count_value: pa.int64(),
    amount_value: pa.float64(),
    signed_amount_value: pa.float64(),
    milliseconds_value: pa.float64(),
    bool_value: pa.bool_(),
}
_FILLED_FIELD = pa.field("filled", pa.list_(pa.string()))
# fields whose lines are read one by one: the value is more than a text, or a count is left out of another
_BY_LINE = frozenset(field.path for field in CRASHLENS.fields if field.kept or field.adds)
_OWN_KEYS = frozenset(CRASHLENS.tree)


def _line_reader_only() -> frozenset[str]:
    """Return the fields whose lines are of another format or currency, or need more than their column."""
    return _BY_LINE | (sign_keys().union(CURRENCY_KEYS) - _OWN_KEYS)


def _may_show_others(parsed: pa.Table) -> bool:
    """Whether a line may be of another format by the value of a key that the formats of the package have too."""
    for _, sign in signs():
        if sign.key not in _OWN_KEYS or sign.key not in parsed.column_names:
            continue
        values = parsed[sign.key]
        shows = (
            reduce(pc.and_, (pc.match_substring(values, needed) for needed in sign.needed_in_text))
            if sign.needed_in_text
            else pc.is_in(values, pa.array(sign.values, pa.string()))
        )
        if pc.any(shows).as_py():
            return True
    return False


def _coalesced(parsed: pa.Table, format: Format) -> dict[str, pa.Array]:
    """Return the values of each column from its fields; two fields with a value must have the same value."""
    columns: dict[str, pa.Array] = {}
    for field in sorted(format.fields, key=lambda field: field.loose):
        if field.path not in parsed.column_names or field.column in (END, TOTAL):
            continue
        values = convert_values(field, parsed[field.path])
        earlier = columns.get(field.column)
        if earlier is None or earlier.null_count == len(earlier):
            columns[field.column] = values
        elif values.null_count < len(values):
            if pc.any(pc.not_equal(earlier, values)).as_py():
                raise IrregularBlockError
            columns[field.column] = pc.coalesce(earlier, values)
    for column in CALLS:
        if column.name not in columns:
            columns[column.name] = pa.nulls(len(parsed), TEXT if column.arrow == LABEL else column.arrow)
    return columns


def _filled_rows(parsed: pa.Table) -> dict[str, pa.Array]:
    """Return for each column the rows in which the writer put a filler in place of a null."""
    if parsed["filled"].null_count == len(parsed):
        return {}
    lists = parsed["filled"].combine_chunks()
    names, rows = lists.flatten(), pc.list_parent_indices(lists)
    distinct = names.unique().to_pylist()
    if not FILLABLE.issuperset(distinct):
        raise IrregularBlockError
    all_rows = pa.array(range(len(parsed)), rows.type)
    return {name: pc.is_in(all_rows, rows.filter(pc.equal(names, name))) for name in distinct}


def _with_nulls(columns: dict[str, pa.Array], filled: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the columns with nulls in place of the fillers."""
    return {
        name: pc.if_else(filled[name], pa.scalar(None, values.type), values) if name in filled else values
        for name, values in columns.items()
    }


def _check_calls(columns: Mapping[str, pa.Array]) -> None:
    """Check that each row shows a call, and that no counts contradict one another."""
    shows = [columns[name].is_valid() for name in sorted(SIGNS_OF_A_CALL)]
    if not pc.all(reduce(pc.or_, shows)).as_py():
        raise IrregularBlockError
    if contradicting_counts(columns) is not None:
        raise IrregularBlockError


def _checked_latency(parsed: pa.Table, columns: Mapping[str, pa.Array], format: Format) -> pa.Array:
    """Check the fields that follow from others, and return the latency; a missing one is computed from the end."""
    paths = {field.column: field.path for field in format.fields if field.path in parsed.column_names}
    total = pc.add(pc.fill_null(columns["input_tokens"], 0), pc.fill_null(columns["output_tokens"], 0))
    for field in format.fields:
        is_total = field.column == TOTAL and field.path in parsed.column_names
        if is_total and pc.any(pc.not_equal(parsed[field.path], total)).as_py():
            raise IrregularBlockError
    latency, start = columns["latency_ms"], columns["timestamp"]
    if END not in paths or parsed[paths[END]].null_count == len(parsed):
        return latency
    end = parse_times(parsed[paths[END]])
    if pc.any(pc.and_(pc.is_valid(end), pc.is_null(start))).as_py():
        raise IrregularBlockError
    span = pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))
    difference = pc.abs(pc.subtract(span, pc.multiply(latency, 1000)))
    if pc.any(pc.greater_equal(difference, 1000)).as_py():
        raise IrregularBlockError
    is_missing = pc.and_(pc.is_null(latency), pc.is_valid(span))
    if pc.any(pc.and_(is_missing, pc.less(span, 0))).as_py():
        raise IrregularBlockError
    return pc.if_else(is_missing, pc.divide(span, 1000), latency)


def _with_sources(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the columns with sources of tokens and costs, where the lines have none."""
    has_tokens = pc.or_(pc.is_valid(columns["input_tokens"]), pc.is_valid(columns["output_tokens"]))
    token_source = columns["token_source"]
    token_source = pc.if_else(pc.and_(pc.is_null(token_source), has_tokens), "reported", token_source)
    cost, cost_source = columns["cost"], columns["cost_source"]
    is_unknown = pc.fill_null(pc.and_(pc.equal(cost_source, "unknown"), pc.equal(cost, 0.0)), False)
    cost = pc.if_else(is_unknown, pa.scalar(None, cost.type), cost)
    cost_source = pc.coalesce(cost_source, pc.if_else(pc.is_valid(cost), "reported", "unknown"))
    return {**columns, "token_source": token_source, "cost": cost, "cost_source": cost_source}
