"""A real browser, and pages that Voila makes of notebooks: Debian's Chromium, driven by Playwright, offline."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "build" / "screenshots"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

NOTEBOOKS = {
    "form": "book = cf.LogBook()\nform = cf.LogForm(book)\ndisplay(form)\ncf.LogForm(book)",
    "explorer": (
        "calls = cf.simulate_workload(1500, seed=3, days=14)\nexplorer = cf.Explorer(calls, address=True)\nexplorer"
    ),
    "watched": (
        'calls = cf.as_calls(cf.simulate_workload(5000, seed=7, days=45).assign(tags=\'{"customer":"acme"}\'))\n'
        "limits = {'budgets': [{'name': 'everything', 'per': 'month', 'limit_usd': 9},"
        " {'name': 'team', 'each': 'team', 'per': 'month', 'limit_usd': 6}]}\n"
        "explorer = cf.Explorer(calls, budgets=limits, tz='Europe/Paris')\nexplorer"
    ),
    "attack": (
        "from tests.support.attack import attacked\ncalls = attacked()\nbook = cf.LogBook()\nbook.extend(calls)\n"
        "explorer = cf.Explorer(calls)\ndisplay(explorer, cf.LogForm(book), book, cf.summarize(calls), book.prices)\n"
        "display(cf.find_waste(calls), calls, cf.style_findings(cf.find_waste(calls)), calls.crashlens.traces())\n"
        "display(calls.crashlens.unpriced(), book.rejects)\ncalls.crashlens.plot.cost().get_figure()"
    ),
}


@dataclass(frozen=True)
class Site:
    """The notebooks as pages, and the kernels behind them."""

    address: str
    connections: Path

    def page_of(self, notebook: str, theme: str = "light") -> str:
        return f"{self.address}/voila/render/{notebook}.ipynb?theme={theme}"

    def evaluate(self, expression: str) -> Any:
        """Give the value of an expression in the kernel that was started last."""
        from jupyter_client import BlockingKernelClient

        newest = max(self.connections.rglob("kernel-*.json"), key=os.path.getmtime)
        client = BlockingKernelClient(connection_file=str(newest))
        client.load_connection_file()
        client.start_channels()
        try:
            reply = client.execute_interactive("", user_expressions={"v": expression}, timeout=30, store_history=False)
            value = reply["content"]["user_expressions"]["v"]
            assert value["status"] == "ok", value
            return ast.literal_eval(value["data"]["text/plain"])
        finally:
            client.stop_channels()


# of the package and no longer: Playwright has a loop of its own, which tests of other widgets must not find
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Start Chromium, or skip with the reason; in CI its absence is a failure."""
    reason = "" if CHROMIUM else "Chromium is not installed: apt-get install chromium"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        reason = "Playwright is not installed: pip install playwright"
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the notebooks."""
    folder = tmp_path_factory.mktemp("site")
    for name, code in NOTEBOOKS.items():
        source = f"import crashlens_frame as cf\n{code}"
        cell = {
            "cell_type": "code",
            "id": name,
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [cell]}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(folder), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    command += ["--VoilaExecutor.timeout=60", "--show_tracebacks=True", f"--Voila.connection_dir_root={folder}"]
    home = {name: str(folder / "jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    with (folder / "voila.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=os.environ | home | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and server.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
                break
            time.sleep(0.1)
        else:
            pytest.fail((folder / "voila.log").read_text())
        yield Site(f"http://127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page, 1280 pixels wide or as the test says; keep a picture of how it looked in the end."""
    width = getattr(request, "param", 1280)
    context = browser.new_context(viewport={"width": width, "height": 1700})
    context.set_default_timeout(30_000)
    # Voila asks a network for icons, which the tests do without
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    opened = context.new_page()
    yield opened
    SHOTS.mkdir(parents=True, exist_ok=True)
    opened.screenshot(path=SHOTS / f"{re.sub(r'[^a-z0-9_]+', '-', request.node.name)}.png", full_page=True)
    context.close()
