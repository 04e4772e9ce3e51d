"""ALL is the roster. Its order is the precedence: the first detector with a finding on a trace owns the trace."""

from collections.abc import Callable

from . import fallback_failures, fallback_storms, overkill_models, retry_loops
from .evidence import Evidence

ALL: dict[str, Callable[..., Evidence]] = {
    "retry_loops": retry_loops.evidence,
    "fallback_storms": fallback_storms.evidence,
    "fallback_failures": fallback_failures.evidence,
    "overkill_models": overkill_models.evidence,
}
