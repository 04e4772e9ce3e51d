"""Read mutants and print what broke: ``python -m tests.downstream [--mutants 100000]``; crashes go to the corpus."""

import argparse
import hashlib

import matplotlib

from .mutants import BATCH, FOLDER, fault_of, logs, smallest


def main() -> int:
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(prog="python -m tests.downstream", description=__doc__)
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first log: other numbers, other mutants")
    given = parser.parse_args()
    read = faults = 0
    for name, log, untouched in logs(given.mutants, given.first):
        read += BATCH
        if fault := fault_of(log, untouched):
            faults += 1
            print(f"{name}: {fault}", flush=True)
            if fault_of(log):
                found = smallest(log)
                (FOLDER / f"{hashlib.sha256(found).hexdigest()[:12]}.jsonl").write_bytes(found)
    print(f"{read:,} mutants, {faults:,} faults")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
