import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats import detect_format
from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import case, extra_of, rows_of

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LOG = {"type": "generation", "provider": "bedrock", "log_format": "bedrock", "level": "info",
       "token_source": "reported", "cost_source": "unknown"}  # fmt: skip
STREAMED: dict[str, Any] = {
    "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": "2026-03-02T08:00:00Z",
    "accountId": "123456789012", "region": "eu-west-1", "requestId": "q-3",
    "operation": "InvokeModelWithResponseStream",
    "modelId": "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/Shop/s-1"},
    "input": {
        "inputContentType": "application/json", "inputTokenCount": 12,
        "inputBodyJson": {"anthropic_version": "bedrock-2023-05-31", "temperature": 0.2,
                          "messages": [{"role": "user", "content": "How many are left?"}]},
    },
    "output": {
        "outputContentType": "application/json", "outputTokenCount": 30,
        "outputBodyJson": [
            {"type": "message_start", "message": {"id": "msg_bdrk_1", "role": "assistant", "content": [], "usage": {
                "input_tokens": 12, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40,
                "cache_creation": {"ephemeral_1h_input_tokens": 40}, "output_tokens": 1}}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me "}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "count."}},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 30}},
            {"type": "message_stop", "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 12, "outputTokenCount": 30, "invocationLatency": 1234, "firstByteLatency": 300}},
        ],
    },
}  # fmt: skip
STREAMED_ROW = {
    **LOG, "trace_id": "q-3", "event_id": "q-3", "timestamp": 1772438400000000, "name": STREAMED["operation"],
    "model": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "region": "eu", "stream": True, "temperature": 0.2,
    "prompt": "How many are left?", "response": "Let me count.", "finish_reason": "tool_calls", "latency_ms": 1234,
    "input_tokens": 352, "cached_input_tokens": 300, "cache_write_tokens": 40, "cache_write_1h_tokens": 40,
    "output_tokens": 30,
}  # fmt: skip
CONVERSE: dict[str, Any] = {
    "ResponseMetadata": {"RequestId": "q-4", "HTTPStatusCode": 200, "RetryAttempts": 0},
    "output": {"message": {"role": "assistant", "content": [
        {"text": "I look."}, {"toolUse": {"toolUseId": "t1", "name": "stock", "input": {"sku": 7}}}]}},
    "stopReason": "tool_use", "metrics": {"latencyMs": 500}, "modelId": "amazon.nova-lite-v1:0",
    "usage": {"inputTokens": 5, "outputTokens": 6, "totalTokens": 91, "cacheReadInputTokens": 70,
              "cacheWriteInputTokens": 10, "cacheDetails": [{"ttl": "1h", "inputTokens": 10}]},
}  # fmt: skip
CONVERSE_ROW = {
    **LOG, "trace_id": "q-4", "event_id": "q-4", "model": "amazon.nova-lite-v1:0", "response": "I look.",
    "tool_calls": '[{"arguments":{"sku":7},"name":"stock"}]', "finish_reason": "tool_calls", "latency_ms": 500,
    "input_tokens": 85, "cached_input_tokens": 70, "cache_write_tokens": 10, "cache_write_1h_tokens": 10,
    "output_tokens": 6,
}  # fmt: skip


def test_a_log_of_invocations_becomes_a_call_and_an_error() -> None:
    call, failure = (rows_of(record, "bedrock")[0] for record in case("u07_bedrock_invocation.jsonl"))
    assert call == {
        **LOG, "trace_id": "q-1", "event_id": "q-1", "timestamp": 1772359200000000, "model": MODEL, "region": "us",
        "prompt": "Is it in stock?", "response": "Yes.", "finish_reason": "stop", "latency_ms": 900, "stream": False,
        "name": "Converse", "team": "search", "tags": '{"team":"search"}', "input_tokens": 145,
        "cached_input_tokens": 100, "cache_write_tokens": 20, "output_tokens": 150,
    }  # fmt: skip
    assert failure == {
        "trace_id": "q-2", "event_id": "q-2", "timestamp": 1772359205000000, "model": MODEL, "region": "us",
        "name": "Converse", "stream": False, "error": "ThrottlingException", "billed": "no", "level": "error",
        "type": "generation", "provider": "bedrock", "log_format": "bedrock", "cost_source": "unknown",
    }  # fmt: skip


def test_a_streamed_answer_is_put_together_from_its_pieces() -> None:
    assert rows_of(STREAMED, "bedrock") == [STREAMED_ROW]


def test_an_answer_of_converse_is_a_call() -> None:
    assert rows_of(CONVERSE, "bedrock") == [CONVERSE_ROW]


def test_an_answer_without_an_id_gets_the_same_one_each_time() -> None:
    nameless = {key: value for key, value in CONVERSE.items() if key != "ResponseMetadata"}
    (row,) = rows_of(nameless, "bedrock")
    assert len(row["trace_id"]) == 32
    assert "event_id" not in row
    assert rows_of(nameless, "bedrock") == [row]


@pytest.mark.parametrize("key", ["message", "@message"])
def test_a_line_of_cloudwatch_holds_the_call_as_text(key: str) -> None:
    line = {key: json.dumps(STREAMED), "timestamp": 1772438401000, "ingestionTime": 1772438402000}
    assert rows_of(line, "bedrock") == [STREAMED_ROW]
    assert extra_of(line)["cloudWatch"] == {"timestamp": 1772438401000, "ingestionTime": 1772438402000}


def test_a_page_of_cloudwatch_holds_many_calls() -> None:
    events = [{"timestamp": 1, "message": json.dumps(STREAMED)}, {"timestamp": 2, "message": json.dumps(STREAMED)}]
    assert rows_of({"events": events, "nextForwardToken": "f"}, "bedrock") == [STREAMED_ROW] * 2


BODIES: dict[str, tuple[Any, Any, str | None, str | None]] = {
    "Titan": ({"inputText": "Hi", "textGenerationConfig": {"temperature": 0}},
              {"inputTextTokenCount": 1, "results": [{"outputText": "Hello", "completionReason": "FINISH"}]},
              "Hi", "Hello"),
    "Titan, streamed": ({"inputText": "Hi"}, [{"outputText": "Hel", "index": 0}, {"outputText": "lo"}], "Hi", "Hello"),
    "Llama": ({"prompt": "Hi", "max_gen_len": 9}, {"generation": "Hello", "stop_reason": "stop"}, "Hi", "Hello"),
    "Cohere": ({"message": "Hi"}, {"text": "Hello", "finish_reason": "COMPLETE"}, "Hi", "Hello"),
    "text": (json.dumps({"prompt": "Hi"}), json.dumps({"generation": "Hello"}), "Hi", "Hello"),
    "streamed by Converse": (
        {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
        [{"messageStart": {"role": "assistant"}}, {"contentBlockDelta": {"delta": {"text": "Hel"}}},
         {"contentBlockDelta": {"delta": {"text": "lo"}}}, {"messageStop": {"stopReason": "end_turn"}},
         {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1}, "metrics": {"latencyMs": 7}}}],
        "Hi", "Hello"),
    "left out": (None, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies_of_all_makers_have_their_texts(name: str) -> None:
    question, answer, prompt, response = BODIES[name]
    record = {
        "schemaType": "ModelInvocationLog", "requestId": "q", "modelId": "m",
        "input": {"inputBodyJson": question, "inputBodyS3Path": "s3://shop/in.json", "inputTokenCount": 3},
        "output": {"outputBodyJson": answer, "outputTokenCount": 4},
    }  # fmt: skip
    (row,) = rows_of(record, "bedrock")
    assert (row.get("prompt"), row.get("response")) == (prompt, response)
    assert (row["input_tokens"], row["output_tokens"]) == (3, 4)
    assert extra_of(record)["input"]["inputBodyS3Path"] == "s3://shop/in.json"


@pytest.mark.parametrize(
    ("model", "name", "region"),
    [
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "global.anthropic.claude-opus-4-5-20251101-v1:0", "global"),
        ("arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-8b", "meta.llama3-8b", "us-west-2"),
        ("arn:aws:bedrock:us-west-2:1:application-inference-profile/x7",
         "arn:aws:bedrock:us-west-2:1:application-inference-profile/x7", "us-west-2"),
    ],
)  # fmt: skip
def test_the_region_is_that_of_the_profile_or_of_the_endpoint(model: str, name: str, region: str) -> None:
    record = {"schemaType": "ModelInvocationLog", "requestId": "q", "modelId": model, "region": "us-west-2"}
    (row,) = rows_of(record, "bedrock")
    assert (row["model"], row["region"]) == (name, region)
    assert model == name or extra_of(record)["modelId"] == model


def test_fields_without_a_column_are_kept() -> None:
    assert extra_of({**STREAMED, "inferenceRegion": "eu-north-1"})["inferenceRegion"] == "eu-north-1"
    assert extra_of(CONVERSE)["ResponseMetadata"] == {"HTTPStatusCode": 200, "RetryAttempts": 0}


def test_spans_with_events_are_no_pages_of_cloudwatch() -> None:
    span = {"span_id": "1", "trace_id": "t", "attributes": {}, "events": [{"name": "exception", "timestamp": 1}]}
    assert detect_format(span).format == "otel"


@given(st.sampled_from([STREAMED, CONVERSE, {"message": json.dumps(STREAMED)}]).flatmap(damaged))
def test_damaged_records_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "bedrock")


