"""Responses of Anthropic: messages, and results of batches of messages."""

from collections.abc import Iterator
from dataclasses import replace

from ..jsonvalues import is_object
from .pieces import Streams
from .table import Counts, Field, Format, Record, Sign, object_at
from .texts import (
    billed_of_error,
    error_text,
    finish_reason_value,
    id_text,
    message_text,
    region_of_geo,
    tool_calls_text,
)
from .usage import WRITTEN_5M
from .values import CONVERTERS, amount_value, bool_value, count_value, text_value, time_value

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _records(record: Record) -> Iterator[Record]:
    """Yield the message itself; a line of a batch's results has it in an envelope."""
    result = object_at(record, "result")
    if not result:
        yield _with_whole_usage(record)
        return
    message, batch = (
        dict(object_at(result, "message")),
        {k: v for k, v in result.items() if k not in ("message", "error")},
    )
    if message.get("usage"):
        # a batch is billed as a batch, even if the answer names another tier
        message["usage"] = usage = dict(object_at(message, "usage"))
        batch["service_tier"] = usage.pop("service_tier", None)
    flat = {**message, "custom_id": record.get("custom_id"), "service_tier": "batch", "batch": batch}
    if result.get("error"):
        flat |= {"error": result["error"], "billed": "no"}
    yield _with_whole_usage(flat)


def _with_whole_usage(message: Record) -> Record:
    """Return a message with the tier that its speed is billed as, and with the tokens that compacted its context."""
    usage = message.get("usage")
    if not is_object(usage):
        return message
    whole = dict(message)
    if usage.get("speed") == "fast":
        whole["service_tier"] = "fast"
    iterations = usage.get("iterations")
    rounds = [each for each in iterations if is_object(each)] if isinstance(iterations, list) else []
    if any(each.get("type") == "compaction" for each in rounds):
        # usage leaves out the rounds that only compacted the context, and they are billed
        sums = {key: sum(each.get(key) or 0 for each in rounds) for key in _COUNTS}
        whole["usage"] = {**usage, **{key: value for key, value in sums.items() if value or key in usage}}
    return whole


def _was_made(record: Record) -> bool:
    """Whether the call was made; a request of a batch may be canceled or expire before."""
    return "custom_id" not in record or object_at(record, "batch").get("type") not in ("canceled", "expired")


ANTHROPIC = Format(
    "anthropic",
    "Message and MessageBatchIndividualResponse of the anthropic package 2.12"
    " (https://docs.claude.com/en/api/messages); that input_tokens leave out what a cache read and wrote:"
    " https://docs.claude.com/en/docs/build-with-claude/prompt-caching",
    (
        Field("custom_id", "trace_id", text_value),
        Field("trace_id", "trace_id", text_value, loose=True),
        Field("id", "event_id", text_value),
        Field("model", "model", text_value),
        Field("content", "response", message_text, kept=True, also={"tool_calls": tool_calls_text}),
        Field("error", "error", error_text, loose=True, kept=True, also={"billed": billed_of_error}),
        Field("billed", "billed", CONVERTERS["billed"], loose=True),
        Field("stop_reason", "finish_reason", finish_reason_value, loose=True, kept=True),
        Field("service_tier", "service_tier", text_value),
        # programs that log answers add the question and the time
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("created_at", "timestamp", time_value, loose=True),
        Field("timestamp", "timestamp", time_value, loose=True),
        Field("temperature", "temperature", amount_value, loose=True),
        Field("stream", "stream", bool_value, loose=True),
        Field("session_id", "session_id", id_text, loose=True),
        Field("user", "user_id", id_text, loose=True),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.cache_read_input_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usage.cache_creation_input_tokens", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usage.cache_creation.ephemeral_1h_input_tokens", "cache_write_1h_tokens", count_value),
        Field("usage.cache_creation.ephemeral_5m_input_tokens", WRITTEN_5M, count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.output_tokens_details.thinking_tokens", "reasoning_tokens", count_value),
        Field("usage.server_tool_use.web_search_requests", "web_searches", count_value),
        Field("usage.inference_geo", "region", region_of_geo, loose=True),
        Field("usage.service_tier", "service_tier", text_value, loose=True),
    ),
    signs=(Sign("role", ("assistant",), ("content", "usage")), Sign("custom_id", beside=("result",))),
    constants={"type": "generation"},
    records=_records,
    is_call=_was_made,
    traces_itself=True,
    counts=(Counts("usage", beside=True),),
)

ANTHROPIC_STREAM = replace(
    ANTHROPIC,
    name="anthropic_stream",
    source="events of a streamed message, one per line (https://docs.claude.com/en/docs/build-with-claude/streaming)",
    signs=(Sign("type", ("message_start",), beside=("message",)),),
    session=Streams,
)
