"""Which fields the lines of a block have: the schema for Arrow, and the lines with fields that have no column."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ..formats import (
    TOTAL,
    Field,
    Tree,
    amount_value,
    bool_value,
    count_value,
    currency_of,
    detect_format,
    milliseconds_value,
    sign_keys,
    signed_amount_value,
    unfold_extra,
)
from ..jsonvalues import canonical_json, parse_json_lines
from ..schema import TEXT
from .block_lines import line_ends
from .block_values import IrregularBlockError

# the default pool returns the memory of each block to the system and has to ask for it again for the next block
_POOL = pa.system_memory_pool()
_FIRST = 50  # lines that show which fields the others have
_MANY = 16  # fields without a column that are looked for in the bytes of a block; more take longer than Python does
_PLAIN = re.compile(r"[A-Za-z0-9_. -]+")  # a key that stands in a line as it is, or with \u00 for some letter
_ESCAPED_KEY = re.compile(rb'[{,]\s*"[^"\\]*\\')  # or the first text of a list; never within a text
_ROW, _COLUMN = re.compile(r" in row (\d+)$"), re.compile(r"Column\(/(.*)\) ")

# what Arrow parses values as, by the converter of their field; others are texts
_JSON_TYPES: dict[Callable[[Any], Any], pa.DataType] = {
    count_value: pa.int64(),
    amount_value: pa.float64(),
    signed_amount_value: pa.float64(),
    milliseconds_value: pa.float64(),
    bool_value: pa.bool_(),
}
_FILLED = pa.field("filled", pa.list_(pa.string()))


class ParsedBlock(NamedTuple):
    """The fields of lines by their paths, and the fields without a column as ``extra``; None: no line has any."""

    fields: dict[str, pa.Array]
    extra: pa.Array | None


class _Known(NamedTuple):
    """Paths of the fields that lines had so far, and the schema of these fields."""

    paths: frozenset[str]
    schema: pa.Schema


class BlockParser:
    """Parse blocks of lines, and learn which fields they have.

    Arrow spends time in every row on each field of its schema that is missing, so the schema has only the fields that
    were in lines before.

    Parameters
    ----------
    tree
        The fields that have a column.
    formats
        Names of the formats that lines may have; a line of another one is irregular.
    keeps_extra
        Whether fields without a column are kept.
    """

    def __init__(self, tree: Tree, formats: frozenset[str], *, keeps_extra: bool) -> None:
        self._tree = tree
        self._formats = formats
        self._keeps_extra = keeps_extra
        self._known = _Known(frozenset(), pa.schema([_FILLED]))
        self._lock = Lock()  # blocks are read in several threads

    def parse(self, block: bytes, size: int) -> ParsedBlock:
        """Parse a block of so many lines strictly.

        Raises
        ------
        IrregularBlockError
            A line cannot be parsed, a value has another type than its field, or a line is of another format.
        """
        if not self._known.paths:
            with suppress(IrregularBlockError):
                self._learn(block.split(b"\n", _FIRST)[:-1])
        try:
            table, others = self._inferred(block)
        except pa.ArrowInvalid as error:
            bad = self._bad_row(str(error))
            if bad is not None:
                raise IrregularBlockError(bad) from None
            return self._parsed_twice(block, size)
        if len(table) != size:
            raise IrregularBlockError
        fields = dict(_fields_by_path(table, self._tree))
        if not others:
            return ParsedBlock(fields, None)
        rows = _rows_with(block, table, others)
        lines = block.split(b"\n")
        rests = self._learn([lines[row] for row in rows.tolist()])
        return ParsedBlock(fields, self._extra(rests, rows, size))

    def _inferred(self, block: bytes) -> tuple[pa.Table, list[tuple[int, ...]]]:
        """Parse a block, and return with it the places of its fields without a column."""
        while True:
            known = self._known
            table = _read_json(block, known.schema, "infer")
            if table.schema.equals(known.schema):
                return table, []
            seen: set[str] = set()
            others = list(_other_fields(table.schema, self._tree, seen))
            if seen <= known.paths:
                return table, others
            self._add(seen)  # Arrow has guessed their types

    def _parsed_twice(self, block: bytes, size: int) -> ParsedBlock:
        """Parse a block in which fields without a column have values of several types, for which Arrow has none."""
        rests = self._learn(block.split(b"\n")[:-1])
        try:
            table = _read_json(block, self._known.schema, "ignore")
        except pa.ArrowInvalid as error:
            raise IrregularBlockError(self._bad_row(str(error))) from None
        if len(table) != size:
            raise IrregularBlockError
        return ParsedBlock(dict(_fields_by_path(table, self._tree)), self._extra(rests, np.arange(size), size))

    def _bad_row(self, error: str) -> int | None:
        """Return which line is in the way by what Arrow says of it; None if that is no line, or not the only one."""
        row, column = _ROW.search(error), _COLUMN.search(error)
        if row is None or (column is not None and column[1].replace("/", ".") not in self._known.paths):
            return None
        return int(row[1])

    def _learn(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """Learn the fields of lines; return the fields of each that have no column."""
        seen: set[str] = set()
        try:
            records = parse_json_lines(lines)
            rests = [_rest(record, self._tree, seen) for record in records]
        except (ValueError, AttributeError):
            raise IrregularBlockError from None
        for record, rest in zip(records, rests, strict=True):
            if not sign_keys().isdisjoint(rest) and detect_format(record).format not in self._formats:
                raise IrregularBlockError
            if currency_of(rest) is not None:
                raise IrregularBlockError
        self._add(seen)
        for rest in rests:
            rest.pop("filled", None)  # it is in the Arrow schema
        return [unfold_extra(rest) for rest in rests]

    def _extra(self, rests: list[dict[str, Any]], rows: np.ndarray, size: int) -> pa.Array | None:
        if not self._keeps_extra or not any(rests):
            return None
        texts: list[str | None] = [None] * size
        for row, rest in zip(rows.tolist(), rests, strict=True):
            texts[row] = canonical_json(rest) if rest else None
        return pa.array(texts, TEXT)

    def _add(self, paths: set[str]) -> None:
        with self._lock:
            if not paths <= self._known.paths:
                known = self._known.paths | paths
                self._known = _Known(known, pa.schema([*_arrow_fields(self._tree, known), _FILLED]))


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


def _read_json(block: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
        memory_pool=_POOL,
    )


def _arrow_fields(tree: Tree, paths: frozenset[str]) -> Iterator[pa.Field]:
    """Yield the Arrow fields for those leaves of a tree whose paths are given."""
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if leaf.path in paths:
                yield pa.field(key, pa.int64() if leaf.column == TOTAL else _JSON_TYPES.get(leaf.convert, pa.string()))
        elif fields := list(_arrow_fields(leaf, paths)):
            yield pa.field(key, pa.struct(fields))


def _other_fields(
    fields: Iterable[pa.Field], tree: Tree, seen: set[str], above: tuple[int, ...] = ()
) -> Iterator[tuple[int, ...]]:
    """Yield the places of the Arrow fields that are not in a tree, and add the paths of those that are to ``seen``."""
    for number, field in enumerate(fields):
        leaf = tree.get(field.name)
        if isinstance(leaf, Field):
            seen.add(leaf.path)
        elif leaf is not None:
            seen.add(next(_leaves(leaf)).path)
            if pa.types.is_struct(field.type):
                yield from _other_fields(field.type, leaf, seen, (*above, number))
            elif not pa.types.is_null(field.type):
                raise IrregularBlockError
        elif above or field != _FILLED:
            yield (*above, number)


def _fields_by_path(table: pa.Table, tree: Tree) -> Iterator[tuple[str, pa.Array]]:
    """Yield the values of the fields of a tree, and ``filled``."""
    for name, values in zip(table.column_names, table.columns, strict=True):
        array = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
        if name == _FILLED.name:
            yield name, array
        else:
            yield from _values_by_path(tree.get(name), array)


def _values_by_path(leaf: Field | Tree | None, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    if isinstance(leaf, Field):
        yield leaf.path, values
    elif leaf is not None:
        for field, inner in zip(values.type, values.flatten(), strict=True):
            yield from _values_by_path(leaf.get(field.name), inner)


def _rows_with(block: bytes, table: pa.Table, places: list[tuple[int, ...]]) -> np.ndarray:
    """Return the lines that may have fields at some places of a table, those with null among them."""
    names = []
    found = np.zeros(len(table), bool)
    for first, *inner in places:
        name, values = table.column_names[first], table.column(first)
        for place in inner:
            name = values.type.field(place).name
            values = pc.struct_field(values, [place])
        names.append(name)
        found |= values.is_valid().to_numpy()
    if len(names) > _MANY or not all(map(_PLAIN.fullmatch, names)):
        return np.arange(len(table))
    # Arrow shows null as it shows a field that is missing, but the key of it is in the line
    at = [place for name in names for place in _places(block, f'"{name}"'.encode())]
    if rb"\u00" in block:
        at += [match.start() for match in _ESCAPED_KEY.finditer(block)]
    found[np.searchsorted(line_ends(block), at)] = True
    return np.flatnonzero(found)


def _places(block: bytes, key: bytes) -> Iterator[int]:
    place = block.find(key)
    while place >= 0:
        yield place
        place = block.find(key, place + len(key))
