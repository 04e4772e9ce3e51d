"""The same frame, asked over time: budgets, forecasts, bills, and what others may see."""

from .budgets import Budgets, broken_rules, budgets
from .focus import to_focus
from .forecast import forecast
from .increase import CostIncrease, cost_increase
from .reconcile import reconcile
from .redact import CONTENTS, redact

__all__ = [
    "CONTENTS",
    "Budgets",
    "CostIncrease",
    "broken_rules",
    "budgets",
    "cost_increase",
    "forecast",
    "reconcile",
    "redact",
    "to_focus",
]
