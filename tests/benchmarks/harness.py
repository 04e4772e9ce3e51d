"""How the benchmarks measure: each case in a process of its own, several times, time and peak memory."""

import importlib
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "crashlens_frame"
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Case:
    """One way to do a task.

    Parameters
    ----------
    task
        What is done; the cases of a task stand in one row of the table.
    by
        Who does it: OURS, or the name of a peer.
    work
        What is timed, given what ``prepare`` gave.
    prepare
        What comes before, given the folder with the data.
    calls
        Number of calls that the work is done for. Ratios are by call, so a slow peer may do fewer.
    runs
        How many times it is timed.
    one
        Whether the table tells the time of one call, and not that of all.
    """

    task: str
    by: str
    work: Callable[[Any], object]
    prepare: Callable[[Path], Any]
    calls: int = 1_000_000
    runs: int = 5
    one: bool = False


@dataclass(frozen=True)
class Measured:
    """The median of its runs in seconds, and the peak of its memory in MB; or what is missing."""

    case: Case
    seconds: float = 0.0
    megabytes: float = 0.0
    missing: str = ""

    def ratio(self, ours: "Measured") -> float:
        """Give how many times as long as ours it takes for a call."""
        return (self.seconds / self.case.calls) / (ours.seconds / ours.case.calls)


def measured(module: str, place: int, folder: Path) -> Measured:
    """Measure a case of a module in a process of its own."""
    case = importlib.import_module(module).CASES[place]
    command = [sys.executable, "-m", "tests.benchmarks.harness", module, str(place), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case.task}, {case.by}: {done.stderr}")
    return Measured(case, **json.loads(done.stdout.splitlines()[-1]))


def main(module: str, place: str, folder: str) -> None:
    """Measure in this process, and print it."""
    case: Case = importlib.import_module(module).CASES[int(place)]
    seconds = []
    try:
        given = case.prepare(Path(folder))
        for _ in range(case.runs):
            start = time.perf_counter()
            case.work(given)
            seconds.append(time.perf_counter() - start)
    except ImportError as error:
        print(json.dumps({"missing": str(error.name)}))
        return
    print(json.dumps({"seconds": statistics.median(seconds), "megabytes": peak_megabytes()}))


def peak_megabytes() -> float:
    """Return the peak of the memory of this process, or of the largest that it started."""
    # Linux hands ru_maxrss on to what a process starts: it would be the peak of whoever made the data
    own = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text()) if _STATUS.exists() else None
    kilobytes = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(kilobytes, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
