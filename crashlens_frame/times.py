"""The clock, and the moment that times are counted from: microseconds since 1970 in UTC."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# the years 1 to 9999, which are all that datetime and ISO 8601 text can hold
EARLIEST, LATEST = (
    (end.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for end in (datetime.min, datetime.max)
)


def now_us() -> int:
    """Return the time now, in microseconds since 1970."""
    return time.time_ns() // 1000


def start_of_call(row: dict[str, Any]) -> int:
    """Return the start of a call that ends now, in microseconds since 1970; the year 1 if it took longer than that."""
    return max(now_us() - (row.get("latency_ms") or 0) * 1000, EARLIEST)
