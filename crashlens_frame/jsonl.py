"""JSON Lines <-> CALLS: files of one JSON object a line. No line is lost: what cannot be read becomes a reject."""

import os
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .errors import LogFileError, RejectedLinesWarning
from .files import Path_, Source, Target, blocks, listed, opened, replaced
from .formats import check_format
from .frame import as_calls, frame_from_table, table_from_frame
from .journal import append
from .linereader import REJECT, BlockReader, Read, Reject, reject
from .linewriter import check_schema, lines, warn_unpriced
from .schema import CALLS, REJECTS, arrow_schema
from .tables import counted

WORKERS = os.cpu_count() or 1


def read_jsonl(source: Source, *, format: str | None = None, on_error: str = "reject") -> pd.DataFrame:
    """Read calls from JSON Lines.

    Nested and flat lines may stand side by side. Fields without a column are kept in ``extra``. A line that cannot be
    read is left out and counted in a warning; ``read_rejects`` says which and why.

    Parameters
    ----------
    source
        Path, glob pattern, file object, or a list of these; "-" is the standard input. What gzip or Zstandard packed
        is unpacked, whatever its name.
    format
        ``"crashlens"`` (nested) or ``"flat"``; None detects it line by line.
    on_error
        ``"reject"``: pass over lines that cannot be read; ``"raise"``: the first one is an error.

    Returns
    -------
    DataFrame
        CALLS, in the order of the lines.

    Raises
    ------
    LogFileError
        A line cannot be read and ``on_error`` is ``"raise"``, or a file cannot be unpacked. The text names file, line,
        field and value.
    UnknownFormatError
        There is no such format.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    RejectedLinesWarning
        Lines were left out.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> line = b'{"traceId": "t1", "input": {"model": "gpt-4o", "prompt": "Hi"}, "cost": 0.5}'
    >>> cf.read_jsonl(io.BytesIO(line))[["trace_id", "model", "prompt", "cost"]]
      trace_id   model prompt  cost
    0       t1  gpt-4o     Hi   0.5
    """
    table, rejects = _read(source, format, on_error)
    _warn(rejects)
    return frame_from_table(table)


def read_log(source: Source, *, format: str | None = None, on_error: str = "reject") -> tuple[pa.Table, pa.Table]:
    """Read JSON Lines as ``read_jsonl`` does; give CALLS and REJECTS as tables."""
    table, rejects = _read(source, format, on_error)
    _warn(rejects)
    return table, rejects


def read_rejects(source: Source, *, format: str | None = None) -> pd.DataFrame:
    """List the lines of JSON Lines that cannot be read.

    Parameters
    ----------
    source, format
        As for ``read_jsonl``.

    Returns
    -------
    DataFrame
        REJECTS, a row a line: ``source``, ``line`` (from 1), ``reason``, ``text`` (cut at 200 characters).

    Raises
    ------
    UnknownFormatError
        There is no such format.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> log = io.BytesIO(b'{"trace_id": "t1", "input_tokens": "12a"}')
    >>> cf.read_rejects(log)["reason"].item()
    'input_tokens is "12a", expected a whole number'
    """
    return frame_from_table(_read(source, format, "reject")[1], REJECTS)


def to_jsonl(calls: pd.DataFrame, target: Target, *, schema: str = "crashlens") -> None:
    """Write calls as JSON Lines.

    Reading back what was written gives an equal frame, dtypes and nulls included, with the keys of ``extra`` sorted.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or binary file object; "-" is the standard output. A path holds the new file only once all of it is
        written, packed if its name ends in ``.gz`` or ``.zst``.
    schema
        ``"crashlens"``: the Log Schema and, on the same line, what ``crashlens scan``, ``report`` and ``guard`` read;
        ``"flat"``: the Log Schema and further columns alone.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls.
    UnknownFormatError
        There is no such schema.

    Warns
    -----
    UnpricedWarning
        Calls have no known cost. For CrashLens, which cannot bear a null, they are written at 0 and marked as unknown.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", response="Hello", trace_id="t1", timestamp="2026-06-01T09:00Z")
    >>> file = io.BytesIO()
    >>> cf.to_jsonl(book.df, file, schema="flat")
    >>> file.getvalue().decode()[:75]
    '{"trace_id":"t1","timestamp":"2026-06-01T09:00:00.000000Z","model":"gpt-4",'
    """
    check_schema(schema)
    calls = as_calls(calls)
    with replaced(target) as stream:
        for part in lines(table_from_frame(calls), schema=schema):
            stream.write(part)
    if schema == "crashlens":
        warn_unpriced(calls)


def append_jsonl(calls: pd.DataFrame, target: Path_, *, schema: str = "crashlens") -> None:
    """Append calls to a file of JSON Lines under its lock, so that several programs may log to one file."""
    check_schema(schema)
    append(target, b"".join(lines(table_from_frame(as_calls(calls)), schema=schema)))


def _read(source: Source, format: str | None, on_error: str) -> tuple[pa.Table, pa.Table]:
    check_format(format)
    if on_error not in ("reject", "raise"):
        raise ValueError(f"on_error is {on_error!r}, expected 'reject' or 'raise'")
    tables: list[pa.Table] = [arrow_schema(CALLS).empty_table()]
    rejects: list[Reject] = []
    for file in listed(source):
        with opened(file) as (name, stream):
            for read in _blocks_read(stream, name, format):
                tables.append(read.table)
                rejects += read.rejects
                if rejects and on_error == "raise":
                    break
        if rejects and on_error == "raise":
            first = rejects[0]
            raise LogFileError(f"{first['source']}:{first['line']}: {first['reason']}")
    return pa.concat_tables(tables), pa.Table.from_struct_array(pa.array(rejects, REJECT))


def _blocks_read(stream: IO[Any], name: str, format: str | None) -> Iterator[Read]:
    """Read the blocks of a file in order, as many at a time as there are processors: Arrow works without the GIL."""
    reader = BlockReader(name, format=format)
    line, torn = 1, None
    with ThreadPoolExecutor(WORKERS) as pool:
        running: deque[Future[Read]] = deque()
        try:
            for block in blocks(stream):
                running.append(pool.submit(reader.read, block, line))
                line += block.count(b"\n")
                if len(running) > WORKERS:
                    yield running.popleft().result()
        except LogFileError as error:
            torn = reject(name, line, str(error), b"")
        while running:
            yield running.popleft().result()
        if torn is not None:
            yield Read(arrow_schema(CALLS).empty_table(), np.array([], np.int64), [torn])


def _warn(rejects: pa.Table) -> None:
    if not len(rejects):
        return
    first = rejects.slice(0, 1).to_pylist()[0]
    files = len(set(rejects["source"].to_pylist()))
    warnings.warn(
        f"{counted(len(rejects), 'line')} of {counted(files, 'file')} could not be read and left out, the first"
        f" {first['source']}:{first['line']}: {first['reason']}; cf.read_rejects lists them",
        RejectedLinesWarning,
        stacklevel=3,
    )
