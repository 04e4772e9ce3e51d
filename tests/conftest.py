"""Fixtures of the whole suite: the real CrashLens, where it is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
PEER_VERSION = "2.20.0"

# the first example of a test may import and compile what the others find ready
# in CI the same examples every time, so that a change fails for what it changed; elsewhere new ones
settings.register_profile("unhurried", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("unhurried")

# runs in the environment of CrashLens, not here
collect_ignore = ["support/crashlens_detect.py"]


@dataclass(frozen=True)
class CrashLens:
    """The real CrashLens, in an environment of its own."""

    python: Path

    def run(self, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the ``crashlens`` command and give its output and exit code."""
        command = [str(self.python), "-m", "crashlens", *args]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "ignore"}
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    def detect(self, log: Path) -> dict[str, Any]:
        """Run its four detector classes and its suppression over a log, past its gate.

        Gives for each detector its findings (every one, before suppression), which of them stay active, and the
        message of a detector that raised.
        """
        script = Path(__file__).parent / "support" / "crashlens_detect.py"
        done = subprocess.run(
            [str(self.python), str(script), str(log)], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def any_memory() -> Iterator[None]:
    """Allow ``scan`` less memory than users may give, so that small logs have several parts."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("crashlens_frame.scale.scanner.LEAST_MEMORY", 0)
        yield


@pytest.fixture(scope="session")
def crashlens() -> CrashLens:
    """Give the real CrashLens 2.20.0, or skip with the reason; in CI its absence is a failure."""
    home = Path(os.environ.get("CRASHLENS_VENV", ROOT / ".crashlens-venv"))
    python = home / "bin" / "python"
    if not python.exists():
        reason = f"CrashLens {PEER_VERSION} is not installed in {home}; CONTRIBUTING.md says how"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return CrashLens(python)


def pytest_report_header() -> str:
    return f"python {sys.version.split()[0]}, CRASHLENS_VENV={os.environ.get('CRASHLENS_VENV', '(unset)')}"
