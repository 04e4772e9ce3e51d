"""Logs of either kind and any size -> tables of whole traces that fit into memory, one after the other."""

from collections.abc import Iterable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError
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
from ..schema import CALLS, TEXT
from .spill import Bucket, concat_parts, group_buckets, spread_by_trace, whole_traces

# what detectors, prices and report read; of response and error only whether there is one
SCAN_COLUMNS = (
    "trace_id", "timestamp", "model", "prompt", "response", "input_tokens", "output_tokens", "cost", "latency_ms",
    "retry_count", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "service_tier", "level", "error",
    "token_source", "cost_source",
)  # fmt: skip
_TOLD = ("response", "error")


class Parts(NamedTuple):
    """A log in parts: how many calls it has, told again ones included, and tables that hold traces whole."""

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
        Where calls are put that do not lie by trace.
    left
        Counts what is no call.
    most
        Bytes of a part.
    lean
        Whether only what READ names is needed.
    progress
        Whether to show a bar while the calls are put into the folder.

    Raises
    ------
    InvalidCallError
        The source is of both kinds.
    """
    one = hasattr(source, "read") or isinstance(source, str | PathLike)
    sources: list[Any] = [source] if one else list(cast("Iterable[Any]", source))
    kinds = {_is_parquet(each) for each in sources}
    if len(kinds) > 1:
        raise InvalidCallError("the source is JSON Lines and Parquet, expected one of them; scan one after the other")
    names = list(SCAN_COLUMNS) if lean else [column.name for column in CALLS]
    slim = _slim if lean else _whole
    if kinds != {True}:
        names = list(dict.fromkeys((*names, "event_id")))
        blocks = iter_blocks(sources, format=None, columns=names, on_error="reject", progress=progress)
        parts = _spilled((slim(left.seen(read).table.select(names)) for read in blocks), folder, most)
        return parts._replace(tables=(_once(table, left) for table in parts.tables))
    read = partial(read_batches, names=names, size=most // 4)
    stored = trace_buckets(sources[0]) if len(sources) == 1 and Path(sources[0]).is_dir() else []
    needed = {*names} - {*_TOLD} if lean else {*names}
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
    """Return how many bytes in memory the named columns of a partition take at most: Arrow does not pack numbers."""
    return 8 * len(names) * part.rows + stored_bytes(part.files, names)


def _calls(buckets: list[Bucket]) -> int:
    return sum(bucket.rows for bucket in buckets)


def _whole(calls: pa.Table) -> pa.Table:
    return calls


def _slim(calls: pa.Table) -> pa.Table:
    """Keep of some texts only whether there is one."""
    for name in _TOLD:
        told = pc.if_else(calls[name].is_valid(), pa.scalar("", TEXT), pa.scalar(None, TEXT))
        calls = calls.set_column(calls.column_names.index(name), name, told)
    return calls


def _once(calls: pa.Table, left: LeftOutCounts) -> pa.Table:
    """Leave out calls that are told again further down."""
    last = last_of_each_id(pc.binary_join_element_wise(calls["trace_id"], calls["event_id"], "\0"))
    if last is None:
        return calls
    left.duplicates += int((~last).sum())
    return calls.filter(pa.array(last))
