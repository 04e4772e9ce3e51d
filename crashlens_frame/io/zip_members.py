"""Members of zip files: what zipfile raises for damaged, encrypted and foreign ones is an error of the package."""

import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast
from zipfile import BadZipFile, ZipFile

from ..errors import CrashlensFrameError, LogFileError

DEEPEST = 8  # archives within one another
_ERRORS = (
    BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, OverflowError, zlib.error,
    lzma.LZMAError, struct.error,
)  # fmt: skip


@contextmanager
def zip_errors() -> Iterator[None]:
    """Turn what is raised while an archive is read into an error of the package.

    Raises
    ------
    LogFileError
        The archive is damaged, encrypted, or packed in a way that is not read.
    """
    try:
        yield
    except CrashlensFrameError:
        raise
    except _ERRORS as error:
        raise LogFileError(f"the zip archive cannot be read: {error}") from None


def open_member(archive: ZipFile, name: str) -> IO[bytes]:
    """Open a member of an archive for reading."""
    with zip_errors():
        return cast("IO[bytes]", _Member(archive.open(name)))


class _Member(io.RawIOBase):
    """A member of an archive, whose errors are those of the package."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read at any place."""
        return self._stream.seekable()

    def readinto(self, buffer: Any) -> int:
        """Copy the next bytes to a buffer and return their number; 0: the end."""
        with zip_errors():
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        with zip_errors():
            return self._stream.seek(offset, whence)

    def close(self) -> None:
        """Close the member."""
        self._stream.close()
        super().close()
