"""The program that starts the server of the page, opens the page, and ends the server."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from .._core import scratch_folder
from ..errors import FileAccessError, MissingExtraError
from ..io import to_parquet

HOST = "127.0.0.1"
THEMES = ("light", "dark")
_SERVER = "crashlens_frame.dashboard.server"
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
_IDLE_SECONDS = 600  # after which a kernel ends whose page is closed
_MOST_SECONDS = 60.0  # until Voila must answer


def serve(
    calls: pd.DataFrame,
    *,
    name: str = "Calls",
    prices: str | None = None,
    budgets: str | None = None,
    port: int = 0,
    theme: str = "light",
    browser: bool = True,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the Explorer of calls until the program is interrupted.

    The page can be opened on this machine only, and only with the token in its address. It does not show its code.

    Parameters
    ----------
    calls
        Frame of calls.
    name
        Name of the log, for the title of the page.
    prices
        Path of a YAML file of prices; the shipped prices when not given.
    budgets
        Path of a YAML file of budgets; none when not given.
    port
        Port of the server; 0 for a free one.
    theme
        ``"light"`` or ``"dark"``.
    browser
        Whether to open the page in the browser.
    ready
        Function that is called with the address when the page can be opened.

    Raises
    ------
    MissingExtraError
        Voila is not installed.
    FileAccessError
        The port is in use, or the server does not start.
    """
    if find_spec("voila") is None:
        raise MissingExtraError(
            "serving a dashboard needs Voila, which is not installed: pip install 'crashlens-frame[dashboard]'"
        )
    token = secrets.token_urlsafe(24)
    port = _free_port(port)
    address = f"http://{HOST}:{port}/?token={token}"
    with scratch_folder() as scratch:
        folder = str(scratch)
        to_parquet(calls, scratch / "calls.parquet")
        notebook = Path(folder) / "dashboard.ipynb"
        notebook.write_text(_notebook(f"{folder}/calls.parquet", name, prices, budgets), encoding="utf-8")
        (Path(folder) / "voila.json").write_text(json.dumps(_settings(folder, port, token, theme)), encoding="utf-8")
        errors = Path(folder) / "server.log"
        with errors.open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", _SERVER, str(notebook), f"--config={folder}/voila.json", "--no-browser"],
                env=os.environ | {"JUPYTER_CONFIG_DIR": folder, "JUPYTER_RUNTIME_DIR": folder},
                stdin=subprocess.PIPE,  # closed when this program ends, however it does
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt must reach only this program, which then ends the server
            )
        # these must end the server too, as an interrupt does
        before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
        try:
            _wait_for(server, port, errors)
            ready(address)
            if browser:
                webbrowser.open(address)
            server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            _stop(server)
            for number, handler in before.items():
                signal.signal(number, handler)


def _settings(folder: str, port: int, token: str, theme: str) -> dict[str, dict[str, object]]:
    """Return the settings of Voila, for a file: as an argument the token would be in every list of processes."""
    return {
        "Voila": {
            "ip": HOST,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "connection_dir_root": folder,
        },
        "StrictVoila": {"page_token": token},
        "MappingKernelManager": {"cull_idle_timeout": _IDLE_SECONDS, "cull_interval": 30, "cull_connected": False},
        "VoilaConfiguration": {
            "theme": theme,
            "strip_sources": True,
            "file_allowlist": [],
            "multi_kernel_manager_class": "crashlens_frame.dashboard.kernels.FewKernels",
        },
        "VoilaExecutor": {"timeout": 600},
    }


def _notebook(calls: str, name: str, prices: str | None, budgets: str | None) -> str:
    """Return the notebook that Voila runs each time the page is opened."""
    code = [
        "import crashlens_frame as cf\n",
        f"cf.Explorer(cf.read_parquet({calls!r}), name={name!r}, prices={prices!r}, budgets={budgets!r}, address=True)",
    ]
    cell = {"cell_type": "code", "id": "explorer", "metadata": {}, "source": code}
    not_run: dict[str, object] = {"execution_count": None, "outputs": []}
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "title": "CrashLens"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [cell | not_run]})


def _free_port(wanted: int) -> int:
    """Return the port if it is free, or any free port if it is 0."""
    with socket.socket() as free:
        try:
            free.bind((HOST, wanted))
        except OSError as error:
            raise FileAccessError(f"port {wanted} is in use; choose another one, or 0 for a free one") from error
        port: int = free.getsockname()[1]
        return port


def _wait_for(server: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=0.5):
            return
        time.sleep(0.1)
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = lines[-1] if lines else "the server does not answer"
    raise FileAccessError(f"the dashboard could not be served on port {port}: {reason}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, which ends its kernels too; kill them all if it does not."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    if server.stdin is not None:
        server.stdin.close()
