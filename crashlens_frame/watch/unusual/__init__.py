"""What is unusual in a log: its number of calls and its cost of a call, hour by hour, each judged against its past."""

from .anomalies import anomalies, anomalies_and_hours

__all__ = ["anomalies", "anomalies_and_hours"]
