import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats.langsmith import Runs
from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import extra_of, rows_of

RUN: dict[str, Any] = {
    "id": "run-2", "trace_id": "run-1", "parent_run_id": "run-1", "dotted_order": "20260301T100000000000Zrun-1",
    "name": "ChatOpenAI", "run_type": "llm", "start_time": "2026-03-01T10:00:00", "end_time": "2026-03-01T10:00:02.500",
    "status": "success", "session_id": "project-7", "session_name": "shop", "tags": ["seq:step:1"], "error": None,
    "inputs": {"messages": [[
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "SystemMessage"],
         "kwargs": {"content": "Be brief.", "type": "system"}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
         "kwargs": {"content": "Is it in stock?", "type": "human"}}]]},
    "outputs": {
        "generations": [[{"text": "", "generation_info": {"finish_reason": "tool_calls"}, "message": {
            "lc": 1, "kwargs": {
                "content": "", "type": "ai",
                "additional_kwargs": {"tool_calls": [{"function": {"name": "stock", "arguments": "{\"sku\":7}"}}]},
                "tool_calls": [{"name": "stock", "args": {"sku": 7}, "id": "t1", "type": "tool_call"}],
                "response_metadata": {"model_name": "gpt-4o-2024-08-06"},
                "usage_metadata": {
                    "input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050,
                    "input_token_details": {"cache_read": 800, "audio": 0},
                    "output_token_details": {"reasoning": 20}}}}}]],
        "llm_output": {"token_usage": {"prompt_tokens": 1000}, "model_name": "gpt-4o-2024-08-06"}},
    "extra": {
        "invocation_params": {"model": "gpt-4o", "temperature": 0.2},
        "metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o", "ls_model_type": "chat", "thread_id": "th-1",
                     "user_id": "u-1", "customer": "acme", "langgraph_node": "planner", "langgraph_step": 1},
        "runtime": {"sdk": "langsmith-py"}},
    "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "total_cost": "0.0031",
}  # fmt: skip
ROW = {
    "type": "generation", "log_format": "langsmith", "level": "info", "token_source": "reported",
    "cost_source": "reported", "trace_id": "run-1", "event_id": "run-2", "parent_id": "run-1",
    "timestamp": 1772359200000000, "latency_ms": 2500, "name": "ChatOpenAI", "route": "shop", "model": "gpt-4o",
    "provider": "openai", "prompt": "Be brief.\nIs it in stock?", "finish_reason": "tool_calls",
    "tool_calls": '[{"arguments":{"sku":7},"name":"stock"}]', "temperature": 0.2, "session_id": "th-1",
    "user_id": "u-1", "agent": "planner", "tags": '{"customer":"acme"}', "cost": 0.0031, "input_tokens": 1000,
    "cached_input_tokens": 800, "audio_input_tokens": 0, "output_tokens": 50, "reasoning_tokens": 20,
}  # fmt: skip
WRAPPED: dict[str, Any] = {
    "id": "run-9", "trace_id": "run-9", "name": "OpenAI", "run_type": "llm", "start_time": 1772359200000,
    "end_time": 1772359201000, "inputs": {"messages": [{"role": "user", "content": "Is it in stock?"}]},
    "outputs": {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [
        {"finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
        "usage_metadata": {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15,
                           "input_token_details": {"cache_creation": 0, "ephemeral_5m_input_tokens": 4,
                                                   "ephemeral_1h_input_tokens": 6}}},
    "extra": {},
}  # fmt: skip
WRAPPED_ROW = {
    "type": "generation", "log_format": "langsmith", "level": "info", "token_source": "reported",
    "cost_source": "unknown", "trace_id": "run-9", "event_id": "run-9", "timestamp": 1772359200000000,
    "latency_ms": 1000, "name": "OpenAI", "model": "gpt-4o-mini", "prompt": "Is it in stock?", "response": "Yes.",
    "finish_reason": "stop", "input_tokens": 12, "cache_write_tokens": 10, "cache_write_1h_tokens": 6,
    "output_tokens": 3,
}  # fmt: skip


def test_a_run_of_langchain_is_a_call() -> None:
    assert rows_of(RUN, "langsmith") == [ROW]


def test_a_run_of_the_wrapper_of_a_client_is_a_call() -> None:
    assert rows_of(WRAPPED, "langsmith") == [WRAPPED_ROW]


def test_the_counts_of_the_run_come_before_those_of_its_answer() -> None:
    record = {**RUN, "prompt_tokens": 1001, "completion_tokens": 51, "total_tokens": 1052,
              "prompt_token_details": {"cache_read": 801}}  # fmt: skip
    (row,) = rows_of(record, "langsmith")
    assert (row["input_tokens"], row["output_tokens"], row["cached_input_tokens"]) == (1001, 51, 801)
    assert "prompt_tokens" not in extra_of(record)


def test_a_run_without_counts_has_none_although_the_api_writes_zeros() -> None:
    (row,) = rows_of({**WRAPPED, "outputs": None, "error": "RateLimitError('429')", "total_tokens": 0}, "langsmith")
    assert (row.get("input_tokens"), row["error"], row["level"]) == (None, "RateLimitError('429')", "error")


@pytest.mark.parametrize("run_type", ["chain", "tool", "retriever", "prompt", "parser"])
def test_runs_of_other_work_are_passed_over_as_they_repeat_the_sums_of_their_children(run_type: str) -> None:
    assert rows_of({**RUN, "run_type": run_type, "total_tokens": 1050, "prompt_tokens": 1000}, "langsmith") == []


def test_an_embedding_is_a_call() -> None:
    (row,) = rows_of({**WRAPPED, "run_type": "embedding"}, "langsmith")
    assert (row["type"], row["input_tokens"]) == ("embedding", 12)


def test_a_page_of_the_api_holds_many_runs() -> None:
    assert rows_of({"runs": [{**RUN, "run_type": "chain"}, RUN, WRAPPED], "cursors": {}}, "langsmith") == [
        ROW,
        WRAPPED_ROW,
    ]


def test_the_beginning_and_the_end_of_a_run_are_one_call() -> None:
    begin = {key: value for key, value in RUN.items() if key not in ("outputs", "end_time", "total_cost")}
    end = {key: RUN[key] for key in ("id", "trace_id", "outputs", "end_time", "total_cost")}
    assert rows_of({"post": [begin], "patch": [end]}, "langsmith") == [ROW]


def test_an_end_that_names_its_run_by_the_order_alone_is_that_of_the_run() -> None:
    order = {"dotted_order": f"20260301T095900000000Zrun-1.{RUN['dotted_order'].replace('run-1', 'run-2')}"}
    begin = {key: value for key, value in RUN.items() if key not in ("outputs", "end_time", "total_cost")} | order
    end = {key: RUN[key] for key in ("trace_id", "outputs", "end_time", "total_cost")} | order
    assert rows_of({"post": [begin], "patch": [end]}, "langsmith") == [ROW]
    assert rows_of({"patch": [end]}, "langsmith")[0]["event_id"] == "run-2"
    assert cf.detect_format({"patch": [end]}).format == cf.detect_format(end).format == "langsmith"


BEGIN = {key: value for key, value in RUN.items() if key not in ("outputs", "end_time", "total_cost", "status")}
END = {key: RUN[key] for key in ("id", "trace_id", "outputs", "end_time", "total_cost")}
CHAIN = [
    {**BEGIN, "id": "run-1", "parent_run_id": None, "run_type": "chain"},
    {**END, "id": "run-1", "outputs": {"output": "Yes."}},
]
PAIRS = list(permutations([BEGIN, END, *CHAIN]))


def write(path: Path, records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Return the calls of a path, of which nothing is refused, without what has no column."""
    assert cf.read_rejects(path).empty
    calls = cf.read_logs(path, prices=None)
    calls["timestamp"] = calls["timestamp"].astype("int64")
    rows = calls.drop(columns="extra").to_dict("records")
    return [{name: value for name, value in row.items() if not pd.isna(value)} for row in rows]


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
@pytest.mark.parametrize("records", PAIRS, ids=lambda records: "-".join(record["id"] for record in records))
def test_the_beginning_and_the_end_on_lines_of_their_own_are_one_call(records: Any, tmp_path: Path) -> None:
    assert read(write(tmp_path / "runs.jsonl", records)) == [ROW]


@pytest.mark.parametrize("pages", [[{"post": [BEGIN]}, {"patch": [END]}], [{"patch": [END]}, {"post": [BEGIN]}]])
def test_the_beginning_and_the_end_in_batches_of_their_own_are_one_call(pages: Any, tmp_path: Path) -> None:
    assert read(write(tmp_path / "batches.jsonl", pages)) == [ROW]


def test_an_end_with_an_error_alone_makes_the_run_a_failed_call(tmp_path: Path) -> None:
    end = {**END, "outputs": None, "error": "RateLimitError('429')"}
    (row,) = read(write(tmp_path / "runs.jsonl", [BEGIN, end]))
    assert (row["level"], row["error"], row["latency_ms"]) == ("error", "RateLimitError('429')", 2500)


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
def test_the_end_of_a_run_that_began_in_another_file_is_merged_but_for_its_latency(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [BEGIN, CHAIN[0]])
    write(tmp_path / "b.jsonl", [END, CHAIN[1]])
    (row,) = read(tmp_path)
    kept = ("trace_id", "event_id", "timestamp", "prompt", "tool_calls", "cost", "input_tokens", "output_tokens")
    assert {name: row[name] for name in kept} == {name: ROW[name] for name in kept}
    assert row["model"] == "gpt-4o-2024-08-06"  # as the answer has it
    assert "latency_ms" not in row


def test_the_end_of_a_run_that_began_elsewhere_is_a_call_with_its_answer(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "runs.jsonl", [END]))
    assert {name: row[name] for name in ("event_id", "input_tokens", "output_tokens", "cost")} == {
        "event_id": "run-2", "input_tokens": 1000, "output_tokens": 50, "cost": 0.0031,
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
def test_the_end_of_a_chain_that_returns_the_answer_of_its_call_is_no_call(tmp_path: Path) -> None:
    chain = {**END, "outputs": {"model": "gpt-4o", "choices": [{"message": {"content": "Yes."}}], "usage": {}}}
    assert read(write(tmp_path / "runs.jsonl", [chain])) == []


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
def test_an_end_that_repeats_a_whole_run_is_merged_with_it(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "runs.jsonl", [RUN, END]))
    assert (row["input_tokens"], row["latency_ms"]) == (1000, 2500)


def test_runs_that_never_end_do_not_fill_the_memory() -> None:
    memory = Runs()
    yielded = [run for line in range(10_003) for run in memory.read({**BEGIN, "id": f"run-{line}"}, line)]
    assert [line for line, _ in (*yielded, *memory.finish())] == list(range(10_003))
    assert len(yielded) == 3


def test_a_run_that_did_not_end_is_a_call_without_an_answer(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "runs.jsonl", [BEGIN]))
    assert (row["event_id"], row["model"]) == ("run-2", "gpt-4o")
    assert not {"response", "output_tokens", "latency_ms"}.intersection(row)


def test_objects_of_an_export_are_json_texts() -> None:
    packed = {key: json.dumps(value) if key in ("inputs", "outputs", "extra") else value for key, value in RUN.items()}
    assert rows_of(packed, "langsmith") == [ROW]


def test_fields_without_a_column_are_kept() -> None:
    rest = extra_of(RUN)
    assert rest["session_id"] == "project-7"
    assert rest["tags"] == ["seq:step:1"]
    assert rest["runtime"] == {"sdk": "langsmith-py"}


@given(st.sampled_from([RUN, WRAPPED, {"post": [RUN], "patch": [WRAPPED]}]).flatmap(damaged))
def test_damaged_runs_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "langsmith")
