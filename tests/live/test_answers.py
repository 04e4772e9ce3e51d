"""Answers of vendors without an SDK of Stainless, and answers that the program does not read to their end."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pandas as pd
import pytest

import crashlens_frame as cf

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Count to three."}]}


def events(*pieces: Any) -> list[bytes]:
    return [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces]


def lines(*pieces: Any) -> list[bytes]:
    return [json.dumps(piece).encode() + b"\n" for piece in pieces]


def text(words: str) -> dict[str, Any]:
    return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": words}}}}


COHERE = [
    {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    text("One two "),
    text("three"),
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
        "billed_units": {"input_tokens": 9, "output_tokens": 5}, "tokens": {"input_tokens": 9, "output_tokens": 5}}}},
]  # fmt: skip
BEGUN = {"model": "m", "created_at": "2026-03-01T10:00:00Z", "done": False}
DONE = {"model": "m", "created_at": "2026-03-01T10:00:01Z", "done": True, "done_reason": "stop",
        "prompt_eval_count": 9, "eval_count": 5, "total_duration": 10**9}  # fmt: skip
OLLAMA = [
    {**BEGUN, "message": {"role": "assistant", "content": "One two "}},
    {**BEGUN, "message": {"role": "assistant", "content": "three"}},
    {**DONE, "message": {"role": "assistant", "content": ""}},
]
OLLAMA_TEXT = [{**BEGUN, "response": "One two "}, {**BEGUN, "response": "three"}, {**DONE, "response": ""}]
GEMINI = [
    {"candidates": [{"content": {"parts": [{"text": "One two "}], "role": "model"}}], "modelVersion": "m"},
    {"candidates": [{"content": {"parts": [{"text": "three"}], "role": "model"}, "finishReason": "STOP"}],
     "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}, "modelVersion": "m"},
]  # fmt: skip
CHAT = {"id": "a", "object": "chat.completion", "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "One two three"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}  # fmt: skip
SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"
# vendor: path, content type, the pieces of the body
STREAMS: dict[str, tuple[str, str, list[bytes]]] = {
    "Cohere": ("/v2/chat", SSE, events(*COHERE)),
    "Ollama, a chat": ("/api/chat", NDJSON, lines(*OLLAMA)),
    "Ollama, a text": ("/api/generate", NDJSON, lines(*OLLAMA_TEXT)),
    "Gemini, events": ("/v1beta/models/m:streamGenerateContent", SSE, events(*GEMINI)),
    "Gemini, an array": ("/v1beta/models/m:streamGenerateContent", JSON, [json.dumps(GEMINI).encode()]),
}


def ask(path: str, kind: str, pieces: list[bytes], *, read: int | None = None, body: Any = QUESTION) -> pd.Series:
    """Return the row of a call whose answer comes in pieces, when so many of them are read; None: all."""

    def answer(request: httpx.Request) -> httpx.Response:
        def stream() -> Iterator[bytes]:
            yield from pieces

        return httpx.Response(200, headers={"content-type": kind}, content=stream())

    book = cf.LogBook()
    client = cf.live.watch(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://x"), book)
    with client.stream("POST", path, json=body) as response:
        for number, _ in enumerate(response.iter_raw(), 1):
            if number == read:
                break
    return book.df.iloc[0]


@pytest.mark.parametrize("vendor", STREAMS)
def test_a_stream_of_each_vendor_is_the_call_of_its_whole_answer(vendor: str) -> None:
    row = ask(*STREAMS[vendor])
    assert row[["response", "input_tokens", "output_tokens", "finish_reason", "level"]].tolist() == [
        "One two three", 9, 5, "stop", "info"
    ]  # fmt: skip
    assert row["token_source"] == "reported"


@pytest.mark.parametrize("vendor", [name for name in STREAMS if name != "Gemini, an array"])
def test_a_stream_that_was_left_is_estimated(vendor: str) -> None:
    path, kind, pieces = STREAMS[vendor]
    row = ask(path, kind, pieces, read=1 if "Cohere" not in vendor else 3)
    assert row[["response", "finish_reason", "level", "token_source", "billed"]].tolist() == [
        "One two ", "aborted", "info", "estimated", "estimated" if "Ollama" not in vendor else "no"
    ]  # fmt: skip


def test_calls_of_tools_of_cohere_are_put_together() -> None:
    called = {"id": "t1", "type": "function", "function": {"name": "save", "arguments": ""}}
    pieces = [
        COHERE[0],
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": called}}},
        *(
            {"type": "tool-call-delta", "index": 0,
             "delta": {"message": {"tool_calls": {"function": {"arguments": part}}}}}
            for part in ('{"x":', "1}")
        ),
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": COHERE[-1]["delta"]["usage"]}},
    ]  # fmt: skip
    row = ask("/v2/chat", SSE, events(*pieces))
    assert row[["tool_calls", "finish_reason"]].tolist() == ['[{"arguments":{"x":1},"name":"save"}]', "tool_calls"]


@pytest.mark.parametrize("read", [0, 1])
def test_a_plain_answer_that_was_left_is_no_error(read: int) -> None:
    body = json.dumps(CHAT).encode()
    row = ask("/v1/chat/completions", JSON, [body[:40], body[40:]], read=read or None) if read else left_unread(body)
    assert row[["finish_reason", "level", "billed", "token_source"]].tolist() == [
        "aborted", "info", "estimated", "estimated"
    ]  # fmt: skip


def left_unread(body: bytes) -> pd.Series:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": JSON}, content=iter([body]))

    book = cf.LogBook()
    client = cf.live.watch(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://x"), book)
    with client.stream("POST", "/v1/chat/completions", json=QUESTION):
        pass
    return book.df.iloc[0]


def test_a_plain_answer_that_came_whole_is_one_though_the_program_closed_it() -> None:
    row = ask("/v1/chat/completions", JSON, [json.dumps(CHAT).encode(), b"\n"], read=1)
    assert row[["output_tokens", "finish_reason", "billed"]].tolist() == [5, "stop", "yes"]


def test_a_stream_of_an_unknown_kind_that_was_read_is_not_called_aborted() -> None:
    row = ask("/v1/chat/completions", SSE, events({"mood": "good"}, {"mood": "better"}))
    assert row[["billed", "level"]].tolist() == ["unknown", "info"]
    assert pd.isna(row["finish_reason"])


@pytest.mark.parametrize("path", ["/v1/threads/thread_1/messages", "/v1/messages/count_tokens", "/v1/messages/batches"])
def test_paths_that_only_look_like_those_of_models_are_no_calls(path: str) -> None:
    book = cf.LogBook()
    answer = httpx.MockTransport(lambda request: httpx.Response(200, json={"id": "msg_1", "object": "thread.message"}))
    cf.live.watch(httpx.Client(transport=answer, base_url="http://there"), book).post(path, json={"role": "user"})
    assert len(book) == 0


def test_the_model_of_a_deployment_is_that_of_its_path() -> None:
    body = {"messages": QUESTION["messages"]}
    answer = {key: value for key, value in CHAT.items() if key != "model"}
    row = ask("/openai/deployments/my-gpt-4o/chat/completions", JSON, [json.dumps(answer).encode()], body=body)
    assert row["model"] == "my-gpt-4o"


@pytest.mark.parametrize("kind", ["AnthropicBedrock", "AsyncAnthropicBedrock"])
def test_a_client_whose_requests_would_not_be_seen_is_refused(kind: str) -> None:
    import anthropic

    client = getattr(anthropic, kind)(aws_region="us-east-1", aws_access_key="a", aws_secret_key="s")
    with pytest.raises(cf.InvalidOptionError, match=f"client is {kind}, .*log its answers with book.log_response"):
        cf.live.watch(client, cf.LogBook())


def test_what_hooks_cannot_log_ends_no_program_where_warnings_are_errors() -> None:
    from crashlens_frame.live.hooks import log_record

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_record(cf.LogBook(), {"id": "x"}, "openai", {})
