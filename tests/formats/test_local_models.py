"""Ollama and Cohere: answers that carry no more than their counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashlens_frame.formats import rows_from_line
from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import extra_of, rows_of

ANSWERED = {"type": "generation", "level": "info", "token_source": "reported", "cost_source": "unknown"}
OLLAMA: dict[str, Any] = {
    "model": "llama3.2:3b", "created_at": "2026-03-01T10:00:05.250123456Z", "done": True, "done_reason": "length",
    "message": {"role": "assistant", "content": "Yes.", "tool_calls": [
        {"function": {"name": "stock", "arguments": {"sku": 7}}}]},
    "total_duration": 5250123456, "load_duration": 1000000, "prompt_eval_count": 26, "prompt_eval_duration": 130000000,
    "eval_count": 298, "eval_duration": 4700000000,
}  # fmt: skip
OLLAMA_ROW = {
    **ANSWERED, "log_format": "ollama", "provider": "ollama", "billed": "no", "model": "llama3.2:3b",
    "timestamp": 1772359200000000, "latency_ms": 5250, "response": "Yes.", "finish_reason": "length",
    "tool_calls": '[{"arguments":{"sku":7},"name":"stock"}]', "input_tokens": 26, "output_tokens": 298,
}  # fmt: skip
COHERE: dict[str, Any] = {
    "id": "co-1", "finish_reason": "COMPLETE", "model": "command-a-03-2025",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]},
    "usage": {"billed_units": {"input_tokens": 5.0, "output_tokens": 12}, "tokens": {"input_tokens": 210,
              "output_tokens": 14}, "cached_tokens": 208},
}  # fmt: skip
COHERE_ROW = {
    **ANSWERED, "log_format": "cohere", "provider": "cohere", "trace_id": "co-1", "event_id": "co-1",
    "model": "command-a-03-2025", "response": "Yes.", "finish_reason": "stop", "input_tokens": 5,
    "output_tokens": 12,
}  # fmt: skip


def without_trace(record: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = rows_of(record, name)
    assert len(row.pop("trace_id")) == 32
    return row


def test_an_answer_of_ollama_began_its_duration_before_its_time() -> None:
    assert without_trace(OLLAMA, "ollama") == OLLAMA_ROW
    assert extra_of(OLLAMA)["load_duration"] == 1000000
    assert extra_of(OLLAMA)["total_duration"] == 5250123456


def test_an_answer_of_generate_is_text() -> None:
    record = {key: value for key, value in OLLAMA.items() if key != "message"} | {
        "response": "Yes.",
        "prompt": "Is it?",
    }
    expected = {key: value for key, value in OLLAMA_ROW.items() if key != "tool_calls"}
    assert without_trace(record, "ollama") == {**expected, "prompt": "Is it?"}


def test_an_answer_of_embed_has_no_time() -> None:
    record = {"model": "all-minilm", "embeddings": [[0.1]], "total_duration": 14143917, "prompt_eval_count": 8}
    row = without_trace(record, "ollama")
    assert (row["type"], row["input_tokens"], row["latency_ms"], row.get("timestamp")) == ("embedding", 8, 14, None)


def test_pieces_of_a_stream_are_passed_over_until_the_one_with_the_counts() -> None:
    piece = {"model": "llama3.2", "created_at": "2026-03-01T10:00:00Z", "message": {"content": "Y"}, "done": False}
    assert rows_from_line(piece)[:2] == ([], [])
    last = {**OLLAMA, "message": {"role": "assistant", "content": ""}}
    assert without_trace(last, "ollama").get("response") is None


def test_a_model_of_the_cloud_may_be_billed() -> None:
    assert "billed" not in without_trace({**OLLAMA, "remote_host": "https://ollama.com:443"}, "ollama")


def test_a_chat_of_cohere_has_the_counts_that_are_billed() -> None:
    assert rows_of(COHERE, "cohere") == [COHERE_ROW]
    assert extra_of(COHERE)["usage"]["tokens"] == {"input_tokens": 210, "output_tokens": 14}


def test_a_chat_of_version_1_names_the_question_message() -> None:
    used = {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 5, "output_tokens": 2}}
    record = {"response_id": "r-1", "generation_id": "g-1", "message": "Is it?", "text": "Yes.", "meta": used,
              "finish_reason": "MAX_TOKENS"}  # fmt: skip
    (row,) = rows_of(record, "cohere")
    assert (row["event_id"], row["prompt"], row["response"], row["finish_reason"]) == (
        "g-1",
        "Is it?",
        "Yes.",
        "length",
    )
    assert (row["input_tokens"], row["output_tokens"]) == (5, 2)


@pytest.mark.parametrize("embeddings", [[[0.1]], {"float": [[0.1]]}])
def test_embeddings_of_cohere_are_a_call(embeddings: Any) -> None:
    record = {"id": "e-1", "embeddings": embeddings, "texts": ["Hi"], "meta": {"billed_units": {"input_tokens": 2}}}
    (row,) = rows_of(record, "cohere")
    assert (row["type"], row["input_tokens"], row.get("output_tokens")) == ("embedding", 2, None)


@given(st.sampled_from([OLLAMA, COHERE]).flatmap(damaged))
def test_damaged_answers_are_read_or_refused(record: dict[str, Any]) -> None:
    for name in ("ollama", "cohere"):
        assert_survives(record, name)
