"""What LiteLLM logs: the payload that it hands to its callbacks and buckets, and rows of its spend log."""

from collections.abc import Iterator

from .table import END, TOTAL, Field, Format, Record, Sign
from .texts import message_text, outcome
from .values import amount, count, moment, text


def _records(record: Record) -> Iterator[Record]:
    # where LiteLLM could not reckon the cost it says 0, and beside it why
    unknown = not record.get("response_cost") and (
        record.get("response_cost_failure_debug_info") or record.get("zero_cost_diagnostic")
    )
    yield {**record, "response_cost": None} if unknown else record


LITELLM = Format(
    "litellm",
    "StandardLoggingPayload of the litellm package 1.106 (https://docs.litellm.ai/docs/proxy/logging_spec); its"
    " prompt_tokens include what came from a cache, as those of OpenAI do",
    (
        Field("trace_id", "trace_id", text),
        Field("session_id", "trace_id", text, loose=True),
        Field("id", "event_id", text),
        Field("request_id", "event_id", text),
        Field("startTime", "timestamp", moment),
        Field("endTime", END, moment),
        Field("model", "model", text),
        Field("messages", "prompt", message_text, kept=True),
        Field("response", "response", message_text, kept=True),
        Field("response_cost", "cost", amount),
        Field("spend", "cost", amount),
        Field("status", "level", outcome),
        Field("error_str", "error", text),
        Field("prompt_tokens", "input_tokens", count),
        Field("completion_tokens", "output_tokens", count),
        Field("total_tokens", TOTAL, count),
        Field("metadata.usage_object.prompt_tokens_details.cached_tokens", "cached_input_tokens", count),
        Field("metadata.usage_object.prompt_tokens_details.cache_creation_tokens", "cache_write_tokens", count),
        Field("metadata.usage_object.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count),
        Field("cost_breakdown.service_tier", "service_tier", text),
        Field("metadata.user_api_key_team_alias", "team", text),
        Field("metadata.user_api_key_request_route", "route", text),
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
