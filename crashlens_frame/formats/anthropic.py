"""Responses of Anthropic: messages, and results of batches of messages."""

from collections.abc import Iterator

from .table import Field, Format, Record, Sign, object_at
from .texts import error_text, message_text
from .values import count_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    """Yield the message itself; a line of a batch's results has it in an envelope."""
    result = object_at(record, "result")
    if not result:
        yield record
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
    yield {**flat, "error": result["error"]} if result.get("error") else flat


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
        Field("content", "response", message_text, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("service_tier", "service_tier", text_value),
        # programs that log answers add the question and the time
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("created_at", "timestamp", time_value, loose=True),
        Field("timestamp", "timestamp", time_value, loose=True),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.cache_read_input_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usage.cache_creation_input_tokens", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.output_tokens_details.thinking_tokens", "reasoning_tokens", count_value),
        Field("usage.service_tier", "service_tier", text_value),
    ),
    signs=(Sign("role", ("assistant",), ("content", "usage")), Sign("custom_id", beside=("result",))),
    constants={"type": "generation"},
    records=_records,
    is_call=_was_made,
    traces_itself=True,
)
