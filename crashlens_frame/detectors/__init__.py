"""What counts as waste, one detector a file, and all of it with each dollar counted once. The roster lists them."""

from .cache_report import cache_report, missed_by_call
from .cache_rules import CAUSES
from .detector import Detector
from .partial import JoinedFindings, Known, PartOfFindings, detectors_of, flag_marked, join_parts, search_part
from .roster import ROSTER
from .together import CALL, MARKS, TOGETHER, mark_calls, part_keys, slim_calls
from .waste import Thresholds, find_and_flag, find_waste, flag

CACHE_CAUSES = tuple(cause.name for cause in CAUSES)
FINDERS = {f"find_{detector.name}": detector.find for detector in ROSTER}

__all__ = [
    "CACHE_CAUSES",
    "CALL",
    "FINDERS",
    "MARKS",
    "ROSTER",
    "TOGETHER",
    "Detector",
    "JoinedFindings",
    "Known",
    "PartOfFindings",
    "Thresholds",
    "cache_report",
    "detectors_of",
    "find_and_flag",
    "find_waste",
    "flag",
    "flag_marked",
    "join_parts",
    "mark_calls",
    "missed_by_call",
    "part_keys",
    "search_part",
    "slim_calls",
]
