"""Requests that Cloudflare's AI Gateway logged, as its API returns them."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    answered_text,
    count_or_none,
    finish_reason_of,
    mapping_of,
    mappings_of,
    number_or_none,
    sent_text,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .table import Field, Format, Record, Sign
from .texts import billed_of_error
from .values import amount_value, count_value, milliseconds_value, text_value, time_value

_PROVIDERS = {"google-ai-studio": "gemini", "google-vertex-ai": "vertex_ai", "azure-openai": "azure",
              "aws-bedrock": "bedrock"}  # fmt: skip


def _records(record: Record) -> Iterator[Record]:
    if "result" in record:
        yield from (found for request in mappings_of(record["result"]) for found in _records(request))
        return
    asked, answered = (mapping_of(record.get(key)) for key in ("request", "response"))
    failed, hit = record.get("success") is False, record.get("cached") is True
    provider, status = text_or_none(record.get("provider")), record.get("status_code")
    # a model without a price costs 0 here
    counts = (count_or_none(record.get(key)) for key in ("tokens_in", "tokens_out"))
    is_unpriced = record.get("cost") == 0 and any(counts) and not hit
    yield with_derived(
        {**record, "cost": None, "cost_without_price": 0} if is_unpriced else record,
        provider=_PROVIDERS.get(provider, provider) if provider else None,
        prompt=sent_text(asked),
        response=None if failed else answered_text(answered),
        tool_calls=tool_calls_of(answered),
        finish_reason=finish_reason_of(answered),
        temperature=number_or_none(asked.get("temperature")),
        error=f"status {status}" if failed else None,
        billed="no" if hit else billed_of_error(status) if failed else None,
        tags=mapping_of(record.get("metadata")) or None,
    )


CLOUDFLARE = Format(
    "cloudflare",
    "logs of https://developers.cloudflare.com/api/resources/ai_gateway/subresources/logs; durations in milliseconds",
    (
        *DERIVED,
        Field("id", "event_id", text_value),
        Field("created_at", "timestamp", time_value),
        Field("duration", "latency_ms", milliseconds_value, loose=True),
        Field("model", "model", text_value),
        Field("path", "route", text_value, loose=True),
        Field("cost", "cost", amount_value, loose=True),
        Field("tokens_in", "input_tokens", count_value),
        Field("tokens_out", "output_tokens", count_value),
    ),
    signs=(
        Sign("tokens_in", beside=("provider", "cached", "success")),
        Within("result", beside=("success",), inside=("tokens_in", "provider")),
    ),
    constants={"type": "generation", "log_format": "cloudflare"},
    records=_records,
    traces_itself=True,
)
