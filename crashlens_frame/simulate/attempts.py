"""How simulated clients attempt a call: how attempts fail, what is billed, how long they wait, where draws come from.

Draws are whole numbers of NumPy's PCG64, scaled by whole numbers, so a seed yields the same frame on every machine.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import check_choice, check_number
from ..formats import Row, convert_row, time_option
from ..frame import frame_from_table, table_from_rows
from ..times import now_us

MOST_TRACES = 10_000_000  # whose calls take ten gigabytes
BACKOFFS = ("exponential", "constant", "none")


class Failure(NamedTuple):
    """How an attempt fails: the text of the error, how long it takes in milliseconds, whether the provider bills it."""

    error: str
    milliseconds: int
    billed: bool


# a client that stops waiting is billed all the same; a provider that refuses or breaks down bills nothing
FAILURES = {
    "timeout": Failure("Request timed out.", 10_000, billed=True),
    "rate_limit": Failure("429 Too Many Requests", 150, billed=False),
    "server_error": Failure("503 Service Unavailable", 300, billed=False),
}

_EVERY_CALL = {
    "type": "generation",
    "level": "info",
    "source": "simulation",
    "fallback_attempted": False,
    "error": None,
    "billed": "yes",
}

_WAIT_MS = 1_000
_LONGEST_WAIT_MS = (
    54_000  # with its jitter below a minute: the detectors treat attempts with more between them as unrelated
)


def failed_attempt(reason: str) -> Row:
    """Return the values of an attempt that fails; one that is not billed costs nothing."""
    failure = FAILURES[reason]
    row: Row = {"level": "error", "error": failure.error, "latency_ms": failure.milliseconds}
    return row if failure.billed else {**row, "billed": "no", "cost": 0.0, "cost_source": "reported"}


def attempts_frame(
    rows: list[Row], common: Row, *, draw: np.random.Generator, backoff: str, start: Any
) -> pd.DataFrame:
    """Start each call after the end of the one before and the wait for its retry."""
    check_choice("backoff", backoff, BACKOFFS)
    begin = now_us() if start is None else time_option("start", start)
    converted: list[Row] = []
    for row in rows:
        row |= {name: row.get(name, value) for name, value in _EVERY_CALL.items()} | common
        answer = row.get("response")
        words = len(answer.split()) if isinstance(answer, str) else 0
        row["latency_ms"] = _jittered(draw, row.get("latency_ms", 400 + 20 * words))
        converted.append(convert_row({**row, "timestamp": begin}))
        begin += 1000 * (row["latency_ms"] + _jittered(draw, _wait(backoff, row["retry_count"])))
    return frame_from_table(table_from_rows(converted))


def _wait(backoff: str, number: int) -> int:
    """Return the milliseconds before a retry, without jitter."""
    if backoff == "none":
        return 0
    return _WAIT_MS if backoff == "constant" else min(_WAIT_MS << min(number, 6), _LONGEST_WAIT_MS)


def _jittered(draw: np.random.Generator, milliseconds: int) -> int:
    """Add up to a tenth. Equal durations then stay above 0.9 of each other, as the detector of retries expects."""
    return milliseconds + int(draw.integers(0, milliseconds // 10, endpoint=True))


def trace_of(draw: np.random.Generator, trace_id: str | None) -> str:
    """Return the id that is given, or a drawn one."""
    return draw.bytes(16).hex() if trace_id is None else trace_id


def whole_number(name: str, value: Any, *, least: int = 0, most: int) -> int:
    """Return a whole number; refuse what is none."""
    check_number(name, value, least - 1, most + 1, f"a whole number from {least} to {most:,}", whole=True)
    return int(value)
