"""The one door for logs of any kind: files, folders, patterns and streams -> CALLS, counted and priced."""

from collections.abc import Iterable, Mapping

import pandas as pd

from ..frame import frame_from_table, selected_columns
from ..pricing import Prices
from .jsonl import read_checked, warn_left_out
from .price_tables import NEEDED_TO_FILL, SHIPPED, price_book, priced_table
from .read_files import LogContent
from .streams import Source


def read_logs(
    *sources: Source,
    format: str | None = None,
    columns: Iterable[str] | None = None,
    prices: Prices | None = SHIPPED,
    duplicates: str = "last",
    on_error: str = "reject",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Read calls from logs of any kind, in any mixture.

    What a file is, its first bytes show: JSON Lines, a JSON document (an array, or an object with ``data``, ``runs``,
    ``observations``, ``results``, ``resourceSpans`` or ``resourceLogs``), CSV, Parquet, or a zip file of these. Each of
    them may be compressed by gzip or Zstandard.

    Parameters
    ----------
    *sources
        Paths, folders, patterns of file names, file objects, lists of these; "-" is the standard input, "~" the home
        folder. Of a folder all logs within it are read, at any depth.
    format
        Name of a format; None detects it record by record, see ``detect_format``.
    columns
        The columns of CALLS to read, in the order of the result; None: all.
    prices
        Prices for the calls whose cost the log does not report: the path of a YAML file, a PriceBook or a mapping;
        "shipped": those of the package. Tokens that are not reported are counted. None: the calls stay as logged.
    duplicates
        ``"last"``: of the calls with the same ``event_id``, in all files, only the last is kept; ``"all"``: all are.
    on_error
        ``"reject"``: leave out what cannot be read; ``"raise"``: it is an error.
    progress
        Whether to show a progress bar. None: after two seconds, in a terminal or a notebook.

    Returns
    -------
    DataFrame
        CALLS, or the chosen columns of it, in the order of the files and of their lines; where calls are spread
        over lines, as in the transcripts of coding agents, each comes when it is whole.

    Raises
    ------
    FileNotFoundError
        A file does not exist, a pattern matches none, or a folder holds no log.
    LogFileError
        Something cannot be read, and ``on_error`` is ``"raise"``.
    UnknownFormatError, InvalidOptionError, PriceFileError
        An option is not allowed.

    Warns
    -----
    RejectedLinesWarning, RepairedFieldsWarning, PassedOverWarning
        Lines, fields or records were left out; ``read_rejects`` and ``read_repairs`` list the first two.
    MatchedColumnsWarning
        Columns of a CSV file or of another program's Parquet file were matched by their names.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> document = b'[{"trace_id": "t1", "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 50}]'
    >>> cf.read_logs(io.BytesIO(document), columns=["model", "input_tokens", "cost", "cost_source"])
        model  input_tokens   cost cost_source
    0  gpt-4o          1000  0.003      priced
    """
    chosen = selected_columns(columns)
    log = read_priced(
        list(sources),
        format=format,
        columns=[column.name for column in chosen],
        prices=prices,
        duplicates=duplicates,
        on_error=on_error,
        progress=progress,
    )
    warn_left_out(log, stacklevel=3)
    return frame_from_table(log.calls, chosen)


def read_csv(
    source: Source,
    *,
    columns: Mapping[str, str] | None = None,
    prices: Prices | None = SHIPPED,
    on_error: str = "reject",
) -> pd.DataFrame:
    r"""Read calls from CSV files, with columns of any names.

    Parameters
    ----------
    source
        As for ``read_logs``.
    columns
        Names of columns of the files, and the columns of CALLS that they mean, ``{"when": "timestamp"}``. The others
        are matched as ``as_calls`` does it.
    prices, on_error
        As for ``read_logs``.

    Returns
    -------
    DataFrame
        CALLS. Empty cells are null; columns without a meaning are fields of ``extra``.

    Raises
    ------
    FileNotFoundError, LogFileError, InvalidOptionError, PriceFileError
        As for ``read_logs``.

    Warns
    -----
    MatchedColumnsWarning
        Columns were matched by their names.
    RejectedLinesWarning, RepairedFieldsWarning
        Rows or cells were left out.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> file = io.BytesIO(b"when,model,in,out\n2026-03-01T10:00Z,gpt-4o,1000,50\n")
    >>> calls = cf.read_csv(file, columns={"when": "timestamp", "in": "input_tokens", "out": "output_tokens"})
    >>> calls[["model", "input_tokens", "output_tokens", "cost"]]
        model  input_tokens  output_tokens   cost
    0  gpt-4o          1000             50  0.003
    """
    log = read_priced(source, prices=prices, on_error=on_error, duplicates="all", own_names=columns)
    warn_left_out(log, stacklevel=3)
    return frame_from_table(log.calls)


def read_priced(
    source: Source,
    *,
    format: str | None = None,
    columns: list[str] | None = None,
    prices: Prices | None = SHIPPED,
    duplicates: str = "last",
    on_error: str = "reject",
    progress: bool | None = None,
    own_names: Mapping[str, str] | None = None,
) -> LogContent:
    """Read logs as ``read_logs`` does; return tables, and what was left out."""
    names = [column.name for column in selected_columns(columns)]
    book = price_book(prices)
    needed = names if book is None else list(dict.fromkeys((*names, *NEEDED_TO_FILL)))
    log = read_checked(source, format, needed, duplicates, on_error, progress, own_names)
    return log._replace(calls=priced_table(log.calls, book).select(names))
