"""What counts as waste, one detector a file, and all of it with each dollar counted once. The roster lists them."""

from .cache_report import cache_report, missed_by_call
from .cache_rules import CAUSES
from .detector import Detector
from .roster import ROSTER
from .waste import Thresholds, find_and_flag, find_waste, flag, waste_of_calls, weigh_findings

CACHE_CAUSES = tuple(cause.name for cause in CAUSES)
FINDERS = {f"find_{detector.name}": detector.find for detector in ROSTER}

__all__ = [
    "CACHE_CAUSES",
    "FINDERS",
    "ROSTER",
    "Detector",
    "Thresholds",
    "cache_report",
    "find_and_flag",
    "find_waste",
    "flag",
    "missed_by_call",
    "waste_of_calls",
    "weigh_findings",
]
