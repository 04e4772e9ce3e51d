"""What reading and writing logs costs, beside bulk readers: run ``python -m tests.benchmarks.bench_jsonl``.

Polars and DuckDB are no dependencies of the tests; ``pip install polars duckdb`` beside them to have them in the table.
They read the lines as they are, nested, without the checks, the rejects and the types of the frame.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

import crashlens_frame as cf
from crashlens_frame.frame import table_from_frame

TRACES, RUNS = 200_000, 3
BAD = b'{"trace_id": "torn\n'


def by_polars(path: Path) -> None:
    import polars

    polars.read_ndjson(path, infer_schema_length=1000)


def by_duckdb(path: Path) -> None:
    import duckdb

    duckdb.sql(f"select * from read_json('{path}', format='newline_delimited')").arrow().read_all()


def by_pyarrow(path: Path) -> None:
    pj.read_json(path, read_options=pj.ReadOptions(block_size=4 << 20))


def by_json(path: Path) -> None:
    with path.open() as stream:
        for line in stream:
            json.loads(line)


def dumped(records: list[dict[str, object]], path: Path) -> None:
    with path.open("w") as stream:
        for record in records:
            stream.write(json.dumps(record))
            stream.write("\n")


def seconds(work: Callable[[], object]) -> float:
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        runs.append(time.perf_counter() - start)
    return statistics.median(runs)


def show(rows: dict[str, Callable[[], object]], megabytes: float) -> None:
    """Print a row each; the first is what the ratios are to."""
    ours = None
    for name, work in rows.items():
        try:
            took = seconds(work)
        except ImportError as error:
            print(f"{name:44} {error}")
            continue
        ours = ours or took
        print(f"{name:44} {took:7.2f} {megabytes / took:7.0f} {took / ours:7.2f}")


def main() -> None:
    calls = cf.simulate_workload(TRACES, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path, torn, again, parquet = (Path(folder, name) for name in ("a.jsonl", "torn.jsonl", "b.jsonl", "c.parquet"))
        cf.to_jsonl(calls, path)
        lines = path.read_bytes().splitlines(keepends=True)
        torn.write_bytes(
            b"".join(BAD + line if place % (len(lines) // 1000) == 0 else line for place, line in enumerate(lines))
        )
        size = path.stat().st_size / 1e6
        print(f"{len(calls):,} calls, {size:.0f} MB of JSONL, medians of {RUNS}")
        print(f"{'reading':44} {'s':>7} {'MB/s':>7} {'ratio':>7}")
        pd.testing.assert_frame_equal(cf.read_jsonl(path), calls)
        show(
            {
                "read_jsonl": lambda: cf.read_jsonl(path),
                "polars.read_ndjson": lambda: by_polars(path),
                "duckdb read_json": lambda: by_duckdb(path),
                "pyarrow.json.read_json": lambda: by_pyarrow(path),
                "json.loads, line by line": lambda: by_json(path),
                "read_rejects, a thousand bad lines": lambda: cf.read_rejects(torn),
            },
            size,
        )
        print(f"{'writing':44} {'s':>7} {'MB/s':>7} {'ratio':>7}")
        records = [json.loads(line) for line in lines]
        del lines
        show(
            {"to_jsonl": lambda: cf.to_jsonl(calls, again), "json.dumps, line by line": lambda: dumped(records, again)},
            size,
        )
        print(f"{'Parquet':44} {'s':>7} {'MB/s':>7} {'ratio':>7}")
        table = table_from_frame(calls)
        show(
            {
                "to_parquet": lambda: cf.to_parquet(calls, parquet),
                "pyarrow.parquet.write_table": lambda: pq.write_table(table, parquet, compression="zstd"),
            },
            table.nbytes / 1e6,
        )
        cf.to_parquet(calls, parquet)
        show(
            {
                "read_parquet": lambda: cf.read_parquet(parquet),
                "pyarrow.parquet.read_table": lambda: pq.read_table(parquet),
            },
            pa.Table.from_pandas(calls).nbytes / 1e6,
        )


if __name__ == "__main__":
    main()
