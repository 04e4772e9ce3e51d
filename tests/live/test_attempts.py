"""When the row of an attempt is made, and attempts that say little; no network."""

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pandas as pd
import pytest

import crashlens_frame as cf
from tests.support.streams import ANTHROPIC_STREAM, OPENAI_ANSWER

SSE, JSON = "text/event-stream", "application/json"
CHAT = {"model": "m-1", "messages": [{"role": "user", "content": "Count"}]}


def _events(*events: Any) -> list[bytes]:
    return [f"data: {json.dumps(event)}\n\n".encode() for event in events]


GEMINI = [
    b"[" + json.dumps({"candidates": [{"content": {"parts": [{"text": "One "}]}, "index": 0}]}, indent=1).encode(),
    b"\n,\r\n" + json.dumps({"candidates": [{"content": {"parts": [{"text": "two"}]}, "index": 0,
                                             "finishReason": "STOP"}],
                             "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}}).encode(),
    b"\n]",
]  # fmt: skip
ASKED_GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Count"}]}]}


def _row(path: str, kind: str, pieces: list[bytes], *, read: int | None = None, asked: Any = CHAT) -> Any:
    """Return the row of a request of whose answer so many pieces are read; None: all."""

    def come() -> Iterator[bytes]:
        yield from pieces

    def answer(request: Any) -> Any:
        return httpx2.Response(200, headers={"content-type": kind}, content=come())

    book = cf.LogBook()
    client = cf.live.watch(httpx2.Client(transport=httpx2.MockTransport(answer)), book)
    with client.stream("POST", f"http://here{path}", json=asked) as response:
        if read is None:
            assert response.read() == b"".join(pieces)
        elif read:
            raw = response.iter_raw()
            assert [next(raw) for _ in range(read)] == pieces[:read]
    assert len(book) == 1
    frame = book.df.astype(object)
    return frame.where(frame.notna(), None).iloc[0]


def test_a_list_of_pieces_that_is_torn_is_what_came() -> None:
    path = "/v1beta/models/m-1:streamGenerateContent"
    row = _row(path, JSON, GEMINI, read=1, asked=ASKED_GEMINI)
    assert (row["model"], row["prompt"], row["response"]) == ("m-1", "Count", "One ")
    assert (row["finish_reason"], row["billed"], row["token_source"]) == ("aborted", "estimated", "estimated")
    whole = _row(path, JSON, GEMINI, asked=ASKED_GEMINI)
    assert (whole["response"], whole["output_tokens"], whole["billed"]) == ("One two", 2, "yes")


def test_events_that_nobody_knows_are_not_called_aborted() -> None:
    pieces = [*_events({"kind": "new"}), b"data: [DONE]\n\n"]
    for read, expected in ((None, (None, "unknown")), (2, (None, "unknown")), (1, ("aborted", "estimated"))):
        row = _row("/v1/chat/completions", SSE, pieces, read=read)
        assert (row["finish_reason"], row["billed"]) == expected


def test_the_deployment_of_azure_is_the_model_where_the_body_names_none() -> None:
    asked = {"messages": CHAT["messages"]}
    row = _row("/openai/deployments/gpt-4o/chat/completions", JSON, [b"{"], asked=asked)
    assert (row["model"], row["level"]) == ("gpt-4o", "error")


@pytest.mark.parametrize("read", [0, None])
def test_an_attempt_without_a_model_and_a_prompt_is_a_row(read: int | None) -> None:
    row = _row("/v1/chat/completions", SSE, _events({"kind": "new"}), read=read, asked={"seed": 3})
    assert (row["model"], row["billed"]) == (None, "unknown" if read is None else "estimated")
    assert json.loads(row["extra"])["request"] == {"seed": 3}


def test_anthropic_on_vertex_is_watched() -> None:
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in ANTHROPIC_STREAM)
    book = cf.LogBook()

    def answer(request: Any) -> Any:
        return httpx2.Response(200, headers={"content-type": SSE}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.AnthropicVertex(project_id="p", region="us-east5", access_token="t", http_client=http)
    stream = cf.live.watch(client, book).messages.create(
        model="claude-opus-4-8", max_tokens=9, messages=CHAT["messages"], stream=True
    )
    assert len(list(stream)) == len(ANTHROPIC_STREAM)
    row = book.df.iloc[0]
    assert (row["provider"], row["model"], row["output_tokens"]) == ("vertex_ai", "claude-opus-4-8", 5)


def _client(book: cf.LogBook, **options: Any) -> Any:
    def answer(request: Any) -> Any:
        return httpx2.Response(200, json=OPENAI_ANSWER)

    return cf.live.watch(httpx2.Client(transport=httpx2.MockTransport(answer)), book, **options)


URL = "http://here/v1/chat/completions"


def test_rows_of_a_book_in_memory_are_those_of_a_file(tmp_path: Any) -> None:
    frames = []
    for path in (None, tmp_path / "log.jsonl"):
        book = cf.LogBook(path)
        with cf.live.trace(trace_id="t1"):
            for _ in range(3):
                _client(book, team="search").post(URL, json=CHAT)
        assert len(book) == 3
        frames.append(copy.copy(book).df.drop(columns=["timestamp", "latency_ms", "extra"]))
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["response"].tolist() == ["One two three"] * 3


def test_a_call_is_timed_when_it_ends_and_in_its_order() -> None:
    book = cf.LogBook()
    _client(book).post(URL, json=CHAT)
    ended = pd.Timestamp.now("UTC")
    book.log(model="m-2", prompt="later")
    time.sleep(0.3)
    calls = book.df
    assert calls["model"].tolist() == [OPENAI_ANSWER["model"], "m-2"]
    assert calls["latency_ms"][0] < 300
    assert calls["timestamp"][0] <= ended


def test_texts_that_are_kept_out_are_covered_at_once() -> None:
    seen: list[str] = []

    def redact(text: str) -> str:
        seen.append(text)
        return "#"

    book = cf.LogBook()
    _client(book, redact=redact).post(URL, json=CHAT)
    assert "Count" in seen
    assert book.df["prompt"].tolist() == ["#"]


def test_a_call_whose_texts_cannot_be_covered_is_a_row_without_them() -> None:
    book = cf.LogBook()
    with pytest.warns(cf.UnsavedCallsWarning, match="logged without what was sent and answered: no text today"):
        _client(book, redact=_raise).post(URL, json=CHAT)
    row = book.df.iloc[0]
    assert (row["level"], row["error"]) == ("error", "it cannot be read: ValueError")
    assert "Count" not in book.df.to_csv()


def _raise(text: str) -> str:
    raise ValueError("no text today")
