"""Widgets for the notebook: a form that logs calls, and a dashboard that finds the waste in them."""

from .explorer import Explorer
from .form import LogForm

__all__ = ["Explorer", "LogForm"]
