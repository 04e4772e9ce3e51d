"""The two vocabularies of the package itself: the nested one of CrashLens, and the flat one of the Log Schema."""

from .table import END, Field, Format
from .texts import message_text
from .usage import TOTAL
from .values import CONVERTERS, bool_value, count_value, signed_amount_value, text_value, time_value

# other programs have fields of these names too, with values of other types
_LOOSE = {
    "error", "session_id", "parent_id", "provider", "tool_calls", "temperature", "stream", "prefix_hash", "prompt_hash",
    "web_searches", "region", "billed", "finish_reason", "user_id", "agent", "tags", "log_format",
}  # fmt: skip
# all columns but extra, each under its own name
_COLUMNS = tuple(
    Field(name, name, convert, loose=name in _LOOSE) for name, convert in CONVERTERS.items() if name != "extra"
)

FLAT = Format("flat", "the Log Schema: each column of CALLS under its own name", _COLUMNS)

CRASHLENS = Format(
    "crashlens",
    "what crashlens 2.20.0 reads: scan the nested names, and on the same line report and guard the flat ones",
    (
        Field("traceId", "trace_id", text_value),
        Field("startTime", "timestamp", time_value),
        Field("endTime", END, time_value),
        Field("input.model", "model", text_value),
        Field("input.prompt", "prompt", text_value),
        Field("input.messages", "prompt", message_text, loose=True, kept=True),
        Field("output", "response", text_value, loose=True),
        Field("usage.prompt_tokens", "input_tokens", count_value),
        Field("usage.completion_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.cached_input_tokens", "cached_input_tokens", count_value),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.cache_write_tokens", "cache_write_tokens", count_value),
        Field("usage.cache_write_1h_tokens", "cache_write_1h_tokens", count_value),
        Field("usage.audio_input_tokens", "audio_input_tokens", count_value),
        Field("usage.audio_output_tokens", "audio_output_tokens", count_value),
        Field("usage.reasoning_tokens", "reasoning_tokens", count_value),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
        Field("metadata.fallback_attempted", "fallback_attempted", bool_value),
        Field("metadata.fallback_reason", "fallback_reason", text_value),
        Field("metadata.fallback_model", "fallback_model", text_value),
        Field("metadata.route", "route", text_value),
        Field("metadata.team", "team", text_value),
        Field("metadata.source", "source", text_value),
        Field("cost_usd", "cost", signed_amount_value, loose=True),
        Field("endpoint", "route", text_value, loose=True),
        Field("fallback_triggered", "fallback_attempted", bool_value, loose=True),
        Field("tokens", TOTAL, count_value, loose=True),
        *_COLUMNS,
    ),
)
