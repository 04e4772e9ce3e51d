"""Temporary folders go with the process, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from crashlens_frame._core import scratch_folder

# a scan that waits in the middle, with calls on the disk
SCAN = """
import sys, time
import pandas as pd
import crashlens_frame as cf
def wait(calls):
    print("ready", flush=True)
    time.sleep(60)
pd.DataFrame({"trace_id": ["t"], "model": ["gpt-4"], "prompt": ["a secret"]}).to_parquet(sys.argv[1])
cf.scan(sys.argv[1], prepare=wait)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that temporary files are made in, here and in other programs."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def scanning(log: Path, before: str = "") -> subprocess.Popen[str]:
    """Start a scan in a program of its own, and return when it has written its temporary files."""
    program = subprocess.Popen(
        [sys.executable, "-c", before + SCAN, str(log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line == "ready\n", program.communicate()
    return program


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_scan_that_a_signal_ends_leaves_nothing_and_ends_by_it(
    temporary: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    program = scanning(tmp_path / "log.parquet")
    assert list(temporary.glob("*/*"))

    program.send_signal(sign)
    program.communicate(timeout=30)

    assert program.returncode == -sign
    assert list(temporary.iterdir()) == []


def test_what_a_killed_scan_leaves_is_removed_by_the_next_and_what_a_living_holds_is_not(
    temporary: Path, tmp_path: Path
) -> None:
    first, second = scanning(tmp_path / "a.parquet"), scanning(tmp_path / "b.parquet")
    folders = set(temporary.iterdir())
    assert len(folders) == 2
    first.kill()
    first.communicate(timeout=30)
    assert set(temporary.iterdir()) == folders

    with scratch_folder() as own:
        left = set(temporary.iterdir()) - {own}
    assert len(left) == 1
    assert left < folders

    second.terminate()
    second.communicate(timeout=30)
    assert list(temporary.iterdir()) == []


def test_a_handler_of_the_program_stays(temporary: Path, tmp_path: Path) -> None:
    handler = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    program = scanning(tmp_path / "log.parquet", handler)

    program.terminate()
    program.communicate(timeout=30)

    assert program.returncode == 7
    assert list(temporary.iterdir()) == []


def test_the_handlers_are_put_back(temporary: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with scratch_folder():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_thread_has_a_folder_too(temporary: Path) -> None:
    seen: list[bool] = []

    def work() -> None:
        with scratch_folder() as folder:
            seen.append(folder.is_dir())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
    assert list(temporary.iterdir()) == []


def test_folders_that_are_not_ours_stay(temporary: Path, tmp_path: Path) -> None:
    (temporary / "crashlens_frame-of-somebody").mkdir()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / ".owner").touch()
    (temporary / "crashlens_frame-link").symlink_to(tmp_path / "thesis")
    with scratch_folder():
        pass
    assert {path.name for path in temporary.iterdir()} == {"crashlens_frame-of-somebody", "crashlens_frame-link"}
    assert (tmp_path / "thesis" / ".owner").exists()


def test_a_folder_of_another_user_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (temporary / "crashlens_frame-x").mkdir()
    (temporary / "crashlens_frame-x" / ".owner").touch()
    user = os.geteuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: user + 1)
        with scratch_folder():
            pass
    assert (temporary / "crashlens_frame-x").exists()
    with scratch_folder():
        pass
    assert not (temporary / "crashlens_frame-x").exists()
