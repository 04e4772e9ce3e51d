"""Calls as they happen: every attempt that a client of an SDK makes becomes a row of a LogBook.

``watch`` wraps the client, ``trace`` groups calls, ``budget`` limits what they may cost.
"""

from .context import budget, trace
from .watch import watch

__all__ = ["budget", "trace", "watch"]
