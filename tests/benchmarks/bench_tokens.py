"""What counting tokens costs, side by side with tiktoken: run ``python -m tests.benchmarks.bench_tokens``."""

import os
import random
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tiktoken

import crashlens_frame as cf
from tests import tiktoken_vocabularies

RUNS = 5


def texts() -> list[str]:
    """Cut 20,000 pieces of about 500 characters out of the sources of Python."""
    draw = random.Random(1)
    source = "".join(p.read_text(encoding="utf-8") for p in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")))
    starts = [draw.randrange(len(source) - 1000) for _ in range(20_000)]
    return [source[start : start + draw.randrange(10, 1000)] for start in starts]


def seconds(work: Callable[[], object]) -> float:
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        runs.append(time.perf_counter() - start)
    return statistics.median(runs)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tiktoken_vocabularies.install(Path(folder))
        os.environ["TIKTOKEN_CACHE_DIR"] = folder
        encoding = tiktoken.get_encoding("o200k_base")
        unique = texts()
        repeated = unique[:1000] * 20
        print(f"{'20,000 prompts':34} {'s':>7} {'MB/s':>7} {'ratio':>7}")
        for name, given in {"all different": unique, "a thousand, each 20 times": repeated}.items():
            size = sum(len(text.encode()) for text in given) / 1e6
            ours = seconds(lambda given=given: cf.count_tokens(given, model="gpt-4o"))
            peers = {
                "count_tokens": ours,
                "tiktoken, one after the other": seconds(
                    lambda given=given: [len(encoding.encode_ordinary(t)) for t in given]
                ),
                "tiktoken, batch on two threads": seconds(
                    lambda given=given: [len(ids) for ids in encoding.encode_ordinary_batch(given, num_threads=2)]
                ),
            }
            print(f"-- {name}")
            for peer, theirs in peers.items():
                print(f"{peer:34} {theirs:7.3f} {size / theirs:7.0f} {theirs / ours:7.1f}")


if __name__ == "__main__":
    main()
