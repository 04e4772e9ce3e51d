"""Answers of Cohere: chats of versions 1 and 2 of its API, and embeddings."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    first_text,
    made_id,
    mapping_of,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .table import Field, Format, Record
from .texts import error_text, finish_reason_value, message_text
from .values import amount_value, count_value, text_value, time_value

_IDS = ("id", "generation_id", "response_id", "trace_id")


def _records(record: Record) -> Iterator[Record]:
    """Yield the answer; version 1 has its counts under "meta", version 2 under "usage"."""
    used = mapping_of(record.get("usage")) or mapping_of(record.get("meta"))
    billed, with_template = (mapping_of(used.get(key)) for key in ("billed_units", "tokens"))
    units = billed or with_template
    counts = {"input": units.get("input_tokens"), "output": units.get("output_tokens")}
    if not billed:  # what was cached may be of the template, which is not billed
        counts["cached"] = used.get("cached_tokens")
    message = record.get("message")  # the question in version 1, the answer in version 2
    yield with_derived(
        {**record, "counts": counts},
        trace_id=None if any(text_or_none(record.get(key)) for key in _IDS) else made_id(record),
        prompt=text_or_none(message) or first_text(record, "messages"),
        response=text_or_none(record.get("text")) or (None if isinstance(message, str) else message_text(message)),
        tool_calls=tool_calls_of(record),
        type="embedding" if "embeddings" in record else None,
    )


COHERE = Format(
    "cohere",
    "https://docs.cohere.com/reference/chat; billed_units are the counts that are billed, tokens has those of the"
    " template as well",
    (
        *DERIVED,
        Field("id", "event_id", text_value),
        Field("generation_id", "event_id", text_value, loose=True),
        Field("response_id", "event_id", text_value, loose=True),
        Field("trace_id", "trace_id", text_value, loose=True),
        Field("model", "model", text_value, loose=True),
        Field("created_at", "timestamp", time_value, loose=True),
        Field("timestamp", "timestamp", time_value, loose=True),
        Field("temperature", "temperature", amount_value, loose=True),
        Field("finish_reason", "finish_reason", finish_reason_value, loose=True, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("counts.input", "input_tokens", count_value),
        Field("counts.output", "output_tokens", count_value),
        Field("counts.cached", "cached_input_tokens", count_value),
    ),
    signs=(
        Within("message", inside=("role",), beside=("finish_reason", "usage")),
        Within("meta", inside=("billed_units",)),
    ),
    constants={"type": "generation", "provider": "cohere", "log_format": "cohere"},
    records=_records,
    traces_itself=True,
)
