"""PostHog, Datadog, Braintrust, Opik, Cloudflare, Kong, Bifrost, llm, Cursor, Open WebUI and the Agents SDK."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashlens_frame.formats import FORMATS, rows_from_line
from crashlens_frame.formats.answers import made_id
from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import extra_of, rows_of

ASKED = [{"role": "user", "content": "Is it in stock?"}]
ANSWERED = [{"role": "assistant", "content": "Yes."}]
CHOICES = [{"index": 0, "message": ANSWERED[0], "finish_reason": "stop"}]
COUNTED = {"input_tokens": 1000, "cached_input_tokens": 600, "output_tokens": 50}
# the same call, as each of them has it: it began at 10:00:00 on the first of March, and took 1250 ms
ROW = {
    "type": "generation", "level": "info", "token_source": "reported", "model": "gpt-4o", "provider": "openai",
    "timestamp": 1772359200000000, "latency_ms": 1250, "prompt": "Is it in stock?", "response": "Yes.", **COUNTED,
}  # fmt: skip
PRICED, REPORTED = {"cost_source": "unknown"}, {"cost_source": "reported", "cost": 0.0021}

POSTHOG: dict[str, Any] = {
    "uuid": "ph-1", "event": "$ai_generation", "distinct_id": "user-7", "timestamp": "2026-03-01T10:00:01.250Z",
    "properties": {
        "$ai_trace_id": "t-1", "$ai_span_id": "s-1", "$ai_session_id": "c-1", "$ai_model": "gpt-4o",
        "$ai_provider": "openai", "$ai_model_parameters": {"temperature": 0.2, "stream": True}, "$ai_input": ASKED,
        "$ai_output_choices": ANSWERED, "$ai_input_tokens": 1000, "$ai_output_tokens": 50, "$ai_latency": 1.25,
        "$ai_cache_read_input_tokens": 600, "$ai_reasoning_tokens": 20, "$ai_http_status": 200,
        "$ai_total_cost_usd": 0.0021, "$ai_stop_reason": "stop"},
}  # fmt: skip
POSTHOG_ROW = {
    **ROW, **REPORTED, "log_format": "posthog", "trace_id": "t-1", "event_id": "ph-1", "session_id": "c-1",
    "user_id": "user-7", "temperature": 0.2, "stream": True, "finish_reason": "stop", "reasoning_tokens": 20,
}  # fmt: skip
DATADOG: dict[str, Any] = {
    "span_id": "d-1", "trace_id": "t-1", "parent_id": "undefined", "session_id": "c-1", "name": "openai.request",
    "tags": ["env:prod", "ml_app:shop"], "start_ns": 1772359200000000000, "duration": 1250000000, "status": "ok",
    "meta": {"span.kind": "llm", "model_name": "gpt-4o", "model_provider": "openai", "input": {"messages": ASKED},
             "output": {"messages": ANSWERED}, "metadata": {"temperature": 0.2}},
    "metrics": {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050, "cache_read_input_tokens": 600},
}  # fmt: skip
DATADOG_ROW = {
    **ROW, **PRICED, "log_format": "datadog", "trace_id": "t-1", "event_id": "d-1", "session_id": "c-1",
    "name": "openai.request", "source": "shop", "temperature": 0.2,
    "tags": '{"env":"prod","ml_app":"shop"}',
}  # fmt: skip
BRAINTRUST: dict[str, Any] = {
    "id": "r-1", "span_id": "b-1", "root_span_id": "t-1", "span_parents": ["p-1"], "project_id": "p", "log_id": "g",
    "created": "2026-03-01T10:00:00Z", "input": ASKED, "output": CHOICES, "tags": ["eval"],
    "metadata": {"model": "gpt-4o", "provider": "openai", "temperature": 0.2},
    "metrics": {"start": 1772359200.0, "end": 1772359201.25, "prompt_tokens": 1000, "completion_tokens": 50,
                "tokens": 1050, "prompt_cached_tokens": 600, "time_to_first_token": 0.3},
    "span_attributes": {"name": "Chat Completion", "type": "llm"},
}  # fmt: skip
BRAINTRUST_ROW = {
    **ROW, **PRICED, "log_format": "braintrust", "trace_id": "t-1", "event_id": "b-1", "parent_id": "p-1",
    "name": "Chat Completion", "temperature": 0.2, "finish_reason": "stop", "tags": '{"tags":["eval"]}',
}  # fmt: skip
OPIK: dict[str, Any] = {
    "id": "o-1", "trace_id": "t-1", "parent_span_id": "p-1", "project_id": "p", "name": "chat_completion_create",
    "type": "llm", "start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T10:00:01.250Z", "model": "gpt-4o",
    "provider": "openai", "input": {"messages": ASKED}, "output": {"choices": CHOICES}, "total_estimated_cost": 0.0021,
    "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
              "original_usage.prompt_tokens": 1000, "original_usage.completion_tokens": 50,
              "original_usage.prompt_tokens_details.cached_tokens": 600},
}  # fmt: skip
OPIK_ROW = {
    **ROW, **REPORTED, "log_format": "opik", "trace_id": "t-1", "event_id": "o-1", "parent_id": "p-1",
    "name": "chat_completion_create",
}  # fmt: skip
CLOUDFLARE: dict[str, Any] = {
    "id": "01J", "created_at": "2026-03-01T10:00:00Z", "provider": "openai", "model": "gpt-4o", "duration": 1250,
    "path": "chat/completions", "success": True, "cached": False, "status_code": 200, "tokens_in": 1000,
    "tokens_out": 50, "cost": 0.0021, "metadata": '{"customer":"acme"}', "step": 0,
}  # fmt: skip
CLOUDFLARE_ROW = {
    **{name: value for name, value in ROW.items() if name not in ("prompt", "response", "cached_input_tokens")},
    **REPORTED, "log_format": "cloudflare", "trace_id": "01J", "event_id": "01J", "route": "chat/completions",
    "tags": '{"customer":"acme"}',
}  # fmt: skip
KONG: dict[str, Any] = {
    "ai": {"proxy": {
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, "cost": 0.0021},
        "meta": {"request_model": "gpt-4o", "response_model": "gpt-4o", "provider_name": "openai",
                 "llm_latency": 1250},
        "payload": {"request": json.dumps({"messages": ASKED}), "response": json.dumps({"choices": CHOICES})}}},
    "latencies": {"request": 1300, "proxy": 1260, "kong": 40}, "started_at": 1772359200000,
    "request": {"id": "k-1", "method": "POST", "uri": "/chat"}, "response": {"status": 200},
    "consumer": {"username": "shop"},
}  # fmt: skip
KONG_ROW = {
    **{name: value for name, value in ROW.items() if name != "cached_input_tokens"}, **REPORTED, "log_format": "kong",
    "trace_id": "k-1", "event_id": "k-1", "finish_reason": "stop", "user_id": "shop",
}  # fmt: skip
BIFROST: dict[str, Any] = {
    "id": "bf-1", "parent_request_id": None, "timestamp": "2026-03-01T10:00:00Z", "object": "chat.completion",
    "provider": "openai", "model": "gpt-4o", "number_of_retries": 1, "fallback_index": 0, "latency": 1250.0,
    "cost": 0.0021, "status": "success", "stream": False, "input_history": ASKED, "output_message": ANSWERED[0],
    "params": {"temperature": 0.2},
    "token_usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
                    "prompt_tokens_details": {"cached_tokens": 600}},
}  # fmt: skip
BIFROST_ROW = {
    **ROW, **REPORTED, "log_format": "bifrost", "trace_id": "bf-1", "event_id": "bf-1", "retry_count": 1,
    "stream": False, "temperature": 0.2,
}  # fmt: skip
LLM: dict[str, Any] = {
    "id": "01k", "model": "4o", "resolved_model": "gpt-4o", "prompt": "Is it in stock?", "system": None,
    "options_json": '{"temperature": 0.2}', "response": "Yes.", "conversation_id": "c-1", "duration_ms": 1250,
    "datetime_utc": "2026-03-01T10:00:00.000000+00:00", "input_tokens": 1000, "output_tokens": 50,
    "token_details": '{"prompt_tokens_details": {"cached_tokens": 600}}',
}  # fmt: skip
LLM_ROW = {
    **{name: value for name, value in ROW.items() if name != "provider"}, **PRICED, "log_format": "llm",
    "source": "llm", "trace_id": "01k", "event_id": "01k", "session_id": "c-1", "temperature": 0.2,
}  # fmt: skip
# a real total: the four counts leave one another out
CURSOR: dict[str, Any] = {
    "Date": "2026-03-01T10:00:00.000Z", "Kind": "Included", "Model": "claude-4.5-sonnet", "Max Mode": "No",
    "Input (w/ Cache Write)": "28342", "Input (w/o Cache Write)": "775", "Cache Read": "105891",
    "Output Tokens": "21282", "Total Tokens": "156290", "Cost": "$0.19",
}  # fmt: skip
CURSOR_ROW = {
    "type": "generation", "level": "info", "token_source": "reported", "cost_source": "reported", "cost": 0.19,
    "log_format": "cursor", "source": "cursor", "trace_id": made_id(CURSOR), "model": "claude-4.5-sonnet",
    "timestamp": 1772359200000000, "input_tokens": 135008, "cached_input_tokens": 105891,
    "cache_write_tokens": 28342, "output_tokens": 21282,
}  # fmt: skip
OPEN_WEBUI: dict[str, Any] = {
    "id": "chat-1", "user_id": "user-7", "title": "Stock", "created_at": 1772359200, "chat": {
        "title": "Stock", "models": ["gpt-4o"], "messages": [], "history": {"currentId": "answer-1", "messages": {
            "asked": {"id": "asked", "parentId": None, "childrenIds": ["answer-1"], "role": "user",
                      "content": "Is it in stock?", "timestamp": 1772359199, "models": ["gpt-4o"]},
            "answer-1": {"id": "answer-1", "parentId": "asked", "childrenIds": [], "role": "assistant",
                         "content": "Yes.", "model": "gpt-4o", "modelName": "GPT-4o", "timestamp": 1772359200,
                         "done": True, "usage": {
                             "prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
                             "prompt_tokens_details": {"cached_tokens": 600}}}}}},
}  # fmt: skip
OPEN_WEBUI_ROW = {
    **{name: value for name, value in ROW.items() if name not in ("provider", "latency_ms")}, **PRICED,
    "log_format": "open_webui", "source": "open-webui", "trace_id": "chat-1", "session_id": "chat-1",
    "event_id": "answer-1", "parent_id": "asked", "user_id": "user-7", "name": "Stock",
}  # fmt: skip
AGENTS: dict[str, Any] = {
    "object": "trace.span", "id": "span_1", "trace_id": "trace_1", "parent_id": "span_0", "error": None,
    "started_at": "2026-03-01T10:00:00+00:00", "ended_at": "2026-03-01T10:00:01.250000+00:00",
    "span_data": {"type": "generation", "input": ASKED, "output": ANSWERED, "model": "gpt-4o",
                  "model_config": {"temperature": 0.2},
                  "usage": {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050,
                            "input_tokens_details": {"cached_tokens": 600}}},
}  # fmt: skip
AGENTS_ROW = {
    **{name: value for name, value in ROW.items() if name != "provider"}, **PRICED, "log_format": "openai_agents",
    "source": "openai-agents", "trace_id": "trace_1", "event_id": "span_1", "parent_id": "span_0",
    "temperature": 0.2,
}  # fmt: skip
KINDS = {
    "posthog": (POSTHOG, POSTHOG_ROW), "datadog": (DATADOG, DATADOG_ROW), "braintrust": (BRAINTRUST, BRAINTRUST_ROW),
    "opik": (OPIK, OPIK_ROW), "cloudflare": (CLOUDFLARE, CLOUDFLARE_ROW), "kong": (KONG, KONG_ROW),
    "bifrost": (BIFROST, BIFROST_ROW), "llm": (LLM, LLM_ROW), "cursor": (CURSOR, CURSOR_ROW),
    "open_webui": (OPEN_WEBUI, OPEN_WEBUI_ROW), "openai_agents": (AGENTS, AGENTS_ROW),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_whole_row(name: str) -> None:
    record, row = KINDS[name]
    assert rows_of(record, name) == [row]


PAGES = {
    "posthog": {"batch": [POSTHOG], "api_key": "k", "historical_migration": False},
    "datadog": {"_dd.stage": "raw", "spans": [DATADOG]},
    "opik": {"trace": {"id": "t-1"}, "spans": [OPIK], "project_name": "shop"},
    "cloudflare": {"result": [CLOUDFLARE], "success": True},
    "bifrost": {"logs": [BIFROST], "pagination": {}},
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_many(name: str) -> None:
    assert rows_of(PAGES[name], name) == [KINDS[name][1]]


def test_a_page_of_opik_and_spans_that_datadog_exports() -> None:
    assert rows_of({"content": [OPIK], "page": 1, "total": 1}, "opik") == [OPIK_ROW]
    exported = {
        "span_id": "d-1", "trace_id": "t-1", "parent_id": "undefined", "name": "openai.request", "span_kind": "llm",
        "ml_app": "shop", "model_name": "gpt-4o", "model_provider": "openai", "start_ms": 1772359200000,
        "duration": 1250000000.0, "status": "ok", "tags": ["env:prod", "ml_app:shop"], "metrics": DATADOG["metrics"],
        "input": {"messages": ASKED}, "output": {"messages": ANSWERED}, "metadata": {"temperature": 0.2},
    }  # fmt: skip
    (row,) = rows_of({"id": "x", "type": "span", "attributes": exported}, "datadog")
    assert row == {name: value for name, value in DATADOG_ROW.items() if name != "session_id"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("posthog", {"event": "$ai_span"}),
        ("posthog", {"event": "$pageview"}),
        ("datadog", {"meta": {"span.kind": "workflow"}}),
        ("braintrust", {"span_attributes": {"name": "root", "type": "task"}}),
        ("opik", {"type": "general"}),
        ("openai_agents", {"span_data": {"type": "turn", "usage": {"input_tokens": 1000}}}),
        ("openai_agents", {"object": "trace", "workflow_name": "Shop", "span_data": None}),
        ("bifrost", {"status": "processing"}),
    ],
)
def test_other_work_is_passed_over(name: str, changes: dict[str, Any]) -> None:
    record = {**KINDS[name][0], **changes}
    found = rows_from_line(record)
    assert (found.rows, found.errors, found.passed.total()) == ([], [], 1)


def counts(record: Any) -> dict[str, int]:
    (row,) = rows_from_line(record).rows
    return {name: value for name, value in row.items() if name.endswith("_tokens")}


BESIDE = {"input_tokens": 1710, "cached_input_tokens": 1500, "cache_write_tokens": 200, "output_tokens": 50}
INSIDE = {**BESIDE, "input_tokens": 2000}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"$ai_provider": "anthropic", "$ai_input_tokens": 10}, BESIDE),
        ({"$ai_provider": "anthropic", "$ai_input_tokens": 2000, "$ai_cache_reporting_exclusive": False}, INSIDE),
        ({"$ai_provider": "openai", "$ai_input_tokens": 10, "$ai_cache_reporting_exclusive": True}, BESIDE),
        ({"$ai_provider": "openai", "$ai_input_tokens": 2000}, INSIDE),
    ],
)
def test_whether_posthog_counts_the_cache_within_the_input(changes: dict[str, Any], expected: dict[str, int]) -> None:
    cache = {"$ai_cache_read_input_tokens": 1500, "$ai_cache_creation_input_tokens": 200, "$ai_reasoning_tokens": None}
    assert counts({**POSTHOG, "properties": {**POSTHOG["properties"], **cache, **changes}}) == expected


def test_thoughts_of_gemini_are_beside_its_output_in_posthog() -> None:
    facts = {**POSTHOG["properties"], "$ai_provider": "gemini", "$ai_model": "gemini-2.5-pro"}
    assert counts({**POSTHOG, "properties": facts})["output_tokens"] == 70


@pytest.mark.parametrize(("whole", "expected"), [(1710, BESIDE), (10, BESIDE)])
def test_both_ways_in_which_opik_counted_anthropic(whole: int, expected: dict[str, int]) -> None:
    cache = {"cache_read_input_tokens": 1500, "cache_creation_input_tokens": 200}
    theirs = {"input_tokens": 10, "output_tokens": 50, **cache}
    usage = {"prompt_tokens": whole, "completion_tokens": 50, "total_tokens": whole + 50}
    usage |= {f"original_usage.{name}": count for name, count in theirs.items()}
    assert counts({**OPIK, "usage": usage}) == expected


def test_the_cache_of_litellm_is_within_the_input_in_opik() -> None:
    theirs = {"prompt_tokens": 2000, "completion_tokens": 50, "cache_read_input_tokens": 1500,
              "cache_creation_input_tokens": 200}  # fmt: skip
    usage = {"prompt_tokens": 2000, "completion_tokens": 50, "total_tokens": 2050}
    assert (
        counts({**OPIK, "usage": usage | {f"original_usage.{name}": count for name, count in theirs.items()}}) == INSIDE
    )


@pytest.mark.parametrize(
    ("details", "asked", "expected"),
    [
        ({"cache_read_input_tokens": 1500, "cache_creation_input_tokens": 200}, 10, BESIDE),
        ({"cachedContentTokenCount": 500, "candidatesTokenCount": 30, "thoughtsTokenCount": 20}, 1000,
         {"input_tokens": 1000, "cached_input_tokens": 500, "output_tokens": 50, "reasoning_tokens": 20}),
        (None, 1000, {"input_tokens": 1000, "output_tokens": 50}),
    ],
)  # fmt: skip
def test_what_plugins_of_llm_keep_of_counts(details: Any, asked: int, expected: dict[str, int]) -> None:
    record = {**LLM, "input_tokens": asked, "token_details": json.dumps(details) if details else None}
    assert counts(record) == expected


def test_costs_of_nothing_are_unknown_where_there_is_no_price() -> None:
    (row,) = rows_of({**CLOUDFLARE, "cost": 0}, "cloudflare")
    assert ("cost" in row, extra_of({**CLOUDFLARE, "cost": 0})["cost_without_price"]) == (False, 0)
    (row,) = rows_of({**CLOUDFLARE, "cost": 0, "cached": True}, "cloudflare")
    assert (row["cost"], row["billed"]) == (0, "no")
    plugin = {**KONG["ai"]["proxy"], "usage": {**KONG["ai"]["proxy"]["usage"], "cost": 0}}
    assert "cost" not in rows_of({**KONG, "ai": {"proxy": plugin}}, "kong")[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Cost": "Included"}, (None, None, "info")),
        ({"Cost": "0.19", "Kind": "On-Demand"}, (0.19, None, "info")),
        ({"Cost": "-", "Kind": "Errored, No Charge"}, (None, "no", "error")),
        ({"Cost": None, "Kind": "Aborted, Not Charged"}, (None, "no", "info")),
    ],
)
def test_what_cursor_charges(changes: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (row,) = rows_from_line({**CURSOR, **changes}).rows
    assert (row.get("cost"), row.get("billed"), row["level"]) == expected


def test_a_total_of_cursor_that_has_the_fresh_input_once() -> None:
    found = counts({**CURSOR, "Total Tokens": str(156290 - 775)})
    assert (found["input_tokens"], found["cache_write_tokens"]) == (134233, 27567)


def test_answers_of_ollama_in_open_webui() -> None:
    usage = {"prompt_eval_count": 9, "eval_count": 5, "total_duration": 2_000_000_000, "response_token/s": 50.5}
    record = json.loads(json.dumps(OPEN_WEBUI))
    record["chat"]["history"]["messages"]["answer-1"]["usage"] = usage
    assert counts(record) == {"input_tokens": 9, "output_tokens": 5}
    (row,) = rows_of(record, "open_webui")
    assert row["latency_ms"] == 2000


def test_each_plugin_of_kong_that_asked_made_a_call() -> None:
    rows = rows_of({**KONG, "ai": {**KONG["ai"], "ai-request-transformer": KONG["ai"]["proxy"], "guard": {}}}, "kong")
    assert [(row["trace_id"], row["event_id"]) for row in rows] == [("k-1", "k-1"), ("k-1", "k-1/1")]


FAILED = {
    "posthog": {"properties": {
        **POSTHOG["properties"], "$ai_is_error": True, "$ai_error": "slow", "$ai_http_status": 429}},
    "datadog": {"status": "error", "meta": {**DATADOG["meta"], "error.message": "slow"}},
    "braintrust": {"error": "slow"},
    "opik": {"error_info": {"exception_type": "RateLimitError", "message": "slow"}},
    "cloudflare": {"success": False, "status_code": 429},
    "kong": {"response": {"status": 429}},
    "openai_agents": {"error": {"message": "slow", "data": {}}},
    "bifrost": {"status": "error", "error_details": {"status_code": 429, "error": {"message": "slow"}}},
}  # fmt: skip


@pytest.mark.parametrize("name", FAILED)
def test_failed_calls(name: str) -> None:
    (row,) = rows_of({**KINDS[name][0], **FAILED[name]}, name)
    status = name in ("cloudflare", "kong")
    assert (row["level"], row["error"], row.get("response")) == ("error", "status 429" if status else "slow", None)
    assert row.get("billed") == (None if name in ("datadog", "braintrust", "opik", "openai_agents") else "no")


def test_an_embedding_of_each_platform_that_has_them() -> None:
    meta = {**DATADOG["meta"], "span.kind": "embedding"}
    metrics = {"input_tokens": 8, "total_tokens": 8}
    assert counts({**DATADOG, "meta": meta, "metrics": metrics}) == {"input_tokens": 8, "output_tokens": 0}
    assert rows_from_line({**POSTHOG, "event": "$ai_embedding"}).rows[0]["type"] == "embedding"


@given(st.sampled_from(sorted(KINDS)).flatmap(lambda name: st.tuples(st.just(name), damaged(KINDS[name][0]))))
def test_damaged_records_are_calls_or_reasons(named: tuple[str, Any]) -> None:
    name, record = named
    assert name in FORMATS
    assert_survives(record, name)
