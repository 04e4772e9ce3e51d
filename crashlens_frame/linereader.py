"""Blocks of log lines -> CALLS and REJECTS tables."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .bulkreader import line_ends, read_bulk, regular_lines
from .errors import InvalidCallError
from .extras import parse, scrubbed, shown
from .formats import row_from_record
from .schema import CALLS, REJECTS, arrow_schema

ROW = pa.struct(list(arrow_schema(CALLS)))
REJECT = pa.struct(list(arrow_schema(REJECTS)))
TEXT_WIDTH = 200
FEW, PARTS = 64, 16

Reject = dict[str, Any]


class Read(NamedTuple):
    """What was read of some lines: the rows, the number of the line of each, and the lines that hold none."""

    table: pa.Table
    numbers: np.ndarray
    rejects: list[Reject]


def read_block(block: bytes, *, source: str, line: int, format: str | None) -> tuple[pa.Table, list[Reject]]:
    """Read a block of whole lines, of which the first has the given number.

    Lines that are no objects by their looks are read one by one, all others at once.
    """
    if not block.endswith(b"\n"):
        block += b"\n"
    regular = regular_lines(block)
    numbers = np.arange(line, line + len(regular))
    if regular.all():
        read = _read_parts(block, numbers, source, format)
    else:
        lines = np.array(block.split(b"\n")[:-1], dtype=object)
        odd = salvage(zip(numbers[~regular], lines[~regular], strict=True), source=source, format=format)
        rest = b"".join(one + b"\n" for one in lines[regular])
        read = _joined([odd, _read_parts(rest, numbers[regular], source, format)])
    return read.table, read.rejects


def _read_parts(block: bytes, numbers: np.ndarray, source: str, format: str | None) -> Read:
    """Read lines at once, or else in parts, so that an odd line slows down its neighbours and not the whole block."""
    table = read_bulk(block, format)
    if table is not None:
        return Read(table, numbers, [])
    if len(numbers) <= FEW:
        return salvage(zip(numbers, block.split(b"\n")[:-1], strict=True), source=source, format=format)
    cuts = np.linspace(0, len(numbers), PARTS + 1).astype(int)
    ends = np.append(0, line_ends(block) + 1)
    return _joined(
        [_read_parts(block[ends[a] : ends[b]], numbers[a:b], source, format) for a, b in pairwise(cuts)],
    )


def _joined(parts: list[Read]) -> Read:
    """Put the parts together in the order of their lines."""
    table = pa.concat_tables([part.table for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    rejects = sorted((one for part in parts for one in part.rejects), key=itemgetter("line"))
    if (np.diff(numbers) > 0).all():
        return Read(table, numbers, rejects)
    order = np.argsort(numbers)
    return Read(table.take(order), numbers[order], rejects)


def salvage(lines: Iterable[tuple[int, bytes]], *, source: str, format: str | None) -> Read:
    """Read lines one by one, so that a bad line costs only itself."""
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    for number, raw in lines:
        if not raw or raw.isspace():
            continue
        try:
            rows.append(row_from_record(_record(raw), format))
            numbers.append(number)
        except (ValueError, InvalidCallError) as error:
            rejects.append(reject(source, int(number), str(error), raw))
    return Read(pa.Table.from_struct_array(pa.array(rows, ROW)), np.array(numbers, dtype=np.int64), rejects)


def reject(source: str, line: int, reason: str, raw: bytes) -> Reject:
    """Make a row of REJECTS."""
    # no character takes more than four bytes, and each that is none is shown as one
    text = raw[: 4 * TEXT_WIDTH].decode("utf-8", "replace").rstrip("\r\n")[:TEXT_WIDTH]
    return {"source": scrubbed(source), "line": line, "reason": scrubbed(reason), "text": text}


def _record(raw: bytes) -> Mapping[str, Any]:
    line = raw.strip(b" \t\r\0")
    if not line:
        raise ValueError(f"{raw.count(0)} NUL bytes, expected a JSON object; a crash leaves such")
    value = parse(line)
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)}, expected a JSON object")
    return value
