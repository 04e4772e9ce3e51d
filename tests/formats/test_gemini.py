import copy
import io
import json
from typing import Any
from unittest.mock import ANY

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats import gemini_cli, put_together, rows_from_line
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
INTERACTION: dict[str, Any] = {
    "id": "v1_r-2", "object": "interaction", "status": "requires_action", "created": "2026-03-01T10:00:00.250Z",
    "model": "gemini-2.5-pro", "service_tier": "flex", "previous_interaction_id": "v1_r-1",
    "usage": {"total_input_tokens": 1200, "total_tool_use_tokens": 50, "total_cached_tokens": 1000,
              "total_output_tokens": 30, "total_thought_tokens": 70, "total_tokens": 1350,
              "input_tokens_by_modality": [{"modality": "text", "tokens": 1100}, {"modality": "audio", "tokens": 100}]},
    "steps": [
        {"type": "thought", "signature": "x"},
        {"type": "google_search_call", "id": "s", "arguments": {"queries": ["red shoes", "shoes"]}},
        {"type": "model_output", "content": [{"type": "text", "text": "Let me look."}]},
        {"type": "function_call", "id": "f", "name": "stock", "arguments": {"sku": 7}}],
}  # fmt: skip
INTERACTION_ROW = {
    **{key: value for key, value in ROW.items() if key not in ("provider", "finish_reason")},
    "trace_id": "v1_r-2", "event_id": "v1_r-2", "parent_id": "v1_r-1", "service_tier": "flex", "web_searches": 1,
    "finish_reason": "tool_calls",
}  # fmt: skip
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
    "route": "h", "timestamp": 1772359209000000, "model": "gemini-2.5-pro", "prompt": "Add a test",
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
    assert extra_of(SESSION)["session"] == {"startTime": SESSION["startTime"], "kind": "main"}


def test_a_line_of_a_session_is_an_answer_or_is_passed_over() -> None:
    (row,) = rows_of(SESSION["messages"][1], "gemini_cli")
    assert row == {
        **{name: value for name, value in CLI_ROW.items() if name not in ("session_id", "prompt", "route")},
        "trace_id": "m2",
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


HEADER = {key: value for key, value in SESSION.items() if key != "messages"}
ASKED_FIRST, ANSWERED_FIRST, NOTE = SESSION["messages"]
ASKED_NEXT = {"id": "m4", "timestamp": "2026-03-01T10:01:00.000Z", "type": "user", "content": "Now run it"}
ANSWERED_NEXT = {
    "id": "m5", "timestamp": "2026-03-01T10:01:04.000Z", "type": "gemini", "content": "It passes.",
    "model": "gemini-2.5-flash", "tokens": {"input": 150, "output": 9, "cached": 0, "thoughts": 0, "total": 159},
}  # fmt: skip
LINES = [HEADER, ASKED_FIRST, ANSWERED_FIRST, NOTE, ASKED_NEXT, ANSWERED_NEXT]
WHOLE = {**SESSION, "messages": LINES[1:]}


def read(*lines: Any, **options: Any) -> pd.DataFrame:
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return cf.read_logs(log, on_error="raise", prices=None, **options)


def without(message: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in keys}


GROWING = [
    HEADER, ASKED_FIRST, without(ANSWERED_FIRST, "tokens", "toolCalls"), without(ANSWERED_FIRST, "toolCalls"),
    ANSWERED_FIRST, {**ANSWERED_FIRST, "tokens": None}, NOTE, ASKED_NEXT, ANSWERED_NEXT,
]  # fmt: skip
CHANGED = [
    without(HEADER, "kind"), {"$set": {"kind": "main", "messages": [ASKED_FIRST]}}, ANSWERED_FIRST,
    {"$set": {"messages": [ASKED_FIRST, without(ANSWERED_FIRST, "tokens"), NOTE, ASKED_NEXT]}}, ANSWERED_NEXT,
]  # fmt: skip
IN_CHANGES_ALONE = [HEADER, *({"$set": {"messages": WHOLE["messages"][:end]}} for end in range(1, 6))]


@pytest.mark.parametrize("lines", [LINES, GROWING, CHANGED, IN_CHANGES_ALONE, [WHOLE]])
def test_the_lines_of_a_session_are_read_as_its_document_is(lines: list[Any]) -> None:
    expected = cf.read_logs(io.BytesIO(json.dumps(WHOLE, indent=2).encode()), prices=None)
    assert expected["prompt"].tolist() == ["Add a test", "Now run it"]
    pd.testing.assert_frame_equal(read(*lines, duplicates="all"), expected)


def test_what_is_taken_back_was_billed() -> None:
    again = {**ANSWERED_NEXT, "id": "m7"}
    calls = read(*LINES, {"$rewindTo": "m4"}, {**ASKED_NEXT, "id": "m6", "content": "Run all"}, again)
    assert calls["event_id"].tolist() == ["m2", "m5", "m7"]
    assert calls["prompt"].tolist() == ["Add a test", "Now run it", "Run all"]
    assert calls["input_tokens"].sum() == 103 + 150 + 150


def test_another_header_begins_another_session() -> None:
    calls = read(*LINES, {**HEADER, "sessionId": "s-9", "projectHash": "g"}, {**ANSWERED_NEXT, "id": "m9"})
    assert calls["session_id"].tolist() == ["s-1", "s-1", "s-9"]
    assert calls["route"].tolist() == ["h", "h", "g"]
    assert pd.isna(calls["prompt"].iloc[2])


def test_a_session_without_its_header_has_each_answer_in_a_trace_of_its_own() -> None:
    calls = read(*LINES[1:])
    assert calls["trace_id"].tolist() == ["m2", "m5"]
    assert calls["prompt"].tolist() == ["Add a test", "Now run it"]
    assert calls["session_id"].isna().all()


def test_a_long_session_keeps_few_answers_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{**ANSWERED_NEXT, "id": f"a{number}"} for number in range(50)]
    expected = read(HEADER, ASKED_FIRST, *answers)
    monkeypatch.setattr(gemini_cli, "_MOST_OPEN", 3)
    pd.testing.assert_frame_equal(read(HEADER, ASKED_FIRST, *answers), expected)
    assert len(expected) == 50


