"""Measure how the search of a dataset by trace on Dask falls with the number of workers.

``python -m tests.benchmarks.workers DATASET`` prints the seconds with one worker and with two, each a process with one
thread, and what they found; it fails where they do not find the same.
"""

import argparse
import os
import time

import pandas as pd
from distributed import Client, LocalCluster

import crashlens_frame as cf
import crashlens_frame.dask

WORKERS = (1, 2)
# without these the allocators of a worker keep what it has freed
ALLOCATORS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_TRIM_THRESHOLD_": "65536"}


def found_by(workers: int, dataset: str, memory: str) -> tuple[float, pd.DataFrame]:
    """Give the seconds that some workers take, and their findings."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=memory, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        cf.dask.read_dataset(dataset).partitions[[0]].crashlens.waste().compute()  # they import what they need
        start = time.perf_counter()
        found = cf.dask.read_dataset(dataset).crashlens.waste().compute()
        return time.perf_counter() - start, found.reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", help="folder that write_dataset wrote by trace")
    parser.add_argument("--memory", default="3GB", help="memory of a worker (default: %(default)s)")
    options = parser.parse_args()
    os.environ.update(ALLOCATORS)
    print("| workers | time | times as fast | findings | waste |\n| --- | --- | --- | --- | --- |")
    first: tuple[float, pd.DataFrame] | None = None
    for workers in WORKERS:
        seconds, found = found_by(workers, options.dataset, options.memory)
        first = first or (seconds, found)
        pd.testing.assert_frame_equal(found, first[1])
        wasted = found["counted_cost"].sum()
        print(
            f"| {workers} | {seconds:.1f} s | {first[0] / seconds:.2f} | {len(found):,} | ${wasted:,.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
