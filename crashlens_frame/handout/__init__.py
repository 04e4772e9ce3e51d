"""A report for people who were not there: one HTML file that can be read, sent and printed, and loads nothing."""

from .writing import write_report

__all__ = ["write_report"]
