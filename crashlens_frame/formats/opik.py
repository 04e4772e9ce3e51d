"""Spans of Opik: as its API returns them, and as ``opik export`` writes them with their trace."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    answered_text,
    count_or_none,
    error_or,
    mapping_of,
    mappings_of,
    number_or_none,
    sent_text,
    text_or_none,
    tool_calls_of,
    unpacked,
    with_derived,
)
from .table import END, Field, Format, Record, Sign
from .texts import message_text
from .usage import TOTAL
from .values import amount_value, count_value, text_value, time_value

_KINDS = ("llm", "general", "tool", "guardrail")
_OF_PROVIDER = "original_usage."
# parts of the counts, as providers name them
_PARTS = {
    "prompt_tokens_details.cached_tokens": "read",
    "input_tokens_details.cached_tokens": "read",
    "cached_content_token_count": "read",
    "cache_read_input_tokens": "read",
    "cache_creation_input_tokens": "written",
    "cache_creation.ephemeral_1h_input_tokens": "written_1h",
    "completion_tokens_details.reasoning_tokens": "thought",
    "output_tokens_details.reasoning_tokens": "thought",
    "thoughts_token_count": "thought",
}
_OF_ANTHROPIC = ("cache_read_input_tokens", "cache_creation_input_tokens")
_TOTAL = {"total_tokens": "total without the cache"}  # which shows nothing of what is beside


def _records(record: Record) -> Iterator[Record]:
    spans = record.get("spans") if "spans" in record else record.get("content")
    if isinstance(spans, list) and "type" not in record:
        trace = mapping_of(record.get("trace"))
        thread = {"thread_id": trace["thread_id"]} if text_or_none(trace.get("thread_id")) else {}
        yield from (found for span in mappings_of(spans) for found in _records({**thread, **span}))
        return
    if record.get("type") != "llm":
        yield record
        return
    asked, answered = (unpacked(record.get(key)) for key in ("input", "output"))
    settings, labels = mapping_of(record.get("metadata")), unpacked(record.get("tags"))
    error = mapping_of(record.get("error_info"))
    failed = error_or(error.get("message") or error.get("exception_type"), None) if error else None
    yield with_derived(
        {**record, "usage": _with_parts(mapping_of(record.get("usage")))},
        prompt=sent_text(mapping_of(asked)) or message_text(asked),
        response=None if failed else answered_text(mapping_of(answered)) or message_text(answered),
        tool_calls=tool_calls_of(answered),
        temperature=number_or_none(settings.get("temperature")),
        error=failed,
        tags={"tags": labels} if isinstance(labels, list) and labels else None,
        type="generation",
    )


def _with_parts(usage: Record) -> Record:
    """Return the counts with the parts that the provider named, under names that show whether the whole has them.

    Older versions took the input of Anthropic as it is, which leaves out what the cache read and wrote.
    """
    theirs = {key.removeprefix(_OF_PROVIDER): count_or_none(value) for key, value in usage.items()}
    own, whole = (count_or_none(usage.get(key)) for key in (f"{_OF_PROVIDER}input_tokens", "prompt_tokens"))
    left_out = own is not None and own == whole and any(theirs.get(key) is not None for key in _OF_ANTHROPIC)
    found: dict[str, dict[str, int]] = {"inside": {}, "beside": {}}
    for key, part in _PARTS.items():
        count = theirs.get(key)
        if count is not None:
            side = "beside" if left_out and part in ("read", "written") else "inside"
            found[side].setdefault(part, count)
    if left_out:
        usage = {_TOTAL.get(key, key): value for key, value in usage.items()}
    return {**{key: value for key, value in usage.items() if key.removeprefix(_OF_PROVIDER) not in _PARTS}, **found}


OPIK = Format(
    "opik",
    "Span of the opik package 1 (https://www.comet.com/docs/opik/reference/rest-api); original_usage.* are the counts"
    " of the provider (opik/llm_usage)",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value),
        Field("id", "event_id", text_value),
        Field("parent_span_id", "parent_id", text_value, loose=True),
        Field("thread_id", "session_id", text_value, loose=True),
        Field("name", "name", text_value, loose=True),
        Field("start_time", "timestamp", time_value),
        Field("end_time", END, time_value),
        Field("model", "model", text_value),
        Field("provider", "provider", text_value, loose=True),
        Field("total_estimated_cost", "cost", amount_value, loose=True),
        Field("usage.prompt_tokens", "input_tokens", count_value),
        Field("usage.completion_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.inside.read", "cached_input_tokens", count_value),
        Field("usage.inside.written", "cache_write_tokens", count_value),
        Field("usage.beside.read", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usage.beside.written", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usage.inside.written_1h", "cache_write_1h_tokens", count_value),
        Field("usage.inside.thought", "reasoning_tokens", count_value),
    ),
    signs=(
        Sign("total_estimated_cost", beside=("trace_id", "start_time", "type")),
        Sign("type", _KINDS, beside=("trace_id", "start_time", "project_id")),
        Within("spans", beside=("trace",), inside=("trace_id", "start_time")),
        Within("content", inside=("trace_id", "start_time", "type")),
    ),
    constants={"log_format": "opik"},
    records=_records,
    is_call=lambda span: span.get("type") == "llm",
)
