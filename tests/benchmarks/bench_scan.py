"""What looking through more than fits into memory costs."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

PARTS = 10
BUCKETS = 64


def make(folder: Path) -> None:
    """Make a dataset of ten million calls, if it is not there."""
    if (target := folder / "year").exists():
        return
    cf.write_dataset(_months(), folder / "year.part", buckets=BUCKETS, mode="overwrite")
    (folder / "year.part").rename(target)


def _months() -> Iterator[pd.DataFrame]:
    """Simulate a million calls after the other, each million with traces of its own."""
    for seed in range(1, PARTS + 1):
        yield cf.simulate_workload(data.TRACES, seed=seed).iloc[: data.CALLS]


def by_us(source: Any, **options: Any) -> None:
    cf.scan(source, **options)


def _file(name: str, folder: Path) -> Path:
    return folder / name


CASES = (
    Case(
        '`scan(memory="2GB")`, a dataset of 10,000,000 calls by trace',
        OURS,
        partial(by_us, memory="2GB"),
        partial(_file, "year"),
        calls=PARTS * data.CALLS,
        runs=1,
    ),
    Case(
        '`scan(memory="500MB")`, 1,000,000 events of CrashLens in 722 MB of JSONL',
        OURS,
        partial(by_us, memory="500MB"),
        partial(_file, "events.jsonl"),
        runs=3,
    ),
)
