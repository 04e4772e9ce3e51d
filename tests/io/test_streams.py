"""Streams of lines and whole files: what is too long, damaged, or no regular file costs itself and no more."""

import gzip
import io
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zstandard

import crashlens_frame as cf
from crashlens_frame.io import file_reader
from crashlens_frame.io.streams import LongLine, blocks_of_lines, line_blocks, open_atomic, plain_chunks

A = b'{"trace_id":"a","model":"m"}'
B = b'{"trace_id":"b","model":"m"}'
MB = 1_000_000


def packed(name: str, pieces: Iterator[bytes]) -> bytes:
    """Pack pieces without ever holding them all."""
    target = io.BytesIO()
    stream: Any = (
        gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1)
        if name == "gzip"
        else zstandard.ZstdCompressor().stream_writer(target, closefd=False)
    )
    with stream:
        for piece in pieces:
            stream.write(piece)
    return target.getvalue()


# -- lines that are too long ------------------------------


@pytest.mark.parametrize("size", [1, 3, 10, 20])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_that_is_too_long_costs_itself_alone(size: int, end: bytes) -> None:
    long, short = b"x" * 41, b"y" * 39
    found = list(line_blocks(io.BytesIO(A + b"\n" + long + b"\n" + short + b"\n" + long + end), size=size, max_line=40))
    whole = b"".join(block for block in found if isinstance(block, bytes))
    assert whole == A + b"\n" + short + b"\n"
    assert [(block.head.rstrip(), block.length) for block in found if isinstance(block, LongLine)] == [
        (long, 42),
        (long, 41 + len(end)),
    ]


def test_a_line_that_is_too_long_is_a_reject_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reader, "plain_chunks", lambda stream: plain_chunks(stream, size=20))
    monkeypatch.setattr(file_reader, "blocks_of_lines", lambda chunks: blocks_of_lines(chunks, max_line=40))
    log = io.BytesIO(A + b"\n\n" + b"x" * 5_000 + b"\n" + B + b"\n" + b"z" * 50)
    rejects = cf.read_rejects(log)
    assert rejects["line"].tolist() == [3, 5]
    assert rejects["reason"].tolist() == [
        "line is longer than 256 MB (5,001 bytes)",
        "line is longer than 256 MB (50 bytes)",
    ]
    assert rejects["text"].tolist() == ["x" * 200, "z" * 50]
    log.seek(0)
    with pytest.warns(cf.RejectedLinesWarning):
        assert cf.read_jsonl(log)["trace_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize("kind", ["gzip", "zstandard"])
def test_a_small_packed_file_of_much_nothing_takes_little_memory(kind: str) -> None:
    zeros = bytes(10 * MB)
    bomb = packed(kind, (piece for piece in [A + b"\n", *[zeros] * 60, b"\n" + B]))
    tracemalloc.start()
    try:
        found = list(line_blocks(io.BytesIO(bomb), max_line=20 * MB))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(bomb) < 4 * MB
    assert [block if isinstance(block, bytes) else block.length for block in found] == [A + b"\n", 600 * MB + 1, B]
    assert peak < 150 * MB


def test_blank_lines_take_little_memory() -> None:
    lines = packed("zstandard", (piece for piece in [b"\n" * MB] * 100 + [A]))
    tracemalloc.start()
    try:
        calls = cf.read_jsonl(io.BytesIO(lines))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert calls["trace_id"].tolist() == ["a"]
    assert peak < 300 * MB


# -- damage ------------------------------


@pytest.mark.parametrize("name", ["log.jsonl.gz", "log.jsonl.zst"])
def test_no_flipped_bit_of_a_packed_log_passes_unnoticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    cf.to_jsonl(cf.simulate_workload(1, seed=1), path)
    packed = path.read_bytes()
    plain = b"".join(line_blocks(io.BytesIO(packed)))  # type: ignore[arg-type]
    for bit in range(16, 8 * len(packed)):  # without its first two bytes it is not packed, and no JSON
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = b"".join(line_blocks(io.BytesIO(damaged)))  # type: ignore[arg-type]
        except cf.LogFileError:
            continue
        assert found == plain, f"bit {bit} of {8 * len(packed)}"


def test_a_damaged_log_says_that_lines_before_may_be_wrong(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    cf.to_jsonl(cf.simulate_workload(50, seed=1), path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1  # of the checksum
    path.write_bytes(damaged)
    assert cf.read_rejects(path)["reason"].iloc[-1] == (
        "the compressed stream is damaged, and lines before this one may be wrong: zstd decompressor error: Restored"
        " data doesn't match checksum"
    )


# -- whole files ------------------------------


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path, "a directory"), (tmp_path / "pipe", "a named pipe"), (Path("/dev/null"), "a device")):
        with pytest.raises(cf.LogFileError) as refusal, open_atomic(path):
            pass
        assert str(refusal.value) == f"{path} is {kind}, expected a file"
    assert Path("/dev/null").is_char_device()


def test_errors_of_writing_name_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = cf.LogBook().df
    with pytest.raises(FileNotFoundError) as missing:
        cf.to_jsonl(calls, tmp_path / "none" / "logs.jsonl")
    assert str(missing.value) == f"{tmp_path / 'none' / 'logs.jsonl'}: No such file or directory"

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(source), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(cf.FileAccessError) as refused:
        cf.to_jsonl(calls, tmp_path / "logs.jsonl")
    assert str(refused.value) == f"{tmp_path / 'logs.jsonl'}: Permission denied"
    assert list(tmp_path.iterdir()) == []


def test_errors_of_who_writes_are_not_named_as_those_of_the_target(tmp_path: Path) -> None:
    raised = FileNotFoundError(2, "No such file or directory", "a source of the data")
    for name in ("logs.jsonl", "logs.jsonl.gz", "logs.jsonl.zst"):
        with pytest.raises(FileNotFoundError) as seen, open_atomic(tmp_path / name):
            raise raised
        assert seen.value is raised

    def frames() -> Iterator[pd.DataFrame]:
        yield cf.simulate_workload(1, seed=1)
        raise raised

    with pytest.raises(FileNotFoundError) as of_frames:
        cf.write_dataset(frames(), tmp_path / "store")
    assert of_frames.value is raised
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_a_name_may_be_as_long_as_names_can_be_and_need_not_be_text(tmp_path: Path) -> None:
    for name in ("l" * 249 + ".jsonl", "log\udcff.jsonl"):
        cf.to_jsonl(cf.LogBook().df, tmp_path / name)
        assert (tmp_path / name).exists()


def test_calls_that_are_read_already_are_no_source() -> None:
    with pytest.raises(cf.InvalidOptionError, match="expected the paths that they were read from"):
        cf.read_repairs(cf.LogBook().df)  # type: ignore[arg-type]  # what somebody may try
