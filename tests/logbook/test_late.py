"""Calls that are added later are written by a thread: in their order, each once, and before anybody misses them."""

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import crashlens_frame as cf
from crashlens_frame._core import fork_safe_lock, locks
from crashlens_frame.logbook import ledger
from crashlens_frame.logbook.late import LateCall, Writer


def call(trace_id: str) -> Callable[[], dict[str, Any]]:
    """Return what makes a call."""
    return lambda: {"trace_id": trace_id, "model": "gpt-4", "timestamp": 1_772_323_200_000_000, "prompt": "Hi"}


def in_file(path: Path) -> list[str]:
    return cf.read_jsonl(path, on_error="raise", duplicates="all")["trace_id"].tolist() if path.exists() else []


def wait_for(path: Path, number: int) -> list[str]:
    """Return the calls of a file once there are as many."""
    end = time.monotonic() + 20
    while len(found := in_file(path)) < number:
        assert time.monotonic() < end, f"{len(found)} of {number} calls are in the file"
        time.sleep(0.005)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs.jsonl"


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the thread from being asked, so that what waits is written by somebody else or not at all."""
    monkeypatch.setattr(Writer, "ask", lambda *_: None)


def waiting(path: Path, *calls: str) -> cf.LogBook:
    """Return a book whose first call is in its file, and whose others wait where the thread is not asked."""
    book = cf.LogBook(path)
    for trace_id in ("first", *calls):
        book.log_later(call(trace_id))
    return book


# -- who writes what waits ------------------------------


def test_the_first_call_is_in_the_file_at_once_and_the_others_a_moment_later(path: Path) -> None:
    book = cf.LogBook(path)
    book.log_later(call("first"))
    assert in_file(path) == ["first"]
    for number in range(100):
        book.log_later(call(str(number)))
    assert wait_for(path, 101) == ["first", *map(str, range(100))] == book.df["trace_id"].tolist()


DOORS: dict[str, Callable[[cf.LogBook], object]] = {
    "flush": cf.LogBook.flush,
    "close": cf.LogBook.close,
    "with": lambda book: book.__exit__(None, None, None),
    "pickle": pickle.dumps,
    "copy": copy.deepcopy,
}


@pytest.mark.usefixtures("asleep")
@pytest.mark.parametrize("door", DOORS)
def test_what_looks_at_the_file_has_what_waits_written_first(path: Path, door: str) -> None:
    book = waiting(path, "a", "b")
    assert (in_file(path), len(book)) == (["first"], 3)
    DOORS[door](book)
    assert in_file(path) == ["first", "a", "b"]


@pytest.mark.usefixtures("asleep")
def test_the_frame_has_the_calls_that_wait_and_the_file_gets_them_once(path: Path) -> None:
    book = waiting(path, "a")
    assert book.df["trace_id"].tolist() == ["first", "a"]
    assert book.df["input_tokens"].tolist() == [1, 1]
    assert in_file(path) == ["first"]
    book.close()
    assert in_file(path) == ["first", "a"]
    assert len(book.df) == 2


@pytest.mark.usefixtures("asleep")
def test_what_is_logged_at_once_comes_behind_what_waits(path: Path) -> None:
    book = waiting(path, "a")
    book.log(model="gpt-4", prompt="Hi", trace_id="b")
    assert in_file(path) == ["first", "a", "b"]
    book.log_later(call("c"))
    book.extend([{"trace_id": "d", "model": "gpt-4"}])
    assert in_file(path) == ["first", "a", "b", "c", "d"] == book.df["trace_id"].tolist()
    book.log_later(call("e"))
    book.close()
    assert in_file(path)[-1] == "e"


@pytest.mark.usefixtures("asleep")
def test_a_call_that_finds_too_many_waiting_writes_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_MOST_WAITING", 3)
    book = waiting(path, "a", "b", "c")
    assert in_file(path) == ["first"]
    book.log_later(call("d"))
    assert in_file(path) == ["first", "a", "b", "c", "d"]
    book.log_later(call("e"))
    assert len(in_file(path)) == 5


@pytest.mark.usefixtures("asleep")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_that_flushes_leaves_what_waited_to_its_parent(path: Path) -> None:
    book = waiting(path, "a", "b")
    pid = os.fork()
    if not pid:
        book.flush()
        os._exit(len(book.df))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert in_file(path) == ["first"]
    book.close()
    assert in_file(path) == ["first", "a", "b"]


def test_with_fsync_nothing_waits(path: Path) -> None:
    book = cf.LogBook(path, fsync=True)
    for number in range(3):
        book.log_later(call(str(number)))
        assert len(in_file(path)) == number + 1


def test_watchers_are_called_by_whoever_logs(path: Path) -> None:
    book, seen = cf.LogBook(path), []
    book.watch(lambda: seen.append((threading.current_thread(), len(book))))
    for trace_id in "abc":
        book.log_later(call(trace_id))
    assert seen == [(threading.main_thread(), number) for number in (1, 2, 3)]


def test_threads_at_once_lose_no_call_and_the_file_has_the_order_of_the_book(path: Path) -> None:
    book = cf.LogBook(path)

    def work(name: int) -> None:
        for number in range(300):
            if number % 50 == 7:
                book.log(model="gpt-4", prompt="Hi", trace_id=f"{name}-{number}")
            elif number % 50 == 8:
                book.extend([{"trace_id": f"{name}-{number}", "model": "gpt-4"}])
            else:
                book.log_later(call(f"{name}-{number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        len(book.df)
    for thread in threads:
        thread.join()
    book.close()
    found = in_file(path)
    assert found == book.df["trace_id"].tolist()
    for name in range(4):
        own = [trace_id for trace_id in found if trace_id.startswith(f"{name}-")]
        assert own == [f"{name}-{number}" for number in range(300)]


def test_a_book_that_is_forgotten_is_written_and_its_thread_and_its_file_end(path: Path) -> None:
    def writers() -> int:
        return sum(thread.name == "crashlens-frame writer" for thread in threading.enumerate())

    gc.collect()
    before = writers()
    book = waiting(path, *"abcdefgh")
    assert writers() == before + 1
    del book
    gc.collect()
    assert len(wait_for(path, 9)) == 9
    end = time.monotonic() + 20
    while writers() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert writers() == before
    handles = Path("/proc/self/fd")
    if handles.exists():
        assert path not in [handle.readlink() for handle in handles.iterdir() if handle.is_symlink()]


@pytest.mark.usefixtures("asleep")
def test_what_is_written_is_in_memory_once(path: Path) -> None:
    book = waiting(path, "a", "b")
    book.close()
    first, *late = book._ledger._rows
    assert not isinstance(first, LateCall)
    assert [(each.data, each._make) for each in late if isinstance(each, LateCall)] == [(b"", None)] * 2


# -- errors ------------------------------


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_an_error_of_the_disk_is_shown_by_the_next_call_and_nothing_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = waiting(path)

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("crashlens_frame.io.journal.os.write", refuse)
        book.log_later(call("a"))  # the thread finds the disk full
        _until(lambda: not book._ledger._writer.is_ready)
        text = "No space left on device; 1 call of the book in the file, 2 calls only in memory"
        with pytest.raises(cf.UnsavedCallsError, match=text):
            book.log_later(call("b"))
        with pytest.raises(cf.UnsavedCallsError, match="2 calls only in memory"):
            book.flush()
        assert book.df["trace_id"].tolist() == ["first", "a", "b"]
    book.log_later(call("c"))  # writes itself what the error kept from the file
    assert in_file(path) == ["first", "a", "b", "c"]
    book.log_later(call("d"))
    assert wait_for(path, 5) == ["first", "a", "b", "c", "d"]


def test_a_file_that_was_never_there_is_shown_by_the_first_call(tmp_path: Path) -> None:
    book = cf.LogBook(tmp_path / "missing" / "logs.jsonl")
    for number in (1, 2):
        with pytest.raises(cf.UnsavedCallsError, match=f"{number} calls? only in memory"):
            book.log_later(call("a"))


def test_a_warning_of_the_thread_that_is_an_error_is_raised_by_the_next_call(path: Path) -> None:
    book = waiting(path)
    path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book.log_later(call("a"))
        _until(lambda: not book._ledger._writer.is_ready)
        with pytest.raises(cf.LogFileChangedWarning, match=r"was (replaced or removed|cut from)"):
            book.log_later(call("b"))
    book.close()
    assert in_file(path) == ["a", "b"]


def test_a_call_that_cannot_be_made_is_a_warning_and_keeps_no_other_from_the_file(path: Path) -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("no such answer")

    book = waiting(path, "a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        book.log_later(broken)
        book.log_later(call("b"))
        assert wait_for(path, 3) == ["first", "a", "b"] == book.df["trace_id"].tolist()
    assert [str(warned.message) for warned in caught] == ["a call is not logged: no such answer"]


@pytest.mark.usefixtures("asleep")
def test_an_error_that_a_signal_handler_raises_costs_no_call(path: Path) -> None:
    answers = [TimeoutError("the handler"), {"trace_id": "a", "model": "gpt-4", "timestamp": 0}]

    def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    book = waiting(path)
    book.log_later(make)
    with pytest.raises(TimeoutError):
        len(book.df)
    book.close()
    assert in_file(path) == ["first", "a"] == book.df["trace_id"].tolist()


# -- the end of the program, forks and signals ------------------------------

_PROGRAM = """
import os, sys, threading
import crashlens_frame as cf
from crashlens_frame.logbook.late import LateCall, Writer

