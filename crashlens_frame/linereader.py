"""Blocks of log lines -> CALLS and REJECTS tables."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .errors import InvalidCallError
from .extras import parse, scrubbed, shown
from .formats import row_from_record
from .schema import CALLS, REJECTS, arrow_schema

ROW = pa.struct(list(arrow_schema(CALLS)))
REJECT = pa.struct(list(arrow_schema(REJECTS)))
TEXT_WIDTH = 200

Reject = dict[str, Any]


def read_block(block: bytes, *, source: str, line: int, format: str | None) -> tuple[pa.Table, list[Reject]]:
    """Read a block of whole lines, of which the first has the given number."""
    return salvage(block, source=source, line=line, format=format)


def salvage(block: bytes, *, source: str, line: int, format: str | None) -> tuple[pa.Table, list[Reject]]:
    """Read a block line by line, so that a bad line costs only itself."""
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, raw in enumerate(lines, line):
        if not raw or raw.isspace():
            continue
        try:
            rows.append(row_from_record(_record(raw), format))
        except (ValueError, InvalidCallError) as error:
            rejects.append(reject(source, number, str(error), raw))
    return pa.Table.from_struct_array(pa.array(rows, ROW)), rejects


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
