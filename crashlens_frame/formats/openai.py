"""What OpenAI answers: chat completions, legacy completions, responses, and the output files of batches."""

from collections.abc import Iterator

from ..errors import InvalidCallError
from .table import END, TOTAL, Field, Format, Record, Sign, inner
from .texts import error_text, message_text, outcome
from .values import count, moment, text

_OBJECTS = ("chat.completion", "chat.completion.chunk", "response", "text_completion")


def _records(record: Record) -> Iterator[Record]:
    """Give the answer itself; a line of a batch's output has it in an envelope."""
    if record.get("object") == "chat.completion.chunk":
        raise InvalidCallError('object is "chat.completion.chunk", a piece of a stream, expected the whole answer')
    if "custom_id" not in record:
        yield record
        return
    response = inner(record, "response")
    body = inner(response, "body")
    batch = {key: value for key, value in record.items() if key not in ("custom_id", "response", "error")}
    batch |= {key: value for key, value in response.items() if key != "body"}
    batch |= {key: value for key, value in body.items() if key == "service_tier"}
    # a batch is billed as such, whatever tier the answer names
    told = {**body, "custom_id": record["custom_id"], "service_tier": "batch", "batch": batch}
    yield {**told, "error": record["error"]} if record.get("error") else told


OPENAI = Format(
    "openai",
    "ChatCompletion, Completion and Response of the openai package 2.54 (https://platform.openai.com/docs/api-reference);"
    " batches: https://platform.openai.com/docs/guides/batch",
    (
        Field("custom_id", "trace_id", text),
        Field("trace_id", "trace_id", text, loose=True),
        Field("id", "event_id", text),
        Field("created", "timestamp", moment),
        Field("created_at", "timestamp", moment),
        Field("completed_at", END, moment),
        Field("model", "model", text),
        Field("service_tier", "service_tier", text),
        Field("choices", "response", message_text, kept=True),
        Field("output", "response", message_text, kept=True),
        # programs that log answers put the question beside them
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("input", "prompt", message_text, loose=True, kept=True),
        Field("prompt", "prompt", message_text, loose=True, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("status", "level", outcome, kept=True),
        # input includes what came from a cache and what was written to one, output includes reasoning
        Field("usage.prompt_tokens", "input_tokens", count),
        Field("usage.input_tokens", "input_tokens", count),
        Field("usage.completion_tokens", "output_tokens", count),
        Field("usage.output_tokens", "output_tokens", count),
        Field("usage.total_tokens", TOTAL, count),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count),
        Field("usage.input_tokens_details.cached_tokens", "cached_input_tokens", count),
        Field("usage.prompt_tokens_details.cache_write_tokens", "cache_write_tokens", count),
        Field("usage.input_tokens_details.cache_write_tokens", "cache_write_tokens", count),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count),
        Field("usage.output_tokens_details.reasoning_tokens", "reasoning_tokens", count),
    ),
    signs=(Sign("object", _OBJECTS), Sign("custom_id", beside=("response",))),
    constants={"type": "generation"},
    records=_records,
    traces_itself=True,
)
