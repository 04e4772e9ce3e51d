"""Traces of MLflow and their spans, whose attributes are JSON texts."""

from collections.abc import Iterator
from typing import Any

from .answers import (
    DERIVED,
    Within,
    finish_reason_of,
    first_text,
    mapping_of,
    mappings_of,
    number_or_none,
    sent_text,
    text_or_none,
    tool_calls_of,
    unpacked,
    with_derived,
)
from .table import END, Field, Format, Record
from .usage import TOTAL
from .values import amount_value, count_value, text_value, time_value

_CALLS = ("CHAT_MODEL", "LLM", "EMBEDDING")
_FAILED = ("ERROR", "STATUS_CODE_ERROR", 2)


def _records(record: Record) -> Iterator[Record]:
    """Yield the spans of a trace, or the span that a line is."""
    info = mapping_of(record.get("info"))
    spans = mappings_of(mapping_of(record.get("data")).get("spans") or record.get("spans"))
    if "attributes" in record:
        yield _span(record, {})
        return
    about = info or {key: value for key, value in record.items() if key not in ("data", "spans", "trace")}
    yield from (_span(span, about) for span in spans)


def _span(span: Record, about: Record) -> Record:
    """Return a span with its attributes unpacked, and what its trace says about the user and the session."""
    attributes = {key: unpacked(value) for key, value in mapping_of(span.get("attributes")).items()}
    kind = attributes.get("mlflow.spanType")
    if kind not in _CALLS:
        return span
    inputs, outputs = (mapping_of(attributes.get(key)) for key in ("mlflow.spanInputs", "mlflow.spanOutputs"))
    metadata, context = mapping_of(about.get("trace_metadata")), mapping_of(span.get("context"))
    tags = {key: value for key, value in mapping_of(about.get("tags")).items() if not key.startswith("mlflow.")}
    traces = (attributes.get("mlflow.traceRequestId"), span.get("trace_id"), context.get("trace_id"))
    status = mapping_of(span.get("status"))
    failed = (status.get("code") or span.get("status_code")) in _FAILED
    error = text_or_none(status.get("message")) or text_or_none(span.get("status_message")) or "error"
    usage, cost = (mapping_of(attributes.pop(key, None)) for key in ("mlflow.chat.tokenUsage", "mlflow.llm.cost"))
    return with_derived(
        {**span, "attributes": attributes, "usage": usage, "cost": cost, **({"trace": about} if about else {})},
        trace_id=next((found for value in traces if (found := text_or_none(value))), None),
        model=text_or_none(attributes.get("mlflow.llm.model")) or text_or_none(inputs.get("model")),
        provider=text_or_none(attributes.get("mlflow.llm.provider")),
        prompt=sent_text(inputs),
        response=None if failed else _response(attributes.get("mlflow.spanOutputs")),
        tool_calls=tool_calls_of(outputs),
        finish_reason=finish_reason_of(outputs),
        temperature=number_or_none(inputs.get("temperature")),
        session_id=text_or_none(metadata.get("mlflow.trace.session")),
        user_id=text_or_none(metadata.get("mlflow.trace.user")),
        tags=tags or None,
        error=error if failed else None,
        type="embedding" if kind == "EMBEDDING" else None,
    )


def _response(outputs: Any) -> str | None:
    if isinstance(outputs, str):
        return outputs
    return first_text(mapping_of(outputs), "choices", "output", "content", "message", "messages", "generations", "text")


MLFLOW = Format(
    "mlflow",
    "Trace and Span of the mlflow package 3 and 2 (https://mlflow.org/docs/latest/genai/tracing)",
    (
        *DERIVED,
        Field("span_id", "event_id", text_value),
        Field("context.span_id", "event_id", text_value, loose=True),
        Field("parent_span_id", "parent_id", text_value, loose=True),
        Field("parent_id", "parent_id", text_value, loose=True),
        Field("name", "name", text_value, loose=True),
        Field("start_time_unix_nano", "timestamp", time_value),
        Field("start_time", "timestamp", time_value),
        Field("end_time_unix_nano", END, time_value),
        Field("end_time", END, time_value),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.cache_read_input_tokens", "cached_input_tokens", count_value),
        Field("usage.cache_creation_input_tokens", "cache_write_tokens", count_value),
        Field("cost.total_cost", "cost", amount_value, loose=True),
    ),
    signs=(
        *(Within("attributes", inside=(key,)) for key in ("mlflow.spanType", "mlflow.traceRequestId")),
        Within("data", inside=("spans",), beside=("info",)),
        Within("spans", inside=("attributes",), beside=("trace_id", "request_time")),
    ),
    constants={"type": "generation", "log_format": "mlflow"},
    records=_records,
    is_call=lambda span: "usage" in span,
)
