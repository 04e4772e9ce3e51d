"""LogBook: accumulates calls, in memory or in a file that keeps them."""

from .book import LogBook
from .objects import plain_value
from .responses import from_responses

__all__ = [
    "LogBook",
    "from_responses",
    "plain_value",
]
