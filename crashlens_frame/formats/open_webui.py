"""Chats that Open WebUI exports: the answers of a chat, each with the message that it answers."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    error_or,
    first_text,
    mapping_of,
    mappings_of,
    milliseconds_of_nanoseconds,
    text_or_none,
    with_derived,
)
from .table import Counts, Field, Format, Record
from .texts import id_text
from .usage import INPUT, OUTPUT, TOTAL
from .values import amount_value, count_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    chat = mapping_of(record.get("chat"))
    messages = mapping_of(mapping_of(chat.get("history")).get("messages"))
    by_id = messages or {str(each.get("id")): each for each in mappings_of(chat.get("messages"))}
    about = {"chat_id": record.get("id"), "user_id": record.get("user_id"), "title": chat.get("title")}
    for message in by_id.values():
        if mapping_of(message).get("role") == "assistant":
            question = mapping_of(by_id.get(str(message.get("parentId"))))
            error = message.get("error")
            yield with_derived(
                {**about, **message, "usage": mapping_of(message.get("usage") or message.get("info"))},
                prompt=first_text(question, "content"),
                response=None if error else text_or_none(message.get("content")),
                error=error_or(error, "failed") if error else None,
            )


OPEN_WEBUI = Format(
    "open_webui",
    "chats of https://github.com/open-webui/open-webui (Settings, Data, Export chats); usage is what the provider"
    " returned, of Ollama beside names of its own; the time is that of the answer's beginning",
    (
        *DERIVED,
        Field("chat_id", "trace_id", text_value, also={"session_id": text_value}),
        Field("id", "event_id", text_value),
        Field("parentId", "parent_id", id_text, loose=True),
        Field("user_id", "user_id", id_text, loose=True),
        Field("title", "name", text_value, loose=True),
        Field("timestamp", "timestamp", time_value),
        Field("model", "model", text_value),
        Field("usage.total_duration", "latency_ms", milliseconds_of_nanoseconds, loose=True, kept=True),
        Field("usage.prompt_tokens", "input_tokens", count_value),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.prompt_eval_count", "input_tokens", count_value),
        Field("usage.completion_tokens", "output_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.eval_count", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
        Field("usage.prompt_cache_hit_tokens", "cached_input_tokens", count_value),
        Field("usage.cost", "cost", amount_value, loose=True),
    ),
    signs=(Within("chat", inside=("history",)), Within("chat", inside=("models", "messages"))),
    constants={"type": "generation", "source": "open-webui", "log_format": "open_webui"},
    records=_records,
    counts=(
        Counts("usage.prompt_tokens_details", INPUT),
        Counts("usage.completion_tokens_details", OUTPUT),
    ),
)
