"""Broken logs: whatever happened to a file, the lines that nothing happened to are read, and the bad ones are named.

What a line is worth is stated here once more, with the ``json`` of the standard library.
"""

import io
import json
import random
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import pytest

import crashlens_frame as cf
from crashlens_frame.formats import FORMATS
from crashlens_frame.io.file_kind import kind_of
from crashlens_frame.io.read_files import LogContent, read_files
from crashlens_frame.schema import CALLS
from tests.support.vendor_logs import TELLERS, Call

CASES = 20_000
WHITE = b" \t\r\0"  # a line may stand between them: a crash leaves NUL bytes
NAMES = [column.name for column in CALLS]

Rows = list[dict[str, Any]]


class Pipe(io.RawIOBase):
    """A stream that returns pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


class Expected(NamedTuple):
    """The expected result: the rows of untouched lines in order, lines that are bad, lines that may be bad."""

    rows: Rows
    bad: set[int]
    touched: set[int]


SESSIONS = {each.name for each in FORMATS.values() if each.session is not None}


def read(pieces: Iterable[bytes]) -> LogContent:
    return read_files(Pipe(pieces), format=None, columns=NAMES, duplicates="all", on_error="reject", progress=False)


def _simulated(format: str) -> list[bytes]:
    target = io.BytesIO()
    cf.to_jsonl(cf.simulate_workload(30, seed=5, days=2), target, format=format)
    return target.getvalue().splitlines()


@cache
def sound_lines() -> dict[bytes, Rows]:
    """Return lines of every format, each with the rows of a log that holds only this line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vendors = [json.dumps(teller(Call()).line).encode() for teller in TELLERS]
    lines = [*_simulated("crashlens"), *_simulated("flat"), *vendors]
    return {line: read([line]).calls.to_pylist() for line in lines}


def test_a_valid_line_of_any_format_is_a_call() -> None:
    assert [len(rows) for rows in sound_lines().values()] == [1] * len(sound_lines())


