"""Callbacks of LiteLLM -> the book, by the table that reads its payloads in files."""

from collections import OrderedDict
from typing import Any

from .._core import fork_safe_lock
from ..errors import MissingExtraError
from ..logbook import LogBook, plain_value
from .intake import Intake

try:
    from litellm.integrations.custom_logger import CustomLogger
except ModuleNotFoundError as error:
    raise MissingExtraError("LiteLLMLogger needs litellm, which is not installed: pip install litellm") from error

_REMEMBERED = 10_000  # attempts among which the twin of a callback is looked for


class LiteLLMLogger(CustomLogger):
    """Log each attempt that LiteLLM makes, as its package or its proxy.

    Parameters
    ----------
    book
        Where the calls are logged.

    Notes
    -----
    Use it as ``litellm.callbacks = [cf.live.LiteLLMLogger(book)]``. LiteLLM calls some callbacks both ways, with and
    without ``await``: an attempt is logged once. Answers of its cache are logged as not billed. What the SDK of a
    vendor asks again on its own is not seen; what LiteLLM asks again is.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> import litellm  # doctest: +SKIP
    >>> litellm.callbacks = [cf.live.LiteLLMLogger(cf.LogBook())]  # doctest: +SKIP
    """

    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self._intake = Intake(book, "litellm")
        self._lock = fork_safe_lock()
        self._seen: OrderedDict[tuple[Any, ...], None] = OrderedDict()

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log an attempt that was answered."""
        self._log(kwargs)

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Log an attempt that failed."""
        self._log(kwargs)

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Log an attempt that was answered."""
        self._log(kwargs)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Log an attempt that failed."""
        self._log(kwargs)

    def _log(self, kwargs: dict[str, Any]) -> None:
        payload = kwargs.get("standard_logging_object")
        if isinstance(payload, dict) and self._is_first(payload):
            self._intake.take(plain_value(payload))

    def _is_first(self, payload: dict[str, Any]) -> bool:
        """Whether an attempt comes for the first time; its twin has the same ids and the same start."""
        attempt = tuple(payload.get(name) for name in ("litellm_call_id", "id", "status", "startTime"))
        with self._lock:
            if attempt in self._seen:
                return False
            self._seen[attempt] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return True
