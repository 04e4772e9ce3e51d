"""Spans of Braintrust: what its SDKs log, and what it exports of logs and experiments."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    error_or,
    first_text,
    found_finish_reason,
    mapping_of,
    mappings_of,
    number_or_none,
    text_or_none,
    time_or_none,
    tool_calls_of,
    unpacked,
    with_derived,
)
from .table import END, Field, Format, Record, Sign
from .usage import TOTAL
from .values import amount_value, count_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    about, metrics = (mapping_of(record.get(key)) for key in ("span_attributes", "metrics"))
    kind = text_or_none(about.get("type")) or "span"
    if kind != "llm":
        yield {**record, "type": kind}
        return
    settings = mapping_of(record.get("metadata"))
    parents, labels = unpacked(record.get("span_parents")), unpacked(record.get("tags"))
    choice: Record = next(iter(mappings_of(record.get("output"))), {})
    failed = error_or(record.get("error"), None)
    yield with_derived(
        {**record, "metrics": metrics, "type": kind},
        timestamp=time_or_none(metrics.get("start")) or time_or_none(record.get("created")),
        parent_id=text_or_none(parents[0]) if isinstance(parents, list) and parents else None,
        model=text_or_none(settings.get("model")),
        provider=text_or_none(settings.get("provider")),
        name=text_or_none(about.get("name")),
        session_id=text_or_none(settings.get("session_id")),
        user_id=text_or_none(settings.get("user_id")),
        prompt=first_text(record, "input"),
        response=None if failed else first_text(record, "output"),
        tool_calls=tool_calls_of(unpacked(record.get("output"))),
        finish_reason=found_finish_reason(choice.get("finish_reason")),
        temperature=number_or_none(settings.get("temperature")),
        error=failed,
        tags={"tags": labels} if isinstance(labels, list) and labels else None,
        type="generation",
    )


BRAINTRUST = Format(
    "braintrust",
    "span rows of the braintrust package 2 (https://www.braintrust.dev/docs/reference/api/Logs); that prompt_tokens"
    " include what a cache read and wrote: js/src/wrappers/anthropic-tokens-util.ts",
    (
        *DERIVED,
        Field("root_span_id", "trace_id", text_value),
        Field("span_id", "event_id", text_value),
        Field("metrics.end", END, time_value),
        Field("metrics.prompt_tokens", "input_tokens", count_value),
        Field("metrics.completion_tokens", "output_tokens", count_value),
        Field("metrics.tokens", TOTAL, count_value),
        Field("metrics.prompt_cached_tokens", "cached_input_tokens", count_value),
        Field("metrics.prompt_cache_creation_tokens", "cache_write_tokens", count_value),
        Field("metrics.prompt_cache_creation_1h_tokens", "cache_write_1h_tokens", count_value),
        Field("metrics.prompt_audio_tokens", "audio_input_tokens", count_value),
        Field("metrics.completion_audio_tokens", "audio_output_tokens", count_value),
        Field("metrics.completion_reasoning_tokens", "reasoning_tokens", count_value),
        Field("metrics.estimated_cost", "cost", amount_value, loose=True),
    ),
    signs=(Sign("span_attributes", beside=("root_span_id",)),),
    constants={"log_format": "braintrust"},
    records=_records,
    is_call=lambda span: span.get("type") == "llm",
)
