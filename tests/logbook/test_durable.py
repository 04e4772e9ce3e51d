"""Calls that were logged to a file are in it, whatever happens then: other writers, kills, full disks, forks."""

import copy
import fcntl
import json
import multiprocessing
import os
import pickle
import random
import resource
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import table_from_rows
from crashlens_frame.io.journal import Journal, QueuedLines, append_bytes
from crashlens_frame.io.write_lines import encode_lines
from crashlens_frame.io.write_row import line_from_row
from crashlens_frame.schema import CALLS

# a new process for each writer, at the cost of a fork: the server has imported the package
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.logbook.test_durable"])
CALL: dict[str, Any] = {"model": "gpt-4", "prompt": "Hello, world!", "response": "Hi there!", "latency_ms": 1250}


def texts(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


# -- the line of one call ------------------------------

TEXTS = st.text(max_size=8) | st.sampled_from(["", "\u2028", "\x85\ud800", '"\\\n', "\0", "é😀", "\ud83d"])
COUNTS = st.integers(0, 10**6) | st.just(2**63 - 1)
TIMES = st.integers(-(10**15), 10**16)
NAMES = st.sampled_from(["gpt-4", "o3", "claude-sonnet-4-5", "deepseek-chat", "gemini-2.5-pro", "unheard-of"])
LOGGED = st.fixed_dictionaries(
    {"trace_id": st.text(min_size=1, max_size=3), "model": NAMES, "prompt": st.none() | TEXTS},
    optional={
        "response": TEXTS,
        "latency_ms": st.integers(0, 10**7),
        "input_tokens": COUNTS,
        "output_tokens": COUNTS,
        "cached_input_tokens": st.integers(0, 100),
        "cache_write_tokens": st.integers(0, 100),
        "service_tier": st.sampled_from(["batch", "flex", "priority", "default"]),
        "level": st.sampled_from(["info", "error"]),
        "cost": st.floats(0, 1e6),
        "fallback_attempted": st.booleans(),
        "team": TEXTS,
        "error": TEXTS,
        "timestamp": st.datetimes(pd.Timestamp(2000, 1, 1), pd.Timestamp(2030, 1, 1)),
    },
)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::crashlens_frame.UnpricedWarning")  # a tier that a model does not have
@settings(max_examples=150)
@given(calls=st.lists(LOGGED, min_size=1, max_size=4))
def test_a_durable_book_counts_prices_and_writes_as_the_columns_do(
    tmp_path_factory: pytest.TempPathFactory, calls: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("book") / "logs.jsonl"
    calls = [{"timestamp": pd.Timestamp(2026, 6, 1), **call, **_enough_input(call)} for call in calls]
    memory, durable = cf.LogBook(), cf.LogBook(path)
    for call in calls:
        memory.log(**call)
        durable.log(**call)
    durable.close()
    with mock.patch("crashlens_frame.logbook.ledger._FEW", 0):
        len(memory.df)
    pd.testing.assert_frame_equal(durable.df, memory.df, check_exact=True)
    pd.testing.assert_frame_equal(cf.read_jsonl(path, on_error="raise"), memory.df, check_exact=True)


def _enough_input(call: dict[str, Any]) -> dict[str, int]:
    """Return an input count that is no smaller than its parts, where a part is known."""
    parts = [call[name] for name in ("cached_input_tokens", "cache_write_tokens") if name in call]
    return {"input_tokens": max(sum(parts), call.get("input_tokens", 0))} if parts else {}


BY_DTYPE = {"Int64": COUNTS, "boolean": st.booleans(), "float64": st.floats(0, 2)}
ROW = st.fixed_dictionaries(
    {"trace_id": st.text(min_size=1, max_size=3), "timestamp": st.integers(-(10**14), 2 * 10**17)},
    optional={column.name: BY_DTYPE.get(column.dtype, st.text(max_size=4))
              for column in CALLS[2:] if column.categories is None and column.name not in ("cost", "extra")}
    | {"cost": st.floats(0, 1e9), "cost_source": st.sampled_from(["reported", "priced"]),
       "extra": st.sampled_from(['{"a":null,"b":[1.5]}', '{"usage":{"x":1},"input":{"y":2},"metadata":{"z":3}}',
                                 '{"n":36893488147419103232}', '{"model":"not a column","end\\u2028":"x"}'])},
)  # fmt: skip


@given(row=ROW)
def test_the_line_of_one_row_is_that_of_the_columns(row: dict[str, Any]) -> None:
    row = {"token_source": "reported", "cost_source": "unknown", **row}
    by_columns = b"".join(encode_lines(table_from_rows([row]), format="crashlens"))
    by_row = line_from_row(row)
    assert json.loads(by_row) == json.loads(by_columns)
    assert len(by_row.decode().splitlines()) == 1


# -- several writers ------------------------------


def _log_many(path: Path, writer: int) -> None:
    with cf.LogBook(path) as book:
        for number in range(2_000):
            book.log(**CALL, trace_id=f"{writer}-{number}")


def test_eight_processes_log_to_one_file_and_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    writers = [SERVER.Process(target=_log_many, args=(path, writer)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    found = cf.read_jsonl(path, on_error="raise")["trace_id"]
    assert len(found) == 16_000
    for writer in range(8):
        own = found[found.str.startswith(f"{writer}-")]
        assert own.tolist() == [f"{writer}-{number}" for number in range(2_000)]


def test_threads_log_to_one_file_and_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)

    def work(writer: int) -> None:
        for number in range(500):
            book.log(**CALL, trace_id=f"{writer}-{number}")

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pd.testing.assert_frame_equal(cf.read_jsonl(path, on_error="raise"), book.df)
    assert len(book) == 2_000


def _fork_and_log(path: Path, sent: Connection) -> None:
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="before")
    busy = threading.Thread(target=lambda: [book.log(**CALL, trace_id=f"parent-{n}") for n in range(2_000)])
    busy.start()
    children = []
    for child in range(5):
        pid = os.fork()
        if not pid:
            signal.alarm(30)  # a lock that nobody gives back would keep it for ever
            for number in range(200):
                book.log(**CALL, trace_id=f"child-{child}-{number}")
            os._exit(0 if len(book.df) == len(book) else 1)
        children.append(pid)
    codes = [os.waitpid(pid, 0)[1] for pid in children]
    busy.join()
    sent.send((codes, len(book)))


def test_a_book_may_be_logged_to_after_a_fork_while_a_thread_logs(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    here, there = multiprocessing.Pipe()
    process = SERVER.Process(target=_fork_and_log, args=(path, there))
    process.start()
    assert here.poll(60)
    assert here.recv() == ([0] * 5, 2_001)
    process.join(10)
    found = cf.read_jsonl(path, on_error="raise")["trace_id"]
    assert found.is_unique
    assert len(found) == 1 + 2_000 + 5 * 200


# -- kills and full disks ------------------------------


def _log_until_killed(path: Path, sent: Connection, begin: int) -> None:
    book = cf.LogBook(path)
    for number in range(begin, begin + 1_000_000):
        trace = book.log(**CALL, trace_id=f"t{number}")
        sent.send(trace)


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.RejectedLinesWarning")
def test_fifty_kills_lose_no_call_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    chance = random.Random(7)
    acknowledged: list[str] = []
    for kill in range(50):
        here, there = multiprocessing.Pipe(duplex=False)
        writer = SERVER.Process(target=_log_until_killed, args=(path, there, kill * 1_000_000))
        writer.start()
        there.close()
        acknowledged.append(here.recv())  # it is at work
        time.sleep(chance.random() / 50)
        writer.kill()
        writer.join()
        try:
            while True:
                acknowledged.append(here.recv())
        except EOFError:
            here.close()
    assert len(acknowledged) > 500
    found = cf.read_jsonl(path)["trace_id"]
    assert found.is_unique
    assert set(acknowledged) <= set(found)
    assert len(cf.read_rejects(path)) <= 50


@pytest.mark.parametrize("torn", [b'{"trace_id":"torn', b"\0\0\0", b'{"trace_id":"whole","model":"m"}'])
def test_a_torn_last_line_is_reported_and_ended_before_the_next_one(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_bytes(b'{"trace_id":"a","model":"m"}\n' + torn)
    whole = torn.endswith(b"}")
    if whole:
        book = cf.LogBook(path)
    else:
        with pytest.warns(cf.RejectedLinesWarning, match="logs.jsonl:2: "):
            book = cf.LogBook(path)
    assert len(book.rejects) == (not whole)
    book.log(**CALL, trace_id="b")
    book.close()
    assert path.read_bytes().startswith(b'{"trace_id":"a","model":"m"}\n' + torn + b'\n{"trace_id":"b",')
    assert path.read_bytes().count(b"\n") == 3


def _log_on_a_full_disk(path: Path, sent: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    book = cf.LogBook(path)
    number = 0
    try:
        while True:
            number += 1
            book.log(**CALL, trace_id=f"t{number}")
    except cf.UnsavedCallsError as error:
        sent.send((number, str(error), texts(path)))
    try:
        book.log(**CALL, trace_id="another")
    except cf.UnsavedCallsError as error:
        sent.send((len(book), str(error), len(book.df)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    book.log(**CALL, trace_id="last")
    book.close()
    sent.send(book.df["trace_id"].tolist())


def test_a_full_disk_says_how_many_calls_are_safe_and_the_book_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    here, there = multiprocessing.Pipe()
    SERVER.Process(target=_log_on_a_full_disk, args=(path, there)).start()
    assert here.poll(60)
    number, message, held = here.recv()
    assert message == (
        f"{path}: File too large; {number - 1} calls of the book in the file, 1 call only in memory until the next one"
        " can be written"
    )
    assert [json.loads(line)["trace_id"] for line in held] == [f"t{n + 1}" for n in range(number - 1)]
    calls, message, shown = here.recv()
    assert (calls, shown) == (number + 1, number + 1)
    assert f"{number - 1} calls of the book in the file, 2 calls only in memory" in message
    assert here.recv() == cf.read_jsonl(path, on_error="raise")["trace_id"].tolist()


def test_what_cannot_be_written_to_says_so_and_flush_tries_again(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "logs.jsonl"
    book = cf.LogBook(path)
    with pytest.raises(cf.UnsavedCallsError, match=r"logs\.jsonl: No such file or directory; 0 calls of the book in"):
        book.log(**CALL, trace_id="a")
    with pytest.raises(cf.UnsavedCallsError, match="1 call only in memory"):
        book.close()
    path.parent.mkdir()
    book.flush()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a"]


def test_a_read_only_target_loses_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_text('{"trace_id":"a","model":"gpt-4"}\n', encoding="utf-8")
    book = cf.LogBook(path)
    opened = os.open

    def refuse(name: Any, flags: int, *mode: int) -> int:
        if flags & os.O_APPEND:
            raise PermissionError(13, "Permission denied", name)
        return opened(name, flags, *mode)

    with monkeypatch.context() as patch:
        patch.setattr("crashlens_frame.io.journal.os.open", refuse)  # root may write to anything
        with pytest.raises(cf.UnsavedCallsError, match="Permission denied; 1 call of the book in the file, 1 call"):
            book.log(**CALL, trace_id="b")
    assert book.df["trace_id"].tolist() == ["a", "b"]
    book.extend([{**CALL, "trace_id": "c"}])
    book.close()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a", "b", "c"]


# -- what others do to the file ------------------------------


def _rotated(path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    path.write_bytes(b"")


def _removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [_rotated, _removed])
@pytest.mark.parametrize("begun", [True, False])
def test_a_file_that_was_replaced_is_noticed_and_the_new_one_logged_to(
    tmp_path: Path, change: Any, begun: bool
) -> None:
    path = tmp_path / "logs.jsonl"
    cf.LogBook(path).log(**CALL, trace_id="a")
    book = cf.LogBook(path)
    if begun:
        book.log(**CALL, trace_id="b")
    change(path)
    with pytest.warns(cf.LogFileChangedWarning, match=r"logs\.jsonl was (replaced or removed|cut from)") as warned:
        book.log(**CALL, trace_id="c")
    assert warned[0].filename == __file__
    book.log(**CALL, trace_id="d")
    book.close()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["c", "d"]
    assert len(book) == 3 + begun


def test_a_file_that_was_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="a")
    size = path.stat().st_size
    os.truncate(path, 10)
    with pytest.warns(cf.LogFileChangedWarning, match=f"was cut from {size} to 10 bytes"):
        book.log(**CALL, trace_id="b")
    book.log(**CALL, trace_id="c")
    book.close()
    assert [line[:10] for line in texts(path)] == ['{"trace_id'] * 3
    assert len(book) == 3


# -- flush and close ------------------------------


def test_a_file_that_was_rewritten_to_the_same_size_gets_a_line_of_its_own(tmp_path):
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(model="gpt-4", prompt="p", trace_id="t1")
    path.write_bytes(b"x" * path.stat().st_size)
    book.log(model="gpt-4", prompt="p", trace_id="t2")

    with pytest.warns(cf.RejectedLinesWarning):
        assert cf.read_jsonl(path)["trace_id"].tolist() == ["t2"]


@pytest.mark.parametrize(("fsync", "synced"), [(False, 1), (True, 3)])
def test_fsync_and_flush_have_the_calls_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool, synced: int
) -> None:
    handles: list[int] = []
    monkeypatch.setattr("crashlens_frame.io.journal.os.fsync", handles.append)
    with cf.LogBook(tmp_path / "logs.jsonl", fsync=fsync) as book:
        book.log(**CALL)
        book.log(**CALL)
        assert len(handles) == (2 if fsync else 0)
    assert len(handles) == synced
    book.log(**CALL)  # opens it again
    assert len(texts(tmp_path / "logs.jsonl")) == 3
    book.close()


def test_a_book_that_is_forgotten_closes_its_file(tmp_path: Path) -> None:
    handles = Path("/proc/self/fd")
    if not handles.exists():
        pytest.skip("the system does not list the open files of a process")
    before = len(list(handles.iterdir()))
    book = cf.LogBook(tmp_path / "logs.jsonl")
    book.log(**CALL)
    del book
    assert len(list(handles.iterdir())) == before


def test_where_files_cannot_be_locked_lines_are_appended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crashlens_frame.io.journal.fcntl", None)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"torn')
    journal = Journal(path)
    for line in (b"one\n", b"two\n"):
        journal.queue(QueuedLines(line))
        journal.save()
    journal.close()
    assert path.read_bytes() == b'{"torn\none\ntwo\n'


# -- the lock of the file, and signals ------------------------------


def _hold_lock(path: Path, sent: Connection) -> None:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sent.send("locked")
        sent.recv()


def test_a_lock_that_another_program_holds_is_waited_for_no_longer_than_the_limit_and_by_no_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="a")
    here, there = multiprocessing.Pipe()
    holder = SERVER.Process(target=_hold_lock, args=(path, there))
    holder.start()
    assert here.recv() == "locked"
    monkeypatch.setattr("crashlens_frame.io.journal.LOCK_WAIT", 2.0)
    errors: list[Any] = []

    def log(trace_id: str) -> None:
        try:
            book.log(**CALL, trace_id=trace_id)
        except cf.UnsavedCallsError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=log, args=(trace_id,)) for trace_id in "bcd"]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    while len(book) < 4:
        time.sleep(0.01)
    assert len(book.df) == 4
    assert time.monotonic() - begun < 1.5  # nobody who reads waits for the lock
    assert errors == []
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < 4  # they wait side by side
    assert (
        errors
        == [
            f"{path}: another program or thread holds the lock of the file for too long; 1 call of the book in the"
            " file, 3 calls only in memory until the next one can be written"
        ]
        * 3
    )
    with pytest.raises(cf.UnsavedCallsError, match="for too long; nothing was appended"):
        append_bytes(path, b"{}\n")
    here.send("unlock")
    holder.join()
    book.flush()
    pd.testing.assert_frame_equal(cf.read_jsonl(path, on_error="raise"), book.df)


def test_an_interrupt_ends_the_wait_for_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crashlens_frame.io.journal.time.sleep", interrupt)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(KeyboardInterrupt):
            book.log(**CALL, trace_id="a")
    book.flush()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a"]


def _log_from_a_signal_handler(path: Path, sent: Connection) -> None:
    book = cf.LogBook(path)
    number = 0

    def handler(*_: Any) -> None:
        book.log(**CALL, trace_id=f"handler-{len(book)}")

    book.log(**CALL, trace_id="first")  # imports the tokenizer
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while number < 1_000:
        number += 1
        book.log(**CALL, trace_id=f"t{number}")
        if number % 100 == 0:
            len(book.df)
    signal.setitimer(signal.ITIMER_REAL, 0)
    logged, found = book.df["trace_id"], cf.read_jsonl(path, on_error="raise")["trace_id"]
    sent.send((sorted(logged) == sorted(found), len(logged) - number))


def test_a_signal_handler_may_log_while_log_is_at_work(tmp_path: Path) -> None:
    here, there = multiprocessing.Pipe()
    process = SERVER.Process(target=_log_from_a_signal_handler, args=(tmp_path / "logs.jsonl", there))
    process.start()
    assert here.poll(60)
    same, handled = here.recv()
    process.join()
    assert same
    assert handled > 20


def _end_with_a_last_call(path: Path, sent: Connection) -> None:
    book = cf.LogBook(path)

    def handler(*_: Any) -> None:
        book.log(**CALL, trace_id="last")
        sent.send(len(book))
        raise SystemExit

    book.log(**CALL)  # imports the tokenizer
    signal.signal(signal.SIGTERM, handler)
    sent.send("ready")
    while True:
        book.log(**CALL)


def test_the_last_call_of_a_handler_that_ends_the_program_is_in_the_file(tmp_path: Path) -> None:
    for attempt in range(10):
        path = tmp_path / f"{attempt}.jsonl"
        here, there = multiprocessing.Pipe()
        process = SERVER.Process(target=_end_with_a_last_call, args=(path, there))
        process.start()
        assert here.recv() == "ready"
        time.sleep(0.02)
        process.terminate()
        assert here.poll(30)
        calls = here.recv()
        process.join()
        found = cf.read_jsonl(path, on_error="raise")["trace_id"]
        # the call that the handler interrupts may be in the book alone: its log has not returned
        assert calls - 1 <= len(found) <= calls
        assert (found == "last").sum() == 1


@pytest.mark.parametrize("error", [OSError(37, "No locks available"), KeyboardInterrupt()])
def test_no_call_is_written_twice_when_the_file_cannot_be_unlocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)

    def refuse(_: int) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("crashlens_frame.io.journal._unlock", refuse)
        with suppress(KeyboardInterrupt):
            book.log(**CALL, trace_id="a")
    cf.LogBook(path).log(**CALL, trace_id="b")  # nobody holds the lock
    book.log(**CALL, trace_id="c")
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a", "b", "c"]


def test_a_call_that_is_not_on_the_disk_itself_is_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path, fsync=True)

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("crashlens_frame.io.journal.os.fsync", refuse)
        with pytest.raises(cf.UnsavedCallsError, match="Input/output error; 1 call of the book in the file, 0 calls"):
            book.log(**CALL, trace_id="a")
    book.log(**CALL, trace_id="b")
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a", "b"]


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_costs_no_call(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="a")
    path.unlink()
    with pytest.raises(cf.LogFileChangedWarning):
        book.log(**CALL, trace_id="b")
    book.log(**CALL, trace_id="c")
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["b", "c"]


def test_a_file_of_another_kind_that_took_the_place_of_the_log_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="a")
    path.rename(tmp_path / "old.jsonl")
    path.write_bytes(b"PAR1")
    for _ in range(2):
        with pytest.raises(cf.UnsavedCallsError, match="is a Parquet file, and calls can be appended"):
            book.log(**CALL, trace_id="b")
    assert path.read_bytes() == b"PAR1"
    path.unlink()
    with pytest.warns(cf.LogFileChangedWarning, match="was replaced or removed"):
        book.log(**CALL, trace_id="c")
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["b", "b", "c"]


