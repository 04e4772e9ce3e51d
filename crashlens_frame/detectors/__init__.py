"""What counts as waste, one detector a file, and all of it with each dollar counted once.

ALL is the roster. Its order is the precedence: the first detector with a finding on a trace owns the trace.
"""

from .fallback_failures import find_fallback_failures
from .fallback_storms import find_fallback_storms
from .overkill_models import find_overkill_models
from .retry_loops import find_retry_loops
from .traces import order_calls
from .waste import Thresholds, find_and_flag, find_waste, flag, waste_amounts

__all__ = [
    "Thresholds",
    "find_and_flag",
    "find_fallback_failures",
    "find_fallback_storms",
    "find_overkill_models",
    "find_retry_loops",
    "find_waste",
    "flag",
    "order_calls",
    "waste_amounts",
]
