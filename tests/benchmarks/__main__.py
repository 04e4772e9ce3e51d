"""Run every benchmark, ours and its peers side by side, and print the table of docs/benchmarks.md.

Data and results of the runs stay in the folder; ``--page`` writes the table into docs/benchmarks.md between its marks.
"""

import argparse
import importlib
import itertools
import tempfile
from pathlib import Path

from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Measured, measured

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"
MODULES = (
    "import",
    "logbook",
    "live",
    "workload",
    "pricing",
    "tokens",
    "jsonl",
    "vendors",
    "parquet",
    "detectors",
    "scan",
    "explorer",
)


def table(rows: list[list[Measured]]) -> str:
    """Write the medians as Markdown: ours, and how many times as long each peer takes for a call."""
    lines = ["| what | time | peak memory | beside it |", "| --- | --- | --- | --- |"]
    for ours, *peers in rows:
        beside = "; ".join(_peer(peer, ours) for peer in peers)
        took = ours.seconds / ours.case.calls if ours.case.one else ours.seconds
        lines.append(f"| {ours.case.task} | {_time(took)} | {_memory(ours.megabytes)} | {beside} |")
    return "\n".join(lines) + "\n"


def _peer(peer: Measured, ours: Measured) -> str:
    if peer.missing:
        return f"{peer.case.by}: {peer.missing} is not installed"
    return f"{peer.case.by}: {_times(peer.ratio(ours))}, {_memory(peer.megabytes)}"


def _time(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
    return f"{seconds:.3f} s" if seconds < 0.1 else f"{seconds:.2f} s"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 20 else f"{ratio:.1f} times" if ratio >= 2 else f"{ratio:.2f} times"


def _memory(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    asked.add_argument("modules", nargs="*", default=MODULES, metavar="module", help=f"some of {', '.join(MODULES)}")
    asked.add_argument("--folder", type=Path, help="where the data is, or is made: 4 GB; a temporary one by default")
    asked.add_argument("--page", action="store_true", help="write the table into docs/benchmarks.md")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        rows: list[list[Measured]] = []
        for name in given.modules:
            module = f"tests.benchmarks.bench_{name}"
            imported = importlib.import_module(module)
            if hasattr(imported, "data"):  # here, where it is not measured
                data.make(folder)
            if hasattr(imported, "make"):
                imported.make(folder)
            cases = imported.CASES
            for _, places in itertools.groupby(range(len(cases)), lambda place, cases=cases: cases[place].task):
                rows.append([measured(module, place, folder) for place in places])
                assert rows[-1][0].case.by == OURS
                print(table(rows[-1:]).splitlines()[-1], flush=True)
    if given.page:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}{table(rows)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
