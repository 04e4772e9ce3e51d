"""The detectors. Their order is the precedence: of two that claim the same dollars, the first one keeps them."""

from ..schema import DETECTORS
from . import (
    batchable_calls,
    cache_misses,
    cut_answers,
    fallback_failures,
    fallback_storms,
    growing_context,
    overkill_models,
    repeated_calls,
    retry_loops,
    stuck_agents,
)
from .detector import Detector

ROSTER: tuple[Detector, ...] = (
    retry_loops.DETECTOR,
    cut_answers.DETECTOR,
    fallback_storms.DETECTOR,
    fallback_failures.DETECTOR,
    stuck_agents.DETECTOR,
    repeated_calls.DETECTOR,
    cache_misses.DETECTOR,
    growing_context.DETECTOR,
    overkill_models.DETECTOR,
    batchable_calls.DETECTOR,
)

# the vocabulary of FINDINGS, which is defined before there are detectors
DETECTORS[:] = [detector.name for detector in ROSTER]
