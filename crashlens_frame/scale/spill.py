"""Calls written to disk in any order, and read back in tables that fit into memory, with what belongs together."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from ..io import bucket_numbers

_SPREAD = 64  # files that are open together, three times: some systems allow no more than 256
_LEVELS = 4
_HASHES = np.uint64(2**63)  # how many hashes of keys there are
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Bucket(NamedTuple):
    """Calls on disk, with all that belongs to them: where they are, how many, and their bytes in memory.

    ``single``: all of them belong together, so that they cannot be divided.
    """

    path: Path
    rows: int
    size: int
    single: bool = False


class Spread:
    """Calls written to files by a hash of what keeps them together, in their order; a context manager.

    ``by`` is the column that says so: texts, or hashes of 64 bits. About ``most`` bytes of calls are held in memory.
    """

    def __init__(self, folder: Path, *, most: int, by: str = "trace_id", level: int = 0) -> None:
        self._folder, self._most, self._by, self._level = folder, most, by, level
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}
        self._rows, self._sizes = np.zeros(_SPREAD, np.int64), np.zeros(_SPREAD, np.int64)
        self._least, self._largest = np.full(_SPREAD, _HASHES), np.zeros(_SPREAD, np.uint64)  # hash in each file
        self._held: list[pa.Table] = []
        folder.mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def write(self, table: pa.Table) -> None:
        """Write calls behind the others; small tables are joined, so that fewer and larger batches are written."""
        self._held.append(table)
        if sum(table.nbytes for table in self._held) >= self._most:
            self._write_held()

    def buckets(self) -> list[Bucket]:
        """Return the files, when all is written."""
        self._write_held()
        self.__exit__()
        single = self._least == self._largest
        return [
            Bucket(self._file(each), int(self._rows[each]), int(self._sizes[each]), bool(single[each]))
            for each in sorted(self._writers)
        ]

    def _write_held(self) -> None:
        if not self._held:
            return
        table, self._held = pa.concat_tables(self._held), []
        hashes = _hashes(table[self._by])
        digit = (hashes // np.uint64(_SPREAD**self._level) % np.uint64(_SPREAD)).astype(np.int64)
        np.minimum.at(self._least, digit, hashes)
        np.maximum.at(self._largest, digit, hashes)
        ordered = table.take(np.argsort(digit, kind="stable"))
        ends = np.append(0, np.bincount(digit, minlength=_SPREAD).cumsum())
        for bucket in np.unique(digit).tolist():
            part = ordered.slice(ends[bucket], ends[bucket + 1] - ends[bucket])
            if bucket not in self._writers:
                self._writers[bucket] = pa.ipc.new_stream(self._file(bucket), part.schema, options=_OPTIONS)
            self._writers[bucket].write_table(part)
            self._rows[bucket] += len(part)
            self._sizes[bucket] += part.nbytes

    def _file(self, bucket: int) -> Path:
        return self._folder / f"{bucket:03d}.arrow"


def spread_tables(
    tables: Iterable[pa.Table], folder: Path, *, most: int, by: str = "trace_id", level: int = 0
) -> list[Bucket]:
    """Write calls to files as ``Spread`` does, and return these."""
    with Spread(folder, most=most, by=by, level=level) as spread:
        for table in tables:
            spread.write(table)
        return spread.buckets()


def whole_groups(buckets: list[Bucket], *, most: int, by: str = "trace_id", level: int = 0) -> Iterator[pa.Table]:
    """Read back what was spread, in tables of about ``most`` bytes at most, and remove it.

    A larger bucket is spread again. Only a single group, such as a trace, may be larger: it is never divided.
    """
    for group in group_buckets(buckets, most):
        large, *others = group
        if not others and large.size > most and not large.single and level + 1 < _LEVELS:
            folder = large.path.with_suffix("")
            finer = spread_tables(_batches(large.path), folder, most=most, by=by, level=level + 1)
            large.path.unlink()
            yield from whole_groups(finer, most=most, by=by, level=level + 1)
        else:
            yield concat_parts(batch for bucket in group for batch in _batches(bucket.path))
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


def _batches(path: Path) -> Iterator[pa.Table]:
    with pa.ipc.open_stream(path) as stream:
        for batch in stream:
            yield pa.Table.from_batches([batch])


def _hashes(keys: pa.ChunkedArray) -> np.ndarray:
    """Return a hash of 63 bits of each key."""
    if pa.types.is_integer(keys.type):
        hashes: np.ndarray = keys.to_numpy().view(np.uint64) % _HASHES
        return hashes
    return bucket_numbers(keys.to_pandas(), int(_HASHES)).view(np.uint64)
