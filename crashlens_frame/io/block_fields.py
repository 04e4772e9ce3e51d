"""Which fields the lines of a block have: the schema for Arrow, and the lines with fields that have no column."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
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

Keys: TypeAlias = tuple[str, ...]  # that lead from a record to a value

# the default pool returns the memory of each block to the system and has to ask for it again for the next block
_POOL = pa.system_memory_pool()
_FIRST, _MORE = 50, 500  # lines that show which fields the others have
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
# what Arrow parses values as that have no column; they are read by Python, and Arrow shows only where they are
_OTHER_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.float64(), float: pa.float64(), type(None): pa.null()}
_FILLED = pa.field("filled", pa.list_(pa.string()))


class ParsedBlock(NamedTuple):
    """The fields of lines by their paths, and the fields without a column as ``extra``; None: no line has any."""

    fields: dict[str, pa.Array]
    extra: pa.Array | None


class _Known(NamedTuple):
    """Which fields lines had so far.

    Attributes
    ----------
    paths
        The fields with a column.
    others
        The fields without one, and their types; None: no type is that of all values.
    schema
        All of these fields; without the others, if Arrow cannot read them or they are many.
    """

    paths: frozenset[str]
    others: Mapping[Keys, pa.DataType | None]
    schema: pa.Schema

    @property
    def are_shown(self) -> bool:
        """Whether Arrow can show where the other fields are."""
        return len(self.others) <= _MANY and None not in self.others.values()


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
        self._path_of = {leaf.keys: leaf.path for leaf in _leaves(tree)} | {(_FILLED.name,): _FILLED.name}
        self._formats = formats
        self._keeps_extra = keeps_extra
        self._known = _Known(frozenset(), {}, pa.schema([_FILLED]))
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
        parsed = self._parsed(block, size)
        if parsed is None and self._known.are_shown:
            self._learn(block.split(b"\n", _MORE)[:-1])
            parsed = self._parsed(block, size)
        return parsed or self._parsed_twice(block, size)

    def _parsed(self, block: bytes, size: int) -> ParsedBlock | None:
        """Parse a block by the fields that are known; None if it has others."""
        known = self._known
        try:
            arrays = _read_json(block, size, known.schema, "error")
        except pa.ArrowInvalid as error:
            bad = self._bad_row(str(error))
            if bad is None:
                return None
            raise IrregularBlockError(bad) from None
        fields = self._fields(arrays)
        others = {keys: arrays[keys] for keys in known.others if keys in arrays}
        if not others:
            return ParsedBlock(fields, None)
        ends = line_ends(block)
        rows = _rows_with(block, ends, others)
        begins = np.append(0, ends + 1)
        lines = [block[begin:end] for begin, end in zip(begins[rows].tolist(), ends[rows].tolist(), strict=True)]
        return ParsedBlock(fields, self._extra(self._learn(lines), rows, size))

    def _parsed_twice(self, block: bytes, size: int) -> ParsedBlock:
        """Parse a block whose fields without a column Arrow cannot read, or that has fields of its own."""
        rests = self._learn(block.split(b"\n")[:-1])
        try:
            arrays = _read_json(block, size, self._known.schema, "ignore")
        except pa.ArrowInvalid as error:
            raise IrregularBlockError(self._bad_row(str(error))) from None
        return ParsedBlock(self._fields(arrays), self._extra(rests, np.arange(size), size))

    def _fields(self, arrays: Mapping[Keys, pa.Array]) -> dict[str, pa.Array]:
        return {self._path_of[keys]: array for keys, array in arrays.items() if keys in self._path_of}

    def _bad_row(self, error: str) -> int | None:
        """Return which line is in the way; None if Arrow speaks of no line, or of a field without a column."""
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
            rest.pop(_FILLED.name, None)  # it is in the Arrow schema
        self._add(seen, rests)
        return [unfold_extra(rest) for rest in rests]

    def _add(self, seen: set[str], rests: list[dict[str, Any]]) -> None:
        with self._lock:
            known = self._known
            paths, others = known.paths | seen, dict(known.others)
            for rest in rests:
                if len(others) <= _MANY:
                    _add_others(others, rest, self._tree)
            if paths != known.paths or others != known.others:
                added = _Known(paths, others, known.schema)
                fields = _arrow_fields(self._tree, paths, others if added.are_shown else {}, ())
                self._known = added._replace(schema=pa.schema([*fields, _FILLED]))

    def _extra(self, rests: list[dict[str, Any]], rows: np.ndarray, size: int) -> pa.Array | None:
        if not self._keeps_extra or not any(rests):
            return None
        texts: list[str | None] = [None] * size
        for row, rest in zip(rows.tolist(), rests, strict=True):
            texts[row] = canonical_json(rest) if rest else None
        return pa.array(texts, TEXT)


def _add_others(others: dict[Keys, pa.DataType | None], rest: Mapping[str, Any], tree: Tree, above: Keys = ()) -> None:
    """Add the fields without a column of a record to those that are known, with the type that fits all values."""
    for key, value in rest.items():
        keys, branch = (*above, key), tree.get(key)
        if isinstance(branch, dict):
            _add_others(others, value, branch, keys)
            continue
        type_of_value = _OTHER_TYPES.get(type(value)) if _PLAIN.fullmatch(key) else None
        earlier = others.get(keys, type_of_value)
        if earlier == type_of_value or earlier == pa.null():
            others[keys] = type_of_value
        elif type_of_value != pa.null():
            others[keys] = None


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


def _read_json(block: bytes, size: int, schema: pa.Schema, unexpected: str) -> dict[Keys, pa.Array]:
    """Return the values of the fields of a schema in so many lines."""
    table = pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
        memory_pool=_POOL,
    )
    if len(table) != size:
        raise IrregularBlockError
    arrays = [values.chunk(0) if values.num_chunks == 1 else values.combine_chunks() for values in table.columns]
    return dict(_flat(table.schema, arrays, ()))


def _flat(fields: Iterable[pa.Field], arrays: Sequence[pa.Array], above: Keys) -> Iterator[tuple[Keys, pa.Array]]:
    """Yield the values that are no objects, with the keys that lead to them."""
    for field, array in zip(fields, arrays, strict=True):
        keys = (*above, field.name)
        if pa.types.is_struct(field.type):
            yield from _flat(field.type, array.flatten(), keys)
        else:
            yield keys, array


def _arrow_fields(
    tree: Tree, paths: frozenset[str], others: Mapping[Keys, pa.DataType | None], above: Keys
) -> Iterator[pa.Field]:
    """Yield the Arrow fields for those leaves of a tree whose paths are given, and for the others beside them."""
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if leaf.path in paths:
                yield pa.field(key, pa.int64() if leaf.column == TOTAL else _JSON_TYPES.get(leaf.convert, pa.string()))
        elif fields := list(_arrow_fields(leaf, paths, others, (*above, key))):
            yield pa.field(key, pa.struct(fields))
    for keys, type_of_values in others.items():
        if keys[:-1] == above:
            yield pa.field(keys[-1], type_of_values)


def _rows_with(block: bytes, ends: np.ndarray, others: Mapping[Keys, pa.Array]) -> np.ndarray:
    """Return the lines that may have some fields, those with null among them."""
    found = np.zeros(len(ends), bool)
    at: list[int] = []
    for keys, values in others.items():
        found |= values.is_valid().to_numpy(zero_copy_only=False)
        # Arrow shows null as it shows a field that is missing, but the key of it is in the line
        at += _places(block, f'"{keys[-1]}"'.encode())
    if rb"\u00" in block:
        at += [match.start() for match in _ESCAPED_KEY.finditer(block)]
    found[np.searchsorted(ends, at)] = True
    return np.flatnonzero(found)


def _places(block: bytes, key: bytes) -> Iterator[int]:
    place = block.find(key)
    while place >= 0:
        yield place
        place = block.find(key, place + len(key))
