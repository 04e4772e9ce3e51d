"""Logs of any size, looked through a part at a time: the same detectors and the same report as in memory."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import progress_bar
from ..detectors import Thresholds, find_waste
from ..errors import InvalidCallError
from ..frame import empty_frame, frame_from_table, selected_columns, table_from_frame
from ..io import LeftOutCounts, Source
from ..pricing import PriceBook, Prices
from ..report import PartialReport, Report, merge_reports, partial_report
from ..schema import DETECTORS, FINDINGS, TEXT
from .parts import split_log

Prepare = Callable[[pd.DataFrame], pd.DataFrame]

_PART = 10  # with what is worked out from it, and what reading takes, a part is at most so many times itself
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


class Scan(NamedTuple):
    """What a log holds and what was wasted in it: the Report, and the FINDINGS frame."""

    report: Report
    findings: pd.DataFrame


def scan(
    source: Source,
    *,
    memory: str | int = "2GB",
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
    prepare: Prepare | None = None,
    progress: bool | None = None,
) -> Scan:
    """Sum up a log of any size and find its waste, a part of it in memory at a time.

    Report and findings are those of ``summarize`` and ``find_waste`` for all calls at once: no trace is ever parted. A
    dataset that ``write_dataset`` wrote by trace is read as it stands. Other logs are first written by trace to
    temporary files, as far as they are needed, which are removed in the end.

    Parameters
    ----------
    source
        JSON Lines as ``read_jsonl`` takes them, or Parquet: files whose names end in ``.parquet``, or folders.
    memory
        What the process may use, such as ``"2GB"`` or ``"500MB"``, or a number of bytes. The findings, which are
        returned, and single traces larger than a twentieth of it come on top.
    thresholds, prices, rules
        See :func:`crashlens_frame.find_waste`.
    prepare
        What is to be done to the calls of each part before they are looked at, such as ``cf.add_cost``: a function from
        a frame to a frame. With it all columns are kept, without it those that detectors and report read.
    progress
        Whether to show bars. None: after two seconds, in a terminal or a notebook.

    Returns
    -------
    Scan
        ``report`` and ``findings``, in this order.

    Raises
    ------
    InvalidCallError
        ``memory``, a threshold or the name of the rules is not allowed, or the source is of both kinds.
    FileNotFoundError
        There is no such file.
    LogFileError, SchemaVersionError, PriceFileError
        As ``read_jsonl``, ``read_parquet`` and ``find_waste``.

    Warns
    -----
    RejectedLinesWarning
        Lines were left out, because they cannot be read. Only the columns that are needed are read: no line is refused
        for what stands in others.
    PassedOverWarning
        Records were left out, because they are told again further down or are no calls of a model.

    Notes
    -----
    Of calls in JSON Lines with the same ``event_id`` the last one counts, as for ``read_jsonl``, if they are of one
    trace. A response that is told in two traces is two calls here, since no part holds both.

    The temporary files are where Python puts such files; the environment variable TMPDIR names another folder.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)
    >>> log = io.BytesIO()
    >>> book.to_jsonl(log)
    >>> _ = log.seek(0)
    >>> report, findings = cf.scan(log, memory="500MB")
    >>> report.events, findings["detector"].tolist()
    (5, ['retry_loops', 'overkill_models'])
    """
    find = partial(find_waste, thresholds=thresholds, prices=PriceBook.load(prices), rules=rules)

    def looked_at(part: pa.Table) -> tuple[int, pd.DataFrame, PartialReport]:
        pa.default_memory_pool().release_unused()  # what reading and the part before took
        calls = frame_from_table(part, selected_columns(part.column_names))
        calls = calls if prepare is None else prepare(calls)
        findings = find(calls)
        return len(part), findings, partial_report(calls, findings)

    found = [find(empty_frame())]
    tallies = [partial_report(empty_frame(), found[0])]
    left = LeftOutCounts()
    with TemporaryDirectory(prefix="crashlens_frame-") as folder:
        most = _bytes(memory) // _PART
        parts = split_log(source, Path(folder), left, most=most, lean=prepare is None, progress=progress)
        with progress_bar(parts.calls, "scan", "call", shown=progress) as advance:
            # mapped, no part outlives the reading of the next one
            for size, findings, tallied in map(looked_at, parts.tables):
                found.append(findings)
                tallies.append(tallied)
                advance(size)
    left.warn(stacklevel=3)
    return Scan(merge_reports(tallies), stack_findings(found))


def stack_findings(found: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put the findings of parts into the order that those of all calls at once have."""
    table = pa.concat_tables(table_from_frame(findings, FINDINGS) for findings in found)
    place = pc.index_in(table["detector"].cast(TEXT), pa.array(DETECTORS))
    # the calls of a trace are of one part, and equal keys keep their order
    keys = [(name, "ascending") for name in ("place", "start", "trace_id")]
    return frame_from_table(table.take(pc.sort_indices(table.append_column("place", place), keys)), FINDINGS)


def _bytes(memory: str | int) -> int:
    """Read an amount of memory such as "2GB"."""
    told = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", str(memory), flags=re.IGNORECASE)
    if told is None or isinstance(memory, bool):
        raise InvalidCallError(f'memory is {memory!r}, expected an amount such as "2GB" or "500MB"')
    return int(float(told[1]) * _UNITS[(told[2] or "").lower()])
