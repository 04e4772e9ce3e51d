"""The two vocabularies of the package itself: the nested one of CrashLens, and the flat one of the Log Schema."""

from collections.abc import Callable
from typing import Any

from ..schema import CALLS, COUNT, FLAG, NUMBER, TIME
from .table import END, TOTAL, Field, Format
from .texts import message_text
from .values import amount, cost_source, count, flag, milliseconds, moment, text, token_source

# the Log Schema and the further columns, each under its own name
_BY_TYPE: dict[Any, Callable[[Any], Any]] = {COUNT: count, NUMBER: amount, FLAG: flag, TIME: moment}
_OF_COLUMN = {"latency_ms": milliseconds, "token_source": token_source, "cost_source": cost_source}
_COLUMNS = tuple(
    Field(c.name, c.name, _OF_COLUMN.get(c.name) or _BY_TYPE.get(c.arrow, text), loose=c.name == "error")
    for c in CALLS
    if c.name != "extra"
)

FLAT = Format("flat", "the Log Schema: each column of CALLS under its own name", _COLUMNS)

CRASHLENS = Format(
    "crashlens",
    "what crashlens 2.20.0 reads: scan the nested names, and on the same line report and guard the flat ones",
    (
        Field("traceId", "trace_id", text),
        Field("startTime", "timestamp", moment),
        Field("endTime", END, moment),
        Field("input.model", "model", text),
        Field("input.prompt", "prompt", text),
        Field("input.messages", "prompt", message_text, loose=True, kept=True),
        Field("output", "response", text, loose=True),
        Field("usage.prompt_tokens", "input_tokens", count),
        Field("usage.completion_tokens", "output_tokens", count),
        Field("usage.total_tokens", TOTAL, count),
        Field("usage.cached_input_tokens", "cached_input_tokens", count),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count),
        Field("usage.cache_write_tokens", "cache_write_tokens", count),
        Field("usage.reasoning_tokens", "reasoning_tokens", count),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count),
        Field("metadata.fallback_attempted", "fallback_attempted", flag),
        Field("metadata.fallback_reason", "fallback_reason", text),
        Field("metadata.fallback_model", "fallback_model", text),
        Field("metadata.route", "route", text),
        Field("metadata.team", "team", text),
        Field("metadata.source", "source", text),
        Field("cost_usd", "cost", amount, loose=True),
        Field("endpoint", "route", text, loose=True),
        Field("fallback_triggered", "fallback_attempted", flag, loose=True),
        Field("tokens", TOTAL, count),
        *_COLUMNS,
    ),
)
