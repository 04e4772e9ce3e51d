"""Traces of the Agents SDK of OpenAI, as its spans export themselves; a page of them is what its exporter sends."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    error_or,
    first_text,
    mapping_of,
    number_or_none,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .table import END, Counts, Field, Format, Record, Sign
from .usage import INPUT, OUTPUT, TOTAL
from .values import count_value, text_value, time_value

_CALLS = ("generation", "response")  # spans of agents, turns and tasks repeat their sums


def _records(record: Record) -> Iterator[Record]:
    about = mapping_of(record.get("span_data"))
    kind = text_or_none(about.get("type")) or "span"
    if kind not in _CALLS:
        yield {**record, "type": kind}
        return
    settings, error = mapping_of(about.get("model_config")), mapping_of(record.get("error"))
    failed = error_or(error, "failed") if error else None
    yield with_derived(
        {**record, "usage": mapping_of(about.get("usage"))},
        event_id=text_or_none(about.get("response_id")) or text_or_none(record.get("id")),
        model=text_or_none(about.get("model")),
        prompt=first_text(about, "input"),
        response=None if failed else first_text(about, "output"),
        tool_calls=tool_calls_of(about.get("output")),
        temperature=number_or_none(settings.get("temperature")),
        error=failed,
        type="generation",
    )


OPENAI_AGENTS = Format(
    "openai_agents",
    "Span.export of the openai-agents package 0.9 (src/agents/tracing/spans.py and span_data.py)",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value),
        Field("parent_id", "parent_id", text_value, loose=True),
        Field("started_at", "timestamp", time_value),
        Field("ended_at", END, time_value),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.input_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.output_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
    ),
    signs=(Sign("object", ("trace.span",)), Sign("object", ("trace",), beside=("workflow_name",))),
    constants={"source": "openai-agents", "log_format": "openai_agents"},
    records=_records,
    is_call=lambda span: mapping_of(span.get("span_data")).get("type") in _CALLS,
    counts=(Counts("usage.input_tokens_details", INPUT), Counts("usage.output_tokens_details", OUTPUT)),
)
