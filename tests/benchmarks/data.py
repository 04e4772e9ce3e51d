"""The data of the benchmarks: a month of a million calls, made once."""

from pathlib import Path
from typing import Any

import orjson
import pandas as pd

import crashlens_frame as cf

CALLS = 1_000_000
TRACES = 610_000
BAD = b'{"traceId": "torn\n'
OTHER = b',"customer":"acme"}\n'  # a field without a column
FEW = (1_000, 10_000)  # events of the small files
MANY = 50_000  # of the lines, 5 %


def calls(folder: Path) -> pd.DataFrame:
    """Give the million calls, all patterns of waste among them."""
    return cf.read_parquet(folder / "calls.parquet")


def make(folder: Path) -> None:
    """Make the files that are not there: calls.parquet, events.jsonl, small ones, and some with odd lines."""
    last = folder / f"other_{MANY}.jsonl"
    if last.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    made = cf.simulate_workload(TRACES, seed=1).iloc[:CALLS]
    cf.to_parquet(made, folder / "calls.parquet")
    lines = [orjson.dumps(event) + b"\n" for event in _events(made)]
    for name, some in (("events", lines), *((f"events_{few}", lines[:few]) for few in FEW)):
        (folder / f"{name}.jsonl").write_bytes(b"".join(some))
    for bad in (1, MANY):
        step = CALLS // bad
        torn = (BAD + line if place % step == step // 2 else line for place, line in enumerate(lines))
        (folder / f"torn_{bad}.jsonl").write_bytes(b"".join(torn))
    step = CALLS // MANY
    last.write_bytes(b"".join(line[:-2] + OTHER if n % step == step // 2 else line for n, line in enumerate(lines)))


def read_once(path: Path) -> Path:
    """Have the system read a file from the disk, by parts: the peak of the memory is that of who is measured."""
    with path.open("rb") as stream:
        while stream.read(1 << 20):
            pass
    return path


def _events(made: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the events as CrashLens has them, and nothing beside that."""
    end = made["timestamp"] + pd.to_timedelta(made["latency_ms"].astype("int64"), unit="ms")
    times = {"start": made["timestamp"], "end": end}
    texts = {name: time.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for name, time in times.items()}
    # a tokens that nobody counted and a cost that nobody knows are 0 to CrashLens
    told = made.assign(**texts).fillna({"input_tokens": 0, "output_tokens": 0, "cost": 0.0}).astype(object)
    rows = told.where(told.notna(), None).to_dict("records")
    return [
        {
            "traceId": row["trace_id"],
            "type": "generation",
            "startTime": row["start"],
            "endTime": row["end"],
            "level": row["level"],
            "input": {"model": row["model"], "prompt": row["prompt"]},
            "usage": {
                "prompt_tokens": row["input_tokens"],
                "completion_tokens": row["output_tokens"],
                "total_tokens": row["input_tokens"] + row["output_tokens"],
            },
            "cost": row["cost"],
            "metadata": {
                "fallback_attempted": row["fallback_attempted"],
                "fallback_reason": row["fallback_reason"],
                "fallback_model": row["fallback_model"],
                "route": row["route"],
                "team": row["team"],
                "source": row["source"],
            },
            "name": row["name"],
        }
        for row in rows
    ]