@pytest.mark.parametrize(
    ("answer", "body", "expected"),
    [
        ({"inputTextTokenCount": 6, "results": [{"tokenCount": 9, "outputText": "Red.", "completionReason": "FINISH"}]},
         {"inputText": "Which?"}, ["Which?", "Red.", 6, 9]),
        ({"embedding": [0.5], "inputTextTokenCount": 6}, {"inputText": "Which?"}, ["Which?", None, 6, 0]),
        ({"generation": "Red.", "prompt_token_count": 6, "generation_token_count": 9, "stop_reason": "stop"},
         {"prompt": "Which?"}, ["Which?", "Red.", 6, 9]),
        ({"outputs": [{"text": "Red.", "stop_reason": "stop"}]}, {"prompt": "Which?"}, ["Which?", "Red.", None, None]),
        ({"completion": "Red.", "stop_reason": "stop_sequence"}, {"prompt": "Which?"}, ["Which?", "Red.", None, None]),
        ({"id": "g", "generations": [{"text": "Red."}]}, {"prompt": "Which?"}, ["Which?", "Red.", None, None]),
    ],
)  # fmt: skip
def test_answers_in_the_form_of_a_model_are_logged(answer: Any, body: Any, expected: list[Any]) -> None:
    book = cf.LogBook()
    book.log_response(answer, {"modelId": "meta.llama3-8b-instruct-v1:0", "body": json.dumps(body)})
    call = book.df.iloc[0]
    reported = call["token_source"] == "reported"
    counts = [int(call[name]) if reported else None for name in ("input_tokens", "output_tokens")]
    response = None if pd.isna(call["response"]) else call["response"]
    assert [call["prompt"], response, *counts] == expected
    assert (call["model"], call["provider"]) == ("meta.llama3-8b-instruct-v1:0", "bedrock")


def test_an_answer_in_no_known_form_is_refused_with_a_model_too() -> None:
    with pytest.raises(cf.InvalidCallError, match="the keys mood, expected the answer of a vendor"):
        cf.LogBook().log_response({"mood": "good"}, {"modelId": "meta.llama3-8b-instruct-v1:0"})
