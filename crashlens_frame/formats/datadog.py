"""Spans of Datadog's LLM Observability: what its SDKs submit, and what its export API returns."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    count_or_none,
    error_or,
    first_text,
    mapping_of,
    mappings_of,
    number_or_none,
    text_or_none,
    time_or_none,
    tool_calls_of,
    with_derived,
)
from .table import Field, Format, Record, Sign
from .usage import TOTAL, WRITTEN_5M
from .values import count_value, text_value

_KINDS = ("llm", "embedding")
_NO_PARENT = "undefined"  # of the span at the root


def _records(record: Record) -> Iterator[Record]:
    if "spans" in record:
        yield from (found for span in mappings_of(record["spans"]) for found in _records(span))
        return
    if "attributes" in record:  # of the export API
        record = {**mapping_of(record["attributes"]), "page_id": record.get("id")}
    about = {**record, **mapping_of(record.get("meta"))}
    kind = text_or_none(about.get("span.kind")) or text_or_none(mapping_of(about.get("span")).get("kind"))
    kind = kind or text_or_none(about.get("span_kind"))
    if kind not in _KINDS:
        yield {**record, "span_kind": kind, "type": kind or "span"}
        return
    asked, answered = mapping_of(about.get("input")), mapping_of(about.get("output"))
    settings, labels = mapping_of(about.get("metadata")), _labels(record.get("tags"))
    took = number_or_none(record.get("duration"))
    failed, parent = record.get("status") == "error", text_or_none(record.get("parent_id"))
    yield with_derived(
        {**record, "span_kind": kind},
        timestamp=time_or_none(record.get("start_ns") or record.get("start_ms")),
        latency_ms=None if took is None else round(took / 1e6),
        model=text_or_none(about.get("model_name")),
        provider=text_or_none(about.get("model_provider")),
        parent_id=parent if parent != _NO_PARENT else None,
        session_id=text_or_none(record.get("session_id")) or labels.get("session_id"),
        source=text_or_none(record.get("ml_app")) or labels.get("ml_app"),
        prompt=first_text(asked, "messages", "value", "documents"),
        response=None if failed else first_text(answered, "messages", "value"),
        tool_calls=tool_calls_of(answered.get("messages")),
        temperature=number_or_none(settings.get("temperature")),
        error=error_or(about.get("error.message") or about.get("error"), "failed") if failed else None,
        tags=labels or None,
        type="embedding" if kind == "embedding" else None,
        output_tokens=0 if kind == "embedding" and _has_no_output(record) else None,
    )


def _has_no_output(record: Record) -> bool:
    return count_or_none(mapping_of(record.get("metrics")).get("output_tokens")) is None


def _labels(tags: object) -> dict[str, str]:
    """Return the tags of a span, each written as its name and its value with a colon between."""
    listed = tags if isinstance(tags, list) else ()
    pairs = [tag.partition(":") for tag in listed if isinstance(tag, str)]
    return {name: value for name, colon, value in pairs if colon}


DATADOG = Format(
    "datadog",
    "span events of dd-trace-js 6 and dd-trace-py 4 (llmobs/span_processor.js; that input_tokens include what a cache"
    " read and wrote: llmobs/plugins/anthropic), https://docs.datadoghq.com/llm_observability/instrumentation/api",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value),
        Field("span_id", "event_id", text_value),
        Field("name", "name", text_value, loose=True),
        Field("metrics.input_tokens", "input_tokens", count_value),
        Field("metrics.output_tokens", "output_tokens", count_value),
        Field("metrics.total_tokens", TOTAL, count_value),
        Field("metrics.cache_read_input_tokens", "cached_input_tokens", count_value),
        Field("metrics.cache_write_input_tokens", "cache_write_tokens", count_value),
        Field("metrics.ephemeral_1h_input_tokens", "cache_write_1h_tokens", count_value),
        Field("metrics.ephemeral_5m_input_tokens", WRITTEN_5M, count_value),
        Field("metrics.reasoning_output_tokens", "reasoning_tokens", count_value),
    ),
    signs=(
        Sign("span_id", beside=("start_ns", "duration", "meta")),
        Within("spans", inside=("span_id", "start_ns", "meta")),
        Within("attributes", inside=("span_id", "span_kind", "ml_app")),
    ),
    constants={"type": "generation", "log_format": "datadog"},
    records=_records,
    is_call=lambda span: span.get("span_kind") in _KINDS,
    traces_itself=True,
)
