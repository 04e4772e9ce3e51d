"""The Parquet files that a path, a pattern, a folder or a list of these means; for a dataset, those of its manifest."""

import os
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from os import PathLike
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias, cast

from .._core import check_path
from ..errors import LogFileError, MissingFileError, PassedOverWarning
from .manifest import MANIFEST, Manifest, Part, is_in_motion, read_manifest, walk_dataset
from .streams import AnyPath, Source, list_files

_ManifestOf: TypeAlias = Callable[[Path], Manifest | None]


class StoredFile(NamedTuple):
    """A Parquet file and, for a part of a dataset, what the manifest of the dataset holds of it."""

    source: AnyPath | IO[Any]
    part: Part | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """Name of the file in messages."""
        if self.label is not None:
            return self.label
        source = self.source
        return str(source) if isinstance(source, str | PathLike) else str(getattr(source, "name", "the file"))


def parquet_files(source: Source) -> list[StoredFile]:
    """List the Parquet files that a source means, those of a dataset as they are at one moment.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    LogFileError
        A file was a part of a dataset and is no more, or the manifest is damaged.

    Warns
    -----
    PassedOverWarning
        The folder of a dataset has Parquet files that are no part of it.
    """
    return _listed(source, cache(read_manifest))


def without_strays(files: list[AnyPath | IO[Any]]) -> list[AnyPath | IO[Any]]:
    """Return files without those in the folders of datasets that are no part of the dataset any more, or not yet."""
    manifest_of = cache(read_manifest)

    def is_stray(file: AnyPath | IO[Any]) -> bool:
        path = Path(file) if isinstance(file, str | PathLike) else Path()
        manifest = manifest_of(path.parent.parent) if "=" in path.parent.name else None
        return manifest is not None and f"{path.parent.name}/{path.name}" not in manifest.parts

    return [file for file in files if not is_stray(file)]


def warn_of_strays(root: Path, manifest: Manifest) -> None:
    """Warn of Parquet files in the folder of a dataset that are no part of it."""
    named = {*manifest.parts, *manifest.replaced}
    strays = {path: path.relative_to(root).as_posix() for path in walk_dataset(root, "*.parquet")}
    strays = {path: name for path, name in strays.items() if name not in named}
    if not strays:
        return
    # a writer may have added or replaced some of them since the manifest was read, or be about to
    strays = {path: name for path, name in strays.items() if not is_in_motion(root, path)}
    manifest = read_manifest(root) or manifest
    named = {*manifest.parts, *manifest.replaced}
    names = [name for path, name in strays.items() if name not in named and path.exists()]
    if names:
        warnings.warn(
            f"{root} has Parquet files that are no part of the dataset and are not read ({len(names)}, such as"
            f' {names[0]}); add their calls with cf.write_dataset(..., mode="append"), or move them out of the folder',
            PassedOverWarning,
            stacklevel=5,
        )


def _listed(source: Source, manifest_of: _ManifestOf) -> list[StoredFile]:
    if hasattr(source, "read"):
        return [StoredFile(cast("IO[Any]", source))]
    if not isinstance(source, str | PathLike):
        return [file for each in cast("Iterable[AnyPath]", source) for file in _listed(each, manifest_of)]
    check_path(source)
    path = Path(source)
    if path.is_dir():
        files = _in_folder(path, manifest_of)
        if not files:
            raise MissingFileError(f"no file in {source} has a name that ends in .parquet")
        return files
    manifest = manifest_of(path.parent.parent) if "=" in path.parent.name else None
    if manifest is None:
        return [StoredFile(file) for file in list_files(source)]
    part = manifest.parts.get(f"{path.parent.name}/{path.name}")
    if part is None and not path.exists():
        raise LogFileError(
            f"{path} is no part of its dataset any more, as somebody has overwritten the dataset; list its partitions"
            " again"
        )
    return [StoredFile(source, part)]


def _in_folder(folder: Path, manifest_of: _ManifestOf) -> list[StoredFile]:
    """List the files of a dataset, of a partition, or of a folder in which there may be datasets beside other files."""
    whole = Path(os.path.abspath(folder))  # noqa: PTH100  the parent of "." is wanted, and links stay links
    manifest = manifest_of(whole.parent) if "=" in whole.name else None
    if manifest is not None:
        inside = {Path(path).name: part for path, part in manifest.parts.items() if path.startswith(f"{whole.name}/")}
        return [StoredFile(folder / name, part) for name, part in inside.items()]
    roots = {path.parent: manifest_of(path.parent) for path in walk_dataset(folder, MANIFEST)}
    loose = [path for path in walk_dataset(folder, "*.parquet") if not any(root in path.parents for root in roots)]
    files = [StoredFile(path) for path in loose]
    for root, manifest in roots.items():
        if manifest is not None:
            warn_of_strays(root, manifest)
            files += [StoredFile(root / path, part) for path, part in manifest.parts.items()]
    return files
