"""Spans of OpenTelemetry with GenAI or OpenInference attributes: as OTLP JSON, as single spans, as flat rows.

Each of these is brought into one shape first: ``trace_id``, ``span_id``, ``start``, ``end``, ``status``
and ``attributes``, an object of names with dots.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidCallError
from .table import END, TOTAL, Field, Format, Record, Sign, object_at, objects_at
from .texts import error_text, level_of_status, packed_text
from .values import amount_value, count_value, text_value, time_value

# names of the parts of a span in the different shapes
_NAMES = {
    "traceId": "trace_id", "context.trace_id": "trace_id", "spanId": "span_id", "context.span_id": "span_id",
    "startTimeUnixNano": "start", "start_time": "start", "start_time_unix_nano": "start",
    "endTimeUnixNano": "end", "end_time": "end", "end_time_unix_nano": "end",
    "status_code": "status", "status.code": "status", "status.status_code": "status",
    "status_message": "error", "status.message": "error", "status.description": "error",
}  # fmt: skip
_MODELS = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "embedding.model_name")
_OPERATIONS = (None, "chat", "generate_content", "text_completion", "embeddings")
_KINDS = (None, "LLM", "EMBEDDING")
_FAILED = (2, "2", "ERROR", "STATUS_CODE_ERROR")
# messages with one attribute per part: llm.input_messages.0.message.content, gen_ai.prompt.0.content
_PART = re.compile(r"(llm\.(?:input|output)_messages|gen_ai\.(?:prompt|completion))\.(\d+)\.(?:message\.)?(.+)")


def _records(record: Record) -> Iterator[Record]:
    """Yield each span of a line in the one shape."""
    if "resourceSpans" not in record:
        yield _span(record)
        return
    for group in _required(record, "resourceSpans"):
        resource = {"attributes": _attributes(object_at(group, "resource").get("attributes"))}
        for scope in _required(group, "scopeSpans"):
            around = {key: value for key, value in (("scope", scope.get("scope")), ("resource", resource)) if value}
            yield from (_span({**span, **around}) for span in _required(scope, "spans"))


def _required(record: Record, key: str) -> list[Record]:
    """Return the objects of a list that must be there: a line whose spans are not found would be lost silently."""
    if record.get(key) is None:
        raise InvalidCallError(f"{key} is missing, expected a list of objects")
    return objects_at(record, key)


def _span(record: Record) -> Record:
    span: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for key, value in record.items():
        if key in ("context", "status") and isinstance(value, Mapping):
            span |= {_NAMES.get(f"{key}.{name}", f"{key}.{name}"): part for name, part in value.items()}
        elif key == "attributes":
            attributes |= _attributes(value)
        elif key.startswith("attributes."):
            attributes[key.removeprefix("attributes.")] = value
        elif key.startswith(("gen_ai.", "llm.", "openinference.", "input.", "output.", "embedding.", "error.")):
            attributes[key] = value
        else:
            span[_NAMES.get(key, key)] = value
    span["trace_id"] = _hex(span.get("trace_id"))
    span["span_id"] = _hex(span.get("span_id"))
    failed = span.get("status") in _FAILED or "error.type" in attributes
    error = span.pop("error", None) or _exception(span.get("events")) or attributes.get("error.type")
    span["level"] = "ERROR" if failed else "OK"
    if error is not None:
        span["error" if failed else "status.message"] = error
    span["attributes"] = _gathered(attributes)
    return span


def _attributes(value: Any) -> dict[str, Any]:
    """Return attributes as an object of names with dots: OTLP lists them, some programs nest them."""
    if isinstance(value, list):
        return {str(pair.get("key")): _any_value(pair.get("value")) for pair in value if isinstance(pair, Mapping)}
    flat: dict[str, Any] = {}
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, Mapping):
            flat |= {f"{key}.{name}": deep for name, deep in _attributes(inner).items()}
        else:
            flat[key] = inner
    return flat


def _any_value(value: Any) -> Any:
    """Read a value of OTLP, which names its type: {"intValue": "5"}."""
    if not isinstance(value, Mapping):
        return value
    for kind, content in value.items():
        if kind == "intValue" and isinstance(content, str) and content.lstrip("-").isdigit():
            return int(content)
        if kind == "arrayValue":
            return [_any_value(element) for element in objects_at(object_at(value, kind), "values")]
        if kind == "kvlistValue":
            return _attributes(object_at(value, kind).get("values"))
        return content
    return None


def _gathered(attributes: dict[str, Any]) -> dict[str, Any]:
    """Put messages together whose parts are one attribute each."""
    whole: dict[str, Any] = {}
    parts: dict[str, dict[int, dict[str, Any]]] = {}
    for name, value in attributes.items():
        found = _PART.fullmatch(name)
        if found:
            parts.setdefault(found[1], {}).setdefault(int(found[2]), {})[found[3]] = value
        else:
            whole[name] = value
    return whole | {name: [messages[place] for place in sorted(messages)] for name, messages in parts.items()}


def _hex(value: Any) -> Any:
    """Return an id as OpenTelemetry writes it; protobuf writes the same bytes in base 64."""
    if isinstance(value, str) and len(value) in (12, 24) and value.endswith("="):
        try:
            return base64.b64decode(value, validate=True).hex()
        except binascii.Error:
            return value
    return value.removeprefix("0x") if isinstance(value, str) else value


def _exception(events: Any) -> Any:
    for event in events if isinstance(events, list) else ():
        if isinstance(event, Mapping) and event.get("name") == "exception":
            attributes = _attributes(event.get("attributes"))
            return attributes.get("exception.message") or attributes.get("exception.type")
    return None


def _is_call(span: Record) -> bool:
    attributes = span["attributes"]
    return (
        any(attributes.get(model) for model in _MODELS)
        and attributes.get("gen_ai.operation.name") in _OPERATIONS
        and attributes.get("openinference.span.kind") in _KINDS
    )


def _nanoseconds(value: Any) -> int | None:
    """Return a time that may be digits in text, as JSON has no whole numbers of 64 bits."""
    return time_value(int(value) if isinstance(value, str) and value.isdigit() else value)


OTEL = Format(
    "otel",
    "GenAI attributes: opentelemetry-semantic-conventions 0.66"
    " (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), by which input tokens include cached ones;"
    " OpenInference: https://arize-ai.github.io/openinference/spec/semantic_conventions.html;"
    " OTLP JSON: https://opentelemetry.io/docs/specs/otlp/",
    (
        Field("trace_id", "trace_id", text_value),
        Field("attributes.gen_ai.response.id", "event_id", text_value),
        Field("span_id", "event_id", text_value, loose=True),
        Field("start", "timestamp", _nanoseconds),
        Field("end", END, _nanoseconds),
        Field("name", "name", text_value),
        Field("level", "level", level_of_status),
        Field("error", "error", error_text),
        Field("attributes.gen_ai.response.model", "model", text_value),
        Field("attributes.llm.model_name", "model", text_value, loose=True),
        Field("attributes.gen_ai.request.model", "model", text_value, loose=True),
        Field("attributes.embedding.model_name", "model", text_value, loose=True),
        Field("attributes.gen_ai.input.messages", "prompt", packed_text, loose=True, kept=True),
        Field("attributes.gen_ai.prompt", "prompt", packed_text, loose=True, kept=True),
        Field("attributes.llm.input_messages", "prompt", packed_text, loose=True, kept=True),
        Field("attributes.input.value", "prompt", packed_text, loose=True, kept=True),
        Field("attributes.gen_ai.output.messages", "response", packed_text, loose=True, kept=True),
        Field("attributes.gen_ai.completion", "response", packed_text, loose=True, kept=True),
        Field("attributes.llm.output_messages", "response", packed_text, loose=True, kept=True),
        Field("attributes.output.value", "response", packed_text, loose=True, kept=True),
        Field("attributes.gen_ai.usage.input_tokens", "input_tokens", count_value),
        Field("attributes.gen_ai.usage.prompt_tokens", "input_tokens", count_value, loose=True),
        Field("attributes.llm.token_count.prompt", "input_tokens", count_value, loose=True),
        Field("attributes.gen_ai.usage.output_tokens", "output_tokens", count_value),
        Field("attributes.gen_ai.usage.completion_tokens", "output_tokens", count_value, loose=True),
        Field("attributes.llm.token_count.completion", "output_tokens", count_value, loose=True),
        Field("attributes.llm.token_count.total", TOTAL, count_value),
        Field("attributes.gen_ai.usage.cache_read.input_tokens", "cached_input_tokens", count_value),
        Field("attributes.llm.token_count.prompt_details.cache_read", "cached_input_tokens", count_value, loose=True),
        Field("attributes.gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens", count_value),
        Field("attributes.llm.token_count.prompt_details.cache_write", "cache_write_tokens", count_value, loose=True),
        Field("attributes.gen_ai.usage.reasoning.output_tokens", "reasoning_tokens", count_value),
        Field("attributes.llm.token_count.completion_details.reasoning", "reasoning_tokens", count_value, loose=True),
        Field("attributes.llm.cost.total", "cost", amount_value),
        Field("attributes.gen_ai.openai.response.service_tier", "service_tier", text_value),
        Field("attributes.gen_ai.openai.request.service_tier", "service_tier", text_value, loose=True),
        Field("resource.attributes.service.name", "source", text_value),
    ),
    signs=(
        Sign("resourceSpans"),
        Sign("context", beside=("attributes",)),
        Sign("spanId", beside=("attributes",)),
        Sign("span_id", beside=("attributes",)),
        Sign("context.trace_id"),
        *(Sign(f"{above}{name}") for above in ("", "attributes.") for name in (*_MODELS, "openinference.span.kind")),
    ),
    constants={"type": "generation"},
    records=_records,
    is_call=_is_call,
)
