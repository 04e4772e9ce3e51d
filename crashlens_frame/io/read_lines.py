"""Blocks of log lines -> CALLS and REJECTS tables."""

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import InvalidCallError
from ..formats import rows_from_line
from ..jsonvalues import parse_json, without_surrogates
from ..schema import CALLS, REJECTS, arrow_schema
from .read_blocks import BulkReader, line_ends, regular_lines

ROW = pa.struct(list(arrow_schema(CALLS)))
REJECT = pa.struct(list(arrow_schema(REJECTS)))
TEXT_WIDTH = 200
FEW, PARTS = 64, 16

Reject = dict[str, Any]


class Read(NamedTuple):
    """What was read of some lines: rows, the number of the line of each, bad lines, records that are no calls.

    Of a block, ``lines`` is the number of its lines.
    """

    table: pa.Table
    numbers: np.ndarray
    rejects: list[Reject]
    passed: int = 0
    lines: int = 0


class BlockReader:
    """Read blocks of whole lines of one log: lines at once where they are regular, the others one by one.

    Parameters
    ----------
    source
        Name of the log, for the rejects.
    format
        Key of FORMATS; None detects it.
    columns
        The columns that are asked for; None for all.
    """

    def __init__(self, source: str, *, format: str | None = None, columns: frozenset[str] | None = None) -> None:
        self._bulk = BulkReader(format, columns)
        self._line = partial(read_line_by_line, source=source, format=format, columns=columns)

    def read(self, block: bytes, line: int = 1) -> Read:
        """Read a block, of which the first line has the given number."""
        if not block.endswith(b"\n"):
            block += b"\n"
        if block.isspace():  # a file of blank lines alone costs no memory for each of them
            return Read(arrow_schema(CALLS).empty_table(), np.array([], np.int64), [], lines=block.count(b"\n"))
        regular = regular_lines(block)
        numbers = np.arange(line, line + len(regular))
        if regular.all():
            return self._parts(block, numbers)._replace(lines=len(regular))
        lines = np.array(block.split(b"\n")[:-1], dtype=object)
        odd = self._line(zip(numbers[~regular], lines[~regular], strict=True))
        rest = b"".join(one + b"\n" for one in lines[regular])
        return _joined([odd, self._parts(rest, numbers[regular])])._replace(lines=len(regular))

    def _parts(self, block: bytes, numbers: np.ndarray) -> Read:
        """Read lines at once, or else in parts, so that an odd line slows down its neighbours and not the block."""
        table = self._bulk.read(block, len(numbers))
        if table is not None:
            return Read(table, numbers, [])
        if len(numbers) <= FEW or not self._bulk.understands(block):
            return self._line(zip(numbers, block.split(b"\n")[:-1], strict=True))
        cuts = np.linspace(0, len(numbers), PARTS + 1).astype(int)
        ends = np.append(0, line_ends(block) + 1)
        return _joined([self._parts(block[ends[a] : ends[b]], numbers[a:b]) for a, b in pairwise(cuts)])


def _joined(parts: list[Read]) -> Read:
    """Put the parts together in the order of their lines."""
    table = pa.concat_tables([part.table for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    rejects = sorted((one for part in parts for one in part.rejects), key=itemgetter("line"))
    passed = sum(part.passed for part in parts)
    if (np.diff(numbers) >= 0).all():
        return Read(table, numbers, rejects, passed)
    order = np.argsort(numbers, kind="stable")
    return Read(table.take(order), numbers[order], rejects, passed)


def read_line_by_line(
    lines: Iterable[tuple[int, bytes]], *, source: str, format: str | None, columns: frozenset[str] | None = None
) -> Read:
    """Read lines one by one, so that a bad line costs only itself."""
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    passed = 0
    for number, raw in lines:
        if not raw or raw.isspace():
            continue
        try:
            read = rows_from_line(_value(raw), format, columns)
        except (ValueError, InvalidCallError) as error:
            rejects.append(make_reject(source, int(number), str(error), raw))
            continue
        rows += read.rows
        numbers += [number] * len(read.rows)
        rejects += [make_reject(source, int(number), error, raw) for error in read.errors]
        passed += read.passed
    return Read(pa.Table.from_struct_array(pa.array(rows, ROW)), np.array(numbers, dtype=np.int64), rejects, passed)


def make_reject(source: str, line: int, reason: str, raw: bytes) -> Reject:
    """Make a row of REJECTS."""
    # no character takes more than four bytes, and each that is none is shown as one
    text = raw[: 4 * TEXT_WIDTH].decode("utf-8", "replace").rstrip("\r\n")[:TEXT_WIDTH]
    return {"source": without_surrogates(source), "line": line, "reason": without_surrogates(reason), "text": text}


def _value(raw: bytes) -> Any:
    line = raw.strip(b" \t\r\0")
    if not line:
        raise ValueError(f"{raw.count(0)} NUL bytes, expected a JSON object; a crash leaves such")
    return parse_json(line)
