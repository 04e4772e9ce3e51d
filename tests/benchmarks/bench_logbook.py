"""What logging a call costs."""

from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks.harness import OURS, Case

CALLS = 20_000
CALL = {"model": "gpt-4", "prompt": "Hello, world!", "response": "Hi!", "latency_ms": 1250, "team": "search"}
REPORTED = {**CALL, "input_tokens": 4, "output_tokens": 2}


def _durable(folder: Path) -> Any:
    path = folder / "logs.jsonl"
    path.unlink(missing_ok=True)
    return cf.LogBook(path).log


def _memory(folder: Path) -> Any:
    return cf.LogBook().log


def _log(call: dict[str, Any]) -> Any:
    def work(log: Any) -> None:
        for _ in range(CALLS):
            log(**call)

    return work


def _appended(kept: list[dict[str, Any]]) -> None:
    for _ in range(CALLS):
        kept.append(dict(CALL))


_DURABLE = "`LogBook(path).log`, one call in the file, priced, its tokens counted"
_MEMORY = "`LogBook().log`, one call in memory"

CASES = (
    Case(_DURABLE, OURS, _log(CALL), _durable, CALLS, one=True),
    Case(f"{_DURABLE.partition(',')[0]}, its tokens reported", OURS, _log(REPORTED), _durable, CALLS, one=True),
    Case(_MEMORY, OURS, _log(CALL), _memory, CALLS, one=True),
    Case(_MEMORY, "a dict appended to a list", _appended, lambda folder: [], CALLS),
)
