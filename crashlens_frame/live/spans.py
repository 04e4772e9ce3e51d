"""Spans of the OpenTelemetry SDK -> the book, by the table that reads them in files of OTLP JSON."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import MissingExtraError
from ..logbook import LogBook, plain_value
from .intake import Intake

try:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter as _SpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "SpanExporter needs the SDK of OpenTelemetry, which is not installed: pip install 'crashlens-frame[live]'"
    ) from error


class SpanExporter(_SpanExporter):
    """Log the calls of models among the spans of the OpenTelemetry SDK.

    Parameters
    ----------
    book
        Where the calls are logged.

    Notes
    -----
    Any instrumentation that follows the GenAI conventions or OpenInference will do. Spans of other work are passed
    over, and a span around another one of the same call is not logged. A SimpleSpanProcessor logs each call when its
    span ends; a BatchSpanProcessor some seconds later, and it drops spans where more than 2,048 wait. An SDK that asks
    again on its own has one span for all attempts, so attempts are not seen. Nothing is ever raised into the SDK: what
    cannot be read or written is a warning.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> book, provider = cf.LogBook(), TracerProvider()
    >>> provider.add_span_processor(SimpleSpanProcessor(cf.live.SpanExporter(book)))
    >>> counts = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50}
    >>> with provider.get_tracer("app").start_as_current_span("chat") as span:
    ...     span.set_attributes({"gen_ai.request.model": "gpt-4o", **counts})
    >>> book.df[["model", "input_tokens", "cost"]]
        model  input_tokens   cost
    0  gpt-4o          1000  0.003
    """

    def __init__(self, book: LogBook) -> None:
        self._book = book
        self._intake = Intake(book, "otel")
        self._is_shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Log the calls among ended spans."""
        if self._is_shut:
            return SpanExportResult.FAILURE
        try:
            self._intake.take({"resourceSpans": [*map(_group, spans)]})
        except Exception as error:  # whatever it is, the program that is watched goes on
            warnings.warn(f"spans are not logged: {error!r}", RuntimeWarning, stacklevel=2)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Write what an error kept from the file of the book; return whether all of it is there."""
        try:
            self._book.flush()
        except Exception as error:
            warnings.warn(f"calls are not in the file of the book: {error}", RuntimeWarning, stacklevel=2)
            return False
        return True

    def shutdown(self) -> None:
        """Flush the book, and log no more spans; the book stays open to others."""
        self.force_flush()
        self._is_shut = True


def _group(span: ReadableSpan) -> Mapping[str, Any]:
    """Return a span as OTLP JSON has it, alone in its group."""
    scope = span.instrumentation_scope
    named = {} if scope is None else {"name": scope.name, "version": scope.version}
    return {
        "resource": {"attributes": plain_value(span.resource.attributes)},
        "scopeSpans": [{"scope": {key: value for key, value in named.items() if value}, "spans": [_span(span)]}],
    }


def _span(span: ReadableSpan) -> Mapping[str, Any]:
    context, parent, status = span.get_span_context(), span.parent, span.status
    # protobuf leaves out a status that nobody has set
    outcome = {"code": status.status_code.value, "message": status.description} if status.status_code.value else None
    found: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}" if context else None,
        "spanId": f"{context.span_id:016x}" if context else None,
        "parentSpanId": f"{parent.span_id:016x}" if parent else None,
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP counts from 1
        "flags": 0x300 if parent and parent.is_remote else 0x100,  # whether the parent is in another process
        "startTimeUnixNano": span.start_time,
        "endTimeUnixNano": span.end_time,
        "attributes": plain_value(span.attributes or {}),
        "status": outcome,
        "events": [
            {"name": each.name, "timeUnixNano": each.timestamp, "attributes": plain_value(each.attributes or {})}
            for each in span.events
        ],
    }
    return {key: value for key, value in found.items() if value not in (None, [])}
