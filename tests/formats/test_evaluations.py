"""Results of promptfoo and logs of Inspect, and the coding agent opencode."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import case, extra_of, rows_of

CALLED = {"type": "generation", "level": "info", "token_source": "reported", "cost_source": "reported"}
EVALUATION: dict[str, Any] = case("u12_promptfoo_results.json")[0]
RESULT: dict[str, Any] = EVALUATION["results"]["results"][0]
RESULT_ROW = {
    **CALLED, "log_format": "promptfoo", "trace_id": "x-1", "event_id": "x-1", "model": "gpt-5-mini",
    "provider": "openai", "prompt": "Is it in stock?", "response": "Yes.", "latency_ms": 5794, "cost": 0.0005,
    "input_tokens": 37, "output_tokens": 245, "reasoning_tokens": 192,
}  # fmt: skip
MESSAGE: dict[str, Any] = case("u04_opencode_message.json")[0]
MESSAGE_ROW = {
    **CALLED, "log_format": "opencode", "source": "opencode", "trace_id": "ses_1", "session_id": "ses_1",
    "event_id": "msg_1", "timestamp": 1772359200000000, "latency_ms": 4000, "model": "claude-sonnet-4-5",
    "provider": "anthropic", "cost": 0.0123, "input_tokens": 1300, "cached_input_tokens": 200,
    "cache_write_tokens": 100, "output_tokens": 500, "reasoning_tokens": 0,
}  # fmt: skip
SESSION: dict[str, Any] = {
    "info": {"id": "ses_1", "title": "Shop"},
    "messages": [
        {"info": {"id": "msg_0", "sessionID": "ses_1", "role": "user", "time": {"created": 1772359100000}},
         "parts": [{"type": "text", "text": "Add a test"}, {"type": "text", "text": "file: ...", "synthetic": True}]},
        {"info": {**MESSAGE, "parentID": "msg_0", "mode": "build", "path": {"cwd": "/shop"}, "finish": "tool-calls"},
         "parts": [{"type": "step-start"}, {"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "I read."},
                   {"type": "tool", "tool": "read", "state": {"status": "completed", "input": {"path": "a.py"}}}]},
    ],
}  # fmt: skip
EVENT: dict[str, Any] = {
    "uuid": "ev-1", "span_id": "sp-1", "timestamp": "2026-03-01T10:00:00+00:00", "working_start": 1.0, "event": "model",
    "model": "anthropic/claude-sonnet-4-5", "role": "grader", "config": {"temperature": 0.0},
    "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it in stock?"}],
    "output": {
        "model": "claude-sonnet-4-5-20250929", "completion": "I look.", "time": 1.5,
        "choices": [{"stop_reason": "tool_calls", "message": {"role": "assistant", "content": [
            {"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "I look."}],
            "tool_calls": [{"id": "t1", "function": "stock", "arguments": {"sku": 7}, "type": "function"}]}}],
        "usage": {"input_tokens": 20, "output_tokens": 50, "total_tokens": 900, "input_tokens_cache_read": 800,
                  "input_tokens_cache_write": 30, "reasoning_tokens": 10}},
    "completed": "2026-03-01T10:00:01.600000+00:00",
}  # fmt: skip
EVENT_ROW = {
    **CALLED, "cost_source": "unknown", "log_format": "inspect_ai", "trace_id": "ev-1", "event_id": "ev-1",
    "parent_id": "sp-1", "timestamp": 1772359200000000, "latency_ms": 1500, "model": "anthropic/claude-sonnet-4-5",
    "provider": "anthropic", "agent": "grader", "temperature": 0.0, "prompt": "Be brief.\nIs it in stock?",
    "response": "I look.", "tool_calls": '[{"arguments":{"sku":7},"name":"stock"}]', "finish_reason": "tool_calls",
    "input_tokens": 850, "cached_input_tokens": 800, "cache_write_tokens": 30, "output_tokens": 50,
    "reasoning_tokens": 10,
}  # fmt: skip
SAMPLE: dict[str, Any] = {
    "id": 7, "epoch": 1, "uuid": "sa-1", "input": "Is it in stock?", "target": "yes",
    "events": [{"event": "sample_init", "timestamp": "2026-03-01T10:00:00Z"}, EVENT],
}  # fmt: skip


def test_an_evaluation_of_promptfoo_is_its_results_without_the_calls_of_graders() -> None:
    assert rows_of(EVALUATION, "promptfoo") == [RESULT_ROW]
    rest = extra_of(EVALUATION)
    assert rest["gradingResult"] == RESULT["gradingResult"]
    assert rest["evaluation"] == {"evalId": "e-1", "timestamp": "2026-03-01T10:00:00.000Z"}


def test_a_line_of_promptfoo_is_one_result() -> None:
    assert rows_of(RESULT, "promptfoo") == [RESULT_ROW]


def test_an_answer_from_the_cache_of_promptfoo_is_not_billed_and_has_no_counts() -> None:
    response = {
        "output": "Yes.",
        "cached": True,
        "tokenUsage": {"total": 282, "cached": 282, "prompt": 0, "completion": 0},
    }
    (row,) = rows_of({**RESULT, "response": response}, "promptfoo")
    assert (row["billed"], row.get("input_tokens"), row.get("output_tokens")) == ("no", None, None)


def test_an_answer_that_failed_its_test_is_no_failed_call() -> None:
    failed = {**RESULT, "success": False, "error": 'Expected output to contain "No."'}
    assert rows_of({**failed, "failureReason": 1}, "promptfoo") == [RESULT_ROW]
    assert extra_of({**failed, "failureReason": 1})["error"] == failed["error"]
    (row,) = rows_of({**failed, "failureReason": 2, "error": "API error: 429"}, "promptfoo")
    assert (row["error"], row["level"]) == ("API error: 429", "error")


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("openai:chat:gpt-4o", "openai", "gpt-4o"),
        ("anthropic:messages:claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock",
         "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("openrouter:openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        ("file://provider.py", None, None),
    ],
)  # fmt: skip
def test_the_id_of_a_provider_is_who_served_it_and_the_model(
    name: str, provider: str | None, model: str | None
) -> None:
    (row,) = rows_of({**RESULT, "provider": {"id": name}}, "promptfoo")
    assert (row.get("provider"), row.get("model")) == (provider, model)


def test_a_message_of_opencode_is_a_call() -> None:
    assert rows_of(MESSAGE, "opencode") == [MESSAGE_ROW]


def test_a_session_of_opencode_is_its_answers() -> None:
    assert rows_of(SESSION, "opencode") == [
        {**MESSAGE_ROW, "parent_id": "msg_0", "agent": "build", "route": "/shop", "finish_reason": "tool_calls",
         "prompt": "Add a test", "response": "I read.", "tool_calls": '[{"arguments":{"path":"a.py"},"name":"read"}]'}
    ]  # fmt: skip
    assert rows_of(SESSION["messages"][0], "opencode") == []


@pytest.mark.parametrize(
    ("total", "output"),
    [(None, 500), (1800, 500), (2050, 750)],
    ids=["no total", "the total includes it in the output", "the total has it beside the output"],
)
def test_the_total_of_opencode_shows_where_the_reasoning_is(total: int | None, output: int) -> None:
    (row,) = rows_of({**MESSAGE, "tokens": {**MESSAGE["tokens"], "reasoning": 250, "total": total}}, "opencode")
    assert (row["output_tokens"], row["reasoning_tokens"]) == (output, 250)


def test_a_message_of_opencode_that_was_aborted_is_an_error() -> None:
    (row,) = rows_of({**MESSAGE, "error": {"name": "MessageAbortedError", "data": {}}}, "opencode")
    assert (row["error"], row["finish_reason"], row["level"]) == ("MessageAbortedError", "aborted", "error")


def test_an_event_of_inspect_is_a_call() -> None:
    assert rows_of(EVENT, "inspect_ai") == [EVENT_ROW]
    assert extra_of(EVENT)["completed"] == EVENT["completed"]  # it includes the time of waiting


def test_a_log_of_inspect_is_the_calls_of_its_samples() -> None:
    log = {"version": 2, "status": "success", "eval": {"eval_id": "e-1", "run_id": "r-1", "task": "stock"},
           "samples": [SAMPLE, {**SAMPLE, "uuid": None}]}  # fmt: skip
    row = {**EVENT_ROW, "session_id": "r-1", "name": "stock"}
    assert rows_of(log, "inspect_ai") == [{**row, "trace_id": "sa-1"}, {**row, "trace_id": "e-1/7/1"}]
    assert rows_of(SAMPLE, "inspect_ai") == [{**EVENT_ROW, "trace_id": "sa-1"}]


@pytest.mark.parametrize(
    ("referred", "around"),
    [
        ({"input": [{"role": "user", "content": f"tc://{'5' * 32}"}]}, {"content": {"5" * 32: "Is it red?"}}),
        ({"input": [], "input_refs": [[1, 3]]}, {"message_pool": "Is it| red?"}),
        ({"input": [], "input_refs": [[1, 2], [2, 3]]}, {"events_data": "Is it| red?"}),
    ],
    ids=["texts of 2024", "a pool of messages", "data of events"],
)
def test_questions_that_inspect_keeps_elsewhere_are_found(referred: dict[str, Any], around: dict[str, Any]) -> None:
    events = {"events": [{**EVENT, **referred}]}
    sample = {key: value for key, value in SAMPLE.items() if key not in ("events", "uuid", "attachments")}
    if "content" in around:
        sample["transcript"] = events | around
    else:
        (name,) = around
        pool = [{"role": "user", "content": text} for text in ("No", *around[name].split("|"), "no")]
        sample |= events | ({name: {"messages": pool}} if name == "events_data" else {name: pool})
    log = {"version": 2, "eval": {"run_id": "r-1", "task": "stock"}, "samples": [sample]}
    (row,) = rows_of(log, "inspect_ai")
    assert row["prompt"].replace("\n", "") == "Is it red?"
    assert row["trace_id"] == "r-1/stock/7/1"  # without an id of the evaluation, traces of runs differ
    assert [each["prompt"] for each in rows_of(sample, "inspect_ai")] == [row["prompt"]]


def test_an_answer_from_the_cache_of_inspect_is_not_billed() -> None:
    assert rows_of({**EVENT, "cache": "read"}, "inspect_ai")[0]["billed"] == "no"


def test_a_call_of_inspect_that_failed_is_an_error() -> None:
    (row,) = rows_of({**EVENT, "error": "429", "output": {"model": "", "choices": []}}, "inspect_ai")
    assert (row["error"], row["level"], row.get("input_tokens")) == ("429", "error", None)


@given(st.sampled_from([EVALUATION, RESULT]).flatmap(damaged))
def test_damaged_results_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "promptfoo")


@given(st.sampled_from([MESSAGE, SESSION]).flatmap(damaged))
def test_damaged_messages_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "opencode")


@given(st.sampled_from([EVENT, SAMPLE, {"eval": {}, "samples": [SAMPLE]}]).flatmap(damaged))
def test_damaged_logs_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "inspect_ai")
