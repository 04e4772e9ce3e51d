"""What other programs call the columns of CALLS in tables: CSV exports, spreadsheets, queries, frames of a user."""

import re
from collections.abc import Iterable

# of each column the names in the order of trust; case, blanks, dots, dashes and brackets do not matter
SYNONYMS: dict[str, tuple[str, ...]] = {
    "trace_id": ("traceid", "trace", "request_id", "requestid", "correlation_id", "correlationid"),
    "event_id": ("generation_id", "response_id", "completion_id", "call_id", "observation_id", "span_id", "id"),
    "session_id": ("sessionid", "session", "conversation_id", "thread_id", "chat_id"),
    "parent_id": ("parent_observation_id", "parent_span_id", "parent_run_id"),
    "timestamp": (
        "start_time", "starttime", "started_at", "created_at", "createdat", "created", "request_created_at", "time",
        "datetime", "datetime_utc", "timestamp_utc", "timegenerated", "timegenerated_[utc]", "date", "ts", "when",
    ),
    "model": (
        "model_name", "modelname", "model_id", "ai_model", "provided_model_name", "model_permaslug", "llm_model",
        "response_model", "request_model",
    ),
    "provider": ("provider_name", "model_provider", "modelprovider", "custom_llm_provider", "vendor"),
    "prompt": ("input", "input_text", "prompt_text", "question", "request", "messages"),
    "response": ("output", "output_text", "completion", "completion_text", "answer", "response_text"),
    "input_tokens": (
        "prompt_tokens", "tokens_prompt", "tokens_in", "tokens_input", "input_token_count", "prompt_token_count",
        "usage_prompt_tokens", "usage_input_tokens", "n_prompt_tokens", "n_input_tokens", "prompttokens", "inputtokens",
        "req_units",
    ),
    "output_tokens": (
        "completion_tokens", "tokens_completion", "tokens_out", "tokens_output", "output_token_count",
        "completion_token_count", "usage_completion_tokens", "usage_output_tokens", "n_completion_tokens",
        "n_output_tokens", "completiontokens", "outputtokens", "generated_tokens", "generatedtokens", "res_units",
    ),
    "cached_input_tokens": (
        "cached_tokens", "tokens_cached", "cache_read_tokens", "prompt_cache_read_tokens", "cache_read_input_tokens",
        "input_cached_tokens",
    ),
    "cache_write_tokens": ("prompt_cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"),
    "reasoning_tokens": ("tokens_reasoning", "thinking_tokens", "output_reasoning_tokens"),
    "cost": (
        "cost_usd", "usd", "usd_cost", "costusd", "cost_total", "total_cost", "totalcost", "price_usd", "spend",
        "response_cost", "cost_in_usd", "price", "amount_usd",
    ),
    "latency_ms": (
        "latency", "duration_ms", "durationms", "generation_time_ms", "elapsed_ms", "response_time_ms", "delay_ms",
        "latencyms", "response_time",
    ),
    "finish_reason": ("finish_reason_normalized", "stop_reason"),
    "error": ("error_message", "exception", "status_message"),
    "stream": ("streamed", "is_stream", "streaming"),
    "service_tier": ("tier",),
    "team": ("team_name", "team_alias", "department", "cost_center"),
    "route": ("endpoint", "path"),
    "user_id": ("user", "userid", "end_user", "user_name"),
    "source": ("app_name", "application", "app"),
    "retry_count": ("retries", "retry", "attempt_number"),
}  # fmt: skip
_NO_WORD = re.compile(r"[\s./:()-]+")


def synonyms_among(columns: Iterable[object]) -> dict[str, str]:
    """Return which columns of a table are columns of CALLS under other names; a column that is there is not replaced.

    Examples
    --------
    >>> from crashlens_frame.formats import synonyms_among
    >>> synonyms_among(["Model Name", "prompt_tokens", "cost_usd", "cost", "weather"])
    {'Model Name': 'model', 'prompt_tokens': 'input_tokens'}
    """
    names = [name for name in columns if isinstance(name, str)]
    simple: dict[str, str] = {}
    for name in names:
        simple.setdefault(_NO_WORD.sub("_", name.strip().lower()).rstrip("_"), name)
    matched: dict[str, str] = {}
    for column, others in SYNONYMS.items():
        if column in names:
            continue
        found = next((simple[other] for other in (column, *others) if other in simple), None)
        if found is not None and found not in matched:
            matched[found] = column
    return matched
