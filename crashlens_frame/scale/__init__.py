"""Logs of any size, read one part at a time, each with whole traces."""

from .parts import SCAN_COLUMNS
from .scanner import Scan, scan, scan_counted

__all__ = [
    "SCAN_COLUMNS",
    "Scan",
    "scan",
    "scan_counted",
]
