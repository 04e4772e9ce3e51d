"""The dashboard is served on this machine only, with a token, without its code, and ends when it is asked to."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame import dashboard
from crashlens_frame.cli import main

pytest.importorskip("voila", reason="Voila is not installed")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs.jsonl"
    cf.to_jsonl(cf.simulate_workload(50, seed=1, days=1), path)
    return path


@pytest.fixture
def served(log: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve the log, and yield the program and the address that it prints."""
    (tmp_path / "tmp").mkdir()
    program = subprocess.Popen(
        [sys.executable, "-m", "crashlens_frame", "dashboard", str(log), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
    )
    assert program.stdout is not None
    yield program, program.stdout.readline().strip()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)


def fetched(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def test_the_page_needs_its_token_and_shows_no_code(served):
    _, address = served
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)

    page = fetched(address)

    assert "Voilà" in page or "voila" in page
    assert "read_parquet" not in page
    assert "chdir" not in page
    for wrong in (address.partition("?")[0], address[:-4]):
        with urllib.request.urlopen(wrong, timeout=60) as answer:
            assert "/login?next=" in answer.url
            assert "cl-card" not in answer.read().decode()


def test_the_token_is_not_among_the_arguments_of_a_process(served):
    _, address = served
    token = address.rpartition("=")[2]

    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]

    assert any(b"voila" in each for each in commands)
    assert not any(token.encode() in each for each in commands)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_on_a_signal_and_leaves_nothing(served, tmp_path, sign):
    program, address = served
    fetched(address)  # so that a kernel runs

    program.send_signal(sign)
    assert program.wait(30) == 0

    folder = str(tmp_path / "tmp").encode()
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if folder in path.read_bytes()]
    assert left == []
    assert list((tmp_path / "tmp").iterdir()) == []
    with pytest.raises(urllib.error.URLError):
        fetched(address)


def test_the_browser_is_opened(log, monkeypatch):
    opened: list[str] = []

    def opens(address: str) -> None:
        opened.append(address)
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard.webbrowser, "open", opens)
    done = CliRunner().invoke(main, ["dashboard", str(log)])

    assert done.exit_code == 0
    assert opened == [done.stdout.strip()]


def test_a_port_in_use_is_an_error(log):
    with dashboard.socket.socket() as taken:
        taken.bind((dashboard.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(main, ["dashboard", str(log), "--no-browser", "--port", str(port)])

    assert done.exit_code == 1
    assert f"port {port} is in use" in done.stderr


def test_without_voila_the_error_has_the_command_that_installs_it(log, monkeypatch):
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["dashboard", str(log)])

    assert done.exit_code == 1
    assert "pip install 'crashlens-frame[dashboard]'" in done.stderr


def test_a_missing_log_is_an_error_before_anything_is_served(tmp_path):
    done = CliRunner().invoke(main, ["dashboard", str(tmp_path / "none.jsonl")])

    assert done.exit_code == 1
    assert "none.jsonl" in done.stderr
