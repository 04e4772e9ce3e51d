"""What `import crashlens_frame` costs in a new process that imports pandas and pyarrow too, beside these two alone.

``python -m tests.benchmarks.bench_import`` runs the two in turn, and prints the ratio of their medians: of the time
that passed, and of the time on a processor, which other work on the machine lengthens less.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.benchmarks.harness import OURS, Case

RUNS = 21
CODES = {OURS: "import crashlens_frame, pandas, pyarrow", "pandas and pyarrow alone": "import pandas, pyarrow"}
_TASK = "`import crashlens_frame, pandas, pyarrow`, in a new process"
# where Python may write no compiled files, each run would compile the package again
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)


def _compiled(code: str, folder: Path | None = None) -> str:
    """Run the code once, which compiles what it imports, and return it."""
    run(code)
    return code


CASES = tuple(Case(_TASK, by, run, partial(_compiled, code), calls=1, runs=RUNS) for by, code in CODES.items())


def timed(code: str) -> tuple[float, float]:
    """Return the seconds that the code takes in a process of its own, and those of them on a processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run(code)
    passed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    codes = [_compiled(code) for code in CODES.values()]
    rounds = [[timed(code) for code in codes] for _ in range(RUNS)]
    for place, what in enumerate(("passed", "on a processor")):
        ours, theirs = ([one[who][place] for one in rounds] for who in (0, 1))
        quarters = statistics.quantiles(mine / other for mine, other in zip(ours, theirs, strict=True))
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"time {what}: {ratio:.3f} times (half of the rounds {quarters[0]:.3f} to {quarters[2]:.3f})")


if __name__ == "__main__":
    main()
