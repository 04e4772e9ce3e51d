"""Folders of Parquet files: a month of calls in parts that each fit into memory."""

import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError, SchemaVersionError
from ..frame import as_calls, table_from_frame
from .parquet import ORDER, parquet_file, write_table
from .streams import AnyPath

PARTITIONED_BY = ("trace", "day")
MODES = ("error", "append", "overwrite")
_BY_KEY, _BUCKETS_KEY = "crashlens_frame.by", "crashlens_frame.buckets"
_NO_DAY = "__HIVE_DEFAULT_PARTITION__"  # what Hive, Spark and Arrow call null


class Partition(NamedTuple):
    """A folder of a dataset: where it is, what it is called, and how many calls its files hold."""

    path: Path
    name: str
    rows: int


def write_dataset(
    calls: pd.DataFrame | Iterable[pd.DataFrame],
    target: AnyPath,
    *,
    by: str = "trace",
    buckets: int = 16,
    mode: str = "error",
) -> None:
    """Write calls as a folder of Parquet files, in partitions that each can be worked on by itself.

    Within a file the calls are sorted by trace and time, and statistics let a filter pass over what it rules out.
    ``read_parquet`` reads the whole folder, or a partition of it.

    Parameters
    ----------
    calls
        Frame of calls, or frames one after the other: more than fits into memory. Each frame adds files.
    target
        Path of the folder.
    by
        ``"trace"``: ``bucket=00`` to ``bucket=15``, by a hash of the trace id. All calls of a trace are in one bucket,
        which is what finding retries and fallbacks needs. ``"day"``: ``day=2026-06-01``, by the day in UTC on which the
        call began; calls without a time are in ``day=__HIVE_DEFAULT_PARTITION__``.
    buckets
        Number of buckets, 1 to 10,000.
    mode
        What to do where the folder holds files already: ``"error"``, ``"append"`` to them, which needs the same ``by``
        and ``buckets``, or ``"overwrite"`` them.

    Raises
    ------
    FileExistsError
        The folder is not empty, and ``mode`` is ``"error"``.
    InvalidCallError
        An option has no such value, or does not go with what the folder holds.
    MissingColumnsError
        A frame is no frame of calls.

    Notes
    -----
    The bucket is ``pandas.util.hash_array`` of the trace id, with its default key, modulo the number of buckets: the
    same in every process and on every machine.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import crashlens_frame as cf
    >>> calls = cf.simulate_workload(100, seed=1)
    >>> with TemporaryDirectory() as folder:
    ...     cf.write_dataset(calls, folder, by="trace", buckets=4)
    ...     [len(cf.read_parquet(part.path)) == part.rows for part in cf.partitions(folder)]
    [True, True, True, True]
    """
    for name, value, allowed in (("by", by, PARTITIONED_BY), ("mode", mode, MODES)):
        if value not in allowed:
            raise InvalidCallError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")
    if not 1 <= buckets <= 10_000:
        raise InvalidCallError(f"buckets is {buckets}, expected 1 to 10,000")
    path = Path(target)
    about = {_BY_KEY: by} | ({_BUCKETS_KEY: str(buckets)} if by == "trace" else {})
    frames = [calls] if isinstance(calls, pd.DataFrame) else calls
    if mode == "overwrite":
        fresh = path.with_name(f".{path.name}.part")
        shutil.rmtree(fresh, ignore_errors=True)
        _write(frames, fresh, by, buckets, about)
        shutil.rmtree(path, ignore_errors=True)
        fresh.rename(path)
        return
    held = next(path.rglob("*.parquet"), None)
    if held is not None and mode == "error":
        raise FileExistsError(f'{path} holds files already; mode="append" adds to them, mode="overwrite" replaces them')
    if held is not None and (said := _about(held)) != about:
        raise InvalidCallError(f"{path} is partitioned by {_told(said)}, and cannot be appended to by {_told(about)}")
    _write(frames, path, by, buckets, about)


