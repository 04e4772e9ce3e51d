"""A checksum of the footer of a Parquet file, which Parquet has none for: it has some for the pages of values."""

import os
import zlib
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from typing import IO, Any

from .streams import AnyPath

FOOTER_KEY = b"crashlens_frame.footer"  # in the metadata of the file
UNSEALED = "0" * 28  # in place of the checksum and of the place of the footer, and while they are computed
_SUM = 8  # digits of the checksum, which come first
_MAGIC = b"PAR1"
_TAIL = 8  # bytes: the length of the footer, and the magic
_GAP = 2  # bytes between a key of the metadata and its value: type and length


class FooterSeal:
    r"""A stream that pyarrow writes a Parquet file to, with ``UNSEALED`` as the value of ``FOOTER_KEY``.

    What comes after ``hold`` is kept until ``seal`` puts the checksum into it.

    Parameters
    ----------
    stream
        Where the file goes.

    Examples
    --------
    >>> import io
    >>> from crashlens_frame.io.parquet_footer import FooterSeal, check_footer
    >>> file = io.BytesIO()
    >>> seal = FooterSeal(file)
    >>> footer = b"crashlens_frame.footer\x18\x1c" + b"0" * 28
    >>> seal.hold()
    >>> _ = seal.write(footer + len(footer).to_bytes(4, "little") + b"PAR1")
    >>> seal.seal()
    >>> file.getvalue()[32:52]  # begins at byte 0 and has 52 bytes
    b'00000000000000000034'
    >>> check_footer(file)
    """

    closed = False  # pyarrow asks

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._written = 0
        self._held: list[bytes] | None = None

    def write(self, data: Any) -> int:
        """Write bytes, or keep them."""
        if self._held is None:
            self._stream.write(data)
            self._written += len(data)
        else:
            self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: the stream is flushed by whoever opened it."""

    def close(self) -> None:
        """Do nothing, as ``flush``."""

    def hold(self) -> None:
        """Keep what is written from now on: the footer, and what is just before it."""
        self._held = []

    def seal(self) -> None:
        """Write what was kept, with its checksum."""
        kept = b"".join(self._held or [])
        begin, end = len(kept) - _TAIL - _length(kept[-_TAIL:]), len(kept) - _TAIL
        at, footer = begin + _value_at(kept[begin:end]), kept[begin:end]
        value = _checksum(footer) + _place(self._written + begin, footer)
        self._stream.write(kept[:at] + value + kept[at + len(UNSEALED) :])


def check_footer(source: AnyPath | IO[bytes]) -> None:
    """Check the footer of a Parquet file against its checksum, if it has one of its own.

    Files of other programs have none, or that of a file of ours whose metadata they copied: it names another place.

    Raises
    ------
    ValueError
        The footer is damaged.
    """
    with Path(source).open("rb") if isinstance(source, str | PathLike) else nullcontext(source) as stream:
        before = stream.seek(0, os.SEEK_CUR)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read(_TAIL)
        footer = b""
        if len(tail) == _TAIL and tail.endswith(_MAGIC) and _length(tail) + _TAIL <= size:
            stream.seek(size - _TAIL - _length(tail))
            footer = stream.read(_length(tail))
        stream.seek(before)
    at = _value_at(footer)
    found, place = footer[at : at + _SUM], footer[at + _SUM : at + len(UNSEALED)]
    if at >= 0 and place == _place(size - _TAIL - len(footer), footer) and found != _checksum(footer):
        raise ValueError("its footer does not fit its checksum")


def _length(tail: bytes) -> int:
    return int.from_bytes(tail[:4], "little")


def _value_at(footer: bytes) -> int:
    """Return where the checksum is in a footer; negative: nowhere."""
    at = footer.rfind(FOOTER_KEY)
    return -1 if at < 0 else at + len(FOOTER_KEY) + _GAP


def _checksum(footer: bytes) -> bytes:
    at = _value_at(footer)
    value = zlib.crc32(footer[at + len(UNSEALED) :], zlib.crc32(UNSEALED.encode(), zlib.crc32(footer[:at])))
    return f"{value:08x}".encode()


def _place(begin: int, footer: bytes) -> bytes:
    return f"{begin:012x}{len(footer):08x}".encode()
