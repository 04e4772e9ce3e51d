"""Helicone, Portkey and OpenRouter."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import CASES, extra_of, rows_of

LOGGED = {"type": "generation", "level": "info", "token_source": "reported", "cost_source": "reported"}
HELICONE: dict[str, Any] = {
    "response_id": "x-1", "response_created_at": "2026-03-01T10:00:02Z", "response_status": 200,
    "response_body": {"id": "chatcmpl-1", "choices": [
        {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 800}}},
    "response_model": "gpt-4o-2024-08-06", "request_id": "q-1", "request_model": "gpt-4o", "model_override": None,
    "request_created_at": "2026-03-01T10:00:00Z", "request_path": "https://api.openai.com/v1/chat/completions",
    "request_body": {"model": "gpt-4o", "temperature": 0, "stream": True,
                     "messages": [{"role": "user", "content": "Is it in stock?"}]},
    "request_user_id": "u-1",
    "request_properties": {"Helicone-Session-Id": "s-1", "Helicone-Session-Path": "/stock", "customer": "acme"},
    "delay_ms": 1500, "time_to_first_token": 300, "prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
    "prompt_cache_read_tokens": 800, "prompt_cache_write_tokens": 0, "provider": "OPENAI", "costUSD": 0.002,
    "cache_reference_id": "00000000-0000-0000-0000-000000000000", "country_code": "DE",
}  # fmt: skip
HELICONE_ROW = {
    **LOGGED, "log_format": "helicone", "trace_id": "s-1", "session_id": "s-1", "event_id": "q-1",
    "timestamp": 1772359200000000, "latency_ms": 1500, "model": "gpt-4o-2024-08-06", "provider": "openai",
    "prompt": "Is it in stock?", "response": "Yes.", "finish_reason": "stop", "temperature": 0.0, "stream": True,
    "user_id": "u-1", "tags": '{"Helicone-Session-Path":"/stock","customer":"acme"}', "cost": 0.002,
    "route": "https://api.openai.com/v1/chat/completions", "input_tokens": 1000, "cached_input_tokens": 800,
    "cache_write_tokens": 0, "output_tokens": 50,
}  # fmt: skip
PORTKEY: dict[str, Any] = {
    "id": "p-1", "trace_id": "t-1", "created_at": "2026-03-01T10:00:00.000Z", "ai_org": "openai", "ai_model": "gpt-4o",
    "request": {"messages": [{"role": "user", "content": "Is it in stock?"}], "temperature": 0.5},
    "response": {"choices": [{"message": {"content": "Yes."}, "finish_reason": "length"}], "usage": {
        "prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 800}}},
    "is_success": True, "response_status_code": 200, "req_units": 1000, "res_units": 50, "total_units": 1050,
    "cost": 0.21, "cost_currency": "USD", "response_time": 900, "cache_status": "MISS", "retry_success_count": 1,
    "mode": "FALLBACK", "metadata": {"_user": "u-1", "team": "search", "env": "prod"},
}  # fmt: skip
PORTKEY_ROW = {
    **LOGGED, "log_format": "portkey", "trace_id": "t-1", "event_id": "p-1", "timestamp": 1772359200000000,
    "latency_ms": 900, "model": "gpt-4o", "provider": "openai", "prompt": "Is it in stock?", "response": "Yes.",
    "finish_reason": "length", "temperature": 0.5, "user_id": "u-1", "team": "search",
    "tags": '{"env":"prod","team":"search"}', "cost": 0.0021, "retry_count": 1, "input_tokens": 1000,
    "cached_input_tokens": 800, "output_tokens": 50,
}  # fmt: skip
OPENROUTER: dict[str, Any] = {
    "id": "gen-2", "created_at": "2026-03-01T10:00:00.5+00:00", "model": "anthropic/claude-sonnet-4.5",
    "provider_name": "Anthropic", "streamed": True, "cancelled": False, "latency": 300, "generation_time": 900,
    "finish_reason": "tool_calls", "native_finish_reason": "tool_use", "tokens_prompt": 900, "tokens_completion": 90,
    "native_tokens_prompt": 1000, "native_tokens_completion": 100, "native_tokens_reasoning": 40,
    "native_tokens_cached": 800, "total_cost": 0.0123, "usage": 0.0123, "is_byok": False,
    "upstream_inference_cost": None, "service_tier": "priority", "data_region": "eu", "external_user": "u-1",
}  # fmt: skip
OPENROUTER_ROW = {
    **LOGGED, "log_format": "openrouter", "provider": "openrouter", "trace_id": "gen-2", "event_id": "gen-2",
    "timestamp": 1772359200500000, "latency_ms": 900, "model": "anthropic/claude-sonnet-4.5", "stream": True,
    "finish_reason": "tool_calls", "service_tier": "priority", "region": "eu", "user_id": "u-1", "cost": 0.0123,
    "input_tokens": 1000, "cached_input_tokens": 800, "output_tokens": 100, "reasoning_tokens": 40,
}  # fmt: skip


def activity() -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO((CASES / "u09_openrouter_activity.csv").read_text()))
    return row


def test_a_request_of_helicone_is_a_call() -> None:
    assert rows_of(HELICONE, "helicone") == [HELICONE_ROW]
    assert extra_of(HELICONE)["request_model"] == "gpt-4o"
    assert extra_of(HELICONE)["country_code"] == "DE"


def test_helicone_counts_the_cache_beside_the_prompt_where_the_provider_does() -> None:
    record = {**HELICONE, "provider": "ANTHROPIC", "response_body": None, "prompt_tokens": 20, "total_tokens": 70,
              "prompt_cache_write_tokens": 30}  # fmt: skip
    (row,) = rows_of(record, "helicone")
    assert (row["input_tokens"], row["cached_input_tokens"], row["cache_write_tokens"]) == (850, 800, 30)


def test_helicone_counts_the_cache_beside_the_prompt_where_the_answer_shows_it() -> None:
    (row,) = rows_of({**HELICONE, "prompt_tokens": 200, "total_tokens": 250}, "helicone")
    assert (row["input_tokens"], row["cached_input_tokens"]) == (1000, 800)


def test_where_nothing_shows_it_the_prompt_of_helicone_has_no_count() -> None:
    record = {**HELICONE, "response_body": None}
    (row,) = rows_of(record, "helicone")
    assert (row.get("input_tokens"), row.get("cached_input_tokens"), row["output_tokens"]) == (None, None, 50)
    assert extra_of(record)["unclear"] == {"prompt_tokens": 1000, "total_tokens": 1050}
    assert extra_of(record)["prompt_cache_read_tokens"] == 800


def test_a_request_of_helicone_that_failed_is_an_error_and_not_billed() -> None:
    record = {**HELICONE, "response_status": 429, "response_body": {"error": {"message": "slow down"}}}
    (row,) = rows_of(record, "helicone")
    assert (row["error"], row["level"], row["billed"], row.get("response")) == ("slow down", "error", "no", None)
    assert rows_of({**record, "response_body": None}, "helicone")[0]["error"] == "status 429"


def test_an_answer_from_the_cache_of_helicone_is_not_billed() -> None:
    assert rows_of({**HELICONE, "cache_reference_id": "q-0"}, "helicone")[0]["billed"] == "no"


def test_a_request_of_helicone_without_a_session_is_a_trace_of_its_own() -> None:
    (row,) = rows_of({**HELICONE, "request_properties": None}, "helicone")
    assert (row["trace_id"], row.get("session_id"), row.get("tags")) == ("q-1", None, None)


def test_a_log_of_portkey_is_a_call_and_its_cost_is_in_cents() -> None:
    (row,) = rows_of(PORTKEY, "portkey")
    assert row == {**PORTKEY_ROW, "cost": pytest.approx(0.0021)}
    assert extra_of(PORTKEY)["mode"] == "FALLBACK"


def test_a_log_of_portkey_that_failed_is_an_error_and_not_billed() -> None:
    record = {**PORTKEY, "is_success": False, "response_status_code": 500, "response": {"error": {"message": "oh"}}}
    (row,) = rows_of(record, "portkey")
    assert (row["error"], row["billed"], row["level"]) == ("oh", "no", "error")


@pytest.mark.parametrize("status", ["HIT", "SEMANTIC HIT"])
def test_an_answer_from_the_cache_of_portkey_is_not_billed(status: str) -> None:
    assert rows_of({**PORTKEY, "cache_status": status}, "portkey")[0]["billed"] == "no"


def test_a_generation_of_openrouter_has_the_counts_that_are_billed() -> None:
    assert rows_of(OPENROUTER, "openrouter") == [OPENROUTER_ROW]
    assert rows_of({"data": OPENROUTER}, "openrouter") == [OPENROUTER_ROW]
    assert extra_of(OPENROUTER)["tokens_prompt"] == 900


def test_a_call_with_a_key_of_ones_own_costs_what_the_provider_bills_too() -> None:
    record = {**OPENROUTER, "is_byok": True, "total_cost": 0.5, "upstream_inference_cost": 9.5}
    assert rows_of(record, "openrouter")[0]["cost"] == 10.0
    assert extra_of(record)["total_cost"] == 0.5
    assert rows_of({**activity(), "cost_total": "0.5", "byok_usage_inference": "9.5"}, "openrouter")[0]["cost"] == 10.0


def test_a_row_of_the_activity_of_openrouter_is_a_call() -> None:
    assert rows_of(activity(), "openrouter") == [
        {**LOGGED, "log_format": "openrouter", "provider": "openrouter", "trace_id": "gen-1", "event_id": "gen-1",
         "timestamp": 1772359200713000, "latency_ms": 900, "model": "openai/gpt-4o", "stream": True,
         "finish_reason": "stop", "team": "search", "source": "shop", "cost": 0.0123, "input_tokens": 1000,
         "cached_input_tokens": 800, "output_tokens": 100, "reasoning_tokens": 0}
    ]  # fmt: skip


def test_a_generation_that_was_cancelled_is_aborted() -> None:
    assert rows_of({**OPENROUTER, "cancelled": True}, "openrouter")[0]["finish_reason"] == "aborted"


@given(st.sampled_from([HELICONE, PORTKEY, OPENROUTER, activity()]).flatmap(damaged))
def test_damaged_records_are_read_or_refused(record: dict[str, Any]) -> None:
    for name in ("helicone", "portkey", "openrouter"):
        assert_survives(record, name)
