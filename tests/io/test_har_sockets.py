"""WebSockets in recorded exchanges: each answer of the Realtime API and of Responses is a call; and InvokeModel."""

import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from openai.types.realtime import ConversationItemInputAudioTranscriptionCompletedEvent, ResponseDoneEvent

import crashlens_frame as cf
from crashlens_frame.formats import rows_from_line
from tests.support.damaged_records import damaged

BEGIN = 1772359200.0  # 10:00 on the first of March
USAGE = {
    "total_tokens": 1050, "input_tokens": 1000, "output_tokens": 50,
    "input_token_details": {"text_tokens": 200, "audio_tokens": 800, "image_tokens": 0, "cached_tokens": 150,
                            "cached_tokens_details": {"text_tokens": 150, "audio_tokens": 0}},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
}  # fmt: skip
SPOKEN = {
    "type": "conversation.item.input_audio_transcription.completed", "event_id": "e-1", "item_id": "item_1",
    "content_index": 0, "transcript": "Is it in stock?",
    "usage": {"type": "tokens", "total_tokens": 25, "input_tokens": 20, "output_tokens": 5,
              "input_token_details": {"text_tokens": 0, "audio_tokens": 20}},
}  # fmt: skip
DONE = {
    "type": "response.done", "event_id": "e-2", "response": {
        "object": "realtime.response", "id": "resp_1", "conversation_id": "conv_1", "status": "completed",
        "output": [{"id": "item_2", "type": "message", "role": "assistant", "content": [
            {"type": "output_audio", "transcript": "Yes."}]}], "usage": USAGE},
}  # fmt: skip
SESSION = {"type": "realtime", "model": "gpt-realtime",
           "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}  # fmt: skip


def message(seconds: float, event: dict[str, Any], kind: str = "receive") -> dict[str, Any]:
    """Return a message as Chrome records it."""
    return {"type": kind, "time": BEGIN + seconds, "opcode": 1, "data": json.dumps(event)}


def socket(url: str, *messages: dict[str, Any]) -> dict[str, Any]:
    return {"startedDateTime": "2026-03-01T10:00:00Z", "time": 99_999, "_resourceType": "websocket",
            "_webSocketMessages": list(messages), "request": {"method": "GET", "url": url},
            "response": {"status": 101, "content": {"size": 0}}}  # fmt: skip


SPEECH = socket(
    "wss://api.openai.com/v1/realtime?model=gpt-realtime-mini",
    message(0, {"type": "session.created", "session": SESSION}),
    message(1, {"type": "input_audio_buffer.append", "audio": "AAAA"}, "send"),
    message(1.5, SPOKEN),
    message(2, {"type": "response.created", "response": {"object": "realtime.response", "id": "resp_1"}}),
    message(2.5, {"type": "response.output_audio.delta", "response_id": "resp_1", "delta": "AAAA"}),
    message(3.25, DONE),
)
RESPONSE = {"id": "resp_9", "object": "response", "created_at": 1772359200, "model": "gpt-5", "output": [
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}]}  # fmt: skip
COUNTED = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
TEXTS = socket(
    "wss://api.openai.com/v1/responses",
    *(
        item
        for number in (1, 2)
        for item in (
            message(number, {"type": "response.create", "model": "gpt-5", "input": "Is it in stock?"}, "send"),
            message(number + 0.2, {"type": "response.created", "response": {**RESPONSE, "id": f"resp_{number}"}}),
            message(number + 0.5, {"type": "response.completed", "response": {
                **RESPONSE, "id": f"resp_{number}", "status": "completed", "usage": COUNTED}}),
        )
    ),
)  # fmt: skip


def read(*entries: dict[str, Any]) -> pd.DataFrame:
    har = json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()
    return cf.read_logs(io.BytesIO(har), on_error="raise", prices=None)


def rows(calls: pd.DataFrame, *columns: str) -> list[list[Any]]:
    shown = json.loads(calls[list(columns)].to_json(orient="values"))
    assert isinstance(shown, list)
    return shown


