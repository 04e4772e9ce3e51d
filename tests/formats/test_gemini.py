import json
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import case, extra_of, rows_of

ANSWERED = {"type": "generation", "log_format": "gemini", "level": "info", "token_source": "reported",
            "cost_source": "unknown"}  # fmt: skip
REQUEST: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "Is it in stock?"}, {"inlineData": {"mimeType": "audio/wav"}}]}],
    "generationConfig": {"temperature": 0.5, "maxOutputTokens": 100},
}
ANSWER: dict[str, Any] = {
    "candidates": [{
        "content": {"role": "model", "parts": [
            {"text": "The user wants stock.", "thought": True}, {"text": "Let me look."},
            {"functionCall": {"name": "stock", "args": {"sku": 7}}}]},
        "finishReason": "MAX_TOKENS", "index": 0, "avgLogprobs": -0.1}],
    "usageMetadata": {
        "promptTokenCount": 1200, "cachedContentTokenCount": 1000, "toolUsePromptTokenCount": 50,
        "candidatesTokenCount": 30, "thoughtsTokenCount": 70, "totalTokenCount": 1350, "trafficType": "ON_DEMAND",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1100}, {"modality": "AUDIO", "tokenCount": 100}]},
    "modelVersion": "gemini-2.5-pro", "responseId": "r-2", "createTime": "2026-03-01T10:00:00.250Z",
}  # fmt: skip
ROW = {
    **ANSWERED, "trace_id": "r-2", "event_id": "r-2", "timestamp": 1772359200250000, "model": "gemini-2.5-pro",
    "provider": "vertex_ai", "response": "Let me look.", "finish_reason": "length",
    "tool_calls": '[{"arguments":{"sku":7},"name":"stock"}]', "input_tokens": 1250, "cached_input_tokens": 1000,
    "audio_input_tokens": 100, "output_tokens": 100, "reasoning_tokens": 70,
}  # fmt: skip
ASKED = {**ROW, "prompt_hash": ANY, "prompt": "Is it in stock?", "temperature": 0.5}
SESSION: dict[str, Any] = {
    "sessionId": "s-1", "projectHash": "h", "startTime": "2026-03-01T10:00:00.000Z", "kind": "main",
    "messages": [
        {"id": "m1", "timestamp": "2026-03-01T10:00:00.000Z", "type": "user", "content": [{"text": "Add a test"}]},
        {"id": "m2", "timestamp": "2026-03-01T10:00:09.000Z", "type": "gemini", "content": "",
         "toolCalls": [{"id": "t1", "name": "read_file", "args": {"path": "a.py"}, "status": "success"}],
         "thoughts": [{"subject": "Plan"}], "model": "gemini-2.5-pro",
         "tokens": {"input": 100, "output": 5, "cached": 80, "thoughts": 20, "tool": 3, "total": 128}},
        {"id": "m3", "timestamp": "2026-03-01T10:00:10.000Z", "type": "info", "content": "Done"},
    ],
}  # fmt: skip
CLI_ROW = {
    "type": "generation", "log_format": "gemini_cli", "source": "gemini-cli", "level": "info",
    "token_source": "reported", "cost_source": "unknown", "trace_id": "s-1", "session_id": "s-1", "event_id": "m2",
    "timestamp": 1772359209000000, "model": "gemini-2.5-pro", "prompt": "Add a test",
    "tool_calls": '[{"arguments":{"path":"a.py"},"name":"read_file"}]', "input_tokens": 103, "output_tokens": 25,
    "cached_input_tokens": 80, "reasoning_tokens": 20,
}  # fmt: skip
QWEN: dict[str, Any] = {
    "uuid": "u2", "parentUuid": "u1", "sessionId": "s-2", "timestamp": "2026-03-01T10:00:00Z", "type": "assistant",
    "cwd": "/shop", "version": "0.5.0", "gitBranch": "main", "model": "qwen3-coder-plus",
    "message": {"role": "model", "parts": [{"text": "Done."}]},
    "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 9, "thoughtsTokenCount": 4,
                      "cachedContentTokenCount": 10, "totalTokenCount": 59},
}  # fmt: skip


def test_an_answer_of_the_api_is_a_call() -> None:
    (record,) = case("u10_gemini_generate_content.jsonl")
    assert rows_of(record, "gemini") == [
        {**ANSWERED, "trace_id": "r-1", "event_id": "r-1", "timestamp": 1772359200000000, "model": "gemini-2.5-flash",
         "response": "Yes.", "finish_reason": "stop", "input_tokens": 1200, "cached_input_tokens": 1000,
         "output_tokens": 100, "reasoning_tokens": 70}
    ]  # fmt: skip


def test_tools_and_thoughts_are_beside_the_counts_of_the_prompt_and_the_answer() -> None:
    assert rows_of(ANSWER, "gemini") == [ROW]
    assert extra_of(ANSWER)["usageMetadata"]["toolUsePromptTokenCount"] == 50


