"""Blocks of log lines -> CALLS and REJECTS tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from ..jsonvalues import parse_json, parse_json_lines
from .block_lines import chosen_lines, line_ends, regular_lines
from .block_values import IrregularBlockError
from .documents import damaged_records, records_of_document
from .line_records import LineRecords
from .lines_content import NO_CALLS, LinesContent
from .not_logs import not_a_log
from .read_blocks import BulkReader

_SINGLES = 4  # lines of a block that are taken out one at a time, before the block is divided
_BATCH = 1 << 17  # bytes of lines that are parsed together
_FEW_LINES, _PARTS = 64, 16  # more lines than a few are divided into parts before they are read one by one


class LinesOfBlock(NamedTuple):
    """Lines to be read one by one: the bytes, the number of each line, and the name of the log."""

    block: bytes
    numbers: np.ndarray
    source: str


OneByOne: TypeAlias = Callable[[LinesOfBlock], LinesContent]


class BlockReader:
    """Read blocks of whole lines of one log: regular lines in bulk, the others one by one.

    Parameters
    ----------
    source
        Name of the log, for the rejects.
    format
        Key of FORMATS; None detects it.
    columns
        The columns to read; None: all.
    one_by_one
        Reads a block, given the numbers of its lines and the name of the log, one line after another; None:
        ``read_block_by_line``.
    """

    def __init__(
        self,
        source: str,
        *,
        format: str | None = None,
        columns: frozenset[str] | None = None,
        one_by_one: OneByOne | None = None,
    ) -> None:
        self._bulk = BulkReader(format, columns)
        self._one_by_one = one_by_one or partial(read_block_by_line, format=format, columns=columns)
        self._source = source

    def read(self, block: bytes, line: int = 1) -> LinesContent:
        """Read a block, whose first line has the given number."""
        if not block.endswith(b"\n"):
            block += b"\n"
        if block.isspace():  # a file of blank lines alone costs no memory for each of them
            return LinesContent(NO_CALLS, np.array([], np.int64), [], lines=block.count(b"\n"))
        ends = line_ends(block)
        regular = regular_lines(block, ends)
        numbers = np.arange(line, line + len(regular))
        if regular.all():
            return self._parts(block, numbers)._replace(lines=len(regular))
        good, bad = (chosen_lines(block, ends, chosen) for chosen in (regular, ~regular))
        irregular = self._one_by_one(LinesOfBlock(bad, numbers[~regular], self._source))
        return _joined([irregular, self._parts(good, numbers[regular])])._replace(lines=len(regular))

    def _parts(self, block: bytes, numbers: np.ndarray, singles: int = _SINGLES) -> LinesContent:
        """Read lines in bulk or, if that fails, in parts, so that a bad line slows down its part and not the block.

        Of the lines that are known to be in the way, a few are read by themselves.
        """
        lines = LinesOfBlock(block, numbers, self._source)
        size = len(numbers)
        if not self._bulk.understands(block):
            return self._one_by_one(lines)
        try:
            return LinesContent(self._bulk.read(block, size), numbers, [])
        except IrregularBlockError as irregular:
            bad = irregular.row
        if size <= _FEW_LINES:
            return self._one_by_one(lines)
        if bad is not None and bad < size and singles:
            cuts, singles = np.unique([0, bad, bad + 1, size]), singles - 1
        else:
            cuts, singles = np.linspace(0, size, _PARTS + 1).astype(int), _SINGLES
        ends = np.append(0, line_ends(block) + 1)
        return _joined([self._parts(block[ends[a] : ends[b]], numbers[a:b], singles) for a, b in pairwise(cuts)])


def _joined(parts: list[LinesContent]) -> LinesContent:
    """Join the parts in the order of their lines."""
    table = pa.concat_tables([part.table for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    rejects = sorted((reject for part in parts for reject in part.rejects), key=itemgetter("line"))
    not_calls = sum((part.not_calls for part in parts), Counter[str]())
    unclear = [counts for part in parts for counts in part.unclear]
    repairs = sorted((repair for part in parts for repair in part.repairs), key=itemgetter("line"))
    content = LinesContent(table, numbers, rejects, not_calls, unclear, repairs=repairs)
    if (np.diff(numbers) >= 0).all():
        return content
    order = np.argsort(numbers, kind="stable")
    return content._replace(table=table.take(order), numbers=numbers[order])


def read_block_by_line(lines: LinesOfBlock, *, format: str | None, columns: frozenset[str] | None) -> LinesContent:
    """Read the lines of a block one by one."""
    raw = lines.block.split(b"\n")[:-1]
    numbered = zip(lines.numbers, raw, strict=True)
    return read_line_by_line(numbered, source=lines.source, format=format, columns=columns)


def read_line_by_line(
    lines: Iterable[tuple[int, bytes]], *, source: str, format: str | None, columns: frozenset[str] | None = None
) -> LinesContent:
    """Read lines one by one, so that a bad line rejects only itself."""
    records = LineRecords(source, columns)
    for number, raw, value in values_of_lines(lines):
        if not isinstance(value, ValueError):
            _add_value(records, number, value, raw, format)
            continue
        damaged = damaged_records(raw)
        if not damaged:
            records.reject(number, str(value), raw)
            continue
        kept = []
        for record in damaged:
            try:
                kept.append(parse_line(record))
            except ValueError as reason:
                records.reject(number, str(reason), record)
        _add_value(records, number, kept, raw, format)
    return records.content()


def values_of_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, Any]]:
    """Yield number, bytes and value of each line that is not blank; of one that is no JSON the error is the value."""
    for batch in _batches(lines):
        try:
            values = parse_json_lines([raw for _, raw in batch])
        except ValueError:
            values = [_value_or_error(raw) for _, raw in batch]
        for (number, raw), value in zip(batch, values, strict=True):
            yield number, raw, value


def _value_or_error(raw: bytes) -> Any:
    try:
        return parse_line(raw)
    except ValueError as error:
        return error


def _batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield lines that are not blank, some at a time, small enough for the cache of a processor."""
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, raw in lines:
        if not raw or raw.isspace():
            continue
        batch.append((int(number), raw))
        size += len(raw)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _add_value(records: LineRecords, number: int, value: Any, raw: bytes, format: str | None) -> None:
    if (what := not_a_log(value)) is not None:
        records.reject(number, what, raw)
    else:
        records.add(number, records_of_document(value), format, raw)


def parse_line(raw: bytes) -> Any:
    """Return the value of a line.

    Raises
    ------
    ValueError
        The line is no JSON.
    """
    line = raw.strip(b" \t\r\0")
    if not line:
        raise ValueError(f"{raw.count(0)} NUL bytes, expected a JSON object; a crash may leave them")
    return parse_json(line)
