"""What is killed: each writer writes until it is ended and acknowledges what it wrote; its check reads what is left."""

import json
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd

import crashlens_frame as cf
from tests.support.vendor_logs import Call, span_of
from tests.support.vendor_logs import otlp as traces_of

Write = Callable[[Path, int, Connection], None]  # the folder, the first number to write, where to acknowledge each
Check = Callable[[Path, set[int]], int]  # the folder, all numbers acknowledged; returns how many items are whole

LOG = "logs.jsonl"
STORE = "store"
SCANNED = 5_000  # calls
ROWS = 40  # calls of a generation, besides its number


def _prepare_nothing(folder: Path) -> None:
    """Leave the folder empty."""


@dataclass(frozen=True)
class Writer:
    """Something that writes, how many processes of it do so at a time, and how to check what a kill left."""

    name: str
    write: Write
    check: Check
    processes: int = 1
    prepare: Callable[[Path], object] = _prepare_nothing


class FaultError(AssertionError):
    """Something that was acknowledged is missing, or something half-written was read as whole."""


def require(holds: bool, finding: str) -> None:
    if not holds:
        raise FaultError(finding)


# -- calls, one at a time ------------------------------


def _prompt(number: int) -> str:
    return f"the prompt of call {number} " * 20


def _log(folder: Path, first: int, acknowledge: Connection) -> None:
    book = cf.LogBook(folder / LOG)
    for number in range(first, first + 1_000_000):
        book.log(model="gpt-4", prompt=_prompt(number), input_tokens=1, output_tokens=1, trace_id=f"t{number}")
        acknowledge.send(number)


def _check_log(folder: Path, acknowledged: set[int]) -> int:
    calls = cf.read_jsonl(folder / LOG)
    numbers = calls["trace_id"].str[1:].astype(int)
    require(numbers.is_unique, "a call was written twice")
    lost = acknowledged - set(numbers)
    require(not lost, f"{len(lost)} acknowledged calls are lost")
    require(calls["prompt"].tolist() == [_prompt(number) for number in numbers], "half a call was read as whole")
    return len(calls)


def _serve(folder: Path, first: int, acknowledge: Connection) -> None:
    with cf.live.serve_otlp(cf.LogBook(folder / LOG), port=0) as server:
        for number in range(first, first + 1_000_000):
            body = json.dumps(traces_of(span_of(Call(number=number)))).encode()
            request = urllib.request.Request(f"{server.url}/v1/traces", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
            acknowledge.send(number)


def _check_served(folder: Path, acknowledged: set[int]) -> int:
    calls = cf.read_jsonl(folder / LOG)
    require(calls["event_id"].is_unique, "a call was written twice")
    lost = {f"chatcmpl-{number}" for number in acknowledged} - set(calls["event_id"])
    require(not lost, f"{len(lost)} acknowledged calls are lost")
    require(bool(calls["prompt"].eq(Call().prompt).all()), "half a call was read as whole")
    return len(calls)


# -- whole frames ------------------------------


def generation(number: int) -> pd.DataFrame:
    """Make calls that know which write they are of, and of how many calls it is."""
    size = ROWS + number % 100
    return pd.DataFrame(
        {"trace_id": [f"t{row}" for row in range(size)], "model": "gpt-4", "cost": 0.001, "route": str(number)}
    )


def generations_in(calls: pd.DataFrame) -> set[int]:
    """Return the writes that are in calls; each must be whole."""
    counts = {int(number): int(count) for number, count in calls["route"].value_counts().items() if count}
    halves = [number for number, count in counts.items() if count != ROWS + number % 100]
    require(not halves, f"{len(halves)} writes were read in part")
    return set(counts)


def _replace(
    write: Callable[[pd.DataFrame, Path], object], name: str, folder: Path, first: int, acknowledge: Connection
) -> None:
    for number in range(first, first + 1_000_000):
        write(generation(number), folder / name)
        acknowledge.send(number)


def _check_replaced(read: Callable[[Path], pd.DataFrame], name: str) -> Check:
    def check(folder: Path, acknowledged: set[int]) -> int:
        found = generations_in(read(folder / name))
        require(len(found) == 1, f"{len(found)} writes are in a place of one")
        require(min(found) >= max(acknowledged), "the last acknowledged write is lost")
        return 1

    return check


def store(calls: pd.DataFrame, folder: Path, mode: str) -> None:
    cf.write_dataset(calls, folder, buckets=2, mode=mode)


def _append(calls: pd.DataFrame, folder: Path) -> None:
    store(calls, folder, "append")


def _overwrite(calls: pd.DataFrame, folder: Path) -> None:
    store(calls, folder, "overwrite")


def _check_appended(folder: Path, acknowledged: set[int]) -> int:
    found = generations_in(cf.read_parquet(folder / STORE))
    require(acknowledged <= found, f"{len(acknowledged - found)} acknowledged writes are lost")
    return len(found)


def _write_new(folder: Path, first: int, acknowledge: Connection) -> None:
    for number in range(first, first + 1_000_000):
        store(generation(number), folder / f"{STORE}-{number}", "error")
        acknowledge.send(number)


def _check_new(folder: Path, acknowledged: set[int]) -> int:
    found = set()
    for store in folder.glob(f"{STORE}-*"):
        number = int(store.name.removeprefix(f"{STORE}-"))
        try:
            held = generations_in(cf.read_parquet(store))
        except FileNotFoundError:
            continue  # nothing is visible until it is whole
        require(held == {number}, "a folder has another write than its own")
        found.add(number)
    require(acknowledged <= found, f"{len(acknowledged - found)} acknowledged writes are lost")
    return len(found)


# -- a reader that keeps files of its own ------------------------------


def _log_to_scan(folder: Path) -> None:
    traces = [f"t{row}" for row in range(SCANNED)]
    calls = pd.DataFrame({"trace_id": traces, "model": "gpt-4", "cost": 0.001})
    cf.to_jsonl(calls, folder / LOG)


def _scan(folder: Path, first: int, acknowledge: Connection) -> None:
    tempfile.tempdir = str(folder)  # what a killed scan leaves goes with the folder
    for number in range(first, first + 1_000_000):
        acknowledge.send(number)  # a scan is killed, not what comes after it
        cf.scan(folder / LOG, progress=False)


def _check_scanned(folder: Path, acknowledged: set[int]) -> int:
    calls = cf.scan(folder / LOG, progress=False).report.events
    require(calls == SCANNED, f"{calls} of {SCANNED} calls were scanned")
    return 1


WRITERS = (
    Writer("LogBook", _log, _check_log),
    Writer("LogBook, three processes", _log, _check_log, processes=3),
    Writer("serve_otlp", _serve, _check_served),
    Writer("to_jsonl", partial(_replace, cf.to_jsonl, LOG), _check_replaced(cf.read_jsonl, LOG)),
    Writer(
        "to_jsonl, packed", partial(_replace, cf.to_jsonl, f"{LOG}.gz"), _check_replaced(cf.read_jsonl, f"{LOG}.gz")
    ),
    Writer(
        "to_parquet", partial(_replace, cf.to_parquet, "logs.parquet"), _check_replaced(cf.read_parquet, "logs.parquet")
    ),
    Writer('write_dataset(mode="error")', _write_new, _check_new),
    Writer('write_dataset(mode="append")', partial(_replace, _append, STORE), _check_appended),
    Writer(
        'write_dataset(mode="overwrite")', partial(_replace, _overwrite, STORE), _check_replaced(cf.read_parquet, STORE)
    ),
    Writer("scan", _scan, _check_scanned, prepare=_log_to_scan),
)