# -- copies ------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda book: pickle.loads(pickle.dumps(book))])
def test_a_copy_has_the_calls_and_prices_and_logs_to_the_same_file(tmp_path: Path, copied: Any) -> None:
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(
        path, pricing={"pricing": {"gpt-4": {"input_price_per_1m": 1.0, "output_price_per_1m": 2.0}}}, fsync=True
    )
    book.log(**CALL, trace_id="a")
    book.watch(lambda: None)
    twin = copied(book)
    pd.testing.assert_frame_equal(twin.df, book.df)
    twin.log(**CALL, trace_id="b")
    book.log(**CALL, trace_id="c")
    assert twin.df["trace_id"].tolist() == ["a", "b"]
    assert book.df["trace_id"].tolist() == ["a", "c"]
    assert twin.df["cost"].tolist() == book.df["cost"].tolist()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["a", "b", "c"]


def test_a_copy_leaves_unsaved_calls_to_the_book(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "logs.jsonl"
    book = cf.LogBook(path)
    with pytest.raises(cf.UnsavedCallsError):
        book.log(**CALL, trace_id="a")
    twin = copy.deepcopy(book)
    path.parent.mkdir()
    twin.log(**CALL, trace_id="b")
    book.close()
    assert cf.read_jsonl(path)["trace_id"].tolist() == ["b", "a"]


def test_a_file_whose_name_is_no_text_keeps_a_book(tmp_path: Path) -> None:
    path = tmp_path / "log\udcff.jsonl"
    book = cf.LogBook(path)
    book.log(**CALL, trace_id="a")
    path.unlink()
    with pytest.warns(cf.LogFileChangedWarning, match=r"log\\udcff\.jsonl was (replaced|cut)"):
        book.log(**CALL, trace_id="b")
    assert len(cf.LogBook(path)) == 1
