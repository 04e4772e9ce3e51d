"""What Anthropic answers: messages, and the results of batches of them."""

from collections.abc import Iterator

from .table import Field, Format, Record, Sign, inner
from .texts import error_text, message_text
from .values import count, moment, text


def _records(record: Record) -> Iterator[Record]:
    """Give the message itself; a line of a batch's results has it in an envelope."""
    result = inner(record, "result")
    if not result:
        yield record
        return
    message, batch = dict(inner(result, "message")), {k: v for k, v in result.items() if k not in ("message", "error")}
    if message.get("usage"):
        # a batch is billed as such, whatever tier the answer names
        message["usage"] = usage = dict(inner(message, "usage"))
        batch["service_tier"] = usage.pop("service_tier", None)
    told = {**message, "custom_id": record.get("custom_id"), "service_tier": "batch", "batch": batch}
    yield {**told, "error": result["error"]} if result.get("error") else told


def _was_made(record: Record) -> bool:
    """Tell a call from a request of a batch that was canceled, or expired, before it was made."""
    return "custom_id" not in record or inner(record, "batch").get("type") not in ("canceled", "expired")


ANTHROPIC = Format(
    "anthropic",
    "Message and MessageBatchIndividualResponse of the anthropic package 2.12"
    " (https://docs.claude.com/en/api/messages); that input_tokens leave out what a cache read and wrote:"
    " https://docs.claude.com/en/docs/build-with-claude/prompt-caching",
    (
        Field("custom_id", "trace_id", text),
        Field("trace_id", "trace_id", text, loose=True),
        Field("id", "event_id", text),
        Field("model", "model", text),
        Field("content", "response", message_text, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("service_tier", "service_tier", text),
        # programs that log answers put the question, and the time, beside them
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("created_at", "timestamp", moment, loose=True),
        Field("timestamp", "timestamp", moment, loose=True),
        Field("usage.input_tokens", "input_tokens", count),
        Field("usage.cache_read_input_tokens", "cached_input_tokens", count, adds="input_tokens"),
        Field("usage.cache_creation_input_tokens", "cache_write_tokens", count, adds="input_tokens"),
        Field("usage.output_tokens", "output_tokens", count),
        Field("usage.output_tokens_details.thinking_tokens", "reasoning_tokens", count),
        Field("usage.service_tier", "service_tier", text),
    ),
    signs=(Sign("role", ("assistant",), ("content", "usage")), Sign("custom_id", beside=("result",))),
    constants={"type": "generation"},
    records=_records,
    is_call=_was_made,
    traces_itself=True,
)
