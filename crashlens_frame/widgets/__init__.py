"""Widgets for notebooks: a form that logs calls, and a dashboard that shows what they cost and the waste in them."""

from .explorer import Explorer
from .form import LogForm

__all__ = ["Explorer", "LogForm"]
