"""The detectors. Their order is the precedence: the first one with a finding on a trace owns the trace."""

from ..schema import DETECTORS
from . import fallback_failures, fallback_storms, overkill_models, retry_loops
from .detector import Detector

ROSTER: tuple[Detector, ...] = (
    retry_loops.DETECTOR,
    fallback_storms.DETECTOR,
    fallback_failures.DETECTOR,
    overkill_models.DETECTOR,
)

# the vocabulary of FINDINGS, which is defined before there are detectors
DETECTORS[:] = [detector.name for detector in ROSTER]
