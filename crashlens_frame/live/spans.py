"""SpanExporter: the calls among the spans that instrumentations of OpenTelemetry make in this program."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .context import check_book, columns_checked
from .hooks import warn_unsaved
from .telemetry import Telemetry

if TYPE_CHECKING:
    from ..logbook import LogBook


class SpanExporter:
    """Exporter for the SDK of OpenTelemetry that logs the spans of calls to a book.

    It takes what instrumentations such as OpenInference, OpenLLMetry, logfire and pydantic-ai make: spans with GenAI or
    OpenInference attributes. A call that was retried within an SDK is one span, and so one row; ``watch`` logs each
    attempt.

    Parameters
    ----------
    book
        Where the calls are logged.
    **columns
        Columns of CALLS that all calls share, such as ``team``; what a span says counts before them.

    Notes
    -----
    ``SimpleSpanProcessor`` exports each span when it ends. ``BatchSpanProcessor`` drops spans when 2,048 wait, and
    those that wait when the program is killed.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> book = cf.LogBook()
    >>> provider = TracerProvider()
    >>> provider.add_span_processor(SimpleSpanProcessor(cf.live.SpanExporter(book)))
    >>> with provider.get_tracer("app").start_as_current_span("chat") as span:
    ...     span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
    ...                          "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 0})
    >>> book.df["cost"].tolist()
    [0.0025]
    """

    def __init__(self, book: "LogBook", **columns: Any) -> None:
        check_book(book)
        self._telemetry = Telemetry(book, columns_checked(columns))

    def export(self, spans: Sequence[Any]) -> Any:
        """Log the calls among finished spans; an error is a warning, and does not reach the program."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        try:
            taken = self._telemetry.take([json.loads(span.to_json()) for span in spans])
        except Exception as error:
            warn_unsaved(f"spans are not logged: {error}")
            return SpanExportResult.FAILURE
        if taken.errors:
            warn_unsaved(f"a span is not logged: {taken.errors[0]}")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """End; nothing waits to be logged."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing waits to be logged."""
        del timeout_millis
        return True
