"""What logging one call costs: run ``python -m tests.benchmarks.bench_logbook``."""

import statistics
import time

import crashlens_frame as cf

CALLS = 20_000
RUNS = 5


def microseconds_a_call(log: object) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        log()
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    book = cf.LogBook()
    ours, bare = [], []
    kept: list[dict[str, object]] = []
    for _ in range(RUNS):
        ours.append(
            microseconds_a_call(
                lambda: book.log(model="gpt-4", prompt="Hello, world!", response="Hi!", latency_ms=1250, team="search")
            )
        )
        bare.append(
            microseconds_a_call(
                lambda: kept.append(
                    {
                        "model": "gpt-4",
                        "prompt": "Hello, world!",
                        "response": "Hi!",
                        "latency_ms": 1250,
                        "team": "search",
                    }
                )
            )
        )
    print(f"{'what':30} {'median us a call':>17}")
    print(f"{'LogBook.log':30} {statistics.median(ours):17.2f}")
    print(f"{'appending a dict to a list':30} {statistics.median(bare):17.2f}")


if __name__ == "__main__":
    main()
