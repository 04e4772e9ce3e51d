"""JSON Lines <-> CALLS: files with one JSON object per line. No line is lost: one that cannot be read is a reject."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike

import pandas as pd
import pyarrow as pa

from ..errors import PassedOverWarning, RejectedLinesWarning, check_choice
from ..formats import check_format
from ..frame import as_calls, frame_from_table, selected_columns, table_from_frame
from ..schema import REJECTS
from ..words import quantity
from .file_kind import check_replaceable
from .journal import append_bytes
from .read_files import LogContent, read_files
from .read_lines import LinesContent, Reject
from .streams import AnyPath, Source, Target, open_atomic
from .write_lines import check_line_format, encode_lines, warn_unpriced

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

    A file may hold lines of several formats. Fields without a column are kept in ``extra``. A line that cannot be read
    is left out and counted in a warning; ``read_rejects`` returns these lines with the reasons.

    Parameters
    ----------
    source
        Path, glob pattern, file object, or a list of these; "-" is the standard input. Files that gzip or Zstandard
        compressed are decompressed, also if their names do not show it.
    format
        ``"crashlens"`` (nested), ``"flat"`` (the Log Schema), ``"openai"``, ``"anthropic"``, ``"litellm"``,
        ``"langfuse"`` or ``"otel"``; None detects it line by line, see ``detect_format``.
    columns
        The columns of CALLS to read, in the order of the result; None: all. Fields of other columns are not read, so a
        wrong value in them does not make the line a reject.
    duplicates
        ``"last"``: of the calls with the same ``event_id`` only the last is kept, and the others are counted in a
        warning; ``"all"``: all are kept.
    on_error
        ``"reject"``: leave out lines that cannot be read; ``"raise"``: the first one is an error.
    progress
        Whether to show a progress bar. None: after two seconds, in a terminal or a notebook.

    Returns
    -------
    DataFrame
        CALLS, or the chosen columns of it, in the order of the lines.

    Raises
    ------
    LogFileError
        A line cannot be read and ``on_error`` is ``"raise"``, or a file cannot be decompressed. The text names file,
        line, field and value.
    UnknownFormatError
        ``format`` is unknown.
    InvalidOptionError
        ``columns``, ``duplicates`` or ``on_error`` has another value.
    FileNotFoundError
        A file does not exist.

    Warns
    -----
    RejectedLinesWarning
        Lines were left out because they cannot be read.
    PassedOverWarning
        Records were left out because they are repeated later in the log or are not calls of a model.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> line = b'{"traceId": "t1", "input": {"model": "gpt-4o", "prompt": "Hi"}, "cost": 0.5}'
    >>> cf.read_jsonl(io.BytesIO(line), columns=["trace_id", "model", "prompt", "cost"])
      trace_id   model prompt  cost
    0       t1  gpt-4o     Hi   0.5
    """
    chosen = selected_columns(columns)
    log = _read(source, format, [column.name for column in chosen], duplicates, on_error, progress)
    _warn(log)
    return frame_from_table(log.calls, chosen)


def read_log(
    source: Source, *, format: str | None = None, duplicates: str = "last", on_error: str = "reject"
) -> tuple[pa.Table, pa.Table]:
    """Read JSON Lines as ``read_jsonl`` does, and return CALLS and REJECTS as tables."""
    log = _read(source, format, [column.name for column in selected_columns(None)], duplicates, on_error, None)
    _warn(log)
    return log.calls, log.rejects


def read_rejects(source: Source, *, format: str | None = None) -> pd.DataFrame:
    """Return the lines of JSON Lines that cannot be read.

    Parameters
    ----------
    source, format
        As for ``read_jsonl``.

    Returns
    -------
    DataFrame
        REJECTS, one row per line: ``source``, ``line`` (from 1), ``reason``, ``text`` (cut at 200 characters).

    Raises
    ------
    UnknownFormatError
        ``format`` is unknown.
    FileNotFoundError
        A file does not exist.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> log = io.BytesIO(b'{"trace_id": "t1", "input_tokens": "12a"}')
    >>> cf.read_rejects(log)["reason"].item()
    'input_tokens is "12a", expected a whole number'
    """
    all_columns = [column.name for column in selected_columns(None)]
    return frame_from_table(_read(source, format, all_columns, "all", "reject", None).rejects, REJECTS)


