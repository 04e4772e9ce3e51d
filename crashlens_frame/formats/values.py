"""One value of a record as its column holds it. What does not fit is a ValueError that says what was expected."""

import math
from datetime import UTC, datetime, timedelta
from operator import index
from typing import Any

import numpy as np

from ..schema import COST_SOURCES, TOKEN_SOURCES
from ..times import EPOCH

# an epoch time is in the first unit in which it lies before the year 5138
EPOCH_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1), (math.inf, 0.001))
MAX_COUNT = 2**63 - 1


def text_value(value: Any) -> str:
    """Take text as it is."""
    if isinstance(value, str):
        return value
    raise ValueError("text")


def count_value(value: Any) -> int:
    """Take a whole number from 0 on; 5.0 is one, True and 5.5 are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError("a whole number")
    whole = index(value)
    if not 0 <= whole <= MAX_COUNT:
        raise ValueError("a whole number from 0 to 2**63 - 1")
    return whole


def amount_value(value: Any) -> float | None:
    """Take a finite number from 0 on; NaN, which JSON does not know but Python writes, is null."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise ValueError("a number")
    number = float(value)
    if math.isnan(number):
        return None
    if not 0 <= number < math.inf:
        raise ValueError("a finite number from 0 on")
    return number


def milliseconds_value(value: Any) -> int | None:
    """Take a number from 0 on, rounded to a whole one."""
    if hasattr(value, "__index__"):
        return count_value(value)
    number = amount_value(value)
    return None if number is None else count_value(float(round(number)))


def bool_value(value: Any) -> bool:
    """Take true or false."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError("true or false")


def time_value(value: Any) -> int | None:
    """Take a time as microseconds since 1970: ISO 8601 text, a datetime, or an epoch number in s, ms, us or ns.

    Without a zone it is UTC; digits beyond the microsecond are cut off.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _epoch(value)
        # 3.11 would read the ten digits of an epoch second as a year, a month and some more
        if isinstance(value, str) and not (value.isdigit() and len(value) > 8):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            if value != value:  # NaT is a datetime to Python, and equal to nothing
                return None
            aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
            return (aware - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise ValueError("an ISO 8601 time or an epoch number")


def token_source_value(value: Any) -> str:
    """Take one of the words for where token counts came from."""
    return _word(value, TOKEN_SOURCES)


def cost_source_value(value: Any) -> str:
    """Take one of the words for where a cost came from."""
    return _word(value, COST_SOURCES)


def _word(value: Any, words: tuple[str, ...]) -> str:
    if value in words:
        return str(value)
    raise ValueError(f"one of {', '.join(words)}")


def _epoch(value: float) -> int | None:
    if value != value:
        return None
    if math.isinf(value):
        raise ValueError("no time is infinite")
    factor = next(factor for limit, factor in EPOCH_UNITS if abs(value) < limit)
    # whole numbers are reckoned in whole numbers: a float would not hold nanoseconds
    micros = value // 1000 if factor == 0.001 else value * factor
    (EPOCH + timedelta(microseconds=micros)).year  # noqa: B018  raises where no calendar reaches
    return round(micros)
