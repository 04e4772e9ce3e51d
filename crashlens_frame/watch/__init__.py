"""The same frame, asked over time: what changed, why, whether it will hold, and whether it stays within its budgets."""

from .compare import change, compare
from .explain import explain_change

__all__ = ["change", "compare", "explain_change"]
