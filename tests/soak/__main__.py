"""Feed one log for minutes, draw what became of it: ``python -m tests.soak [--seconds 600] [--rate 2000]``."""

import argparse
import tempfile
from pathlib import Path

from .load import Soak, soak


def draw(result: Soak, target: Path) -> None:
    """Draw the calls a second and the memory of each process."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot(result.at, result.rates, color="#1f77b4")
    above.axhline(result.asked, color="#888888", linestyle="--", linewidth=1)
    above.set(ylabel="calls a second", ylim=(0, None))
    for name, memory in result.memory.items():
        of_writer = name.startswith("writer")
        below.plot(result.at, memory, color="#1f77b4" if of_writer else "#d62728", linewidth=1)
        below.annotate(name, (result.at[-1], memory[-1]), fontsize=7) if not of_writer or name == "writer 0" else None
    below.set(xlabel="seconds", ylabel="memory of each process, MB", ylim=(0, None))
    figure.savefig(target, dpi=100)


def halves(memory: list[float]) -> tuple[float, float]:
    """Return the largest memory of the second and of the last quarter."""
    quarter = max(1, len(memory) // 4)
    return max(memory[quarter : 2 * quarter] or memory), max(memory[-quarter:])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=int, default=2000, help="calls a second, of all processes together")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--picture", type=Path, default=Path("build/soak.png"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), seconds=given.seconds, rate=given.rate, processes=given.processes)
    print(f"{result.acknowledged:,} calls acknowledged, {result.found:,} found, {result.kept:,.0f} a second of")
    print(f"{result.asked:,} asked for; {result.rotations} rotations, {result.reads} reads, {result.views} Explorers")
    for name, memory in result.memory.items():
        print(f"{name:<20} {halves(memory)[0]:6.0f} MB in the second quarter, {halves(memory)[1]:6.0f} MB in the last")
    print(*result.faults, f"{len(result.faults)} faults", sep="\n")
    given.picture.parent.mkdir(parents=True, exist_ok=True)
    draw(result, given.picture)
    return int(bool(result.faults))


if __name__ == "__main__":
    raise SystemExit(main())
