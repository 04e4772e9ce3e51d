"""What Parquet costs, beside bare pyarrow with the same options."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import crashlens_frame as cf
from crashlens_frame.frame import table_from_frame
from crashlens_frame.io.parquet import ROW_GROUP
from crashlens_frame.schema import CALLS, LABEL
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

LABELS = [column.name for column in CALLS if column.arrow == LABEL]


def by_pyarrow_written(given: tuple[Any, Path]) -> None:
    calls, path = given
    pq.write_table(calls, path, compression="zstd", use_dictionary=LABELS, row_group_size=ROW_GROUP)


def _frame(folder: Path) -> tuple[Any, Path]:
    return data.calls(folder), folder / "written.parquet"


def _table(folder: Path) -> tuple[Any, Path]:
    return table_from_frame(data.calls(folder)), folder / "written.parquet"


def _file(folder: Path) -> Path:
    return folder / "calls.parquet"


_WRITE = "`to_parquet`, 1,000,000 calls"
_READ = "`read_parquet`, 1,000,000 calls"

CASES = (
    Case(_WRITE, OURS, lambda given: cf.to_parquet(*given), _frame),
    Case(_WRITE, "pyarrow", by_pyarrow_written, _table),
    Case(_READ, OURS, cf.read_parquet, _file),
    Case(_READ, "pyarrow, to a table", pq.read_table, _file),
    Case(_READ, "pyarrow, to pandas", lambda path: pq.read_table(path).to_pandas(), _file),
    Case(
        "`read_parquet(filters=...)`, one model's cost",
        OURS,
        lambda path: cf.read_parquet(path, columns=["cost"], filters=[("model", "=", "gpt-4")]),
        _file,
    ),
)