QWEN_ASKED = {
    "uuid": "u1", "parentUuid": None, "sessionId": "s-2", "timestamp": "2026-03-01T09:59:00Z", "type": "user",
    "cwd": "/shop", "message": {"role": "user", "parts": [{"text": "Add a test"}]},
}  # fmt: skip
QWEN_OTHERS = [
    {"uuid": "u3", "parentUuid": "u2", "sessionId": "s-2", "type": "tool_result",
     "message": {"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {"output": "a"}}}]}},
    {"uuid": "u4", "parentUuid": "u3", "sessionId": "s-2", "type": "system", "subtype": "ui_telemetry",
     "systemPayload": {"uiEvent": {"event.name": "qwen-code.api_response", "input_token_count": 50}}},
]  # fmt: skip


def test_a_session_of_qwen_code_has_the_questions_of_its_answers() -> None:
    calls = read(QWEN_ASKED, QWEN, *QWEN_OTHERS, {**QWEN, "uuid": "u5", "parentUuid": "u4"})
    assert calls["event_id"].tolist() == ["u2", "u5"]
    assert calls["prompt"].tolist() == ["Add a test"] * 2
    assert calls["output_tokens"].tolist() == [9, 9]
    assert [cf.detect_format(line).format for line in (QWEN_ASKED, *QWEN_OTHERS)] == ["gemini_cli"] * 3


def telemetry(kind: str, prompt: str, **event: Any) -> dict[str, Any]:
    told = {"event.name": f"qwen-code.{kind}", "event.timestamp": "2026-03-01T10:00:05Z", "model": "qwen3-coder-flash",
            "duration_ms": 1500, "prompt_id": prompt, **event}  # fmt: skip
    return {"uuid": f"t-{kind}-{prompt}", "parentUuid": "u2", "sessionId": "s-2", "timestamp": "2026-03-01T10:00:05Z",
            "type": "system", "subtype": "ui_telemetry", "systemPayload": {"uiEvent": told}}  # fmt: skip


def test_telemetry_of_qwen_code_holds_the_calls_of_subagents_and_those_that_failed() -> None:
    counts = {"input_token_count": 70, "output_token_count": 8, "cached_content_token_count": 30,
              "thoughts_token_count": 3, "total_token_count": 78}  # fmt: skip
    calls = read(
        QWEN_ASKED,
        telemetry("api_response", "s-2########0", input_token_count=50, output_token_count=9, total_token_count=59),
        QWEN,
        telemetry("tool_call", "s-2########0", function_name="task"),
        telemetry("api_response", "s-2#reviewer-a1#0", response_text="Fine.", **counts),
        telemetry("api_error", "s-2########1", error="429 too many requests", status_code=429),
    )
    columns = ["model", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "latency_ms",
               "agent", "response", "error", "billed"]  # fmt: skip
    found = calls[columns].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        ["qwen3-coder-plus", 50, 10, 9, 4, None, None, "Done.", None, None],
        ["qwen3-coder-flash", 70, 30, 8, 3, 1500, "reviewer-a1", "Fine.", None, None],
        ["qwen3-coder-flash", None, None, None, None, 1500, None, None, "429 too many requests", "no"],
    ]
    assert set(calls["trace_id"]) == {"s-2"}
    assert str(calls["timestamp"].iloc[1]) == "2026-03-01 10:00:03.500000+00:00"  # it ended 1500 ms later


@given(st.sampled_from([LINES, GROWING, CHANGED, [QWEN_ASKED, QWEN, *QWEN_OTHERS]]), st.data())
def test_a_damaged_line_of_a_session_costs_no_other_answer(lines: list[Any], data: st.DataObject) -> None:
    hurt = copy.deepcopy(lines)
    place = data.draw(st.integers(1, len(lines) - 1))
    hurt[place] = data.draw(damaged(hurt[place]))
    memory, found = gemini_cli.Session(), []
    for number, line in enumerate(hurt):
        found += memory.read(line, number)
    found += memory.finish()
    calls = [row for _, call in found for row in rows_from_line(call, "gemini_cli").rows]
    answers = {line["id"] for line in lines if line.get("type") == "gemini"}
    assert answers - {lines[place].get("id")} <= {call.get("event_id") for call in calls}


@given(st.sampled_from([ANSWER, {"request": REQUEST, "response": ANSWER}]).flatmap(damaged))
def test_damaged_answers_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "gemini")


