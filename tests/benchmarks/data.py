"""The data of the benchmarks: a month of a million calls, made once."""

from pathlib import Path
from typing import Any

import orjson
import pandas as pd

import crashlens_frame as cf

CALLS = 1_000_000
TRACES = 610_000
BAD = b'{"traceId": "torn\n'


def calls(folder: Path) -> pd.DataFrame:
    """Give the million calls, all patterns of waste among them."""
    return cf.read_parquet(folder / "calls.parquet")


def make(folder: Path) -> None:
    """Make the files that are not there: calls.parquet, and events.jsonl with no, one and a thousand bad lines."""
    if (folder / "torn_1000.jsonl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    made = cf.simulate_workload(TRACES, seed=1).iloc[:CALLS]
    cf.to_parquet(made, folder / "calls.parquet")
    lines = [orjson.dumps(event) + b"\n" for event in _events(made)]
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    for bad in (1, 1000):
        step = CALLS // bad
        torn = (BAD + line if place % step == step // 2 else line for place, line in enumerate(lines))
        (folder / f"torn_{bad}.jsonl").write_bytes(b"".join(torn))


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
