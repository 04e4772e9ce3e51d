"""Calls written to disk in any order, and read back as tables of whole traces that fit into memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from ..io import bucket_numbers

_SPREAD = 128  # files that are open together: some systems allow no more than 256
_LEVELS = 4
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Bucket(NamedTuple):
    """Calls on disk, all calls of each of their traces: where they are, how many, and their bytes in memory."""

    path: Path
    rows: int
    size: int


def spread_calls(
    tables: Iterable[pa.Table], folder: Path, *, most: int, by: str = "trace_id", level: int = 0
) -> list[Bucket]:
    """Write calls to files by a hash of their traces, in their order, with about ``most`` bytes of them in memory.

    ``by`` is the column that says which calls stay together: texts, or hashes of 64 bits.
    """
    folder.mkdir(exist_ok=True)
    writers: dict[int, pa.RecordBatchStreamWriter] = {}
    rows, sizes = np.zeros(_SPREAD, np.int64), np.zeros(_SPREAD, np.int64)
    try:
        for table in _gathered(tables, most):
            digit = _numbers(table[by], _SPREAD ** (level + 1)) // _SPREAD**level
            ordered = table.take(np.argsort(digit, kind="stable"))
            ends = np.append(0, np.bincount(digit, minlength=_SPREAD).cumsum())
            for bucket in np.unique(digit).tolist():
                part = ordered.slice(ends[bucket], ends[bucket + 1] - ends[bucket])
                if bucket not in writers:
                    writers[bucket] = pa.ipc.new_stream(_file(folder, bucket), part.schema, options=_OPTIONS)
                writers[bucket].write_table(part)
                rows[bucket] += len(part)
                sizes[bucket] += part.nbytes
    finally:
        for writer in writers.values():
            writer.close()
    return [Bucket(_file(folder, bucket), int(rows[bucket]), int(sizes[bucket])) for bucket in sorted(writers)]


def whole_groups(buckets: list[Bucket], *, most: int, by: str = "trace_id", level: int = 0) -> Iterator[pa.Table]:
    """Read back what was spread, in tables of about ``most`` bytes at most, and remove it.

    A larger bucket is spread again. Only a single trace may be larger: its calls always stay together.
    """
    for group in group_buckets(buckets, most):
        large, *others = group
        if not others and large.size > most and level + 1 < _LEVELS:
            finer = spread_calls(read_stream(large.path), large.path.with_suffix(""), most=most, by=by, level=level + 1)
            large.path.unlink()
            yield from whole_groups(finer, most=most, by=by, level=level + 1)
        else:
            yield concat_parts(batch for bucket in group for batch in read_stream(bucket.path))
            for bucket in group:
                bucket.path.unlink()


def group_buckets(buckets: Iterable[Bucket], most: int) -> Iterator[list[Bucket]]:
    """Group neighbours of ``most`` bytes at most together; a larger one stays alone.

    Examples
    --------
    >>> from pathlib import Path
    >>> from crashlens_frame.scale.spill import Bucket, group_buckets
    >>> [len(group) for group in group_buckets([Bucket(Path(), 1, size) for size in (3, 1, 2, 9)], most=4)]
    [2, 1, 1]
    """
    group: list[Bucket] = []
    for bucket in buckets:
        if group and sum(member.size for member in group) + bucket.size > most:
            yield group
            group = []
        group.append(bucket)
    if group:
        yield group


def concat_parts(tables: Iterable[pa.Table]) -> pa.Table:
    """Join tables to one without chunks: work done chunk by chunk is slow when the chunks are many and small."""
    return pa.concat_tables(tables).combine_chunks()


def _gathered(tables: Iterable[pa.Table], most: int) -> Iterator[pa.Table]:
    """Join small tables, so that fewer and larger batches are written."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(table.nbytes for table in held) >= most:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


class Stream:
    """Tables written to a file one after the other; a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: pa.RecordBatchStreamWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Write a table behind the others."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self.path, table.schema, options=_OPTIONS)
        self._writer.write_table(table)


def read_stream(path: Path) -> Iterator[pa.Table]:
    """Yield the tables of a file, as far as there is one."""
    if not path.exists():
        return
    with pa.ipc.open_stream(path) as stream:
        for batch in stream:
            yield pa.Table.from_batches([batch])


def _numbers(keys: pa.ChunkedArray, buckets: int) -> np.ndarray:
    """Return the bucket of each key."""
    if pa.types.is_integer(keys.type):
        return (keys.to_numpy().view(np.uint64) % np.uint64(buckets)).astype(np.int64)
    return bucket_numbers(keys.to_pandas(), buckets)


def _file(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket:03d}.arrow"
