"""Zip files of any kind: a member that cannot be read costs itself, and the others are read."""

import contextlib
import io
import random
import zipfile

import pytest

import crashlens_frame as cf
from crashlens_frame.io import inspect_archive

LINE = b'{"trace_id":"t","model":"m"}\n'
pytestmark = pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def read(content: bytes) -> tuple[int, list[str]]:
    """Return the number of calls, and why the rest was left out."""
    return len(cf.read_logs(io.BytesIO(content), prices=None)), cf.read_rejects(io.BytesIO(content))["reason"].tolist()


def changed(content: bytes, *, local: int, central: int, value: int) -> bytes:
    """Change a byte of the first member, where it is and in the list of members."""
    data = bytearray(content)
    data[local], data[data.index(b"PK\x01\x02") + central] = value, value
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"local": 6, "central": 8, "value": 1}, "File 'a.jsonl' is encrypted, password required for extraction"),
        ({"local": 8, "central": 10, "value": 97}, "That compression method is not supported"),
        ({"local": 8, "central": 10, "value": 12}, "Invalid data stream"),
    ],
)
def test_a_member_that_cannot_be_read_is_named_and_the_others_are_read(content: dict[str, int], reason: str) -> None:
    whole = packed(("a.jsonl", LINE), ("b.jsonl", LINE))
    assert read(whole) == (2, [])
    assert read(changed(whole, **content)) == (1, [f"the zip archive cannot be read: {reason}"])


def test_no_flipped_bit_is_more_than_a_reject() -> None:
    whole, chance = packed(*((f"{number}.jsonl", LINE * 9) for number in range(3))), random.Random(1)
    for _ in range(40):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with contextlib.suppress(cf.CrashlensFrameError):
            assert read(bytes(data))[0] <= 27


def nested(deep: int) -> bytes:
    content, name = LINE, "a.jsonl"
    for number in range(deep):
        content, name = packed((name, content)), f"{number}.zip"
    return content


def test_archives_within_one_another_end() -> None:
    assert read(nested(8)) == (1, [])
    reason = "archives are within one another, more than 8 deep; unpack them"
    for deep in (9, 200):
        assert read(nested(deep)) == (0, [reason])


def test_a_sample_of_an_evaluation_that_unpacks_without_end_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_archive, "MAX_LINE", 1_000_000)
    bomb = packed(("header.json", b"{}"), ("samples/1.json", bytes(1_000_001)))
    assert read(bomb) == (0, ["samples/1.json is longer than 1 MB"])


NAMES = ("../../evil.jsonl", "/root.jsonl", "\x1b[31m.jsonl", "x" * 3000 + ".jsonl", ".hidden.jsonl")


def test_names_of_members_are_names_only(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls, reasons = read(packed(*((name, LINE + b"bad\n") for name in NAMES)))
    assert (calls, len(reasons)) == (3, 3)  # of those that are not hidden
    assert list(tmp_path.iterdir()) == []
