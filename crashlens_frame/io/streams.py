"""Files as streams of bytes: paths, globs, lists and file objects in, whole files out."""

import glob
import gzip
import itertools
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from ..errors import LogFileError

AnyPath = str | PathLike[str]
Target = AnyPath | IO[bytes]
Source = AnyPath | IO[Any] | Iterable[AnyPath | IO[Any]]

BLOCK = 4 << 20  # larger ones come from the system page by page, at four times the cost
BOM = b"\xef\xbb\xbf"
_DECODERS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"\x28\xb5": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


@contextmanager
def open_source(source: AnyPath | IO[Any]) -> Iterator[tuple[str, IO[Any]]]:
    """Open one file for reading, and give its name with it; a file object stays open, "-" is the standard input."""
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        yield name if isinstance(name, str) else "<stream>", cast("IO[Any]", source)
    elif source == "-":
        yield "<stdin>", sys.stdin.buffer
    else:
        path = os.fspath(source)
        with open(path, "rb") as stream:  # noqa: PTH123  the name is told as it was given
            yield path, stream


def list_files(source: Source) -> list[AnyPath | IO[Any]]:
    """List the files that a path, a glob, a file object, or an iterable of these stands for, in order.

    Raises
    ------
    FileNotFoundError
        There is no such file, or none matches.
    LogFileError
        It is a directory.
    """
    if hasattr(source, "read"):
        return [cast("IO[Any]", source)]
    if not isinstance(source, str | PathLike):
        return [file for each in source for file in list_files(each)]
    path = os.fspath(source)
    if Path(path).is_dir():
        raise LogFileError(f"{path} is a directory, expected a file; give its files as '{Path(path, '*.jsonl')}'")
    if path == "-" or Path(path).exists():
        return [path]
    found = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []  # noqa: PTH207  takes any root
    if not found:
        raise FileNotFoundError(f"no file is named or matches {path}")
    return list(found)


def line_blocks(stream: IO[Any], *, size: int = BLOCK) -> Iterator[bytes]:
    """Read a stream as blocks of whole lines, decompressed, without a byte order mark.

    Raises
    ------
    LogFileError
        The compressed stream is torn; all that could be read of it has been given by then.
    """
    rest: list[bytes | memoryview] = []
    first = True  # the first chunk may be a BOM and nothing else
    torn: Exception | None = None
    chunks = _plain(_chunks(stream, size))
    while True:
        try:
            chunk = next(chunks, b"")
        except _TORN as error:
            torn, chunk = error, b""
        if not chunk and not first:
            break
        first = False
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, memoryview(chunk)[:cut]])
            rest = []
        if cut < len(chunk):
            rest.append(memoryview(chunk)[cut:])
    if rest:
        yield b"".join(rest)
    if torn is not None:
        raise LogFileError(f"the compressed stream is torn here: {torn}")


_TORN = (EOFError, zlib.error, zstandard.ZstdError)


def _chunks(stream: IO[Any], size: int) -> Iterator[bytes]:
    while chunk := stream.read(size):
        yield chunk.encode("utf-8", "surrogatepass") if isinstance(chunk, str) else chunk


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress what begins like gzip or Zstandard, whatever its name (no JSON begins so), and drop the BOM."""
    chunks = _headed(chunks)
    head = next(chunks)
    chunks = itertools.chain([head], chunks)
    decoder = _DECODERS.get(head[:2])
    plain = _headed(chunks if decoder is None else _decompressed(chunks, decoder))
    yield next(plain).removeprefix(BOM)
    yield from (chunk for chunk in plain if chunk)


def _headed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Join the first chunks until they tell what the stream is: a pipe may give one byte at a time."""
    head = b""
    while len(head) < len(BOM) and (chunk := next(chunks, None)) is not None:
        head += chunk
    yield head
    yield from chunks


def _decompressed(chunks: Iterable[bytes], new: Callable[[], Any]) -> Iterator[bytes]:
    """Decompress a stream of one or more members, each as far as it reaches."""
    decoder, begun = new(), False
    for chunk in chunks:
        while chunk:
            yield decoder.decompress(chunk)
            begun = not decoder.eof
            if begun:
                break
            chunk, decoder = decoder.unused_data, new()
    if begun:
        raise EOFError("it ends before its end mark")


@contextmanager
def open_atomic(target: Target) -> Iterator[IO[bytes]]:
    """Open a file for writing so that it takes the place of the target only when all is written.

    The bytes go to a temporary file beside the target, compressed if its name ends in .gz or .zst. A file object is
    written to as it stands, "-" is the standard output.
    """
    if hasattr(target, "write"):
        yield cast("IO[bytes]", target)
        return
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(target))  # a link keeps pointing to where it pointed
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as raw:
            Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            with _compressed(raw, path.suffix) as stream:
                yield stream
            raw.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _compressed(raw: IO[bytes], suffix: str) -> Any:
    if suffix == ".gz":
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0)
    if suffix in (".zst", ".zstd"):
        return zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
    return nullcontext(raw)