@given(st.sampled_from([SESSION, SESSION["messages"][1], QWEN]).flatmap(damaged))
def test_damaged_sessions_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "gemini_cli")


def test_an_interaction_is_read_as_an_answer() -> None:
    assert rows_of(INTERACTION, "gemini") == [INTERACTION_ROW]
    asked = rows_of(
        {"request": {"model": "gemini-2.5-pro", "input": "Is it in stock?"}, "response": INTERACTION}, "gemini"
    )
    assert asked[0]["prompt"] == "Is it in stock?"
    early = {**INTERACTION, "steps": None, "outputs": [{"type": "text", "text": "Let me look."}]}
    assert rows_of(early, "gemini")[0]["response"] == "Let me look."


def test_the_events_of_an_interaction_are_put_together() -> None:
    steps = INTERACTION["steps"]
    begun = {key: value for key, value in INTERACTION.items() if key not in ("steps", "usage")}
    whole = {key: value for key, value in INTERACTION.items() if key != "steps"}
    answer = put_together([
        {"event_type": "interaction.created", "interaction": {**begun, "status": "in_progress"}},
        *({"event_type": "step.start", "index": place, "step": step} for place, step in enumerate(steps[:2])),
        {"event_type": "step.start", "index": 2, "step": {"type": "model_output"}},
        *({"event_type": "step.delta", "index": 2, "delta": {"type": "text", "text": text}}
          for text in ("Let me ", "look.")),
        {"event_type": "step.start", "index": 3, "step": {**steps[3], "arguments": {}}},
        *({"event_type": "step.delta", "index": 3, "delta": {"type": "arguments_delta", "arguments": text}}
          for text in ('{"sku"', ": 7}")),
        {"event_type": "interaction.completed", "interaction": whole},
    ])  # fmt: skip
    assert answer.is_complete
    assert rows_of(answer.record, "gemini") == [INTERACTION_ROW]
