"""Folders of Parquet files: a month of calls in parts that each fit into memory."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import check_path, file_errors
from ..errors import (
    ExistingFileError,
    InvalidOptionError,
    MissingFileError,
    SchemaVersionError,
    check_choice,
    check_number,
)
from ..frame import as_calls, table_from_frame
from .manifest import (
    PARTITIONED_BY,
    Manifest,
    Part,
    clean_up,
    is_part_path,
    locked,
    read_manifest,
    remove_parts,
    staging_folder,
    sync_folders,
    token_of,
    walk_dataset,
    write_manifest,
)
from .parquet import ORDER, parquet_file, write_table
from .parquet_files import warn_of_strays
from .streams import PREFIX, AnyPath

MODES = ("error", "append", "overwrite")
_BY_KEY, _BUCKETS_KEY = "crashlens_frame.by", "crashlens_frame.buckets"
_NO_DAY = "__HIVE_DEFAULT_PARTITION__"  # what Hive, Spark and Arrow call null


class Partition(NamedTuple):
    """A folder of a dataset: its path, its name, its number of calls, and its files at the time of the listing."""

    path: Path
    name: str
    rows: int
    files: tuple[Path, ...]


class _Staged(NamedTuple):
    """A file that is written, but not yet a part of the dataset."""

    path: Path
    partition: str
    part: Part


def write_dataset(
    calls: pd.DataFrame | Iterable[pd.DataFrame],
    target: AnyPath,
    *,
    by: str = "trace",
    buckets: int = 16,
    mode: str = "error",
) -> None:
    """Write calls as a folder of Parquet files, in partitions that can be worked on one by one.

    Within a file the calls are sorted by trace and time, and statistics let a filter skip what it rules out.
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
        What to do where the folder holds a dataset already: ``"error"``, ``"append"`` to it, which needs the same
        ``by`` and ``buckets``, or ``"overwrite"`` it.

    Raises
    ------
    FileExistsError
        The folder holds calls and ``mode`` is ``"error"``, or it is no dataset and ``mode`` is ``"overwrite"``.
    InvalidOptionError
        An option has a value that is not allowed, or does not fit what the folder holds.
    MissingColumnsError, InvalidCallError
        A frame is no frame of calls.
    SchemaVersionError
        ``mode`` is ``"append"`` and the folder holds Parquet files that ``write_dataset`` did not write.
    UnsavedCallsError
        Another program has kept the folder locked for a minute.

    Notes
    -----
    The calls become visible all together, when everything is on the disk and the file ``_crashlens_frame.json``, which
    names each part of the dataset and its number of calls, is replaced. A write that fails or is killed before leaves
    the dataset as it was; the next write removes what it left behind. Several writers may write at a time: appended
    calls are all kept, and of two overwriting writers the last one wins. Readers of this package read exactly the files
    that ``_crashlens_frame.json`` names. Nothing else in the folder is ever removed.

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
    check_choice("by", by, PARTITIONED_BY)
    check_choice("mode", mode, MODES)
    check_number("buckets", buckets, 0, 10_001, "1 to 10,000", whole=True)
    if not isinstance(calls, pd.DataFrame | Iterable):
        raise InvalidOptionError(f"calls are {type(calls).__name__}, expected a DataFrame, or several")
    check_path(target)
    folder = Path(os.path.realpath(target))  # a link keeps pointing to where it pointed
    if folder.exists() and not folder.is_dir():
        raise ExistingFileError(f"{folder} is a file, expected a folder; write to another path")
    layout = Manifest(by, buckets if by == "trace" else None, {})
    _check_mode(folder, mode, layout)
    with file_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with file_errors(target):
            staging = stack.enter_context(staging_folder(folder))
        staged = _stage([calls] if isinstance(calls, pd.DataFrame) else calls, staging, layout, target)
        with file_errors(target), locked(folder):
            _publish(folder, token_of(staging), staged, mode, layout)


