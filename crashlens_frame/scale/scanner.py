"""Logs of any size, scanned one part at a time: the same detectors and the same report as in memory."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import progress_bar
from ..detectors import TOGETHER, Known, PartOfFindings, Thresholds, find_waste, mark_calls, search_part
from ..errors import InvalidOptionError
from ..frame import empty_frame, frame_from_table, selected_columns, table_from_frame
from ..io import SHIPPED, LeftOutCounts, Source, price_book
from ..pricing import PriceBook, Prices
from ..report import PartialReport, Report, merge_reports, partial_report
from ..schema import DETECTORS, FINDINGS, TEXT
from .parts import SCAN_COLUMNS, split_log
from .search import marked_table, search_spread
from .spill import Stream

Prepare = Callable[[pd.DataFrame], pd.DataFrame]

_PART = 10  # reading a part and searching it takes at most this many times its size
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


class Scan(NamedTuple):
    """The result of a scan: the Report of the log and the FINDINGS frame."""

    report: Report
    findings: pd.DataFrame


def scan(
    source: Source,
    *,
    memory: str | int = "2GB",
    thresholds: Thresholds | None = None,
    prices: Prices | None = SHIPPED,
    rules: str = "default",
    prepare: Prepare | None = None,
    progress: bool | None = None,
) -> Scan:
    """Sum up a log of any size and find its waste, with one part of it in memory at a time.

    Report and findings are the same as those of ``summarize`` and ``find_waste`` for all calls in memory. No trace is
    divided, and where a detector looks at a session, at a place in the application, or at a question over traces, the
    calls are spread anew by what it looks at. A dataset that ``write_dataset`` wrote by trace is read directly. The
    needed columns of other logs are first written by trace to temporary files, which are removed at the end.

    Parameters
    ----------
    source
        Logs of any kind, as ``read_logs`` takes them, or folders that ``write_dataset`` wrote.
    memory
        Memory that the process may use, such as ``"2GB"`` or ``"500MB"``, or a number of bytes. The findings, which
        are returned, and single traces larger than a twentieth of it come on top, as do the calls of one model at one
        place in the application, without their long texts.
    thresholds, rules
        See :func:`crashlens_frame.find_waste`.
    prices
        Prices of cheaper models, and of the calls whose cost the log does not report, as for ``read_logs``: "shipped"
        are those of the package. Tokens that are not reported are counted. None: the calls stay as logged, and the
        cheaper models have the shipped prices.
    prepare
        Function from a frame of calls to a frame of calls, such as ``cf.add_cost``, applied to each part before it is
        searched. With it all columns are read, without it only those that detectors and report need.
    progress
        Whether to show progress bars. None: after two seconds, in a terminal or a notebook.

    Returns
    -------
    Scan
        ``report`` and ``findings``, in this order.

    Raises
    ------
    InvalidOptionError
        ``memory``, a threshold or the name of the rules is not allowed.
    FileNotFoundError
        There is no such file.
    LogFileError, SchemaVersionError, PriceFileError
        As ``read_jsonl``, ``read_parquet`` and ``find_waste``.

    Warns
    -----
    RejectedLinesWarning
        Lines were left out, because they cannot be read. Only the needed columns are read, so an invalid value in
        another column rejects no line.
    PassedOverWarning
        Records were left out, because they are repeated in the log or are no calls of a model.
    UnclearTokensWarning
        The counts of calls contradict one another, so their tokens are null.

    Notes
    -----
    Of several calls with the same ``event_id`` only one counts, as in ``read_logs``; of those in different traces it is
    the last as it is logged, while in one trace the fullest line wins.

    The temporary files are in the default folder of Python's ``tempfile``; set TMPDIR to use another one.

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
    (5, ['retry_loops'])
    """
    book = price_book(prices)
    left = LeftOutCounts()
    with TemporaryDirectory(prefix="crashlens_frame-") as folder:
        most = _bytes(memory) // _PART
        parts = split_log(source, Path(folder), left, most=most, lean=prepare is None, prices=book, progress=progress)
        work = _Work(Path(folder), most, thresholds, book, rules, prepare)
        with progress_bar(parts.calls, "scan", "call", shown=progress) as advance:
            result = work.search(parts.tables, advance)
    left.warn(stacklevel=3)
    return result


@dataclass(frozen=True)
class _Work:
    """A scan: where calls are written, the largest size of a part in bytes, and what detectors are called with."""

    folder: Path
    most: int
    thresholds: Thresholds | None
    prices: PriceBook | None
    rules: str
    prepare: Prepare | None

    def search(self, tables: Iterator[pa.Table], advance: Callable[[int], object]) -> Scan:
        """Search the parts of a log, each with whole traces."""
        reports = [partial_report(empty_frame())]
        held = deque(islice(tables, 2))  # whether there are several parts
        several = len(held) > 1
        every = chain((held.popleft() for _ in range(len(held))), tables)  # a part is not held while others are read
        if several and self.rules == "default":
            findings = self._spread_search(every, reports, advance)
            return Scan(merge_reports(reports, findings), findings)
        found = [self._find(empty_frame())]
        # map keeps no reference to a part while the next one is read
        for calls in map(self._calls, every):
            found.append(self._find(calls))
            reports.append(partial_report(calls))
            advance(len(calls))
        findings = stack_findings(found)
        return Scan(merge_reports(reports, findings), findings)

    def _calls(self, part: pa.Table) -> pd.DataFrame:
        pa.default_memory_pool().release_unused()  # the memory of reading and of the previous part
        calls = frame_from_table(part, selected_columns(part.column_names))
        return calls if self.prepare is None else self.prepare(calls)

    def _find(self, calls: pd.DataFrame) -> pd.DataFrame:
        return find_waste(calls, thresholds=self.thresholds, prices=self.prices, rules=self.rules)

    def _spread_search(
        self, tables: Iterable[pa.Table], reports: list[PartialReport], advance: Callable[[int], object]
    ) -> pd.DataFrame:
        path = self.folder / "calls.arrow"
        parts: list[PartOfFindings] = []
        number, cost = 0, 0.0
        with Stream(path) as stream:
            for calls in map(self._calls, tables):
                reports.append(partial_report(calls))
                names = [name for name in SCAN_COLUMNS if name in calls.columns]
                marked = mark_calls(calls[names], number)
                options: dict[str, Any] = {"thresholds": self.thresholds, "prices": self.prices}
                parts += search_part(marked, TOGETHER[0], Known(), **options)[0]
                stream.write(marked_table(marked))
                number += len(calls)
                cost += float(np.nansum(calls["cost"].to_numpy(np.float64, na_value=np.nan)))
                advance(len(calls))
        options = {"thresholds": self.thresholds, "prices": self.prices}
        return search_spread(path, parts, cost, most=self.most, **options)


def stack_findings(found: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the findings of parts, in the order that ``find_waste`` returns them for all calls in memory."""
    table = pa.concat_tables(table_from_frame(findings, FINDINGS) for findings in found)
    place = pc.index_in(table["detector"].cast(TEXT), pa.array(DETECTORS))
    # the calls of a trace are of one part, and equal keys keep their order
    keys = [(name, "ascending") for name in ("place", "start", "trace_id")]
    return frame_from_table(table.take(pc.sort_indices(table.append_column("place", place), keys)), FINDINGS)


def _bytes(memory: str | int) -> int:
    """Read an amount of memory such as "2GB"."""
    amount = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", str(memory), flags=re.IGNORECASE)
    if amount is None or isinstance(memory, bool):
        raise InvalidOptionError(f'memory is {memory!r}, expected an amount such as "2GB" or "500MB"')
    return int(float(amount[1]) * _UNITS[(amount[2] or "").lower()])
