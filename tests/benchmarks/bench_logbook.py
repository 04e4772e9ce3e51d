"""What logging one call costs: run ``python -m tests.benchmarks.bench_logbook``."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import crashlens_frame as cf

CALLS = 20_000
RUNS = 7
CALL = {"model": "gpt-4", "prompt": "Hello, world!", "response": "Hi!", "latency_ms": 1250, "team": "search"}
REPORTED = {**CALL, "input_tokens": 4, "output_tokens": 2}


def microseconds_a_call(log: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        log()
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    kept: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder, cf.LogBook(Path(folder, "logs.jsonl")) as durable:
        memory = cf.LogBook()
        ways: dict[str, Callable[[], object]] = {
            "LogBook(path).log, tokens counted": lambda: durable.log(**CALL),
            "LogBook(path).log, tokens reported": lambda: durable.log(**REPORTED),
            "LogBook().log": lambda: memory.log(**CALL),
            "appending a dict to a list": lambda: kept.append(dict(CALL)),
        }
        times = {name: [microseconds_a_call(log) for _ in range(RUNS)] for name, log in ways.items()}
    print(f"{'what':36} {'median us a call':>17}")
    for name, runs in times.items():
        print(f"{name:36} {statistics.median(runs):17.2f}")


if __name__ == "__main__":
    main()