def partitions(folder: AnyPath) -> list[Partition]:
    """Return the partitions of a folder that ``write_dataset`` wrote, in the order of their names.

    Parameters
    ----------
    folder
        Path of the folder.

    Returns
    -------
    list of Partition
        The ``path``, the ``name``, the number of ``rows`` and the ``files`` of each partition.

    Raises
    ------
    MissingFileError
        There is no such folder, or it holds no partition.
    LogFileError, SchemaVersionError
        The list of its files is damaged, or a newer version of the package wrote it or one of the files.

    Warns
    -----
    PassedOverWarning
        The folder has Parquet files that are no part of the dataset.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import crashlens_frame as cf
    >>> with TemporaryDirectory() as folder:
    ...     cf.write_dataset(cf.simulate_workload(100, seed=1), folder, buckets=4)
    ...     [part.name for part in cf.partitions(folder)]
    ['bucket=00', 'bucket=01', 'bucket=02', 'bucket=03']
    """
    check_path(folder)
    root = Path(folder)
    if not root.is_dir():
        raise MissingFileError(f"{folder} is no folder; cf.write_dataset makes folders of partitions")
    manifest = read_manifest(root)
    if manifest is not None:
        return _partitions_named(root, manifest)
    found = [part for part in sorted(root.iterdir()) if part.is_dir() and "=" in part.name]
    if not found:
        raise MissingFileError(f"{folder} holds no partitions; cf.write_dataset makes them")
    files = [tuple(sorted(part.glob("*.parquet"))) for part in found]
    rows = [sum(parquet_file(file).metadata.num_rows for file in each) for each in files]
    return [Partition(part, part.name, *held) for part, *held in zip(found, rows, files, strict=True)]


def trace_buckets(folder: AnyPath) -> list[Partition]:
    """Return the partitions of a dataset by trace; none where a trace may be in more than one of them."""
    root = Path(folder)
    manifest = read_manifest(root)
    if manifest is not None:
        return _partitions_named(root, manifest) if manifest.by == "trace" and manifest.parts else []
    files = walk_dataset(root, "*.parquet")
    layouts = [_stored_layout(file) for file in files]
    alike = all(layout[_BY_KEY] == "trace" and layout == layouts[0] for layout in layouts)
    apart = [file for file in files if file.parent.parent != root]
    return partitions(root) if files and alike and not apart else []


def bucket_numbers(trace_ids: pd.Series, buckets: int) -> np.ndarray:
    """Return the bucket of each trace id.

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


def _stage(frames: Iterable[pd.DataFrame], staging: Path, layout: Manifest, target: AnyPath) -> list[_Staged]:
    """Write the files of some frames, under numbers for names. What the frames themselves raise is not the target's."""
    metadata = _metadata(layout)
    staged: list[_Staged] = []
    for frame in frames:
        calls = as_calls(frame)
        table = table_from_frame(calls).append_column("part", _partition_names(calls, layout))
        table = table.sort_by([("part", "ascending"), *ORDER])
        name = table["part"].combine_chunks()
        begins = [0, *(np.flatnonzero(pc.not_equal(name[1:], name[:-1])) + 1), len(table)] if len(table) else [0]
        for begin, end in pairwise(begins):
            path = staging / f"{len(staged):05d}"
            rows = table.slice(begin, end - begin).drop_columns("part")
            with file_errors(target), path.open("xb") as stream:
                write_table(rows, stream, is_sorted=True, metadata=metadata)
                stream.flush()
                os.fsync(stream.fileno())
            staged.append(_Staged(path, name[begin].as_py(), Part(len(rows), path.stat().st_size)))
    return staged


def _publish(folder: Path, token: str, staged: list[_Staged], mode: str, layout: Manifest) -> None:
    """Make staged files the parts of a dataset, or parts of it. The caller holds the lock."""
    before = _check_mode(folder, mode, layout)
    if read_manifest(folder) is None:
        write_manifest(folder, before)  # from now on a file counts only when the manifest names it
    left = clean_up(folder, before)
    targets = {file.path: f"{file.partition}/part-{token}-{file.path.name}.parquet" for file in staged}
    added = {targets[file.path]: file.part for file in staged}
    kept = {} if mode == "overwrite" else before.parts
    parts = dict(sorted([*kept.items(), *added.items()], key=lambda part: part[0].partition("/")[0]))
    replaced = tuple(path for path in before.parts if path not in kept)
    try:
        for file in staged:
            (folder / file.partition).mkdir(exist_ok=True)
            file.path.rename(folder / targets[file.path])
        sync_folders({folder, *(folder / file.partition for file in staged)})
        write_manifest(folder, layout._replace(parts=parts, replaced=(*left, *replaced)))
    except BaseException:
        now = read_manifest(folder) or before
        remove_parts(folder, set(added) - set(now.parts))
        raise
    remove_parts(folder, replaced)


