"""Logs of any size, read one part at a time, each with whole traces."""

from .parts import SCAN_COLUMNS
from .scanner import Scan, cost_of, scan, scan_counted, warn_divided

__all__ = [
    "SCAN_COLUMNS",
    "Scan",
    "cost_of",
    "scan",
    "scan_counted",
    "warn_divided",
]
