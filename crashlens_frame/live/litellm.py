"""LiteLLMLogger: the calls that LiteLLM makes, in a program or in its proxy."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from litellm.integrations.custom_logger import CustomLogger

from .._core import fork_safe_lock
from ..formats import Row
from .context import check_book, columns_checked
from .hooks import log_record

if TYPE_CHECKING:
    from ..logbook import LogBook

_REMEMBERED = 10_000  # calls and traces


class LiteLLMLogger(CustomLogger):
    """Callback of LiteLLM that logs its calls to a book: each attempt of its retries and fallbacks is a row.

    Parameters
    ----------
    book
        Where the calls are logged.
    **columns
        Columns of CALLS that all calls share, such as ``team``; what LiteLLM says counts before them.

    Notes
    -----
    LiteLLM calls both hooks of some streams; the call is logged once. The retries within the SDK of a vendor that
    LiteLLM uses are not seen.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> logger = cf.live.LiteLLMLogger(book)  # litellm.callbacks = [logger]
    """

    def __init__(self, book: "LogBook", **columns: Any) -> None:
        super().__init__()
        check_book(book)
        self._book = book
        self._columns = columns_checked(columns)
        self._lock = fork_safe_lock()
        self._seen: OrderedDict[Any, None] = OrderedDict()
        self._failures: OrderedDict[Any, int] = OrderedDict()  # by trace and model

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log a call that was answered."""
        self._log(kwargs)

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log a call that failed."""
        self._log(kwargs)

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log a call that was answered."""
        self._log(kwargs)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log a call that failed."""
        self._log(kwargs)

    def _log(self, kwargs: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        if not isinstance(payload, Mapping):
            return  # of a piece of a stream
        # fallbacks share the id of the call, and each begins at a time of its own
        call_id = kwargs.get("litellm_call_id") or payload.get("id")
        key = repr((call_id, *(payload.get(name) for name in ("status", "model", "startTime"))))
        with self._lock:
            if key in self._seen:
                return
            _remember(self._seen, key, None)
        log_record(self._book, payload, "litellm", self._columns, self._numbered)

    def _numbered(self, row: Row) -> Row:
        """Return the row with the number of attempts of its model in its trace that failed before it."""
        key = (row.get("trace_id"), row.get("model"))
        with self._lock:
            before = self._failures.get(key, 0)
            if row.get("level") == "error":
                _remember(self._failures, key, before + 1)
        return {**row, "retry_count": row.get("retry_count") or before}


def _remember(memory: "OrderedDict[Any, Any]", key: Any, value: Any) -> None:
    memory[key] = value
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
