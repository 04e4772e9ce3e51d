"""How long a month of traffic takes: run ``python -m tests.benchmarks.bench_workload``."""

import statistics
import time
from collections.abc import Callable

import crashlens_frame as cf

TRACES = 600_000
RUNS = 3


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    calls = cf.simulate_workload(TRACES, seed=1)
    print(f"{len(calls):,} calls in {TRACES:,} traces, {RUNS} runs each")
    print(f"{'what':40} {'median s':>9}")
    for name, work in {
        "simulate_workload": lambda: cf.simulate_workload(TRACES, seed=1),
        "add_cost of all": lambda: cf.add_cost(calls, reprice=True),
        "find_retry_loops": lambda: cf.find_retry_loops(calls),
        "find_waste, all four detectors": lambda: cf.find_waste(calls),
        "summarize": lambda: cf.summarize(calls),
    }.items():
        print(f"{name:40} {statistics.median(seconds(work) for _ in range(RUNS)):9.2f}")


if __name__ == "__main__":
    main()
