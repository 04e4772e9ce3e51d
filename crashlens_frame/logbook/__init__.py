"""LogBook: accumulates calls, in memory or in a file that keeps them."""

from .book import LogBook, from_responses
from .responses import rows_from_response

__all__ = [
    "LogBook",
    "from_responses",
    "rows_from_response",
]
