"""Simulated calls: single patterns of waste, and a realistic workload."""

from . import patterns
from .incidents import simulate_incidents
from .patterns import RETRY_REASONS, simulate_fallback, simulate_overkill, simulate_retries, simulate_workload

__all__ = [
    "RETRY_REASONS",
    "patterns",
    "simulate_fallback",
    "simulate_incidents",
    "simulate_overkill",
    "simulate_retries",
    "simulate_workload",
]