def test_the_events_are_those_of_the_sdk() -> None:
    assert ResponseDoneEvent.model_validate(DONE).response.usage is not None
    assert ConversationItemInputAudioTranscriptionCompletedEvent.model_validate(SPOKEN).usage.type == "tokens"


def test_answers_of_the_realtime_api() -> None:
    calls = read(SPEECH)
    assert rows(calls, "model", "event_id", "prompt", "response", "input_tokens", "cached_input_tokens",
                "audio_input_tokens", "output_tokens", "audio_output_tokens", "latency_ms") == [
        ["gpt-4o-transcribe", "item_1/transcript", None, "Is it in stock?", 20, None, 20, 5, None, None],
        ["gpt-realtime", "resp_1", "Is it in stock?", "Yes.", 1000, 150, 800, 50, 40, 1250],
    ]  # fmt: skip
    assert [time.timestamp() - BEGIN for time in calls["timestamp"]] == [1.5, 2]


def test_the_address_names_the_model_of_a_session_that_does_not() -> None:
    assert rows(read(socket(SPEECH["request"]["url"], message(3.25, DONE))), "model") == [["gpt-realtime-mini"]]


@pytest.mark.parametrize("seconds", [2.0**70, 1e300, -1e300])
def test_a_message_at_no_time_is_an_answer_all_the_same(seconds: float) -> None:
    calls = read(socket(SPEECH["request"]["url"], {**message(0, DONE), "time": seconds}))
    assert calls["timestamp"].isna().tolist() == [True]
    assert rows(calls, "latency_ms", "input_tokens") == [[None, 1000]]


def test_events_of_a_session_line_by_line_have_their_counts() -> None:
    lines = "\n".join(each["data"] for each in SPEECH["_webSocketMessages"]).encode()
    with pytest.warns(cf.PassedOverWarning):
        calls = cf.read_logs(io.BytesIO(lines), on_error="raise")
    assert rows(calls, "input_tokens", "output_tokens") == [[20, 5], [1000, 50]]


def test_answers_of_responses() -> None:
    calls = read(TEXTS)
    assert rows(calls, "model", "event_id", "prompt", "response", "input_tokens", "output_tokens", "latency_ms") == [
        ["gpt-5", f"resp_{number}", "Is it in stock?", "Yes.", 100, 20, 500] for number in (1, 2)
    ]  # fmt: skip


def test_another_socket_is_no_call() -> None:
    with pytest.warns(cf.PassedOverWarning, match=r"1 exchange with example\.com"):
        calls = read(socket("wss://example.com/chat", message(0, {"hello": 1}), {"data": None}, {}))
    assert len(calls) == 0


def invocation(model: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    url = f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{model}/invoke"
    return {"startedDateTime": "2026-03-01T10:00:00Z", "time": 900,
            "request": {"method": "POST", "url": url, "postData": {"text": json.dumps(asked)}},
            "response": {"status": 200, "content": {"text": json.dumps(answer)}}}  # fmt: skip


def test_models_of_bedrock_that_answer_in_a_form_of_their_own() -> None:
    llama = invocation("meta.llama3-8b-instruct-v1%3A0", {"prompt": "Is it in stock?"}, {
        "generation": "Yes.", "prompt_token_count": 5, "generation_token_count": 2, "stop_reason": "stop"})  # fmt: skip
    titan = invocation("amazon.titan-text-express-v1", {"inputText": "Is it in stock?"}, {
        "inputTextTokenCount": 6, "results": [{"tokenCount": 3, "outputText": "Yes."}]})  # fmt: skip
    calls = read(llama, titan)
    assert rows(calls, "model", "provider", "prompt", "response", "input_tokens", "output_tokens", "latency_ms") == [
        ["meta.llama3-8b-instruct-v1:0", "bedrock", "Is it in stock?", "Yes.", 5, 2, 900],
        ["amazon.titan-text-express-v1", "bedrock", "Is it in stock?", "Yes.", 6, 3, 900],
    ]
    assert calls["trace_id"].nunique() == 2


@given(damaged(SPEECH))
def test_damaged_sockets_are_calls_or_reasons(entry: dict[str, Any]) -> None:
    for row in rows_from_line(entry).rows:
        assert row["trace_id"]
