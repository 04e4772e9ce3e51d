"""LogBook: accumulates calls, in memory or in a file that keeps them."""

from .book import LogBook

__all__ = [
    "LogBook",
]
