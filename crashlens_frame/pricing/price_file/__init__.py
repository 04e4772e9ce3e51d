"""Price files: what they hold, how they are read and how they are written."""

from .entries import KINDS, Entry, Period, PriceFile, Rates, dump_price_file, hours_text, thresholds
from .read import read_price_file

__all__ = [
    "KINDS",
    "Entry",
    "Period",
    "PriceFile",
    "Rates",
    "dump_price_file",
    "hours_text",
    "read_price_file",
    "thresholds",
]
