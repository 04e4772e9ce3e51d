"""The Explorer as a page of its own, for people who write no code: served by Voila, to this machine alone."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from .errors import MissingExtraError
from .io import to_parquet

HOST = "127.0.0.1"
THEMES = ("light", "dark")
_PATIENCE = 60.0  # seconds until Voila has to answer


def serve(
    calls: pd.DataFrame,
    *,
    config: str | None = None,
    port: int = 0,
    theme: str = "light",
    browser: bool = True,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the Explorer of calls until the program is interrupted.

    Only this machine can reach the page, and only with the token in its address. The code behind the page is not shown.

    Parameters
    ----------
    calls
        Frame of calls.
    config
        YAML file of prices; the shipped ones when not given.
    port
        Port of the server; 0 for a free one.
    theme
        ``"light"`` or ``"dark"``.
    browser
        Whether to open the page in the browser.
    ready
        Called with the address once the page can be opened.

    Raises
    ------
    MissingExtraError
        Voila is not installed.
    OSError
        The port is taken, or the server does not start.
    """
    if find_spec("voila") is None:
        raise MissingExtraError(
            "serving a dashboard needs Voila, which is not installed: pip install 'crashlens-frame[dashboard]'"
        )
    token = secrets.token_urlsafe(24)
    port = _free_port(port)
    address = f"http://{HOST}:{port}/?token={token}"
    with tempfile.TemporaryDirectory(prefix="crashlens-frame-") as folder:
        to_parquet(calls, Path(folder) / "calls.parquet")
        notebook = Path(folder) / "dashboard.ipynb"
        notebook.write_text(_notebook(f"{folder}/calls.parquet", config), encoding="utf-8")
        (Path(folder) / "voila.json").write_text(json.dumps(_settings(folder, port, token, theme)), encoding="utf-8")
        errors = Path(folder) / "server.log"
        with errors.open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "voila", str(notebook), f"--config={folder}/voila.json", "--no-browser"],
                env=os.environ | {"JUPYTER_CONFIG_DIR": folder, "JUPYTER_RUNTIME_DIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt is for this program, which then ends the server in order
            )
        # a program that is asked to end ends its server too
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _await(server, port, errors)
            ready(address)
            if browser:
                webbrowser.open(address)
            server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            _end(server)
            signal.signal(signal.SIGTERM, before)


def _settings(folder: str, port: int, token: str, theme: str) -> dict[str, dict[str, object]]:
    """Configure Voila in a file: an argument would show the token to everyone who lists the processes."""
    return {
        "Voila": {
            "ip": HOST,
            "port": port,
            "port_retries": 0,
            "token": token,
            "open_browser": False,
            "connection_dir_root": folder,
        },
        "VoilaConfiguration": {"theme": theme, "strip_sources": True, "file_allowlist": []},
        "VoilaExecutor": {"timeout": 600},
    }


def _notebook(calls: str, config: str | None) -> str:
    """Write the notebook that Voila runs for each page that is opened."""
    code = [
        "import os\n",
        "import crashlens_frame as cf\n",
        f"os.chdir({str(Path.cwd())!r})  # where exports go\n",
        f"cf.Explorer(cf.read_parquet({calls!r}), prices={config!r})",
    ]
    cell = {"cell_type": "code", "id": "explorer", "metadata": {}, "source": code}
    unrun: dict[str, object] = {"execution_count": None, "outputs": []}
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "title": "CrashLens"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [cell | unrun]})


def _free_port(wanted: int) -> int:
    """Give the port if it is free, or one that is where none is wanted."""
    with socket.socket() as free:
        try:
            free.bind((HOST, wanted))
        except OSError as error:
            raise OSError(f"port {wanted} is taken; choose another one, or none for a free one") from error
        port: int = free.getsockname()[1]
        return port


def _await(server: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=0.5):
            return
        time.sleep(0.1)
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise OSError(f"the dashboard could not be served on port {port}: {lines[-1] if lines else 'the server is silent'}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, which ends its kernels; a server that does not is killed with them."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
