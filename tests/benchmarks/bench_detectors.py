"""Finding the waste in a million calls, beside the rule of the retry loops as one would write it for Polars and DuckDB.

The peers begin with a table in their own memory and end with one row a loop: its trace, model, calls, span and
cost. They find the same loops, those of CrashLens, which is checked before they are timed.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

_ROOT = Path(__file__).parents[2]
_COLUMNS = ["trace_id", "timestamp", "model", "prompt", "output_tokens", "cost"]
_GAP_S, _MOST = 120, 3


def _slim(folder: Path) -> Any:
    """Give the columns that the rule needs as an Arrow table."""
    import pyarrow as pa

    calls = data.calls(folder)
    slim = calls[_COLUMNS].assign(model=calls["model"].astype("str"))
    return pa.Table.from_pandas(slim, preserve_index=False)


def _found(folder: Path) -> Any:
    calls = data.calls(folder)
    return calls, cf.find_waste(calls)


def _loops(folder: Path) -> int:
    return len(_by_crashlens_rule(data.calls(folder)))


def _by_crashlens_rule(calls: Any) -> Any:
    """Find the loops by the rule of CrashLens, which is the one that the peers are written for."""
    return cf.find_retry_loops(calls, rules="crashlens")


# -- Polars -----------------------------------------------------------------------------------------------------------


def _polars_frame(by: Any, folder: Path) -> Any:
    import polars as pl

    frame = pl.from_arrow(_slim(folder))
    found, expected = len(by(frame)), _loops(folder)
    assert found == expected, f"{found} loops, not {expected}"
    return frame


def _polars_rule(lazy: Any) -> Any:
    import polars as pl

    asked, gap, before = ["trace_id", "model", "prompt"], pl.col("gap"), pl.col("before")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in asked)
    since = pl.col("timestamp").diff().dt.total_microseconds() / 1e6
    tokens, ratio = pl.col("output_tokens"), (gap / before).filter(before > 0)
    small = (tokens.count() > 0) & (tokens.max() <= 50) & ((tokens.sum() == 0) | (tokens.std(0) < 0.4 * tokens.mean()))
    doubled, steady = ratio.is_between(1.5, 3).sum(), (ratio >= 0.95).sum()
    pairs, kept = (gap.is_not_null() & before.is_not_null()).sum(), (gap >= 0.9 * before).sum()
    return (
        lazy.filter(pl.col("timestamp").is_not_null() & (pl.col("prompt").str.len_bytes() > 0))
        .sort([*asked, "timestamp"], maintain_order=True)
        .with_columns(begins=(other | (since > _GAP_S)).fill_null(True), since=since)
        .with_columns(
            run=pl.col("begins").cum_sum(),
            gap=pl.when(~pl.col("begins")).then("since"),
        )
        .with_columns(before=gap.shift())
        .group_by("run")
        .agg(
            pl.col("trace_id", "model").first(),
            n_calls=pl.len(),
            span=pl.col("timestamp").max() - pl.col("timestamp").min(),
            cost=pl.col("cost").sum(),
            small=small,
            backoff=(ratio.len() > 0) & (doubled >= (0.7 * ratio.len()).clip(1)) & (steady >= 0.7 * ratio.len()),
            patient=(pairs == 0) | (kept >= 0.6 * pairs),
        )
        .filter((pl.col("n_calls") > _MOST) & pl.any_horizontal("small", "backoff", "patient"))
    )


def polars_plain(frame: Any) -> Any:
    return _polars_rule(frame.lazy()).collect()


def polars_candidates(frame: Any) -> Any:
    import polars as pl

    lazy, asked = frame.lazy(), ["trace_id", "model"]
    crowded = lazy.select(asked).group_by(asked).len().filter(pl.col("len") > _MOST)
    return _polars_rule(lazy.join(crowded, on=asked, how="semi")).collect()


# -- DuckDB -----------------------------------------------------------------------------------------------------------

_DUCKDB = """
with candidates as (
    select calls.* from calls
    semi join (select trace_id, model from calls group by all having count(*) > 3) using (trace_id, model)
    where timestamp is not null and prompt <> ''
),
gaps as (
    select *, epoch_us(timestamp) - lag(epoch_us(timestamp)) over same as gap, row_number() over same as place
    from candidates window same as (partition by trace_id, model, prompt order by timestamp, seq)
),
runs as (
    select *, sum(case when gap > 120000000 then 1 else 0 end) over (
        partition by trace_id, model, prompt order by place) as run
    from gaps
),
inside as (
    select *, row_number() over same as nth, count(*) over (partition by trace_id, model, prompt, run) as size,
        lag(gap) over same as before
    from runs window same as (partition by trace_id, model, prompt, run order by place)
),
signs as (
    select trace_id, model, prompt, run, count(*) as n_calls, max(timestamp) - min(timestamp) as span,
        sum(cost) as cost,
        count(output_tokens) > 0 and max(output_tokens) <= 50
            and (sum(output_tokens) = 0 or stddev_pop(output_tokens) < 0.4 * avg(output_tokens)) as small,
        count(*) filter (nth > 2) as pairs,
        count(*) filter (nth > 2 and gap >= 0.9 * before) as kept,
        count(*) filter (nth > 2 and before > 0) as ratios,
        count(*) filter (nth > 2 and before > 0 and gap / before between 1.5 and 3) as doubled,
        count(*) filter (nth > 2 and before > 0 and gap / before >= 0.95) as steady
    from inside where size > 3 group by trace_id, model, prompt, run
)
select *, ratios > 0 and doubled >= greatest(1, 0.7 * ratios) and steady >= 0.7 * ratios as backoff from signs
where small or pairs = 0 or kept >= 0.6 * pairs
    or (ratios > 0 and doubled >= greatest(1, 0.7 * ratios) and steady >= 0.7 * ratios)
