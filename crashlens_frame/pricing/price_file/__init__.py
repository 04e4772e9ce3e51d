"""Price files: what they hold, how they are read and how they are written."""

from .entries import WEEKDAYS, Entry, Period, PriceFile, Rates, dump_price_file, hours_text, tier_thresholds
from .meters import METERS, Meter
from .read import read_price_file
from .rules import Discount, RegionFactor, Rules, TierLaunch

__all__ = [
    "METERS",
    "WEEKDAYS",
    "Discount",
    "Entry",
    "Meter",
    "Period",
    "PriceFile",
    "Rates",
    "RegionFactor",
    "Rules",
    "TierLaunch",
    "dump_price_file",
    "hours_text",
    "read_price_file",
    "tier_thresholds",
]
