"""Each kind of number that a bill depends on, as several vendors, clients and gateways write it."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.formats import FORMATS

NUMBERS = Path(__file__).parents[1] / "cases" / "numbers"
Record = dict[str, Any]
CLAUDE = "claude-sonnet-4-6"


def chat(usage: Record, **fields: Any) -> Record:
    return {"id": "c", "object": "chat.completion", "created": 1_770_000_000, "model": "m", "choices": [],
            "usage": usage, **fields}  # fmt: skip


def response(usage: Record, **fields: Any) -> Record:
    return {"id": "r", "object": "response", "model": "m", "output": [], "usage": usage, **fields}


def message(usage: Record) -> Record:
    return {"id": "m", "type": "message", "role": "assistant", "model": CLAUDE, "content": [], "usage": usage}


def in_batch(usage: Record) -> Record:
    return {"custom_id": "t", "result": {"type": "succeeded", "message": message(usage)}}


def claude_code(usage: Record) -> Record:
    return {"type": "assistant", "uuid": "u", "sessionId": "s", "timestamp": "2026-03-01T10:00:00Z", "requestId": "r",
            "message": message(usage)}  # fmt: skip


def litellm(usage: Record | None = None, **fields: Any) -> Record:
    counts = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    return {"id": "p", "trace_id": "t", "litellm_call_id": "p", "model": "m", **counts,
            "metadata": {"usage_object": usage or {}}, **fields}  # fmt: skip


def langfuse(details: Record, **fields: Any) -> Record:
    return {"id": "o", "traceId": "t", "type": "GENERATION", "model": "m", "usageDetails": details, **fields}


def span(**attributes: Any) -> Record:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return {"trace_id": "t", "span_id": "s", "name": "chat", "attributes": {"gen_ai.request.model": "m", **named}}


def gemini(usage: Record, **candidate: Any) -> Record:
    answer = {"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP", **candidate}
    return {"responseId": "g", "modelVersion": "gemini-3-flash", "candidates": [answer],
            "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 5, **usage}}  # fmt: skip


def langsmith(details: Record, of_answer: Record | None = None, **fields: Any) -> Record:
    usage = {"input_tokens": 100, "output_tokens": 5, "total_tokens": 105, "input_token_details": details,
             "output_token_details": of_answer or {}}  # fmt: skip
    return {"id": "l", "trace_id": "t", "run_type": "llm", "name": "ChatOpenAI", "inputs": {}, "outputs":
            {"usage_metadata": usage}, "extra": {"metadata": {"ls_model_name": "m"}}, **fields}  # fmt: skip


def bedrock(usage: Record, **answer: Any) -> Record:
    counts = {"inputTokens": 10, "outputTokens": 5, **usage}
    return {"schemaType": "ModelInvocationLog", "requestId": "b", "operation": "Converse",
            "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "input": {"inputTokenCount": 10},
            "output": {"outputTokenCount": 5, "outputBodyJson": {"usage": counts, **answer}}}  # fmt: skip


def helicone(**fields: Any) -> Record:
    return {"request_id": "h", "request_created_at": "2026-03-01T10:00:00Z", "request_model": "m",
            "response_status": 200, "prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
            **fields}  # fmt: skip


def portkey(**fields: Any) -> Record:
    return {"id": "k", "trace_id": "t", "created_at": "2026-03-01T10:00:00Z", "ai_model": "m", "ai_org": "openai",
            "request": {}, "response": {}, "req_units": 100, "res_units": 5, "total_units": 105, "currency": "USD",
            "response_status_code": 200, **fields}  # fmt: skip


def cline(**counts: Any) -> Record:
    return {"ts": 1_770_000_000_000, "type": "say", "say": "api_req_started", "modelInfo": {"modelId": "m"},
            "text": json.dumps({"request": "...", "tokensOut": 5, **counts})}  # fmt: skip


def gemini_cli(**tokens: int) -> Record:
    return {"id": "i", "timestamp": "2026-03-01T10:00:00Z", "type": "gemini", "content": "hi", "model": "m",
            "tokens": {"input": 100, "output": 5, "cached": 0, "total": 105, **tokens}}  # fmt: skip


def recorded(answer: Record) -> Record:
    return {"startedDateTime": "2026-03-01T10:00:00Z", "request": {"url": "https://example.com"},
            "response": {"status": 200, "content": {"text": json.dumps(answer)}}}  # fmt: skip


OF_CHAT = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
OF_RESPONSE = {"input_tokens": 100, "output_tokens": 5, "total_tokens": 105}
SPAN = {"gen_ai__usage__input_tokens": 100, "gen_ai__usage__output_tokens": 5}
WRITES = {"ephemeral_1h_input_tokens": 60, "ephemeral_5m_input_tokens": 10}
QUERIES = {"webSearchQueries": ["price of copper", "price of tin"]}

# kind: what each emitter writes; and the right values of the row, which are those of all its emitters
KINDS: dict[str, tuple[dict[str, Record], Record]] = {
    "batch": (
        {
            "OpenAI, a request of a batch": {"custom_id": "t", "response": {"body": chat(OF_CHAT)}, "error": None},
            "Anthropic, a request of a batch": in_batch({"input_tokens": 100, "output_tokens": 5}),
            "Gemini, a line of a batch": {"key": "t", "response": gemini({})},
            "LiteLLM": litellm(response={"service_tier": "batch"}),
            "a span": span(**SPAN, openai__response__service_tier="batch"),
        },
        {"service_tier": "batch", "input_tokens": 100, "output_tokens": 5},
    ),
    "fast mode": (
        {
            "Anthropic": message({"input_tokens": 100, "output_tokens": 5, "speed": "fast"}),
            "Claude Code": claude_code({"input_tokens": 100, "output_tokens": 5, "speed": "fast"}),
            "LiteLLM": litellm({"speed": "fast"}),
        },
        {"service_tier": "fast", "input_tokens": 100},
    ),
    "tier": (
        {
            "OpenAI, a chat": chat(OF_CHAT, service_tier="flex"),
            "OpenAI, a response": response(OF_RESPONSE, service_tier="flex"),
            "OpenRouter": chat(OF_CHAT, service_tier="flex", provider="OpenAI"),
            "Gemini on Vertex": gemini({"trafficType": "ON_DEMAND_FLEX"}),
            "Langfuse": langfuse({"input_flex": 100, "output_flex": 5, "total": 105}),
            "LangChain in LangSmith": langsmith({"flex": 100}, {"flex": 5}),
            "LiteLLM": litellm(response={"service_tier": "flex"}),
            "Bedrock": bedrock({"inputTokens": 100}, serviceTier={"type": "flex"}),
        },
        {"service_tier": "flex"},
    ),
    "cache inside the input": (
        {
            "OpenAI, a chat": chat({**OF_CHAT, "prompt_tokens_details": {"cached_tokens": 80}}),
            "OpenAI, a response": response({**OF_RESPONSE, "input_tokens_details": {"cached_tokens": 80}}),
            "DeepSeek": chat({**OF_CHAT, "prompt_cache_hit_tokens": 80, "prompt_cache_miss_tokens": 20}),
            "DeepSeek by LiteLLM": litellm({"prompt_cache_hit_tokens": 80, "prompt_cache_miss_tokens": 20}),
            "Kimi": chat({**OF_CHAT, "cached_tokens": 80}),
            "Gemini": gemini({"cachedContentTokenCount": 80}),
            "Gemini CLI": gemini_cli(cached=80),
            "Roo Code": cline(tokensIn=100, cacheReads=80, apiProtocol="anthropic"),
            "a chat, recorded": recorded(chat({**OF_CHAT, "prompt_tokens_details": {"cached_tokens": 80}})),
            "LangSmith": langsmith({"cache_read": 80}),
            "LangChain at a tier, in LangSmith": langsmith({"priority": 20, "priority_cache_read": 80}),
            "a span": span(**SPAN, gen_ai__usage__cache_read__input_tokens=80),
        },
        {"input_tokens": 100, "cached_input_tokens": 80, "output_tokens": 5},
    ),
    "cache beside the input": (
        {
            "Anthropic": message({"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 5}),
            "Claude Code": claude_code({"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 5}),
            "Cline": cline(tokensIn=20, cacheReads=80, cacheWrites=0),
            "Anthropic, recorded": recorded(
                message({"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 5})),
            "Langfuse": langfuse({"input": 20, "input_cached_tokens": 80, "output": 5, "total": 105}),
            "a span whose total shows it": span(
                llm__token_count__prompt=20, llm__token_count__completion=5, llm__token_count__total=105,
                llm__token_count__prompt_details__cache_read=80),
        },
        {"input_tokens": 100, "cached_input_tokens": 80, "output_tokens": 5},
    ),
    "cache written for an hour": (
        {
            "Anthropic": message({"input_tokens": 30, "cache_creation_input_tokens": 70, "cache_creation": WRITES,
                                  "output_tokens": 5}),
            "Claude Code": claude_code({"input_tokens": 30, "cache_creation_input_tokens": 70, "cache_creation": WRITES,
                                        "output_tokens": 5}),
            "LangSmith": langsmith({"cache_creation": 0, **WRITES}),
            "Langfuse": langfuse({"input": 30, "input_cache_creation": 0, "input_cache_creation_5m": 10,
                                  "input_cache_creation_1h": 60, "output": 5, "total": 105}),
            "LiteLLM": litellm({"prompt_tokens_details": {"cache_creation_token_details": WRITES}}),
            "Bedrock": bedrock({"inputTokens": 30, "cacheWriteInputTokens": 70, "totalTokens": 105,
                                "cacheDetails": [{"ttl": "1h", "inputTokens": 60}, {"ttl": "5m", "inputTokens": 10}]}),
        },
        {"cache_write_tokens": 70, "cache_write_1h_tokens": 60},
    ),
    "reasoning beside the output": (
        {
            "xAI": chat({"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 112,
                         "completion_tokens_details": {"reasoning_tokens": 7}}),
            "LiteLLM": litellm({"completion_tokens_details": {"reasoning_tokens": 7}}, total_tokens=112),
            "Gemini": gemini({"thoughtsTokenCount": 7, "totalTokenCount": 112}),
            "OpenInference": span(
                llm__token_count__prompt=100, llm__token_count__completion=5, llm__token_count__total=112,
                llm__token_count__completion_details__reasoning=7),
        },
        {"input_tokens": 100, "output_tokens": 12, "reasoning_tokens": 7},
    ),
    "audio": (
        {
            "OpenAI": chat({**OF_CHAT, "prompt_tokens_details": {"audio_tokens": 60},
                            "completion_tokens_details": {"audio_tokens": 2}}),
            "Gemini": gemini({"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}],
                              "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}]}),
            "LangSmith": langsmith({"audio": 60}, {"audio": 2}),
        },
        {"input_tokens": 100, "audio_input_tokens": 60, "audio_output_tokens": 2},
    ),
    "web searches": (
        {
            "Anthropic": message({"input_tokens": 1, "output_tokens": 1,
                                  "server_tool_use": {"web_search_requests": 2}}),
            "Claude Code": claude_code({"input_tokens": 1, "output_tokens": 1,
                                        "server_tool_use": {"web_search_requests": 2}}),
            "OpenAI": response(OF_RESPONSE, output=[{"type": "web_search_call", "id": str(n)} for n in range(2)]),
            "Perplexity": chat({**OF_CHAT, "num_search_queries": 2}),
            "LiteLLM, from Anthropic": litellm({"server_tool_use": {"web_search_requests": 2}}),
            "LiteLLM, from Gemini": litellm({"prompt_tokens_details": {"web_search_requests": 2}}),
            "Gemini 3": gemini({}, groundingMetadata=QUERIES),
        },
        {"web_searches": 2},
    ),
    "region": (
        {
            "Anthropic": message({"input_tokens": 1, "output_tokens": 1, "inference_geo": "us"}),
            "Claude Code": claude_code({"input_tokens": 1, "output_tokens": 1, "inference_geo": "us"}),
            "LiteLLM": litellm({"inference_geo": "us"}),
            "Bedrock": bedrock({}),
        },
        {"region": "us"},
    ),
    "cost": (
        {
            "OpenRouter": chat({**OF_CHAT, "cost": 0.25}),
            "OpenRouter, with one's own key": chat(
                {**OF_CHAT, "cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}),
            "Perplexity": chat({**OF_CHAT, "cost": {"input_tokens_cost": 0.1, "total_cost": 0.25}}),
            "DeepInfra": chat({**OF_CHAT, "estimated_cost": 0.25}),
            "xAI": chat({**OF_CHAT, "cost_in_usd_ticks": 2_500_000_000}),
            "LiteLLM": litellm(response_cost=0.25),
            "Langfuse": langfuse({"input": 100}, costDetails={"total": 0.25}),
            "LangSmith": langsmith({}, total_cost="0.25"),
            "Helicone": helicone(costUSD=0.25),
            "Portkey, in cents": portkey(cost=25.0),
            "Logfire": span(**SPAN, operation__cost=0.25),
        },
        {"cost": 0.25, "cost_source": "reported"},
    ),
    "cost in another currency": (
        {
            "a span": span(**SPAN, gen_ai__usage__cost=0.25, gen_ai__usage__cost_currency="EUR"),
            "Portkey": portkey(cost=25.0, currency="EUR"),
            "flat": {"trace_id": "t", "model": "m", "cost": 0.25, "currency": "EUR"},
        },
        {"cost": None, "cost_source": "reported"},
    ),
    "hit of a gateway's cache": (
        {
            "LiteLLM": litellm(cache_hit=True, response_cost=0.0),
            "LiteLLM, in its database": litellm(cache_hit="True", spend=0.0),
            "Helicone": helicone(cache_reference_id="h0", costUSD=0),
            "Portkey": portkey(cache_status="HIT", cost=0.0),
        },
        {"billed": "no", "cost": 0.0},
    ),
}  # fmt: skip

# the kind of each public report
KIND_OF = {
    "anthropic_batch_may_2026": "batch", "anthropic_batch_opus_4_1": "batch", "openai_batch_before_2026_10_14": "batch",
    "anthropic_fast_mode": "fast mode", "langfuse_flex_tier": "tier", "litellm_response_service_tier": "tier",
    "openai_priority_aug_2026": "tier", "deepseek_cache_hit_tokens": "cache inside the input",
    "litellm_top_level_cache_keys": "cache inside the input",
    "otel_vercel_cached_input_tokens": "cache inside the input",
    "otel_pydantic_ai_cache_details": "cache inside the input", "otel_underscore_cache_names": "cache inside the input",
    "langfuse_cached_counted_inside": "cache beside the input", "langfuse_ttl_cache_keys": "cache written for an hour",
    "langfuse_langchain_anthropic_1h": "cache written for an hour",
    "litellm_1h_cache_write": "cache written for an hour",
    "openinference_thoughts_outside": "reasoning beside the output", "anthropic_web_search": "web searches",
    "openai_responses_web_search": "web searches", "bedrock_regional_premium": "region",
    "deepinfra_estimated_cost": "cost", "openrouter_usage_cost": "cost", "otel_operation_cost": "cost",
    "flat_currency_eur": "cost in another currency", "litellm_cache_hit_repriced": "hit of a gateway's cache",
}  # fmt: skip
# no ways of writing a number: prices at a time, repeated and nested records, frames, work that is no waste
ELSEWHERE = {
    "add_cost_1h_more_than_written", "add_cost_cached_more_than_input", "add_cost_epoch_ms_timestamps",
    "add_cost_negative_tokens", "anthropic_growing_lines_out_of_order", "deepseek_v4_night_before_peak_pricing",
    "deepseek_v4_weekend", "from_litellm_reasoning_rate", "nested_llm_spans", "waste_pages_of_images",
    "waste_tool_calls_taken_as_no_answer",
}  # fmt: skip
CASES = [
    pytest.param(record, right, id=f"{kind}: {emitter}")
    for kind, (records, right) in KINDS.items()
    for emitter, record in records.items()
]


def read(record: Record) -> Record:
    (row,) = cf.read_jsonl(io.BytesIO(json.dumps(record).encode())).to_dict("records")
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    return {name: round(value, 12) if isinstance(value, float) else value for name, value in values.items()}


@pytest.mark.parametrize(("record", "right"), CASES)
def test_a_kind_of_number_is_read_alike_from_every_emitter(record: Record, right: Record) -> None:
    row = read(record)
    assert {name: row[name] for name in right} == right


def test_each_public_report_has_a_kind_with_several_emitters() -> None:
    assert {path.stem for path in NUMBERS.glob("*.jsonl")} == KIND_OF.keys() | ELSEWHERE
    assert set(KIND_OF.values()) <= KINDS.keys()
    for kind, (records, _) in KINDS.items():
        formats = {cf.detect_format(record).format for record in records.values()}
        assert len(formats & FORMATS.keys()) >= 3, kind


@pytest.mark.parametrize(
    ("model", "searches"),
    [("gemini-2.5-pro", 1), ("gemini-2.0-flash-001", 1), ("gemini-3-pro", 2), ("gemini-3.1-pro", 2)],
)
def test_searches_of_google_are_billed_by_the_answer_until_gemini_3(model: str, searches: int) -> None:
    assert read({**gemini({}, groundingMetadata=QUERIES), "modelVersion": model})["web_searches"] == searches
    by_proxy = litellm({"prompt_tokens_details": {"web_search_requests": 2}}, model=f"gemini/{model}")
    assert read(by_proxy)["web_searches"] == searches


def test_throughput_paid_in_advance_has_no_price_by_the_token() -> None:
    row = read({**gemini({"trafficType": "PROVISIONED_THROUGHPUT"}), "modelVersion": "gemini-2.5-pro"})
    calls = cf.add_cost(cf.as_calls(pd.DataFrame([row])), reprice=True)
    assert calls["cost"].isna().all()
    assert cf.unpriced(calls)["reason"].tolist() == ["service tier provisioned_throughput without a rate"]


def test_a_fee_for_a_call_with_ones_own_key_is_no_cost_of_the_call() -> None:
    row = read(chat({**OF_CHAT, "cost": 0.05, "is_byok": True}))
    assert (row["cost"], row["cost_source"]) == (None, "unknown")
    assert json.loads(row["extra"])["usage"]["fee"] == 0.05
