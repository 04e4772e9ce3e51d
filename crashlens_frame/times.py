"""How times are read and told: microseconds since 1970 in UTC, and the clock."""

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from .errors import InvalidCallError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of_call(row: dict[str, Any]) -> int:
    """Give the start of a call that ends now, in microseconds of the epoch."""
    return time.time_ns() // 1000 - (row.get("latency_ms") or 0) * 1000


def epoch_us(timestamp: Any) -> int:
    """Read a datetime or ISO 8601 text, naive taken as UTC, as microseconds since 1970."""
    try:
        moment = pd.Timestamp(timestamp)
        moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
        return int(moment.as_unit("us").asm8.astype(np.int64))  # .value would be nanoseconds
    except (ValueError, TypeError) as error:
        raise InvalidCallError(f"timestamp is {timestamp!r}, expected a datetime or ISO 8601 text") from error
