"""Responses that the program ``llm`` keeps in its database, and that ``llm logs --json`` writes."""

from collections.abc import Iterator

from .answers import DERIVED, count_or_none, first_text, mapping_of, number_or_none, text_or_none, with_derived
from .table import Field, Format, Record, Sign
from .values import count_value, milliseconds_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    settings, details = mapping_of(record.get("options_json")), mapping_of(record.get("token_details"))
    name = text_or_none(record.get("conversation_name"))
    yield with_derived(
        {**record, **_parts(details)},
        model=text_or_none(record.get("resolved_model")) or text_or_none(record.get("model")),
        prompt=text_or_none(record.get("prompt")) or first_text(mapping_of(record.get("prompt_json")), "messages"),
        temperature=number_or_none(settings.get("temperature")),
        service_tier=text_or_none(details.get("service_tier")),
        web_searches=count_or_none(mapping_of(details.get("server_tool_use")).get("web_search_requests")),
        tags={"conversation": name} if name else None,
    )


def _parts(details: Record) -> dict[str, Record]:
    """Return the parts of the counts that the plugin of a vendor kept, by whether the whole includes them.

    The input of Anthropic leaves out what a cache read and wrote. The output of Gemini, as it is counted here, includes
    the thoughts.
    """
    asked = mapping_of(details.get("prompt_tokens_details") or details.get("input_tokens_details"))
    answered = mapping_of(details.get("completion_tokens_details") or details.get("output_tokens_details"))
    thoughts = (answered.get("reasoning_tokens"), answered.get("thinking_tokens"), details.get("thoughtsTokenCount"))
    inside = {
        "read": asked.get("cached_tokens") or details.get("cachedContentTokenCount"),
        "audio": asked.get("audio_tokens"),
        "written_1h": mapping_of(details.get("cache_creation")).get("ephemeral_1h_input_tokens"),
        "thought": next(filter(None, thoughts), None),
    }
    beside = {
        "read": details.get("cache_read_input_tokens"),
        "written": details.get("cache_creation_input_tokens"),
    }
    return {"inside": inside, "beside": beside}


LLM = Format(
    "llm",
    "tables responses and turns of https://github.com/simonw/llm 0.36 (llm/migrations.py); datetime_utc is the start;"
    " details: the plugins llm-anthropic 0.30 and llm-gemini 0.35",
    (
        *DERIVED,
        Field("id", "event_id", text_value),
        Field("conversation_id", "session_id", text_value, loose=True),
        Field("thread_id", "session_id", text_value, loose=True),
        Field("datetime_utc", "timestamp", time_value),
        Field("duration_ms", "latency_ms", milliseconds_value, loose=True),
        Field("response", "response", text_value, loose=True),
        Field("input_tokens", "input_tokens", count_value),
        Field("output_tokens", "output_tokens", count_value),
        Field("inside.read", "cached_input_tokens", count_value),
        Field("inside.audio", "audio_input_tokens", count_value),
        Field("inside.written_1h", "cache_write_1h_tokens", count_value),
        Field("inside.thought", "reasoning_tokens", count_value),
        Field("beside.read", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("beside.written", "cache_write_tokens", count_value, adds="input_tokens"),
    ),
    signs=(Sign("datetime_utc", beside=("model", "options_json")),),
    constants={"type": "generation", "source": "llm", "log_format": "llm"},
    records=_records,
    traces_itself=True,
)
