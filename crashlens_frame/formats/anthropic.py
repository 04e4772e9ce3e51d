"""Responses of Anthropic: messages, and results of batches of messages."""

from collections.abc import Iterator
from dataclasses import replace

from ..jsonvalues import is_object
from .pieces import Streams
from .steps import steps_by_model
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


def _records(record: Record) -> Iterator[Record]:
    """Yield the calls of a message; a line of a batch's results has it in an envelope."""
    result = object_at(record, "result")
    if not result:
        yield from _by_model(record)
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
    yield from _by_model(flat)


def _by_model(message: Record) -> Iterator[Record]:
    """Yield a message with all that its model counted, and a call for each step that another model took."""
    usage = message.get("usage")
    if not is_object(usage):
        yield message
        return
    steps = steps_by_model(message)
    whole = {**message, "model": steps.model, "usage": steps.usage}
    if usage.get("speed") == "fast":
        whole["service_tier"] = "fast"
    yield whole
    kept = {key: value for key, value in message.items() if key not in _OF_THE_ANSWER}
    for number, step in enumerate(steps.others):
        own = {"id": f"{message.get('id')}/{number}", "model": step.get("model")}
        trace = {} if "custom_id" in message else {"trace_id": message.get("trace_id") or message.get("id")}
        yield {**kept, **trace, **own, "usage": {name: value for name, value in step.items() if name != "model"}}


_OF_THE_ANSWER = ("content", "stop_reason", "stop_sequence", "stop_details", "usage", "error")


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
