"""Logs of any size: read a part at a time, each trace whole, with the findings of all calls at once."""

from .parts import SCAN_COLUMNS
from .scanner import Scan, scan

__all__ = [
    "SCAN_COLUMNS",
    "Scan",
    "scan",
]
