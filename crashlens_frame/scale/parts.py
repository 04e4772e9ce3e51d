"""JSON Lines or Parquet of any size -> tables of whole traces that fit into memory, one after the other."""

from collections.abc import Iterable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from ..detectors import ROSTER
from ..errors import InvalidOptionError
from ..io import (
    LeftOutCounts,
    Partition,
    Source,
    iter_blocks,
    last_of_each_id,
    read_batches,
    stored_bytes,
    trace_buckets,
)
from ..pricing import PRICE_COLUMNS
from ..report import REPORT_COLUMNS
from ..schema import CALLS, TEXT
from .spill import Bucket, concat_parts, group_buckets, spread_by_trace, whole_traces

# what detectors, prices and report read
_NEEDED = {*PRICE_COLUMNS, *REPORT_COLUMNS}.union(*(detector.columns for detector in ROSTER))
SCAN_COLUMNS = tuple(column.name for column in CALLS if column.name in _NEEDED)
# long texts that no detector reads: for them it is enough to know whether there is one
_EMPTIED = {"prompt", "response", "error"}.difference(*(detector.texts for detector in ROSTER))


class Parts(NamedTuple):
    """A log in parts: its number of calls, repeated ones included, and tables of whole traces."""

    calls: int
    tables: Iterator[pa.Table]


def split_log(
    source: Source, folder: Path, left: LeftOutCounts, *, most: int, lean: bool, progress: bool | None
) -> Parts:
    """Divide a log into parts of whole traces.

    Parameters
    ----------
    source
        JSON Lines or Parquet, as ``scan`` takes them.
    folder
        Where calls are written that are not stored by trace.
    left
        Counts the records that are left out.
    most
        Largest size of a part in bytes.
    lean
        Whether only SCAN_COLUMNS are needed.
    progress
        Whether to show a bar while the calls are written to the folder.

    Raises
    ------
    InvalidOptionError
        The source holds both JSON Lines and Parquet.
    """
    single = hasattr(source, "read") or isinstance(source, str | PathLike)
    sources: list[Any] = [source] if single else list(cast("Iterable[Any]", source))
    kinds = {_is_parquet(path) for path in sources}
    if len(kinds) > 1:
        raise InvalidOptionError("the source is JSON Lines and Parquet, expected one of them; scan one after the other")
    names = list(SCAN_COLUMNS) if lean else [column.name for column in CALLS]
    slim = _slim if lean else _whole
    if kinds != {True}:
        names = list(dict.fromkeys((*names, "event_id")))
        blocks = iter_blocks(sources, format=None, columns=names, on_error="reject", progress=progress)
        parts = _spilled((slim(left.seen(read).table.select(names)) for read in blocks), folder, most)
        return parts._replace(tables=(_once(table, left) for table in parts.tables))
    read = partial(read_batches, names=names, size=most // 4)
    stored = trace_buckets(sources[0]) if len(sources) == 1 and Path(sources[0]).is_dir() else []
    needed = {*names} - _EMPTIED if lean else {*names}
    buckets = [Bucket(part.path, part.rows, _size(part, needed)) for part in stored]
    if not buckets or max(bucket.size for bucket in buckets) > most:
        return _spilled(map(slim, read(sources, progress=progress)), folder, most)
    files = {part.path: part.files for part in stored}
    groups = ([file for bucket in group for file in files[bucket.path]] for group in group_buckets(buckets, most))
    return Parts(_calls(buckets), (concat_parts(map(slim, read(group, progress=False))) for group in groups))


def _is_parquet(source: Any) -> bool:
    return not hasattr(source, "read") and (str(source).endswith(".parquet") or Path(source).is_dir())


def _spilled(tables: Iterable[pa.Table], folder: Path, most: int) -> Parts:
    buckets = spread_by_trace(tables, folder, most=most // 2)
    return Parts(_calls(buckets), whole_traces(buckets, most=most))


def _size(part: Partition, names: set[str]) -> int:
    """Return an upper limit of the bytes that columns of a partition take in memory: Arrow does not pack numbers."""
    return 8 * len(names) * part.rows + stored_bytes(part.files, names)


def _calls(buckets: list[Bucket]) -> int:
    return sum(bucket.rows for bucket in buckets)


def _whole(calls: pa.Table) -> pa.Table:
    return calls


def _slim(calls: pa.Table) -> pa.Table:
    """Replace each text that no detector reads by an empty one."""
    for name in _EMPTIED:
        emptied = pc.if_else(calls[name].is_valid(), pa.scalar("", TEXT), pa.scalar(None, TEXT))
        calls = calls.set_column(calls.column_names.index(name), name, emptied)
    return calls


def _once(calls: pa.Table, left: LeftOutCounts) -> pa.Table:
    """Leave out calls that are repeated later in the log (same trace_id and event_id)."""
    last = last_of_each_id(pc.binary_join_element_wise(calls["trace_id"], calls["event_id"], "\0"))
    if last is None:
        return calls
    left.duplicates += int((~last).sum())
    return calls.filter(pa.array(last))
