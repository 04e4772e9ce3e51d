"""Whole blocks of log lines -> CALLS in bulk, with Arrow. Blocks with irregular lines are left to the line reader.

The result is that of ``formats.row_from_record`` for each line: the same fields by the same tables. If a line could be
read in another way (a value that does not fit, two fields that disagree, a duplicate key), the block is not read here.
"""

from functools import cache, reduce
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import (
    CRASHLENS,
    END,
    FILLABLE,
    FLAT,
    SIGNS_OF_A_CALL,
    TOTAL,
    Field,
    Format,
    contradicting_counts,
    detect_format,
    has_values,
    signs,
    tree_of,
)
from ..jsonvalues import parse_json
from ..schema import CALLS, LABEL, TEXT, arrow_schema
from .block_fields import BlockParser
from .block_values import IrregularBlockError, convert_values, parse_times

_SCHEMA = arrow_schema(CALLS)
_BULK_FORMATS = {each.name: each for each in (CRASHLENS, FLAT)}


class BulkReader:
    """Read the blocks of a log in bulk, and learn which fields its lines have.

    Parameters
    ----------
    format
        Key of FORMATS; None reads the two formats of the package. Other formats are never read in bulk.
    columns
        The columns to read; None: all.
    """

    def __init__(self, format: str | None, columns: frozenset[str] | None = None) -> None:
        self._format = _BULK_FORMATS.get(format or "crashlens")
        tree = {} if self._format is None else tree_of(self._format, None)
        self._parser = BlockParser(tree, frozenset(_BULK_FORMATS), keeps_extra=columns is None or "extra" in columns)

    def read(self, block: bytes, ends: np.ndarray) -> pa.Table:
        """Read a block of whole lines.

        Parameters
        ----------
        block
            Lines that begin and end as a JSON object does, each with a line feed.
        ends
            The positions of the line feeds.

        Raises
        ------
        IrregularBlockError
            The block has to be read line by line.
        """
        if self._format is None or not len(ends):
            raise IrregularBlockError
        try:
            if not block.isascii():
                block.decode("utf-8")  # Arrow accepts other bytes
            fields, extra = self._parser.parse(block, ends)
            return _calls(fields, extra, len(ends), self._format)
        except UnicodeDecodeError as error:
            raise IrregularBlockError([block.count(b"\n", 0, error.start)]) from None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise IrregularBlockError from None

    def understands(self, block: bytes) -> bool:
        """Whether a block may hold regular lines of the formats that are read in bulk, judged by its first line."""
        try:
            first = parse_json(block[: block.index(b"\n")])
        except ValueError:
            return self._format is not None
        return self._format is not None and isinstance(first, dict) and detect_format(first).format in _BULK_FORMATS


# fields whose lines are read one by one: the value is more than a text, or a count is left out of another
_BY_LINE = tuple(field.path for field in CRASHLENS.fields if field.kept or field.adds)
_OWN_KEYS = frozenset(CRASHLENS.tree)

Columns: TypeAlias = dict[str, pa.Array]


def _calls(fields: Columns, extra: pa.Array | None, rows: int, format: Format) -> pa.Table:
    """Return CALLS, given the values of fields by their paths and those without a column."""
    if any(path in fields and has_values(fields[path]) for path in _BY_LINE) or _may_show_others(fields):
        raise IrregularBlockError
    columns = _coalesced(fields, rows, format)
    if columns["trace_id"].null_count or pc.min(pc.binary_length(columns["trace_id"])).as_py() == 0:
        raise IrregularBlockError
    filled = _filled_rows(fields["filled"]) if "filled" in fields else {}
    columns = _with_nulls(columns, filled)
    columns["latency_ms"] = _checked_latency(fields, columns, format)
    columns = _with_nulls(_with_sources(columns), filled)
    _check_calls(columns)
    if extra is not None:
        columns["extra"] = extra
    arrays = [_array(columns.get(column.name), column.arrow, rows) for column in CALLS]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _array(values: pa.Array | None, type: pa.DataType, rows: int) -> pa.Array:
    if values is None or not has_values(values):
        return pa.nulls(rows, type)
    if type == LABEL:
        values = pc.dictionary_encode(values)
    return values if values.type == type else values.cast(type)


def _may_show_others(fields: Columns) -> bool:
    """Whether a line may be of another format by the value of a key that the formats of the package have too."""
    for _, sign in signs():
        if sign.key not in _OWN_KEYS or sign.key not in fields:
            continue
        values = fields[sign.key]
        if sign.needed_in_text:
            shows = reduce(pc.and_, (pc.match_substring(values, needed) for needed in sign.needed_in_text))
            if pc.any(shows).as_py():
                return True
        elif sign.values and not set(sign.values).isdisjoint(values.unique().to_pylist()):
            return True
    return False


