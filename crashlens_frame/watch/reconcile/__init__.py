"""Costs held against bills: what vendors report, and why it differs."""

from .reconciling import reconcile

__all__ = ["reconcile"]
