"""JSON Lines <-> CALLS: files of one JSON object a line.

What becomes of a line that is not as it should be:

====================================  =================================================================================
found                                 outcome
====================================  =================================================================================
====================================  =================================================================================
"""

import warnings

import pandas as pd
import pyarrow as pa

from .errors import LogFileError, RejectedLinesWarning
from .files import Path_, Source, Target, append, blocks, listed, opened, replaced
from .formats import check_format
from .frame import as_calls, frame_from_table
from .linereader import REJECT, Reject, read_block, reject
from .linewriter import check_schema, lines, warn_unpriced
from .schema import CALLS, REJECTS, arrow_schema


def read_jsonl(source: Source, *, format: str | None = None, on_error: str = "reject") -> pd.DataFrame:
    table, rejects = _read(source, format, on_error)
    _warn(rejects)
    return frame_from_table(table)


def read_log(source: Source, *, format: str | None = None, on_error: str = "reject") -> tuple[pa.Table, pa.Table]:
    table, rejects = _read(source, format, on_error)
    _warn(rejects)
    return table, rejects


def read_rejects(source: Source, *, format: str | None = None) -> pd.DataFrame:
    return frame_from_table(_read(source, format, "reject")[1], REJECTS)


def to_jsonl(calls: pd.DataFrame, target: Target, *, schema: str = "crashlens") -> None:
    check_schema(schema)
    calls = as_calls(calls)
    with replaced(target) as stream:
        for part in lines(calls, schema=schema):
            stream.write(part)
    if schema == "crashlens":
        warn_unpriced(calls)


def append_jsonl(calls: pd.DataFrame, target: Path_, *, schema: str = "crashlens") -> None:
    check_schema(schema)
    append(target, b"".join(lines(as_calls(calls), schema=schema)))


def _read(source: Source, format: str | None, on_error: str) -> tuple[pa.Table, pa.Table]:
    check_format(format)
    if on_error not in ("reject", "raise"):
        raise ValueError(f"on_error is {on_error!r}, expected 'reject' or 'raise'")
    tables: list[pa.Table] = [arrow_schema(CALLS).empty_table()]
    rejects: list[Reject] = []
    for file in listed(source):
        with opened(file) as (name, stream):
            line = 1
            try:
                for block in blocks(stream):
                    table, bad = read_block(block, source=name, line=line, format=format)
                    tables.append(table)
                    rejects += bad
                    line += block.count(b"\n")
                    if bad and on_error == "raise":
                        break
            except LogFileError as error:
                rejects.append(reject(name, line, str(error), b""))
        if rejects and on_error == "raise":
            first = rejects[0]
            raise LogFileError(f"{first['source']}:{first['line']}: {first['reason']}")
    return pa.concat_tables(tables), pa.Table.from_struct_array(pa.array(rejects, REJECT))


def _warn(rejects: pa.Table) -> None:
    if not len(rejects):
        return
    first = rejects.slice(0, 1).to_pylist()[0]
    lines_, files = len(rejects), len(set(rejects["source"].to_pylist()))
    warnings.warn(
        f"{lines_:,} {'line' if lines_ == 1 else 'lines'} of {files:,} {'file' if files == 1 else 'files'} could not be read"
        f" and {'was' if lines_ == 1 else 'were'} left out, the first {first['source']}:{first['line']}: {first['reason']};"
        " cf.read_rejects lists them",
        RejectedLinesWarning,
        stacklevel=3,
    )