"""


def _duckdb_table(folder: Path) -> Any:
    import duckdb
    import pyarrow as pa

    slim = _slim(folder)
    slim = slim.append_column("seq", pa.array(range(len(slim))))
    connection = duckdb.connect()
    connection.register("slim", slim)
    connection.execute("create table calls as select * from slim")
    connection.unregister("slim")
    found, expected = len(duckdb_candidates(connection)), _loops(folder)
    assert found == expected, f"{found} loops, not {expected}"
    return connection


def duckdb_candidates(connection: Any) -> Any:
    return connection.sql(_DUCKDB).to_arrow_table()


# -- from a file, on the command line ---------------------------------------------------------------------------------


def _peer(folder: Path) -> tuple[Path, Path]:
    python = Path(os.environ.get("CRASHLENS_VENV", _ROOT / ".crashlens-venv")) / "bin" / "python"
    if not python.exists():
        raise ImportError(name="crashlens")
    return python, _events(folder)


def _events(folder: Path) -> Path:
    return data.read_once((folder / "events.jsonl").absolute())


# where Python may write no compiled files, each run would compile what it imports again
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "PYTHONWARNINGS": "ignore"
}


def _run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_ENVIRONMENT | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr


def our_scan(path: Path) -> None:
    command = [sys.executable, "-m", "crashlens_frame", "scan", str(path), "--format", "json"]
    _run(command, path.parent, PYTHONPATH=str(_ROOT))


def peer_scan(given: tuple[Path, Path]) -> None:
    python, path = given
    report = str(path.with_name("crashlens-report.json"))
    command = [
        str(python),
        "-m",
        "crashlens",
        "scan",
        str(path),
        "--format",
        "json",
        "--report-file",
        report,
        "--force",
    ]
    _run(command, path.parent, PYTHONPATH="")


_LOOPS = '`find_retry_loops(rules="crashlens")`, 1,000,000 calls'
_SCAN = "`crashlens-frame scan` of 1,000,000 events in 722 MB, to a report"

CASES = (
    Case(_LOOPS, OURS, _by_crashlens_rule, data.calls),
    Case(_LOOPS, "Polars, candidates first", polars_candidates, partial(_polars_frame, polars_candidates)),
    Case(_LOOPS, "Polars, plain", polars_plain, partial(_polars_frame, polars_plain)),
    Case(_LOOPS, "DuckDB, candidates first", duckdb_candidates, _duckdb_table),
    Case("`find_retry_loops`, 1,000,000 calls", OURS, cf.find_retry_loops, data.calls),
    Case("`find_waste`, all detectors, 1,000,000 calls", OURS, cf.find_waste, data.calls),
    Case("`flag`, 1,000,000 calls", OURS, cf.flag, data.calls),
    Case("`summarize`, waste included, 1,000,000 calls", OURS, cf.summarize, data.calls),
    Case("the same, given the findings", OURS, lambda given: cf.summarize(*given), _found),
    Case(
        '`df.crashlens.by("model", "team", freq="D")`, 1,000,000 calls',
        OURS,
        lambda calls: calls.crashlens.by("model", "team", freq="D"),
        data.calls,
    ),
    Case(_SCAN, OURS, our_scan, _events, runs=3),
    Case(_SCAN, "crashlens scan", peer_scan, _peer, runs=1),
)
