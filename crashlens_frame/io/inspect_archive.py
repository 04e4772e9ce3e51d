"""Logs of Inspect as it packs them (.eval): a zip file with a header, and a file for each sample.

The summaries and the journal beside them repeat what is in the samples.
"""

from collections.abc import Iterator
from zipfile import ZipFile

import orjson

from ..errors import LogFileError
from .streams import MAX_LINE
from .zip_members import zip_errors

_HEADERS = ("header.json", "_journal/start.json")  # the second one is that of an evaluation that was broken off
_SAMPLES = "samples/"
_NEWLINES = bytes.maketrans(b"\r\n", b"  ")


def is_inspect_archive(archive: ZipFile) -> bool:
    """Whether a zip file is a log of Inspect."""
    names = archive.namelist()
    return any(header in names for header in _HEADERS) and any(name.startswith(_SAMPLES) for name in names)


def inspect_samples(archive: ZipFile) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each sample, and a line that has it beside the header, as a log of Inspect in JSON has it."""
    about = _evaluation(archive)
    for name in archive.namelist():
        if name.startswith(_SAMPLES) and name.endswith(".json"):
            sample = _content(archive, name).translate(_NEWLINES)
            yield name, b'{"eval":%b,"samples":[%b]}\n' % (orjson.dumps(about), sample)


def _content(archive: ZipFile, name: str) -> bytes:
    """Return a member, which is a line of a log."""
    if archive.getinfo(name).file_size > MAX_LINE:
        raise LogFileError(f"{name} is longer than {MAX_LINE / 1e6:g} MB")
    with zip_errors():
        return archive.read(name)


def _evaluation(archive: ZipFile) -> dict[str, object]:
    """Return what the header has about the evaluation; nothing where it is damaged."""
    header = next(name for name in _HEADERS if name in archive.namelist())
    try:
        found = orjson.loads(_content(archive, header))
    except orjson.JSONDecodeError:
        return {}
    evaluation = found.get("eval") if isinstance(found, dict) else None
    return evaluation if isinstance(evaluation, dict) else {}
