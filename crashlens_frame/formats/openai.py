"""Responses of OpenAI: chat completions, legacy completions, responses, and output files of batches."""

from collections.abc import Iterator

from ..errors import InvalidCallError
from .table import END, TOTAL, Field, Format, Record, Sign, object_at
from .texts import error_text, level_of_status, message_text
from .values import count_value, text_value, time_value

_OBJECTS = ("chat.completion", "chat.completion.chunk", "response", "text_completion")


def _records(record: Record) -> Iterator[Record]:
    """Yield the answer itself; a line of a batch's output has it in an envelope."""
    if record.get("object") == "chat.completion.chunk":
        raise InvalidCallError('object is "chat.completion.chunk", a piece of a stream, expected the whole answer')
    if "custom_id" not in record:
        yield record
        return
    response = object_at(record, "response")
    body = object_at(response, "body")
    batch = {key: value for key, value in record.items() if key not in ("custom_id", "response", "error")}
    batch |= {key: value for key, value in response.items() if key != "body"}
    batch |= {key: value for key, value in body.items() if key == "service_tier"}
    # a batch is billed as a batch, even if the answer names another tier
    flat = {**body, "custom_id": record["custom_id"], "service_tier": "batch", "batch": batch}
    yield {**flat, "error": record["error"]} if record.get("error") else flat


OPENAI = Format(
    "openai",
    "ChatCompletion, Completion and Response of the openai package 2.54 (https://platform.openai.com/docs/api-reference);"
    " batches: https://platform.openai.com/docs/guides/batch",
    (
        Field("custom_id", "trace_id", text_value),
        Field("trace_id", "trace_id", text_value, loose=True),
        Field("id", "event_id", text_value),
        Field("created", "timestamp", time_value),
        Field("created_at", "timestamp", time_value),
        Field("completed_at", END, time_value),
        Field("model", "model", text_value),
        Field("service_tier", "service_tier", text_value),
        Field("choices", "response", message_text, kept=True),
        Field("output", "response", message_text, kept=True),
        # programs that log answers add the question
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("input", "prompt", message_text, loose=True, kept=True),
        Field("prompt", "prompt", message_text, loose=True, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("status", "level", level_of_status, kept=True),
        # input includes tokens read from a cache and written to one, output includes reasoning
        Field("usage.prompt_tokens", "input_tokens", count_value),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.completion_tokens", "output_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.input_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.prompt_tokens_details.cache_write_tokens", "cache_write_tokens", count_value),
        Field("usage.input_tokens_details.cache_write_tokens", "cache_write_tokens", count_value),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
        Field("usage.output_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
    ),
    signs=(Sign("object", _OBJECTS), Sign("custom_id", beside=("response",))),
    constants={"type": "generation"},
    records=_records,
    traces_itself=True,
)
