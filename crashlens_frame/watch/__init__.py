"""The same frame, asked over time: budgets, forecasts, bills, and what others may see."""

from .budgets import Budgets, broken_rules, budgets
from .forecast import forecast
from .increase import CostIncrease, cost_increase

__all__ = ["Budgets", "CostIncrease", "broken_rules", "budgets", "cost_increase", "forecast"]
