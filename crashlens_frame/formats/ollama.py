"""Answers of Ollama's own API; its pieces of a stream are passed over, as the last one has the counts."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    count_or_none,
    first_text,
    made_id,
    milliseconds_of_nanoseconds,
    text_or_none,
    time_or_none,
    tool_calls_of,
    with_derived,
)
from .table import Field, Format, Record, Sign
from .texts import error_text, finish_reason_value, message_text
from .values import count_value, text_value


def _records(record: Record) -> Iterator[Record]:
    ended, took = time_or_none(record.get("created_at")), count_or_none(record.get("total_duration"))
    yield with_derived(
        record,
        trace_id=None if text_or_none(record.get("trace_id")) else made_id(record),
        timestamp=None if ended is None else ended - (took or 0) // 1000,
        response=text_or_none(first_text(record, "message", "response")),
        tool_calls=tool_calls_of(record.get("message")),
        type="embedding" if "embeddings" in record else None,
        billed=None if record.get("remote_host") else "no",  # a model of the cloud has the host that ran it
    )


OLLAMA = Format(
    "ollama",
    "https://docs.ollama.com/api; created_at is the end of an answer, durations are in nanoseconds",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value, loose=True),
        Field("model", "model", text_value),
        Field("messages", "prompt", message_text, loose=True, kept=True),
        Field("prompt", "prompt", text_value, loose=True),
        Field("total_duration", "latency_ms", milliseconds_of_nanoseconds, loose=True, kept=True),
        Field("prompt_eval_count", "input_tokens", count_value),
        Field("eval_count", "output_tokens", count_value),
        Field("done_reason", "finish_reason", finish_reason_value, loose=True, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
    ),
    signs=(
        Sign("eval_count", beside=("model",)),
        Sign("prompt_eval_count", beside=("model",)),
        Sign("total_duration", beside=("model",)),
        Sign("done", beside=("model", "created_at")),
    ),
    constants={"type": "generation", "provider": "ollama", "log_format": "ollama"},
    records=_records,
    is_call=lambda record: record.get("done") is not False,
)
