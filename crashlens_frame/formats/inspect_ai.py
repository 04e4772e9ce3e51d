"""Logs of Inspect: an evaluation, one of its samples, or one event of a sample."""

import re
from collections.abc import Iterator
from typing import Any

from .answers import (
    DERIVED,
    Within,
    mapping_of,
    mappings_of,
    milliseconds_or_none,
    number_or_none,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .table import END, Field, Format, Record, Sign
from .texts import error_text, finish_reason_value, message_text
from .usage import TOTAL
from .values import amount_value, count_value, text_value, time_value

# in place of a long text, which the sample has once; logs of 2024 have the second, within a transcript
_ATTACHED = re.compile(r"(?:attachment|tc)://([0-9a-f]{32})")


def _records(record: Record) -> Iterator[Record]:
    if "event" in record:
        yield _event(record, None, {}, {}, [])
        return
    evaluation = mapping_of(record.get("eval"))
    about = {key: evaluation[key] for key in ("eval_id", "run_id", "task") if text_or_none(evaluation.get(key))}
    # versions before 2025 have no id of the evaluation, only of the run, which may have several tasks
    known = [about["eval_id"]] if "eval_id" in about else [about[key] for key in ("run_id", "task") if key in about]
    samples = mappings_of(record.get("samples")) if "samples" in record else [record]
    for sample in samples:
        trace = text_or_none(sample.get("uuid")) or "/".join(
            str(part) for part in (*known, sample.get("id"), sample.get("epoch")) if part is not None
        )
        transcript = mapping_of(sample.get("transcript"))
        attached = mapping_of(sample.get("attachments") or transcript.get("content"))
        asked = mappings_of(sample.get("message_pool") or mapping_of(sample.get("events_data")).get("messages"))
        for event in mappings_of(sample.get("events") or transcript.get("events")):
            if event.get("event") == "model":
                yield _event(event, trace or None, about, attached, asked)


def _event(event: Record, trace: str | None, about: Record, attached: Record, asked: list[Record]) -> Record:
    """Return a call of a model with its answer beside it."""
    if event.get("event") != "model":
        return event
    output = mapping_of(event.get("output"))
    choice: Record = next(iter(mappings_of(output.get("choices"))), {})
    model = text_or_none(event.get("model"))
    maker = model.partition("/")[0] if model and "/" in model else None
    seconds = number_or_none(output.get("time"))
    from_cache = event.get("cache") == "read"
    known = with_derived(
        event,
        trace_id=trace,
        session_id=about.get("run_id"),
        name=about.get("task"),
        provider=_PROVIDERS.get(maker, maker) if maker else None,
        prompt=_text(event.get("input") or _referred(event.get("input_refs"), asked), attached),
        response=text_or_none(_text(choice.get("message"), attached)),
        tool_calls=tool_calls_of(choice.get("message")),
        temperature=number_or_none(mapping_of(event.get("config")).get("temperature")),
        latency_ms=None if seconds is None else milliseconds_or_none(seconds * 1000),
        agent=text_or_none(event.get("role")),
        billed="no" if from_cache else None,
    )
    return {**known, "stop_reason": choice.get("stop_reason")} if choice else known


def _referred(places: Any, asked: list[Record]) -> list[Record]:
    """Return the messages that an event has by their places among all of the sample, as beginnings and ends."""
    spans = [span for span in places if isinstance(span, list) and len(span) == 2] if isinstance(places, list) else []
    return [message for begin, end in spans for message in asked[begin:end]]


def _text(messages: Any, attached: Record) -> str | None:
    """Return the text of messages, with what the sample has attached."""
    text = message_text(messages)
    if text is None or not attached:
        return text
    return _ATTACHED.sub(lambda found: str(attached.get(found[1], found[0])), text)


_PROVIDERS = {"google": "gemini", "vertex": "vertex_ai", "azureai": "azure"}

INSPECT_AI = Format(
    "inspect_ai",
    "EvalLog and ModelEvent of the inspect_ai package 0.3 (https://inspect.aisi.org.uk/eval-logs.html), whose"
    " input_tokens leave out what a cache read and wrote",
    (
        *DERIVED,
        Field("uuid", "event_id", text_value),
        Field("span_id", "parent_id", text_value, loose=True),
        Field("timestamp", "timestamp", time_value),
        Field("completed", END, time_value),
        Field("model", "model", text_value),
        Field("stop_reason", "finish_reason", finish_reason_value, loose=True, kept=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("output.error", "error", error_text, loose=True, kept=True),
        Field("output.usage.input_tokens", "input_tokens", count_value),
        Field("output.usage.input_tokens_cache_read", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("output.usage.input_tokens_cache_write", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("output.usage.output_tokens", "output_tokens", count_value),
        Field("output.usage.reasoning_tokens", "reasoning_tokens", count_value),
        Field("output.usage.total_tokens", TOTAL, count_value),
        Field("output.usage.total_cost", "cost", amount_value, loose=True),
    ),
    signs=(
        Sign("eval", beside=("samples",)),
        Sign("epoch", beside=("events", "target")),
        Sign("epoch", beside=("transcript", "target")),
        Sign("event", ("model",), beside=("output",)),
        Sign(
            "event", ("tool", "state", "sample_init", "span_begin", "span_end", "score", "info"), beside=("timestamp",)
        ),
        *(Within("samples", inside=("epoch", events)) for events in ("events", "transcript")),
    ),
    constants={"type": "generation", "log_format": "inspect_ai"},
    records=_records,
    is_call=lambda event: event.get("event") == "model",
    traces_itself=True,
)
