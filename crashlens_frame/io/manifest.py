"""The manifest of a dataset: the files that it consists of. A write becomes visible when the manifest is replaced.

A writer puts its files into a folder of its own within the dataset (staging). Then, under the lock of the dataset, it
moves them to their partitions and replaces the manifest. Nothing is ever removed but what a manifest names, and what a
writer that is no more has left behind.
"""

import fnmatch
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple

import orjson

try:
    import fcntl
except ImportError:  # Windows, where writers must take turns, and what a killed one has left behind stays
    fcntl = None  # type: ignore[assignment]

from ..errors import LogFileError, SchemaVersionError, UnsavedCallsError
from .streams import PREFIX, AnyPath

MANIFEST, LOCK = f"{PREFIX}.json", f"{PREFIX}.lock"
MANIFEST_VERSION = 1
PARTITIONED_BY = ("trace", "day")
LOCK_SECONDS = 60.0
_STAGING = re.compile(rf"{PREFIX}-([0-9a-f]{{24}})")
_PART_PATH = re.compile(r"[^/\\=]+=[^/\\]*/[^/\\]+\.parquet")  # never leads out of the dataset
_WRITER = "writer.lock"


class Part(NamedTuple):
    """What the manifest holds of a file: its number of calls and its size in bytes."""

    rows: int
    size: int


class Manifest(NamedTuple):
    """How a dataset is partitioned, the files it consists of, and files of before that may still be there.

    Paths are those below the folder of the dataset, as in ``bucket=00/part-....parquet``.
    """

    by: str
    buckets: int | None
    parts: dict[str, Part]
    replaced: tuple[str, ...] = ()


def is_dataset(path: AnyPath) -> bool:
    """Whether a path is the folder of a dataset, with a manifest or, as version 0.1 wrote it, without."""
    return (Path(path) / MANIFEST).is_file() or next(Path(path).glob("*=*/"), None) is not None


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a dataset; None where the folder has none.

    Raises
    ------
    LogFileError
        It is damaged.
    SchemaVersionError
        A newer version of the package wrote it.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fields = orjson.loads(data)
        version = fields["version"]
        if version <= MANIFEST_VERSION:
            return _checked(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise LogFileError(f"{path} is damaged: {error!r}; restore it from a copy of the dataset") from None
    raise SchemaVersionError(
        f"{path} has version {version}, expected at most {MANIFEST_VERSION}; upgrade crashlens-frame to read it"
    )


def walk_dataset(folder: Path, pattern: str) -> list[Path]:
    """List the files below a folder whose names match a pattern, in order; files and folders may vanish meanwhile."""
    found = []
    for inside, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _STAGING.fullmatch(name) is None]
        found += [Path(inside, name) for name in fnmatch.filter(files, pattern)]
    return sorted(found)


def is_part_path(path: PurePath) -> bool:
    """Whether a path below a dataset is that of a Parquet file in a partition, as in ``bucket=00/part.parquet``."""
    return _PART_PATH.fullmatch(path.as_posix()) is not None


def _checked(fields: Any) -> Manifest:
    by, buckets, replaced = fields["by"], fields["buckets"], fields["replaced"]
    parts = {part["path"]: Part(part["rows"], part["bytes"]) for part in fields["parts"]}
    wrong = [path for path in (*parts, *replaced) if not is_part_path(PurePosixPath(path))]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no path of a part")
    numbers = [*(number for part in parts.values() for number in part), buckets or 1]
    if by not in PARTITIONED_BY or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a value does not fit its field")
    return Manifest(by, buckets, parts, tuple(replaced))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before. The caller holds the lock."""
    fields = {
        "version": MANIFEST_VERSION,
        "by": manifest.by,
        "buckets": manifest.buckets,
        "parts": [{"path": path, "rows": rows, "bytes": size} for path, (rows, size) in manifest.parts.items()],
        "replaced": list(manifest.replaced),
    }
    unfinished = folder / f"{MANIFEST}.part"
    try:
        with unfinished.open("wb") as stream:
            stream.write(orjson.dumps(fields))
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(folder / MANIFEST)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folders([folder])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers of a dataset out.

    Raises
    ------
    UnsavedCallsError
        Another program has held the lock for a minute, or the file system has no locks.
    """
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not _lock(handle):
            if time.monotonic() > end:
                raise UnsavedCallsError(
                    f"{folder} has been locked by another program for {LOCK_SECONDS:g} s, so nothing was written; end"
                    " the program, or write again later"
                )
            time.sleep(0.005)
        yield
    finally:
        _release(handle)


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for the files of one write, and remove it in the end with what is in it.

    Its name ends in a token that no other write has. The file in it that is locked shows that the writer is alive.
    """
    with locked(folder):
        staging = folder / f"{PREFIX}-{time.time_ns():016x}{secrets.token_hex(4)}"
        staging.mkdir()
        handle = os.open(staging / _WRITER, os.O_RDWR | os.O_CREAT, 0o666)
        _lock(handle)
    try:
        yield staging
    finally:
        _release(handle)
        _empty(staging)


def token_of(staging: Path) -> str:
    """Return the token of a write, which the names of its parts contain."""
    return staging.name.removeprefix(f"{PREFIX}-")


def is_in_motion(folder: Path, file: Path) -> bool:
    """Whether a writer that is not done, or was killed, put a file into its partition."""
    return any(token_of(staging) in file.name for staging in folder.glob(f"{PREFIX}-*/"))


def clean_up(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Remove replaced files and what killed writers left; return the replaced ones that cannot be. Under the lock."""
    for staging in folder.glob(f"{PREFIX}-*/"):
        if _STAGING.fullmatch(staging.name) and _is_abandoned(staging):
            # it was killed while it moved its files, before the manifest named them
            moved = {
                f"{path.parent.name}/{path.name}" for path in folder.glob(f"*=*/part-{token_of(staging)}-*.parquet")
            }
            remove_parts(folder, moved - set(manifest.parts))
            _empty(staging)
    return remove_parts(folder, set(manifest.replaced) - set(manifest.parts))


def remove_parts(folder: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Remove files of a dataset, and partitions that are empty then; return those that cannot be removed."""
    kept = []
    for path in paths:
        try:
            (folder / path).unlink(missing_ok=True)
        except OSError:  # Windows removes no file that somebody reads
            kept.append(path)
        with suppress(OSError):
            (folder / path).parent.rmdir()
    return tuple(sorted(kept))


def sync_folders(folders: Iterable[Path]) -> None:
    """Write the names of the files in some folders to the disk itself."""
    for folder in folders if fcntl is not None else ():  # Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_abandoned(staging: Path) -> bool:
    try:
        handle = os.open(staging / _WRITER, os.O_RDWR)
    except FileNotFoundError:  # killed before there was one, or at the end of removing the folder
        return True
    try:
        return fcntl is not None and _lock(handle)
    finally:
        _release(handle)


def _empty(staging: Path) -> None:
    """Remove a staging folder, as far as what is in it was put there by its writer."""
    with suppress(FileNotFoundError):  # its writer and the next one may both be at it
        for file in list(staging.iterdir()):
            if file.name.isdecimal() or file.name == _WRITER:
                file.unlink(missing_ok=True)
    with suppress(OSError):
        staging.rmdir()


def _lock(handle: int) -> bool:
    """Whether the lock of an open file could be had without waiting."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UnsavedCallsError(
            f"the file system locks no files ({error.strerror}), so nothing was written; write to another one"
        ) from error
    return True


def _release(handle: int) -> None:
    """Release a lock, also where a forked process still has the file open."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