def partitions(folder: AnyPath) -> list[Partition]:
    """Return the partitions of a folder that ``write_dataset`` wrote, in the order of their names.

    Parameters
    ----------
    folder
        Path of the folder.

    Returns
    -------
    list of Partition
        The ``path``, the ``name`` and the number of ``rows`` of each partition.

    Raises
    ------
    FileNotFoundError
        The folder holds no partition.
    SchemaVersionError
        A newer version of the package wrote one of its files.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import crashlens_frame as cf
    >>> with TemporaryDirectory() as folder:
    ...     cf.write_dataset(cf.simulate_workload(100, seed=1), folder, buckets=4)
    ...     [part.name for part in cf.partitions(folder)]
    ['bucket=00', 'bucket=01', 'bucket=02', 'bucket=03']
    """
    found = [part for part in sorted(Path(folder).iterdir()) if part.is_dir() and "=" in part.name]
    if not found:
        raise FileNotFoundError(f"{folder} holds no partitions; cf.write_dataset makes them")
    return [
        Partition(part, part.name, sum(parquet_file(file).metadata.num_rows for file in part.glob("*.parquet")))
        for part in found
    ]


def trace_buckets(folder: AnyPath) -> list[Partition]:
    """List the partitions of a dataset that holds each trace whole in one of them; none where it is no such dataset."""
    files = sorted(Path(folder).rglob("*.parquet"))
    layouts = [_said(file) for file in files]
    alike = all(layout[_BY_KEY] == "trace" and layout == layouts[0] for layout in layouts)
    apart = [file for file in files if file.parent.parent != Path(folder)]
    return partitions(folder) if files and alike and not apart else []


def bucket_numbers(trace_ids: pd.Series, buckets: int) -> np.ndarray:
    """Give the bucket of each trace id.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.io.datasets import bucket_numbers
    >>> bucket_numbers(pd.Series(["a", "b", "a"], dtype="str"), 16).tolist()
    [0, 15, 0]
    """
    code, distinct = pd.factorize(trace_ids)
    hashes = pd.util.hash_array(np.asarray(distinct, dtype=object), categorize=False)
    found: np.ndarray = (hashes % buckets).astype(np.int64)[code]
    return found


def _write(frames: Iterable[pd.DataFrame], folder: Path, by: str, buckets: int, about: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        calls = as_calls(frame)
        table = table_from_frame(calls).append_column("part", _parts(calls, by, buckets))
        table = table.sort_by([("part", "ascending"), *ORDER])
        part = table["part"].combine_chunks()
        begins = [0, *(np.flatnonzero(pc.not_equal(part[1:], part[:-1])) + 1), len(table)] if len(table) else [0]
        for begin, end in pairwise(begins):
            inside = folder / part[begin].as_py()
            inside.mkdir(exist_ok=True)
            target = inside / f"part-{len(list(inside.glob('*.parquet'))):05d}.parquet"
            rows = table.slice(begin, end - begin).drop_columns("part")
            write_table(rows, target, is_sorted=True, metadata=about)


def _parts(calls: pd.DataFrame, by: str, buckets: int) -> pa.Array:
    """Give the name of the partition of each call."""
    if by == "trace":
        width = len(str(buckets - 1))
        names = pa.array([f"bucket={number:0{max(width, 2)}d}" for number in range(buckets)])
        return names.take(pa.array(bucket_numbers(calls["trace_id"], buckets)))
    days = pa.array(calls["timestamp"].dt.strftime("%Y-%m-%d").astype("str"), pa.string())
    return pc.binary_join_element_wise("day=", pc.fill_null(days, _NO_DAY), "")


def _about(file: Path) -> dict[str, str]:
    said = _said(file)
    if not said[_BY_KEY]:
        raise SchemaVersionError(f"{file} was not written by write_dataset, so nothing can be appended beside it")
    return {key: value for key, value in said.items() if value}


def _said(file: Path) -> dict[str, str]:
    """Give what the metadata of a file says of its dataset; nothing for a file of no dataset."""
    metadata = parquet_file(file).schema_arrow.metadata or {}
    return {key: metadata.get(key.encode(), b"").decode() for key in (_BY_KEY, _BUCKETS_KEY)}


def _told(about: dict[str, str]) -> str:
    return about[_BY_KEY] + (f" in {about[_BUCKETS_KEY]} buckets" if _BUCKETS_KEY in about else "")
