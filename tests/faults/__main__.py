"""Kill every writer at random moments and print what that left: ``python -m tests.faults [--kills 200] [--seed 1]``."""

import argparse

from .kills import Count, kill_often
from .writers import WRITERS

HEADINGS = f"{'killed':<34}{'kills':>8}{'acknowledged':>14}{'whole at the end':>18}{'faults':>8}"


def line(name: str, count: Count) -> str:
    """Return a line of the table."""
    return f"{name:<34}{count.kills:>8,}{count.acknowledged:>14,}{count.whole:>18,}{len(count.faults):>8,}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills of all writers together, at least")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments")
    given = parser.parse_args()
    print(HEADINGS, flush=True)
    total = Count()
    for writer in WRITERS:
        count = kill_often(writer, -(-given.kills // len(WRITERS)), given.seed)
        print(line(writer.name, count), *(f"  {fault}" for fault in count.faults), sep="\n", flush=True)
        total.kills += count.kills
        total.acknowledged += count.acknowledged
        total.whole += count.whole
        total.faults += count.faults
    print(line("total", total))
    return int(bool(total.faults))


if __name__ == "__main__":
    raise SystemExit(main())
