"""Logs of any kind and size -> tables of whole traces that fit into memory, one after the other."""

from collections.abc import Iterable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import check_path
from ..detectors import ROSTER
from ..frame import ANSWER_COLUMNS
from ..io import (
    LINE,
    NEEDED_TO_FILL,
    REPEAT_COLUMNS,
    LeftOutCounts,
    LinesContent,
    Partition,
    Source,
    counted_table,
    iter_blocks,
    keep_once,
    other_files,
    priced_table,
    read_batches,
    stored_bytes,
    trace_buckets,
)
from ..pricing import PRICE_COLUMNS, PriceBook
from ..report import REPORT_COLUMNS
from ..schema import CALLS, TEXT
from .repeats import IdsElsewhere
from .spill import Bucket, concat_parts, group_buckets, spread_tables, whole_groups

# what detectors, prices and report read
_NEEDED = {*PRICE_COLUMNS, *REPORT_COLUMNS, *NEEDED_TO_FILL, *ANSWER_COLUMNS}.union(
    *(each.columns + each.reads for each in ROSTER)
)
SCAN_COLUMNS = tuple(column.name for column in CALLS if column.name in _NEEDED)
# long texts that no detector reads: for them it is enough to know whether there is one
_EMPTIED = {"prompt", "response", "error"}.difference(*(detector.texts for detector in ROSTER))


class Parts(NamedTuple):
    """A log in parts: its number of calls, repeated ones included, and tables of whole traces.

    Each table has LINE, the place of each call in the log. ``whole``: there is but a single table.
    """

    calls: int
    whole: bool
    tables: Iterator[pa.Table]


def split_log(
    source: Source,
    folder: Path,
    left: LeftOutCounts,
    *,
    most: int,
    lean: bool,
    prices: PriceBook | None,
    progress: bool | None,
) -> Parts:
    """Divide a log into parts of whole traces.

    Parameters
    ----------
    source
        Logs, as ``scan`` takes them.
    folder
        Where calls are written that are not stored by trace.
    left
        Counts the records that are left out.
    most
        Largest size of a part in bytes.
    lean
        Whether only SCAN_COLUMNS are needed.
    prices
        Prices for the calls whose cost the log does not report; None: these stay without one.
    progress
        Whether to show a bar while the calls are written to the folder.
    """
    single = hasattr(source, "read") or isinstance(source, str | PathLike)
    sources: list[Any] = [source] if single else list(cast("Iterable[Any]", source))
    names = list(SCAN_COLUMNS) if lean else [column.name for column in CALLS]

    def slim(calls: pa.Table) -> pa.Table:
        priced = priced_table(calls, prices)
        return _slim(priced) if lean else priced

    if not sources or not all(map(_is_dataset, sources)):
        names = list(dict.fromkeys((*names, *REPEAT_COLUMNS)))
        left.other_files += other_files(sources)
        blocks = iter_blocks(sources, format=None, columns=names, on_error="reject", progress=progress)
        elsewhere = IdsElsewhere()

        def kept(block: LinesContent) -> pa.Table:
            """Count tokens while the texts are there; a call is priced when its lines are merged."""
            calls = left.seen(block).table.select(names)
            elsewhere.add(calls)
            counted = calls if prices is None else counted_table(calls)
            return _slim(counted) if lean else counted

        parts = _spilled(_numbered(map(kept, blocks)), folder, most)
        elsewhere.settle()

        def priced(table: pa.Table) -> pa.Table:
            once = _once(table, left, elsewhere)
            return priced_table(once.drop_columns(LINE), prices).append_column(LINE, once[LINE])

        return parts._replace(tables=map(priced, parts.tables))
    read = partial(read_batches, names=names, size=most // 4)
    stored = trace_buckets(sources[0]) if len(sources) == 1 and Path(sources[0]).is_dir() else []
    needed = {*names} - _EMPTIED if lean else {*names}
    buckets = [Bucket(part.path, part.rows, _size(part, needed)) for part in stored]
    if not buckets or max(bucket.size for bucket in buckets) > most:
        return _spilled(_numbered(map(slim, read(sources, progress=progress))), folder, most)
    files = {part.path: part.files for part in stored}
    groups = ([file for bucket in group for file in files[bucket.path]] for group in group_buckets(buckets, most))
    tables = (slim(concat_parts(read(group, progress=False))) for group in groups)  # files are small, and many
    return Parts(_calls(buckets), _fits(buckets, most), _numbered(tables))


def _is_dataset(source: Any) -> bool:
    """Whether a source is a folder of ``write_dataset``, whose files can be read in part."""
    if not isinstance(source, str | PathLike):
        return False
    check_path(source)
    return next(Path(source).expanduser().glob("*=*/*.parquet"), None) is not None


def _spilled(tables: Iterable[pa.Table], folder: Path, most: int) -> Parts:
    buckets = spread_tables(tables, folder, most=most // 2)
    return Parts(_calls(buckets), _fits(buckets, most), whole_groups(buckets, most=most))


def _numbered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Add the place of each call in the log."""
    first = 0
    for table in tables:
        yield table.append_column(LINE, pa.array(np.arange(first, first + len(table))))
        first += len(table)


def _fits(buckets: list[Bucket], most: int) -> bool:
    """Whether all calls are read back in a single table."""
    return sum(bucket.size for bucket in buckets) <= most


def _size(part: Partition, names: set[str]) -> int:
    """Return an upper limit of the bytes that columns of a partition take in memory: Arrow does not pack numbers."""
    return 8 * len(names) * part.rows + stored_bytes(part.files, names)


def _calls(buckets: list[Bucket]) -> int:
    return sum(bucket.rows for bucket in buckets)


def _slim(calls: pa.Table) -> pa.Table:
    """Replace each text that no detector reads by an empty one."""
    for name in _EMPTIED:
        emptied = pc.if_else(calls[name].is_valid(), pa.scalar("", TEXT), pa.scalar(None, TEXT))
        calls = calls.set_column(calls.column_names.index(name), name, emptied)
    return calls


def _once(calls: pa.Table, left: LeftOutCounts, elsewhere: IdsElsewhere) -> pa.Table:
    """Leave out calls that are repeated in the log (same event_id) or in a span inside them."""
    last = elsewhere.drop(calls)
    left.duplicates += len(calls) - len(last)
    once = keep_once(last, by_trace=True)
    left.duplicates += once.duplicates
    left.nested += once.nested
    return once.calls
