"""What counts as waste, one detector a file, and all of it with each dollar counted once. The roster lists them."""

from .cache_report import cache_report
from .detector import Detector
from .roster import ROSTER
from .waste import Thresholds, find_and_flag, find_waste, flag, waste_amounts

FINDERS = {f"find_{detector.name}": detector.find for detector in ROSTER}

__all__ = [
    "FINDERS",
    "ROSTER",
    "Detector",
    "Thresholds",
    "cache_report",
    "find_and_flag",
    "find_waste",
    "flag",
    "waste_amounts",
]
