"""Logs of any size: read one part at a time, each with whole traces, and with the same results as in memory."""

from .parts import SCAN_COLUMNS
from .scanner import Scan, scan, stack_findings

__all__ = [
    "SCAN_COLUMNS",
    "Scan",
    "scan",
    "stack_findings",
]