path, end = sys.argv[1:]
Writer.ask = lambda *_: None  # what waits is not written before the end
call = lambda trace_id: lambda: {"trace_id": trace_id, "model": "gpt-4", "timestamp": 1_772_323_200_000_000}
book = cf.LogBook(path)
for trace_id in "abc":
    book.log_later(call(trace_id))
if end == "exit":
    sys.exit(0)
if end == "error":
    raise ValueError
if end == "_exit":
    os._exit(0)
if end == "thread":
    def work():
        threading.main_thread().join()
        book.log_later(call("d"))
    threading.Thread(target=work).start()
if end == "fork":
    if os.fork() == 0:
        for trace_id in "xy":
            book.log_later(call(trace_id))
        print(*book.df["trace_id"], flush=True)
        sys.exit()
    os.wait()
    book.log_later(call("d"))
"""
ENDS = {"normal": "abc", "exit": "abc", "error": "abc", "thread": "abcd", "_exit": "a", "fork": "axyabcd"}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_program_writes_what_waits(path: Path, end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path), end], check=False, capture_output=True, timeout=60, text=True
    )
    assert (done.returncode == 1) == (end == "error"), done.stderr
    expected = list("axybcd") if end == "fork" else list(ENDS[end])
    assert in_file(path) == expected
    if end == "fork":
        assert done.stdout.split() == list("abcxy")


def _log_in_a_process(path: Path, book: cf.LogBook | None) -> None:
    book = cf.LogBook(path) if book is None else book
    for number in range(50):
        book.log_later(call(f"child-{number}"))


@pytest.mark.parametrize("method", ["fork", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_of_multiprocessing_writes_what_waits_when_it_ends(path: Path, method: str) -> None:
    book = waiting(path, *"abcdef")
    given = book if method == "fork" else None
    child = multiprocessing.get_context(method).Process(target=_log_in_a_process, args=(path, given))
    child.start()
    book.log_later(call("g"))
    child.join(60)
    assert child.exitcode == 0
    book.close()
    found = in_file(path)
    assert sorted(found) == sorted(["first", *"abcdefg", *(f"child-{number}" for number in range(50))])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forks_in_the_middle_of_the_queue_write_each_call_once(path: Path) -> None:
    book = waiting(path)
    busy = threading.Thread(target=lambda: [book.log_later(call(f"parent-{number}")) for number in range(400)])
    busy.start()
    children = []
    for child in range(4):
        pid = os.fork()
        if not pid:
            signal.alarm(30)  # a lock that nobody gives back would keep it for ever
            for number in range(50):
                book.log_later(call(f"child-{child}-{number}"))
            same = len(book.df) == len(book)
            book.close()
            os._exit(0 if same else 1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    busy.join()
    book.close()
    found = in_file(path)
    assert len(found) == len(set(found)) == 1 + 400 + 4 * 50


def test_a_fork_waits_for_no_thread_that_waits_for_the_fork() -> None:
    order = [fork_safe_lock() for _ in range(8)]
    ends = threading.Event()

    def nest() -> None:
        while not ends.is_set():
            with ExitStack() as stack:
                for lock in order:
                    stack.enter_context(lock)

    def fork_often() -> None:
        for _ in range(300):
            locks._acquire_all()
            locks._release_all()

    threads = [threading.Thread(target=work, daemon=True) for work in (nest, fork_often)]
    for thread in threads:
        thread.start()
    threads[1].join(20)
    is_stuck = threads[1].is_alive()
    ends.set()
    assert not is_stuck


def test_a_signal_handler_may_ask_for_the_frame_and_log_while_the_thread_writes(path: Path) -> None:
    program = """
import signal, sys
import crashlens_frame as cf

book, handled = cf.LogBook(sys.argv[1]), 0
call = lambda trace_id: lambda: {"trace_id": trace_id, "model": "gpt-4", "timestamp": 1_772_323_200_000_000}

def handler(*_):
    global handled
    handled += 1
    len(book.df)
    book.log_later(call(f"later-{handled}"))
    if handled % 10 == 0:
        book.log(model="gpt-4", prompt="Hi", trace_id=f"now-{handled}")
    signal.setitimer(signal.ITIMER_REAL, 0.001)

book.log_later(call("first"))
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001)
for number in range(1_500):
    book.log_later(call(f"t{number}"))
    if number % 100 == 0:
        len(book.df)
        book.log(model="gpt-4", prompt="Hi", trace_id=f"main-{number}")
signal.signal(signal.SIGALRM, signal.SIG_IGN)
book.close()
found = cf.read_jsonl(sys.argv[1], on_error="raise", duplicates="all")["trace_id"]
assert sorted(found) == sorted(book.df["trace_id"]), "the file has other calls than the book"
assert found.is_unique and len(found) == 1 + 1_500 + 15 + handled + handled // 10
print(handled)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=False, capture_output=True, timeout=60, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
