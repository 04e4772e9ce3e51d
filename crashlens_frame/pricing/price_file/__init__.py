"""Price files: what they hold, how they are read and how they are written."""

from .entries import Entry, Period, PriceFile, Rates, dump_price_file, hours_text, tier_thresholds
from .meters import METERS, Meter
from .read import read_price_file

__all__ = [
    "METERS",
    "Entry",
    "Meter",
    "Period",
    "PriceFile",
    "Rates",
    "dump_price_file",
    "hours_text",
    "read_price_file",
    "tier_thresholds",
]
