"""Events of PostHog: generations and embeddings, as its SDKs send them and as its API and batch exports write them."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    count_or_none,
    error_or,
    first_text,
    found_finish_reason,
    mapping_of,
    mappings_of,
    number_or_none,
    time_or_none,
    tool_calls_of,
    with_derived,
)
from .table import Field, Format, Record, Sign
from .texts import billed_of_error
from .values import amount_value, count_value, text_value

_CALLS = ("$ai_generation", "$ai_embedding")
_CACHE = {"$ai_cache_read_input_tokens": "read", "$ai_cache_creation_input_tokens": "written"}


def _records(record: Record) -> Iterator[Record]:
    for key in ("batch", "results"):  # what an SDK sends at once, and a page of the API
        if key in record and "event" not in record:
            yield from (found for event in mappings_of(record[key]) for found in _records(event))
            return
    if record.get("event") not in _CALLS:
        yield record
        return
    facts = mapping_of(record.get("properties"))
    end, seconds = time_or_none(record.get("timestamp")), number_or_none(facts.get("$ai_latency"))
    asked = mapping_of(facts.get("$ai_model_parameters"))
    failed = facts.get("$ai_is_error") in (True, "true")
    choice: Record = next(iter(mappings_of(facts.get("$ai_output_choices"))), {})
    yield with_derived(
        {**record, "properties": _with_sides(facts)},
        timestamp=None if end is None else end - round((seconds or 0.0) * 1e6),
        latency_ms=None if seconds is None else round(seconds * 1000),
        prompt=first_text(facts, "$ai_input"),
        response=None if failed else first_text(facts, "$ai_output_choices", "$ai_output"),
        tool_calls=tool_calls_of(facts.get("$ai_output_choices")),
        finish_reason=found_finish_reason(facts.get("$ai_stop_reason"), choice.get("finish_reason")),
        temperature=number_or_none(asked.get("temperature")),
        stream=asked["stream"] if isinstance(asked.get("stream"), bool) else None,
        error=error_or(facts.get("$ai_error"), "failed") if failed else None,
        billed=billed_of_error(facts.get("$ai_http_status")) if failed else None,
        type="embedding" if record["event"] == "$ai_embedding" else None,
    )


def _with_sides(facts: Record) -> Record:
    """Return the properties with counts of the cache, and of thoughts, under names that show what includes them.

    An event says whether the input leaves them out; of those that do not say it, Anthropic's do. What Gemini thought is
    beside its output.
    """
    provider, model = (str(facts.get(key)).lower() for key in ("$ai_provider", "$ai_model"))
    stated = facts.get("$ai_cache_reporting_exclusive")
    side = "beside" if (provider == "anthropic" if stated is None else stated in (True, "true")) else "inside"
    of_gemini = provider in ("gemini", "google", "vertex") or "gemini" in model
    sides: dict[str, dict[str, int | None]] = {
        side: {name: count_or_none(facts.get(key)) for key, name in _CACHE.items()},
    }
    thought = {"thought": count_or_none(facts.get("$ai_reasoning_tokens"))}
    key = "beside" if of_gemini else "inside"
    sides[key] = {**sides.get(key, {}), **thought}
    return {**{key: value for key, value in facts.items() if key not in (*_CACHE, "$ai_reasoning_tokens")}, **sides}


POSTHOG = Format(
    "posthog",
    "events of the posthog package 7 (posthog/ai/utils.py; https://posthog.com/docs/llm-analytics/generations);"
    " an event is sent when the answer is there",
    (
        *DERIVED,
        Field("properties.$ai_trace_id", "trace_id", text_value),
        Field("uuid", "event_id", text_value),
        Field("properties.$ai_span_id", "event_id", text_value, loose=True),
        Field("properties.$ai_parent_id", "parent_id", text_value, loose=True),
        Field("properties.$ai_session_id", "session_id", text_value, loose=True),
        Field("distinct_id", "user_id", text_value, loose=True),
        Field("properties.$ai_model", "model", text_value),
        Field("properties.$ai_provider", "provider", text_value, loose=True),
        Field("properties.$ai_span_name", "name", text_value, loose=True),
        Field("properties.$ai_total_cost_usd", "cost", amount_value, loose=True),
        Field("properties.$ai_input_tokens", "input_tokens", count_value),
        Field("properties.$ai_output_tokens", "output_tokens", count_value),
        Field("properties.inside.read", "cached_input_tokens", count_value),
        Field("properties.inside.written", "cache_write_tokens", count_value),
        Field("properties.beside.read", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("properties.beside.written", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("properties.$ai_cache_creation_1h_input_tokens", "cache_write_1h_tokens", count_value),
        Field("properties.inside.thought", "reasoning_tokens", count_value),
        Field("properties.beside.thought", "reasoning_tokens", count_value, adds="output_tokens"),
        Field("properties.$ai_web_search_count", "web_searches", count_value),
    ),
    signs=(
        Sign("event", (*_CALLS, "$ai_span", "$ai_trace", "$ai_metric", "$ai_feedback"), ("properties",)),
        Sign("distinct_id", beside=("event", "properties")),
        Sign("batch", beside=("api_key", "historical_migration")),
    ),
    constants={"type": "generation", "log_format": "posthog"},
    records=_records,
    is_call=lambda event: event.get("event") in _CALLS,
    traces_itself=True,
)
