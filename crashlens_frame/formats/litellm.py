"""Logs of LiteLLM: the payload that it passes to its callbacks and buckets, and rows of its spend log."""

from collections.abc import Iterator

from .table import END, TOTAL, Field, Format, Record, Sign
from .texts import level_of_status, message_text
from .values import amount_value, count_value, text_value, time_value


def _records(record: Record) -> Iterator[Record]:
    # where LiteLLM could not compute the cost it writes 0, and the reason in another field
    unknown = not record.get("response_cost") and (
        record.get("response_cost_failure_debug_info") or record.get("zero_cost_diagnostic")
    )
    yield {**record, "response_cost": None} if unknown else record


LITELLM = Format(
    "litellm",
    "StandardLoggingPayload of the litellm package 1.106 (https://docs.litellm.ai/docs/proxy/logging_spec); its"
    " prompt_tokens include what came from a cache, as those of OpenAI do",
    (
        Field("trace_id", "trace_id", text_value),
        Field("session_id", "trace_id", text_value, loose=True),
        Field("id", "event_id", text_value),
        Field("request_id", "event_id", text_value),
        Field("startTime", "timestamp", time_value),
        Field("endTime", END, time_value),
        Field("model", "model", text_value),
        Field("messages", "prompt", message_text, kept=True),
        Field("response", "response", message_text, kept=True),
        Field("response_cost", "cost", amount_value),
        Field("spend", "cost", amount_value),
        Field("status", "level", level_of_status),
        Field("error_str", "error", text_value),
        Field("prompt_tokens", "input_tokens", count_value),
        Field("completion_tokens", "output_tokens", count_value),
        Field("total_tokens", TOTAL, count_value),
        Field("metadata.usage_object.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("metadata.usage_object.prompt_tokens_details.cache_creation_tokens", "cache_write_tokens", count_value),
        Field("metadata.usage_object.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
        Field("cost_breakdown.service_tier", "service_tier", text_value),
        Field("metadata.user_api_key_team_alias", "team", text_value),
        Field("metadata.user_api_key_request_route", "route", text_value),
    ),
    signs=(
        Sign("litellm_call_id"),
        Sign("response_cost", beside=("startTime",)),
        Sign("custom_llm_provider", beside=("model",)),
        Sign("spend", beside=("request_id",)),
    ),
    constants={"type": "generation"},
    records=_records,
    traces_itself=True,
)
