"""The same frame, asked over time: what changed, why, whether it will hold, and whether it stays within its budgets."""

from .budgets import Budgets, BudgetSource, broken_rules, budgets
from .compare import change, compare
from .explain import divided_change, explain_change
from .focus import to_focus
from .forecast import forecast
from .increase import CostIncrease, cost_increase
from .moments import end_of_log, local_times
from .reconcile import reconcile
from .redact import CONTENTS, redact
from .unusual import anomalies, anomalies_and_hours

__all__ = [
    "CONTENTS",
    "BudgetSource",
    "Budgets",
    "CostIncrease",
    "anomalies",
    "anomalies_and_hours",
    "broken_rules",
    "budgets",
    "change",
    "compare",
    "cost_increase",
    "divided_change",
    "end_of_log",
    "explain_change",
    "forecast",
    "local_times",
    "reconcile",
    "redact",
    "to_focus",
]
