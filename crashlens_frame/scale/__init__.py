"""Logs of any size: read a part at a time, each trace whole, with the findings of all calls at once."""

from .parts import READ
from .scanner import Scan, scan

__all__ = [
    "READ",
    "Scan",
    "scan",
]
