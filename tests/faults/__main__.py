"""Kill and disturb every writer, and print what that left: ``python -m tests.faults [--kills 200] [--only NAME]``."""

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from .disks import WHOLES, disturb_book, fill_book, fill_often
from .kills import Count, kill_often, read_beside
from .writers import WRITERS

HEADINGS = f"{'what, and times':<54}{'':>8}{'acknowledged':>14}{'whole at the end':>18}{'faults':>8}"


def line(name: str, count: Count) -> str:
    """Return a line of the table."""
    return f"{name:<54}{count.kills:>8,}{count.acknowledged:>14,}{count.whole:>18,}{len(count.faults):>8,}"


def campaign(kills: int, seed: int) -> Iterator[tuple[str, Callable[[], Count]]]:
    """Yield each part of the campaign with its name."""
    each = -(-kills // len(WRITERS))
    for writer in WRITERS:
        yield f"killed: {writer.name}", partial(kill_often, writer, each, seed)
    for whole in WHOLES:
        yield f"disk full: {whole.name}", partial(fill_often, whole, 10 * each, seed)
    yield "disk full: LogBook", partial(fill_book, 100 * each, seed)
    yield "file renamed, removed, cut: LogBook", partial(disturb_book, 100 * each, seed)
    for writer in WRITERS:
        if writer.name != "scan":
            yield f"read beside: {writer.name}", partial(read_beside, writer, each)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills of all writers together, at least")
    parser.add_argument("--only", default="", help="part of the names of the rows to play, such as 'disk full'")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments")
    given = parser.parse_args()
    print(HEADINGS, flush=True)
    faults = 0
    for name, play in campaign(given.kills, given.seed):
        if given.only not in name:
            continue
        count = play()
        print(line(name, count), *(f"  {fault}" for fault in count.faults), sep="\n", flush=True)
        faults += len(count.faults)
    print(f"{faults:,} faults")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
