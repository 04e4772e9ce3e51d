"""Measure how the detectors grow from ten thousand calls to ten million, and draw it.

``python -m tests.benchmarks.growth growth.png`` prints the median of three runs a number of calls, and the exponent of
the power that fits them: 1 is linear.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import crashlens_frame as cf

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CALLS_OF_A_TRACE = 1.64  # of simulated traffic
WORK: dict[str, Callable[[pd.DataFrame], object]] = {
    "find_retry_loops": cf.find_retry_loops,
    "find_waste": cf.find_waste,
    "summarize": cf.summarize,
    'by("model", "team", freq="D")': lambda calls: calls.crashlens.by("model", "team", freq="D"),
}


def measured(sizes: tuple[int, ...]) -> dict[str, list[float]]:
    """Give the seconds of each work for each number of calls."""
    seconds: dict[str, list[float]] = {name: [] for name in WORK}
    cf.find_waste(cf.simulate_workload(100, seed=1))  # the prices are read once
    for size in sizes:
        calls = cf.simulate_workload(int(size / CALLS_OF_A_TRACE), seed=1)
        calls = calls.iloc[:size]
        for name, work in WORK.items():
            seconds[name].append(statistics.median(timed(work, calls) for _ in range(3)))
            print(f"{name}: {len(calls):,} calls in {seconds[name][-1]:.3f} s", flush=True)
    return seconds


def timed(work: Callable[[pd.DataFrame], object], calls: pd.DataFrame) -> float:
    start = time.perf_counter()
    work(calls)
    return time.perf_counter() - start


def exponent(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """Give the power of the number of calls that the seconds grow with, from the second size on."""
    return float(np.polyfit(np.log(sizes[1:]), np.log(seconds[1:]), 1)[0])


def draw(sizes: tuple[int, ...], seconds: dict[str, list[float]], path: Path) -> None:
    """Draw the seconds on two logarithmic axes, with a line that is linear."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for name, values in seconds.items():
        ax.plot(sizes, values, marker="o", label=f"{name}, power {exponent(sizes, values):.2f}")
    last = next(iter(seconds.values()))[-1]
    ax.plot(sizes, [last * size / sizes[-1] for size in sizes], color="grey", linestyle=":", label="linear")
    ax.set(xscale="log", yscale="log", xlabel="calls", ylabel="seconds", title="Time by number of calls")
    ax.grid(which="major", alpha=0.3)
    ax.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    asked.add_argument("png", type=Path, help="the picture to write")
    asked.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of calls, at least three")
    given = asked.parse_args()
    sizes = tuple(given.sizes)
    seconds = measured(sizes)
    for name, values in seconds.items():
        print(f"{name}: power {exponent(sizes, values):.2f}")
    draw(sizes, seconds, given.png)


if __name__ == "__main__":
    main()
