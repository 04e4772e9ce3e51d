"""A report for people who were not there: one HTML file that can be read, sent and printed, and loads nothing."""

from .periods import Periods, compared_days, last_periods
from .sections import EFFECT_TEXTS
from .writing import write_report

__all__ = ["EFFECT_TEXTS", "Periods", "compared_days", "last_periods", "write_report"]
