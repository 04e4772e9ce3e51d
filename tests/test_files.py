"""Bytes in files, where the rest of the suite does not reach."""

from pathlib import Path

import pytest

from crashlens_frame import files


def test_where_files_cannot_be_locked_lines_are_appended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "fcntl", None)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"torn")
    files.append(path, b"one\n")
    files.append(path, b"two\n")
    assert path.read_bytes() == b"torn\none\ntwo\n"
