"""What watching a client adds to a call: ``python -m tests.benchmarks.overhead [--batches 500]``.

A call of an SDK takes about a millisecond even without a network, and processes differ by more than watching costs. So
batches of the bare client and of the watched one take turns in one process, and the median of their differences counts.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.bench_live import ASKED, _bare, _durable, _watched

CALLS = 12  # of a batch
WAYS = {"in memory": _watched, "each attempt in the file": _durable}


def batch(client: Any) -> float:
    """Return the microseconds of processor time that a call of a batch takes."""
    begin = time.process_time()
    for _ in range(CALLS):
        client.chat.completions.create(**ASKED)
    return (time.process_time() - begin) / CALLS * 1e6


def differences(bare: Any, client: Any, batches: int) -> list[float]:
    """Return what each batch of a client took more than the batch of the bare client before it."""
    for warm in (bare, client) * 5:
        batch(warm)
    pairs = [(batch(bare), batch(client)) for _ in range(batches)]
    return [more - less for less, more in pairs]


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks.overhead", description=__doc__.splitlines()[0])
    asked.add_argument("--batches", type=int, default=500)
    batches = asked.parse_args().batches
    with TemporaryDirectory() as folder:
        bare = _bare(Path(folder))
        for name, make in WAYS.items():
            low, middle, high = statistics.quantiles(differences(bare, make(Path(folder)), batches), n=4)
            print(f"watched, {name}: {middle:.0f} us a call beside the bare client (quartiles {low:.0f} to {high:.0f})")


if __name__ == "__main__":
    main()