def _coalesced(fields: Columns, rows: int, format: Format) -> Columns:
    """Return the values of each column from its fields; two fields with a value must have the same value."""
    columns: Columns = {}
    for field in _strict_first(format):
        if field.path not in fields or field.column in (END, TOTAL):
            continue
        values = convert_values(field, fields[field.path])
        earlier = columns.get(field.column)
        if earlier is None or not has_values(earlier):
            columns[field.column] = values
        elif has_values(values):
            if pc.any(pc.not_equal(earlier, values)).as_py():
                raise IrregularBlockError
            columns[field.column] = pc.coalesce(earlier, values)
    for column in CALLS:
        if column.name not in columns:
            columns[column.name] = pa.nulls(rows, TEXT if column.arrow == LABEL else column.arrow)
    return columns


@cache
def _strict_first(format: Format) -> list[Field]:
    return sorted(format.fields, key=lambda field: field.loose)


def _filled_rows(lists: pa.ListArray) -> Columns:
    """Return for each column the rows in which the writer put a filler in place of a null."""
    if not has_values(lists):
        return {}
    names, rows = lists.flatten(), pc.list_parent_indices(lists)
    distinct = names.unique().to_pylist()
    if not FILLABLE.issuperset(distinct):
        raise IrregularBlockError
    all_rows = pa.array(range(len(lists)), rows.type)
    return {name: pc.is_in(all_rows, rows.filter(pc.equal(names, name))) for name in distinct}


def _with_nulls(columns: Columns, filled: Columns) -> Columns:
    """Return the columns with nulls in place of the fillers."""
    if not filled:
        return dict(columns)
    return {
        name: pc.if_else(filled[name], pa.scalar(None, values.type), values) if name in filled else values
        for name, values in columns.items()
    }


def _check_calls(columns: Columns) -> None:
    """Check that each row shows a call, and that no counts contradict one another."""
    signs_of_a_call = [columns[name] for name in sorted(SIGNS_OF_A_CALL)]
    if not any(values.null_count == 0 for values in signs_of_a_call) and not (
        pc.all(reduce(pc.or_, [values.is_valid() for values in signs_of_a_call])).as_py()
    ):
        raise IrregularBlockError
    if contradicting_counts(columns) is not None:
        raise IrregularBlockError


def _checked_latency(fields: Columns, columns: Columns, format: Format) -> pa.Array:
    """Check the fields that follow from others, and return the latency; a missing one is computed from the end."""
    following = [field for field in _strict_first(format) if field.column in (END, TOTAL) and field.path in fields]
    total = pc.add(pc.fill_null(columns["input_tokens"], 0), pc.fill_null(columns["output_tokens"], 0))
    for field in following:
        if field.column == TOTAL and pc.any(pc.not_equal(fields[field.path], total)).as_py():
            raise IrregularBlockError
    latency, start = columns["latency_ms"], columns["timestamp"]
    ends = next((fields[field.path] for field in following if field.column == END), None)
    if ends is None or not has_values(ends):
        return latency
    end = parse_times(ends)
    if pc.any(pc.and_(pc.is_valid(end), pc.is_null(start))).as_py():
        raise IrregularBlockError
    span = pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))
    if has_values(latency):
        difference = pc.abs(pc.subtract(span, pc.multiply(latency, 1000)))
        if pc.any(pc.greater_equal(difference, 1000)).as_py():
            raise IrregularBlockError
    is_missing = pc.and_(pc.is_null(latency), pc.is_valid(span))
    if pc.any(pc.and_(is_missing, pc.less(span, 0))).as_py():
        raise IrregularBlockError
    return pc.if_else(is_missing, pc.divide(span, 1000), latency)


def _with_sources(columns: Columns) -> Columns:
    """Return the columns with sources of tokens and costs, where the lines have none."""
    has_tokens = pc.or_(pc.is_valid(columns["input_tokens"]), pc.is_valid(columns["output_tokens"]))
    token_source = columns["token_source"]
    token_source = pc.if_else(pc.and_(pc.is_null(token_source), has_tokens), "reported", token_source)
    cost, cost_source = columns["cost"], columns["cost_source"]
    is_unknown = pc.fill_null(pc.and_(pc.equal(cost_source, "unknown"), pc.equal(cost, 0.0)), False)
    cost = pc.if_else(is_unknown, pa.scalar(None, cost.type), cost)
    cost_source = pc.coalesce(cost_source, pc.if_else(pc.is_valid(cost), "reported", "unknown"))
    return {**columns, "token_source": token_source, "cost": cost, "cost_source": cost_source}