def expected(log: bytes) -> Expected:
    """Return the expected result of a log."""
    rows: Rows = []
    bad, touched = set(), set()
    for number, line in enumerate(log.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        if line.rstrip(b"\r") in sound_lines():
            rows += sound_lines()[line.rstrip(b"\r")]
            continue
        touched.add(number)
        try:
            records = values_of(line.strip(WHITE).decode())
        except (ValueError, RecursionError):
            bad.add(number)
            continue
        if not all(isinstance(record, dict | list) for record in records):
            bad.add(number)
    return Expected(rows, bad, touched)


def values_of(text: str) -> list[Any]:
    """Parse the JSON values of a line: two, where the end of the line between them was lost."""
    values, end = [], 0
    while end < len(text):
        value, end = json.JSONDecoder().raw_decode(text, end)
        values.append(value)
    return values


def hold(log: bytes, pieces: Iterable[bytes]) -> Expected:
    """Check that a log has the expected result, in pieces of any size."""
    wanted = expected(log)
    if kind_of(log) != "lines":
        return wanted  # a log that begins like something else is that
    found = read(pieces)
    calls = found.calls.to_pylist()
    # a call that is spread over lines comes when it is whole, and a broken copy of one of its lines may belong to it
    spread = {row["trace_id"] for row in wanted.rows if row["log_format"] in SESSIONS}
    assert spread <= {row["trace_id"] for row in calls}
    rows = (row for row in calls if row["log_format"] not in SESSIONS)
    sound = (row for row in wanted.rows if row["log_format"] not in SESSIONS)
    assert all(row in rows for row in sound), "an untouched line was lost, changed or moved"
    lines = found.rejects["line"].to_pylist()
    assert wanted.bad <= set(lines) <= wanted.touched
    assert lines == sorted(lines)
    apart = sum(row["log_format"] not in SESSIONS for row in wanted.rows)
    assert len(found.calls) + len(lines) + found.not_calls.total() >= apart + len(wanted.bad)
    return wanted


# -- what happens to files ------------------------------

SPLINTERS = [b"\n", b"\r\n", b"null", b"{}", b"[", b"}", b"\0", b'"', b",", b"}\n{", b"\xff", b"NaN", b"1e999", b"\\u"]


def broken(draw: random.Random, lines: list[bytes], times: int) -> bytes:
    """Swap, join, double and cut lines; flip, cut and insert bytes within one of them."""
    lines = list(lines)
    for _ in range(times):
        a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
        at = draw.randrange(len(lines[a]) + 1)
        match draw.randrange(7):
            case 0:
                lines[a], lines[b] = lines[b], lines[a]
            case 1:
                lines[a] += lines[b]
            case 2:
                lines.insert(a, lines[b])
            case 3:
                lines[a] = lines[a][:at]
            case 4:
                lines[a] = lines[a][:at] + bytes([draw.randrange(256)]) + lines[a][at + 1 :]
            case 5:
                lines[a] = lines[a][:at] + lines[a][at + draw.randrange(1, 40) :]
            case _:
                lines[a] = lines[a][:at] + draw.choice(SPLINTERS) + lines[a][at:]
    end = draw.choice([b"\n", b"\n", b"\r\n"])
    return end.join(lines) + draw.choice([b"", end])


def in_pieces(draw: random.Random, log: bytes) -> Iterator[bytes]:
    """Cut a log into some pieces of one size."""
    size = len(log) // draw.randrange(1, 8) + 1
    return (log[begin : begin + size] for begin in range(0, len(log), size))


# a line of which most names are broken has names of its own
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.MatchedColumnsWarning")
def test_of_logs_broken_twenty_thousand_times_each_sound_line_is_read_and_each_bad_one_named() -> None:
    draw = random.Random(29)
    sound = list(sound_lines())
    done = bad = 0
    while done < CASES:
        lines = draw.choices(sound, k=draw.choice([1, 3, 30, 100]))
        times = draw.randrange(1, 4 + len(lines) // 3)
        log = broken(draw, lines, times)
        done += times
        bad += len(hold(log, in_pieces(draw, log)).bad)
    assert bad > CASES / 4


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_a_broken_log_may_be_cut_in_two_at_every_byte(seed: int) -> None:
    draw = random.Random(seed)
    log = broken(draw, draw.choices(_simulated("flat"), k=2), 2)
    for cut in range(len(log) + 1):
        hold(log, [piece for piece in (log[:cut], log[cut:]) if piece])


def test_a_log_may_come_byte_by_byte() -> None:
    draw = random.Random(7)
    log = broken(draw, draw.choices(list(sound_lines()), k=6), 3)
    hold(log, (log[place : place + 1] for place in range(len(log))))


def test_fields_that_come_and_go_from_block_to_block_cost_no_line() -> None:
    """The reader learns from block to block which fields there are."""
    draw = random.Random(3)
    blocks = []
    for number in range(60):
        fields = draw.sample(["prompt", "response", "team", "mood", "usage", "cost", "output_tokens"], k=3)
        values = {"usage": {f"tokens_{number}": 1}, "cost": 0.5, "output_tokens": 7}
        line = {"trace_id": f"t{number}", "model": "m"} | {name: values.get(name, "x") for name in fields}
        blocks.append(json.dumps(line).encode() + b"\n" * draw.randrange(1, 3))
        if not number % 7:
            blocks.append(b'{"trace_id":"lost"\n')
    found = read(blocks)
    assert found.calls["trace_id"].to_pylist() == [f"t{number}" for number in range(60)]
    wanted = [json.loads(block) for block in blocks if b"lost" not in block]
    for name in ("prompt", "response", "cost", "output_tokens"):
        assert found.calls[name].to_pylist() == [line.get(name) for line in wanted]
    kept = [json.loads(extra) if extra else {} for extra in found.calls["extra"].to_pylist()]
    assert [one.get("mood") for one in kept] == [line.get("mood") for line in wanted]
    assert [one.get("usage") for one in kept] == [line.get("usage") for line in wanted]
    log = b"".join(chain(blocks)).split(b"\n")
    assert found.rejects["line"].to_pylist() == [n for n, line in enumerate(log, 1) if b"lost" in line]
