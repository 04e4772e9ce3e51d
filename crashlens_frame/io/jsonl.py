"""JSON Lines <-> CALLS: files of one JSON object a line. No line is lost: what cannot be read becomes a reject."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike

import pandas as pd
import pyarrow as pa

from ..errors import PassedOverWarning, RejectedLinesWarning
from ..formats import check_format
from ..frame import as_calls, frame_from_table, selected_columns, table_from_frame
from ..schema import REJECTS
from ..words import quantity
from .file_kind import check_replaceable
from .journal import append_bytes
from .read_files import Log, read_files
from .read_lines import Read, Reject
from .streams import AnyPath, Source, Target, open_atomic
from .write_lines import check_schema, encode_lines, warn_unpriced

DUPLICATES = ("last", "all")
ON_ERROR = ("reject", "raise")


def read_jsonl(
    source: Source,
    *,
    format: str | None = None,
    columns: Iterable[str] | None = None,
    duplicates: str = "last",
    on_error: str = "reject",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Read calls from JSON Lines of any format that the package knows.

    Lines of several formats may stand side by side. Fields without a column are kept in ``extra``. A line that cannot
    be read is left out and counted in a warning; ``read_rejects`` says which and why.

    Parameters
    ----------
    source
        Path, glob pattern, file object, or a list of these; "-" is the standard input. What gzip or Zstandard packed
        is unpacked, whatever its name.
    format
        ``"crashlens"`` (nested), ``"flat"`` (the Log Schema), ``"openai"``, ``"anthropic"``, ``"litellm"``,
        ``"langfuse"`` or ``"otel"``; None detects it line by line, see ``detect_format``.
    columns
        The columns of CALLS to read, in the order wanted; None: all. Of the others nothing is read, so that a line is
        not refused for what stands in them either.
    duplicates
        ``"last"``: of calls with one and the same ``event_id`` only the last is kept, the others are counted in a
        warning; ``"all"``: each is kept.
    on_error
        ``"reject"``: pass over lines that cannot be read; ``"raise"``: the first one is an error.
    progress
        Whether to show a bar. None: after two seconds, in a terminal or a notebook.

    Returns
    -------
    DataFrame
        CALLS, or those of its columns that were asked for, in the order of the lines.

    Raises
    ------
    LogFileError
        A line cannot be read and ``on_error`` is ``"raise"``, or a file cannot be unpacked. The text names file, line,
        field and value.
    UnknownFormatError
        There is no such format.
    InvalidCallError
        There is no such column.
    FileNotFoundError
        There is no such file.

    Warns
    -----
    RejectedLinesWarning
        Lines were left out, because they cannot be read.
    PassedOverWarning
        Records were left out, because they are told again further down or are no calls of a model.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> line = b'{"traceId": "t1", "input": {"model": "gpt-4o", "prompt": "Hi"}, "cost": 0.5}'
    >>> cf.read_jsonl(io.BytesIO(line), columns=["trace_id", "model", "prompt", "cost"])
      trace_id   model prompt  cost
    0       t1  gpt-4o     Hi   0.5
    """
    wanted = selected_columns(columns)
    log = _read(source, format, [column.name for column in wanted], duplicates, on_error, progress)
    _warn(log)
    return frame_from_table(log.calls, wanted)


def read_log(
    source: Source, *, format: str | None = None, duplicates: str = "last", on_error: str = "reject"
) -> tuple[pa.Table, pa.Table]:
    """Read JSON Lines as ``read_jsonl`` does; give CALLS and REJECTS as tables."""
    log = _read(source, format, [column.name for column in selected_columns(None)], duplicates, on_error, None)
    _warn(log)
    return log.calls, log.rejects


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
    everything = [column.name for column in selected_columns(None)]
    return frame_from_table(_read(source, format, everything, "all", "reject", None).rejects, REJECTS)


def to_jsonl(calls: pd.DataFrame, target: Target, *, schema: str = "crashlens") -> None:
    """Write calls as JSON Lines.

    Reading back what was written, with ``duplicates="all"``, gives an equal frame, dtypes and nulls included, with the
    keys of ``extra`` sorted.

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
    LogFileError
        The target is a file that is no log, or is named like one. It stays as it is.

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
    if isinstance(target, str | PathLike) and target != "-":
        check_replaceable(target)
    calls = as_calls(calls)
    with open_atomic(target) as stream:
        for part in encode_lines(table_from_frame(calls), schema=schema):
            stream.write(part)
    if schema == "crashlens":
        warn_unpriced(calls)


def append_jsonl(calls: pd.DataFrame, target: AnyPath, *, schema: str = "crashlens") -> None:
    """Append calls to a file of JSON Lines under its lock, so that several programs may log to one file."""
    check_schema(schema)
    append_bytes(target, b"".join(encode_lines(table_from_frame(as_calls(calls)), schema=schema)))


def _read(
    source: Source, format: str | None, columns: list[str], duplicates: str, on_error: str, progress: bool | None
) -> Log:
    check_format(format)
    for name, value, allowed in (("on_error", on_error, ON_ERROR), ("duplicates", duplicates, DUPLICATES)):
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}, expected {allowed[0]!r} or {allowed[1]!r}")
    return read_files(
        source, format=format, columns=columns, duplicates=duplicates, on_error=on_error, progress=progress
    )


@dataclass
class LeftOutCounts:
    """What of logs is no row of the result, counted while they are read."""

    rejects: int = 0
    first: Reject = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    passed: int = 0
    duplicates: int = 0

    def seen(self, read: Read) -> Read:
        """Count what a block holds beside calls."""
        if read.rejects:
            self.first = self.first or read.rejects[0]
            self.files.update(one["source"] for one in read.rejects)
        self.rejects += len(read.rejects)
        self.passed += read.passed
        return read

    def warn(self, stacklevel: int) -> None:
        """Tell the counts in warnings."""
        if self.rejects:
            warnings.warn(
                f"{quantity(self.rejects, 'line')} of {quantity(len(self.files), 'file')} could not be read and left"
                f" out, the first {self.first['source']}:{self.first['line']}: {self.first['reason']}; cf.read_rejects"
                " lists them",
                RejectedLinesWarning,
                stacklevel=stacklevel,
            )
        if self.passed or self.duplicates:
            again = f"{quantity(self.duplicates, 'call')} told again further down (the same event_id)"
            other = f"{quantity(self.passed, 'record')} of work that is no call of a model"
            said = [text for text, number in ((again, self.duplicates), (other, self.passed)) if number]
            warnings.warn(f"left out: {', and '.join(said)}", PassedOverWarning, stacklevel=stacklevel)


def _warn(log: Log) -> None:
    sources = log.rejects["source"].to_pylist()
    first: Reject = next(iter(log.rejects.slice(0, 1).to_pylist()), {})
    LeftOutCounts(len(sources), first, set(sources), log.passed, log.duplicates).warn(stacklevel=4)
