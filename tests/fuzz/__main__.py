"""Read broken lines of every format in both ways: ``python -m tests.fuzz [--mutants 20000] [--seed 1]``."""

import argparse
import time

from crashlens_frame.formats import FORMATS

from .mutants import fuzz, read_alone, replaced


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=20_000, help="broken lines of all formats together, at least")
    parser.add_argument("--seed", type=int, default=1, help="seed of what is broken")
    parser.add_argument("--values", action="store_true", help="replace each value of each line instead, one at a time")
    given = parser.parse_args()
    each, wrong = -(-given.mutants // len(FORMATS)), 0
    for name in FORMATS:
        begin = time.perf_counter()
        try:
            if given.values:
                each = sum(read_alone(line) for line in replaced(name))
            else:
                fuzz(name, each, given.seed)
        except Exception as error:
            wrong += 1
            print(f"{name}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
        print(f"{name:<20}{each:>8,} broken lines{time.perf_counter() - begin:>8.1f} s", flush=True)
    print(f"{wrong} formats read otherwise by blocks")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
