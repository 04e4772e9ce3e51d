"""What is unusual in a log: its number of calls and its cost of a call, hour by hour, each judged against its past."""

from .anomalies import ANOMALY_COLUMNS, ANOMALY_KINDS, anomalies
from .hours import hours_of
from .scores import cost_scores, volume_scores

__all__ = ["ANOMALY_COLUMNS", "ANOMALY_KINDS", "anomalies", "cost_scores", "hours_of", "volume_scores"]
