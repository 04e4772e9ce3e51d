"""Simulated calls: single patterns of waste, and a realistic workload."""

from . import patterns
from .patterns import simulate_fallback, simulate_overkill, simulate_retries, simulate_workload

__all__ = [
    "patterns",
    "simulate_fallback",
    "simulate_overkill",
    "simulate_retries",
    "simulate_workload",
]