def test_the_names_of_the_python_package_are_those_of_the_api() -> None:
    usage = {"prompt_token_count": 5, "candidates_token_count": 2, "thoughts_token_count": 3, "total_token_count": 10,
             "prompt_tokens_details": [{"modality": "AUDIO", "token_count": 4}]}  # fmt: skip
    record = {"candidates": [{"content": {"parts": [{"text": "Yes."}]}, "finish_reason": "SAFETY"}],
              "usage_metadata": usage, "model_version": "gemini-2.5-flash", "response_id": "r"}  # fmt: skip
    (row,) = rows_of(record, "gemini")
    assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (5, 5, 3)
    assert (row["audio_input_tokens"], row["finish_reason"], row["event_id"]) == (4, "content_filter", "r")


def test_a_pair_of_request_and_response_has_the_prompt() -> None:
    assert rows_of({"request": REQUEST, "response": ANSWER}, "gemini") == [ASKED]


def test_a_row_of_vertex_holds_both_as_text() -> None:
    row = {"endpoint": "e", "deployed_model_id": "7", "logging_time": "2026-03-01T10:00:01Z", "request_id": "9",
           "full_request": json.dumps(REQUEST), "full_response": json.dumps(ANSWER)}  # fmt: skip
    assert rows_of(row, "gemini") == [ASKED]
    assert extra_of(row)["logging_time"] == "2026-03-01T10:00:01Z"


@pytest.mark.parametrize("around", [{"key": "q-1"}, {"status": "", "processed_time": "2026-03-01T10:01:00Z"}])
def test_a_result_of_a_batch_is_billed_as_one(around: dict[str, str]) -> None:
    assert rows_of({**around, "request": REQUEST, "response": ANSWER}, "gemini") == [{**ASKED, "service_tier": "batch"}]


def test_a_refused_prompt_has_counts_and_no_answer() -> None:
    # the API leaves out numbers that are 0
    usage = {"promptTokenCount": 8, "totalTokenCount": 8}
    record = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"}
    (row,) = rows_of(record, "gemini")
    assert (row["input_tokens"], row["output_tokens"], row.get("response")) == (8, 0, None)
    assert len(row["trace_id"]) == 32


@pytest.mark.parametrize("total", [None, 12])
def test_a_count_of_the_answer_that_is_missing_is_no_zero(total: int | None) -> None:
    usage = {"promptTokenCount": 8, "totalTokenCount": total}
    (row,) = rows_of({**ANSWER, "usageMetadata": usage}, "gemini")
    assert row.get("output_tokens") != 0


def test_a_model_is_named_without_its_project() -> None:
    record = {**ANSWER, "modelVersion": "projects/p/locations/l/publishers/google/models/gemini-2.5-pro"}
    assert rows_of(record, "gemini")[0]["model"] == "gemini-2.5-pro"
    assert extra_of(record)["modelVersion"] == record["modelVersion"]


def test_a_session_of_gemini_cli_is_its_answers() -> None:
    (record,) = case("u03_gemini_cli_session.json")
    (row,) = rows_of(record, "gemini_cli")
    assert row == {
        **{name: value for name, value in CLI_ROW.items() if name != "tool_calls"}, "model": "gemini-3-flash-preview",
        "response": "Done.", "input_tokens": 15007, "output_tokens": 920, "cached_input_tokens": 11000,
        "reasoning_tokens": 900,
    }  # fmt: skip
    assert rows_of(SESSION, "gemini_cli") == [CLI_ROW]
    assert extra_of(SESSION)["session"] == {"projectHash": "h", "startTime": SESSION["startTime"], "kind": "main"}


def test_a_line_of_a_session_is_an_answer_or_is_passed_over() -> None:
    (row,) = rows_of(SESSION["messages"][1], "gemini_cli")
    assert row == {
        **{name: value for name, value in CLI_ROW.items() if name not in ("session_id", "prompt")}, "trace_id": "m2",
    }  # fmt: skip
    others = [SESSION["messages"][0], SESSION["messages"][2], {"$set": {"summary": "s"}}, {"$rewindTo": "m1"},
              {"sessionId": "s-1", "projectHash": "h", "startTime": SESSION["startTime"]}]  # fmt: skip
    for record in others:
        assert rows_of(record, "gemini_cli") == []


def test_a_line_of_qwen_code_is_a_call() -> None:
    assert rows_of(QWEN, "gemini_cli") == [
        {"type": "generation", "log_format": "gemini_cli", "source": "qwen-code", "level": "info",
         "token_source": "reported", "cost_source": "unknown", "trace_id": "s-2", "session_id": "s-2", "event_id": "u2",
         "parent_id": "u1", "timestamp": 1772359200000000, "model": "qwen3-coder-plus", "response": "Done.",
         "route": "/shop", "tags": '{"gitBranch":"main"}', "input_tokens": 50, "cached_input_tokens": 10,
         "output_tokens": 9, "reasoning_tokens": 4}
    ]  # fmt: skip


@given(st.sampled_from([ANSWER, {"request": REQUEST, "response": ANSWER}]).flatmap(damaged))
def test_damaged_answers_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "gemini")


@given(st.sampled_from([SESSION, SESSION["messages"][1], QWEN]).flatmap(damaged))
def test_damaged_sessions_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "gemini_cli")
