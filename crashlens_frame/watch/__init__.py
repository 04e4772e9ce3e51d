"""The same frame, asked over time: what changed, why, whether it will hold, and whether it stays within its budgets."""

from .compare import change, compare
from .explain import explain_change
from .unusual import ANOMALY_KINDS, anomalies

__all__ = ["ANOMALY_KINDS", "anomalies", "change", "compare", "explain_change"]
