"""Requests that the gateway Bifrost logged, as its API and its database have them."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    error_or,
    first_text,
    found_finish_reason,
    mapping_of,
    mappings_of,
    number_or_none,
    text_or_none,
    tool_calls_of,
    unpacked,
    with_derived,
)
from .table import Counts, Field, Format, Record, Sign
from .texts import billed_of_error
from .usage import INPUT, OUTPUT, TOTAL
from .values import amount_value, bool_value, count_value, milliseconds_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    if "logs" in record:
        yield from (found for request in mappings_of(record["logs"]) for found in _records(request))
        return
    settings, failure = mapping_of(record.get("params")), mapping_of(record.get("error_details"))
    failed, hit = record.get("status") == "error", mapping_of(record.get("cache_debug")).get("cache_hit") is True
    answered = unpacked(record.get("output_message")) or unpacked(record.get("responses_output"))
    usage = mapping_of(record.get("token_usage"))
    kind = text_or_none(record.get("object")) or text_or_none(record.get("object_type")) or ""
    yield with_derived(
        {**record, "token_usage": usage},
        prompt=first_text(record, "input_history", "responses_input_history"),
        response=None if failed else first_text({"answer": answered}, "answer"),
        tool_calls=tool_calls_of(answered),
        finish_reason=found_finish_reason(record.get("stop_reason")),
        temperature=number_or_none(settings.get("temperature")),
        error=error_or(failure.get("error") or failure, "failed") if failed else None,
        billed="no" if hit else billed_of_error(failure.get("status_code")) if failed else None,
        tags=mapping_of(record.get("metadata")) or None,
        type="embedding" if kind.startswith("embedding") else None,
    )


BIFROST = Format(
    "bifrost",
    "Log of https://github.com/maximhq/bifrost (framework/logstore/tables.go); latency in milliseconds",
    (
        *DERIVED,
        Field("parent_request_id", "trace_id", text_value, loose=True),
        Field("id", "event_id", text_value),
        Field("timestamp", "timestamp", time_value),
        Field("latency", "latency_ms", milliseconds_value, loose=True),
        Field("model", "model", text_value),
        Field("provider", "provider", text_value, loose=True),
        Field("cost", "cost", amount_value, loose=True),
        Field("stream", "stream", bool_value, loose=True),
        Field("number_of_retries", "retry_count", count_value, loose=True),
        Field("team_name", "team", text_value, loose=True),
        Field("user_id", "user_id", text_value, loose=True),
        Field("token_usage.prompt_tokens", "input_tokens", count_value),
        Field("token_usage.completion_tokens", "output_tokens", count_value),
        Field("token_usage.total_tokens", TOTAL, count_value),
        Field("token_usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("token_usage.prompt_tokens_details.cached_read_tokens", "cached_input_tokens", count_value),
        Field("token_usage.prompt_tokens_details.cached_write_tokens", "cache_write_tokens", count_value),
        Field("token_usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
    ),
    signs=(
        Sign("token_usage", beside=("provider", "number_of_retries")),
        Sign("number_of_retries", beside=("provider", "fallback_index")),
        Within("logs", inside=("provider", "number_of_retries")),
    ),
    constants={"type": "generation", "log_format": "bifrost"},
    records=_records,
    is_call=lambda request: request.get("status") != "processing",
    traces_itself=True,
    counts=(
        Counts("token_usage.prompt_tokens_details", INPUT),
        Counts("token_usage.completion_tokens_details", OUTPUT),
    ),
)
