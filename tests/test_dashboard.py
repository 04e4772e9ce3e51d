"""The dashboard is served on this machine only, with a token, without its code, and ends when it is asked to."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.dashboard import serving as dashboard

pytest.importorskip("voila", reason="Voila is not installed")

ABOUT_PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
NOTHING = {"nbformat": 4, "nbformat_minor": 5, "metadata": ABOUT_PYTHON, "cells": []}  # a page without an Explorer


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "logs.jsonl"
    cf.to_jsonl(cf.simulate_workload(50, seed=1, days=1), path)
    return path


def serving(log: Path, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Serve the log with temporary files in a folder, and return the program and the address that it prints."""
    program = subprocess.Popen(
        [sys.executable, "-m", "crashlens_frame", "dashboard", str(log), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )
    assert program.stdout is not None
    return program, program.stdout.readline().strip()


@pytest.fixture
def served(log: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve the log for a test that ends the program."""
    (tmp_path / "tmp").mkdir()
    program, address = serving(log, tmp_path / "tmp")
    yield program, address
    program.kill()
    program.communicate(timeout=30)


@pytest.fixture(scope="module")
def address(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the log for tests that only look."""
    program, address = serving(log, tmp_path_factory.mktemp("served"))
    yield address
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)


def opened(address: str, headers: dict[str, str] | None = None) -> Any:
    """Open an address as a browser does, which keeps the cookie of the first answer."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    return browser.open(urllib.request.Request(address, headers=headers or {}), timeout=60)


def fetched(address: str) -> str:
    with opened(address) as answer:
        return answer.read().decode()


def test_the_page_needs_its_token_and_shows_no_code(address):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)

    page = fetched(address)

    assert "Voilà" in page or "voila" in page
    assert "read_parquet" not in page
    assert "chdir" not in page
    for wrong in (address.partition("?")[0], address[:-4], f"{address[:-4]}é"):
        assert refusal(wrong) == 403


def refusal(address: str, **headers: str) -> int:
    """Return the code with which a request is refused; 0 if it is not."""
    try:
        address = urllib.parse.quote(address, safe=":/?=&")
        opened(address, {name.replace("_", "-"): value for name, value in headers.items()}).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 0


def test_the_token_is_a_cookie_after_the_first_hit_and_the_page_loads_nothing_from_elsewhere(address):
    with opened(address.replace("/?", "/voila/static/voila.js?")) as answer:
        assert "token" not in answer.url
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    host = address.split("/")[2]
    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    assert policy.startswith("default-src 'none'; ")
    assert {source for source in sources if not source.startswith("'")} == {"data:", "blob:", f"ws://{host}"}


def test_a_request_for_another_host_or_from_another_site_is_refused_with_the_token_too(address):
    port = address.split(":")[2].split("/")[0]
    static = address.replace("/?", "/voila/static/voila.js?")
    for each in (address, static):
        assert refusal(each, Host=f"evil.example:{port}") == 403
        assert refusal(each, Host=f"localhost:{port}") == 403
        assert refusal(each, Origin="http://evil.example") == 403
        assert refusal(each, Origin="null") == 403
        assert refusal(each, Sec_Fetch_Site="cross-site") == 403
    assert refusal(static.partition("?")[0]) == 403
    assert refusal(static) == 0


def test_the_server_ends_with_a_program_that_is_killed(served, tmp_path):
    program, address = served
    fetched(address)  # so that a kernel runs
    program.kill()
    program.wait(10)

    end = time.monotonic() + 30
    folder = str(tmp_path / "tmp").encode()
    while time.monotonic() < end and (any((tmp_path / "tmp").iterdir()) or processes_of(folder)):
        time.sleep(0.2)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert processes_of(folder) == []


def processes_of(folder: bytes) -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [path] if folder in path.read_bytes() else []
    return found


def test_the_token_is_not_among_the_arguments_of_a_process(address):
    token = address.rpartition("=")[2]

    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]

    assert any(b"voila" in each for each in commands)
    assert not any(token.encode() in each for each in commands)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_it_ends_on_a_signal_and_leaves_nothing(served, tmp_path, sign):
    program, address = served
    fetched(address)  # so that a kernel runs

    program.send_signal(sign)
    assert program.wait(30) == 0

    folder = str(tmp_path / "tmp").encode()
    assert processes_of(folder) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    with pytest.raises(urllib.error.URLError):
        fetched(address)


def test_the_browser_is_opened(log, monkeypatch):
    seen: list[str] = []

    def opens(address: str) -> None:
        seen.append(address)
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard.webbrowser, "open", opens)
    done = CliRunner().invoke(main, ["dashboard", str(log)])

    assert done.exit_code == 0
    assert seen == [done.stdout.strip()]


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


def test_no_more_kernels_run_than_there_may_and_those_of_closed_pages_end(tmp_path, monkeypatch):
    """More pages than there may be are opened at once, as by a browser that opens all its tabs again."""
    settings = dashboard._settings

    def few(*arguments: Any) -> dict[str, dict[str, object]]:
        found = settings(*arguments)
        found["MappingKernelManager"] |= {"cull_idle_timeout": 1, "cull_interval": 1}
        return found | {"FewKernels": {"most_kernels": 2}}

    codes: list[int] = []

    def look(address: str) -> None:
        folder = next(tmp_path.iterdir())
        with ThreadPoolExecutor(5) as tabs:
            codes.extend(tabs.map(refusal, [address] * 5))
        kernels = [path.parent for path in processes_of(str(folder).encode()) if b"ipykernel" in path.read_bytes()]
        assert len(kernels) == 2
        end = time.monotonic() + 60
        while time.monotonic() < end and any(path.exists() for path in kernels):
            time.sleep(0.1)
        assert not any(path.exists() for path in kernels)
        codes.append(refusal(address))
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard, "_settings", few)
    monkeypatch.setattr(dashboard, "_notebook", lambda *_: json.dumps(NOTHING))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dashboard.serve(cf.LogBook().df, browser=False, ready=look)

    assert sorted(codes[:5]) == [0, 0, 503, 503, 503]
    assert codes[5] == 0
