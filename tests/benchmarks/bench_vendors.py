"""What reading the logs of vendors costs that come by the gigabyte, beside readers that make no calls of them.

orjson only parses each line, Polars only makes columns of its keys; neither knows a token or a cost.
"""

import warnings
from functools import partial
from pathlib import Path

import crashlens_frame as cf
from tests.benchmarks.bench_jsonl import by_orjson, by_polars
from tests.benchmarks.data import read_once
from tests.benchmarks.harness import OURS, Case
from tests.benchmarks.vendor_data import LOGS, SIZE, vendor_log


def by_us(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cf.read_logs(path, duplicates="all")


def make(folder: Path) -> None:
    """Make the logs that are not there."""
    for name in LOGS:
        vendor_log(name, folder)


def _log(name: str, folder: Path) -> Path:
    return read_once(vendor_log(name, folder))


CASES = tuple(
    case
    for name in LOGS
    for task, prepare in [(f"`read_logs`, {name}, {SIZE // 1_000_000} MB", partial(_log, name))]
    for case in (
        Case(task, OURS, by_us, prepare, runs=3),
        Case(task, "orjson, line by line", by_orjson, prepare, runs=3),
        Case(task, "Polars, untyped", by_polars, prepare, runs=3),
    )
)