def to_jsonl(calls: pd.DataFrame, target: Target, *, format: str | None = None, schema: str | None = None) -> None:
    """Write calls as JSON Lines.

    Reading the file with ``duplicates="all"`` returns an equal frame, with the same dtypes and nulls and with the keys
    of ``extra`` sorted.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or binary file object; "-" is the standard output. The new file replaces an old one when all of it is
        written. It is compressed if its name ends in ``.gz`` or ``.zst``.
    format
        ``"crashlens"``, the default: the Log Schema and, on the same line, the fields that ``crashlens scan``,
        ``report`` and ``guard`` read; ``"flat"``: only the Log Schema and the other columns.
    schema
        Another name of ``format``.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is not a frame of calls.
    UnknownFormatError
        ``format`` is unknown.
    InvalidOptionError
        Both ``format`` and ``schema`` are given.
    LogFileError
        The target is a file that is no log, or is named like one. It stays as it is.

    Warns
    -----
    UnpricedWarning
        The cost of calls is unknown. CrashLens needs a number, so 0 is written and marked as unknown.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", response="Hello", trace_id="t1", timestamp="2026-06-01T09:00Z")
    >>> file = io.BytesIO()
    >>> cf.to_jsonl(book.df, file, format="flat")
    >>> file.getvalue().decode()[:75]
    '{"trace_id":"t1","timestamp":"2026-06-01T09:00:00.000000Z","model":"gpt-4",'
    """
    line_format = check_line_format(format, schema)
    if isinstance(target, str | PathLike) and target != "-":
        check_replaceable(target)
    calls = as_calls(calls)
    with open_atomic(target) as stream:
        for part in encode_lines(table_from_frame(calls), format=line_format):
            stream.write(part)
    if line_format == "crashlens":
        warn_unpriced(calls)


def append_jsonl(calls: pd.DataFrame, target: AnyPath, *, format: str | None = None, schema: str | None = None) -> None:
    """Write calls to the end of a file of JSON Lines under its lock, so that several programs can log to one file.

    Parameters and errors are those of ``to_jsonl``.
    """
    line_format = check_line_format(format, schema)
    append_bytes(target, b"".join(encode_lines(table_from_frame(as_calls(calls)), format=line_format)))


def _read(
    source: Source, format: str | None, columns: list[str], duplicates: str, on_error: str, progress: bool | None
) -> LogContent:
    check_format(format)
    check_choice("on_error", on_error, ON_ERROR)
    check_choice("duplicates", duplicates, DUPLICATES)
    return read_files(
        source, format=format, columns=columns, duplicates=duplicates, on_error=on_error, progress=progress
    )


@dataclass
class LeftOutCounts:
    """Numbers of lines and records of logs that are not in the result, counted while the logs are read."""

    rejects: int = 0
    first: Reject = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    not_calls: int = 0
    duplicates: int = 0

    def seen(self, content: LinesContent) -> LinesContent:
        """Count the rejects of a block and its records that are not calls, and return the block."""
        if content.rejects:
            self.first = self.first or content.rejects[0]
            self.files.update(reject["source"] for reject in content.rejects)
        self.rejects += len(content.rejects)
        self.not_calls += content.not_calls
        return content

    def warn(self, stacklevel: int) -> None:
        """Report the numbers in warnings."""
        if self.rejects:
            warnings.warn(
                f"left out {quantity(self.rejects, 'line')} of {quantity(len(self.files), 'file')} that could not be"
                f" read, the first {self.first['source']}:{self.first['line']}: {self.first['reason']};"
                " cf.read_rejects lists them",
                RejectedLinesWarning,
                stacklevel=stacklevel,
            )
        if self.not_calls or self.duplicates:
            repeated = f"{quantity(self.duplicates, 'call')} repeated later in the log (same event_id)"
            others = f"{quantity(self.not_calls, 'record')} other than calls of a model"
            parts = [text for text, number in ((repeated, self.duplicates), (others, self.not_calls)) if number]
            warnings.warn(f"left out {' and '.join(parts)}", PassedOverWarning, stacklevel=stacklevel)


def _warn(log: LogContent) -> None:
    sources = log.rejects["source"].to_pylist()
    first: Reject = next(iter(log.rejects.slice(0, 1).to_pylist()), {})
    LeftOutCounts(len(sources), first, set(sources), log.not_calls, log.duplicates).warn(stacklevel=4)
