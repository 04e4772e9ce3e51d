"""What reading and writing logs costs, beside bulk readers.

The others read the lines as they are, nested, without the checks, the rejects and the types of the frame.
"""

import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case


def by_polars(path: Path) -> None:
    import polars

    polars.read_ndjson(path)


def by_duckdb(path: Path) -> None:
    import duckdb

    duckdb.sql(f"select * from read_json('{path}', format='newline_delimited')").to_arrow_table()


def by_pyarrow(path: Path) -> None:
    import pyarrow.json as pj

    pj.read_json(path, read_options=pj.ReadOptions(block_size=4 << 20))


def by_orjson(path: Path) -> None:
    import orjson

    with path.open("rb") as stream:
        list(map(orjson.loads, stream))


def by_pandas(path: Path) -> None:
    import pandas as pd

    pd.read_json(path, lines=True)


def by_us(path: Path, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.RejectedLinesWarning)
        cf.read_jsonl(path, **options)


def by_json_dumps(given: tuple[list[dict[str, Any]], Path]) -> None:
    records, path = given
    with path.open("w") as stream:
        for record in records:
            stream.write(json.dumps(record))
            stream.write("\n")


def _events(name: str, folder: Path) -> Path:
    return data.read_once(folder / name)


def _calls(line_format: str, folder: Path) -> Any:
    return data.calls(folder), folder / f"written_{line_format}.jsonl"


def _records(line_format: str, folder: Path) -> tuple[list[dict[str, Any]], Path]:
    calls, path = _calls(line_format, folder)
    cf.to_jsonl(calls.head(_FEW), path, format=line_format)
    with path.open() as stream:
        return [json.loads(line) for line in stream], path


def _write(line_format: str, given: Any) -> None:
    calls, path = given
    cf.to_jsonl(calls, path, format=line_format)


_FEW = 200_000  # records that fit into memory as dicts
_READ = "`read_jsonl`, 1,000,000 events of CrashLens in 722 MB, to the typed frame"
_SLIM = {"columns": ["trace_id", "timestamp", "model", "cost"]}
_all, _one, _torn, _other = (
    partial(_events, f"{name}.jsonl") for name in ("events", "torn_1", f"torn_{data.MANY}", f"other_{data.MANY}")
)

CASES = (
    Case(_READ, OURS, by_us, _all),
    Case(_READ, "Polars, untyped", by_polars, _all),
    Case(_READ, "DuckDB, untyped", by_duckdb, _all),
    Case(_READ, "pyarrow.json, untyped", by_pyarrow, _all),
    Case(_READ, "orjson, line by line", by_orjson, _all, runs=3),
    Case(_READ, "pandas.read_json", by_pandas, _all, runs=1),
    Case("the same, four columns", OURS, partial(by_us, **_SLIM), _all),
    Case("the same, one line torn", OURS, by_us, _one),
    Case("the same, 5 % of the lines torn", OURS, by_us, _torn),
    Case("the same, 5 % of the lines with a field that has no column", OURS, by_us, _other),
    *(
        Case(
            f"`read_jsonl`, {few:,} events, to the typed frame",
            by,
            work,
            partial(_events, f"events_{few}.jsonl"),
            few,
            15,
        )
        for few in data.FEW
        for by, work in ((OURS, by_us), ("Polars, untyped", by_polars))
    ),
    *(
        case
        for line_format in ("crashlens", "flat")
        for task in [f'`to_jsonl(format="{line_format}")`, 1,000,000 calls']
        for case in (
            Case(task, OURS, partial(_write, line_format), partial(_calls, line_format)),
            Case(task, "json.dumps, line by line", by_json_dumps, partial(_records, line_format), _FEW, 3),
        )
    ),
)