def _check_mode(folder: Path, mode: str, layout: Manifest) -> Manifest:
    """Return what the folder holds; refuse what the mode does not allow."""
    held = read_manifest(folder)
    files = walk_dataset(folder, "*.parquet") if held is None else [folder / path for path in held.parts]
    if files and mode == "error":
        raise ExistingFileError(
            f'{folder} holds files already; mode="append" adds to them, mode="overwrite" replaces them'
        )
    if held is None:
        _check_ours(folder, files, mode)
        held = _manifest_of(files) if files else layout
    if files and mode == "append" and held[:2] != layout[:2]:
        raise InvalidOptionError(
            f"{folder} is partitioned by {_described(held)}, and cannot be appended to by {_described(layout)}; pass"
            " the same by and buckets"
        )
    return held


def _check_ours(folder: Path, files: list[Path], mode: str) -> None:
    """Refuse a folder without a manifest that is no dataset of version 0.1."""
    layouts = [_stored_layout(file) for file in files]
    foreign = [
        file
        for file, layout in zip(files, layouts, strict=True)
        if layout[_BY_KEY] not in PARTITIONED_BY or layout != layouts[0] or not is_part_path(file.relative_to(folder))
    ]
    others = [path for path in folder.iterdir() if not path.name.startswith((".", PREFIX))] if folder.exists() else []
    if mode == "overwrite" and (foreign or (others and not files)):
        raise ExistingFileError(
            f"{folder} holds {(foreign or others)[0].relative_to(folder)}, which write_dataset did not write, so it is"
            " not overwritten; write to another folder"
        )
    if foreign:
        raise SchemaVersionError(
            f"{foreign[0]} was not written by write_dataset, so nothing can be appended beside it; move it out of the"
            " folder, or write to another folder"
        )


def _manifest_of(files: list[Path]) -> Manifest:
    """Return the manifest that version 0.1 did not write: its files themselves contain how they are partitioned."""
    by, buckets = _stored_layout(files[0]).values()
    parts = {f"{file.parent.name}/{file.name}": _measured(file) for file in files}
    return Manifest(by, int(buckets) if buckets.isdecimal() else None, parts)


def _measured(file: Path) -> Part:
    return Part(parquet_file(file).metadata.num_rows, file.stat().st_size)


def _partitions_named(root: Path, manifest: Manifest) -> list[Partition]:
    """Return the partitions whose files a manifest names."""
    warn_of_strays(root, manifest)
    files: dict[str, list[Path]] = {}
    rows: dict[str, int] = {}
    for path, part in manifest.parts.items():
        name = path.partition("/")[0]
        files.setdefault(name, []).append(root / path)
        rows[name] = rows.get(name, 0) + part.rows
    if not files:
        raise MissingFileError(f"{root} holds no partitions; cf.write_dataset makes them")
    return [Partition(root / name, name, rows[name], tuple(files[name])) for name in sorted(files)]


def _partition_names(calls: pd.DataFrame, layout: Manifest) -> pa.Array:
    """Return the name of the partition of each call."""
    if layout.buckets is not None:
        width = len(str(layout.buckets - 1))
        names = pa.array([f"bucket={number:0{max(width, 2)}d}" for number in range(layout.buckets)])
        return names.take(pa.array(bucket_numbers(calls["trace_id"], layout.buckets)))
    days = pa.array(calls["timestamp"].dt.strftime("%Y-%m-%d").astype("str"), pa.string())
    return pc.binary_join_element_wise("day=", pc.fill_null(days, _NO_DAY), "")


def _metadata(layout: Manifest) -> dict[str, str]:
    """Return what each file holds of its dataset."""
    return {_BY_KEY: layout.by} | ({} if layout.buckets is None else {_BUCKETS_KEY: str(layout.buckets)})


def _stored_layout(file: Path) -> dict[str, str]:
    """Return what the metadata of a file hold of its dataset; empty texts for a file of no dataset."""
    metadata = parquet_file(file).schema_arrow.metadata or {}
    return {key: metadata.get(key.encode(), b"").decode(errors="replace") for key in (_BY_KEY, _BUCKETS_KEY)}


def _described(layout: Manifest) -> str:
    return layout.by if layout.buckets is None else f"{layout.by} in {layout.buckets} buckets"
