"""How the lines of a log are laid out: names of fields and words that are known without Arrow."""

# a flat line holds exactly these names; they are the first columns of CALLS
LOG_SCHEMA = (
    "trace_id", "timestamp", "model", "prompt", "response", "input_tokens", "output_tokens", "cost", "latency_ms",
    "retry_count", "fallback_model",
)  # fmt: skip

# what is written in place of a null that CrashLens fails at
FILLERS = {
    "model": '"unknown"',
    "prompt": '""',
    "input_tokens": "0",
    "output_tokens": "0",
    "cost": "0",
    "retry_count": "0",
}
# objects of the envelope; fields of extra that were in one of them are written into it again
PARENTS = ("input", "usage", "metadata")

# columns that are written only where they are not null, by their place in the CrashLens envelope
METADATA = ("fallback_attempted", "fallback_reason", "route", "team", "source")
USAGE = (
    "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "audio_input_tokens", "reasoning_tokens",
    "audio_output_tokens",
)  # fmt: skip
TOP = (
    "type", "level", "name", "service_tier", "error", "event_id", "token_source", "token_reading", "web_searches",
    "region", "provider", "billed", "temperature", "stream", "tool_calls", "prefix_hash", "prompt_hash",
    "finish_reason", "session_id", "parent_id", "user_id", "agent", "tags", "log_format",
)  # fmt: skip

# the column that says how the counts were read, and its word for counts that no reading explains
READING, UNCLEAR = "token_reading", "unclear"
