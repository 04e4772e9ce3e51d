"""Read broken lines of every format in both ways: ``python -m tests.fuzz [--mutants 20000] [--seed 1]``."""

import argparse
import time

from crashlens_frame.formats import FORMATS

from .mutants import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=20_000, help="broken lines of all formats together, at least")
    parser.add_argument("--seed", type=int, default=1, help="seed of what is broken")
    given = parser.parse_args()
    each, wrong = -(-given.mutants // len(FORMATS)), 0
    for name in FORMATS:
        begin = time.perf_counter()
        try:
            fuzz(name, each, given.seed)
        except AssertionError as error:
            wrong += 1
            print(f"{name}: {str(error)[:2000]}", flush=True)
        print(f"{name:<20}{each:>8,} broken lines{time.perf_counter() - begin:>8.1f} s", flush=True)
    print(f"{wrong} formats read otherwise by blocks")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
