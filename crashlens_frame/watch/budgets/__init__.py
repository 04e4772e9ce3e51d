"""Budgets and rules: the file that holds them, what was spent of each, which calls break a rule."""

from .file import Budgets, BudgetSource
from .rules import broken_rules
from .spending import budgets

__all__ = ["BudgetSource", "Budgets", "broken_rules", "budgets"]
