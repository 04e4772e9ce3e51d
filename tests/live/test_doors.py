"""One answer, the same calls and the same money at every door that takes one: files, books, and watched clients."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import crashlens_frame as cf

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Is it in stock?"}]}
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GEMINI = "/v1beta/models/gemini-2.5-pro:generateContent"
BILL = (
    "model", "provider", "response", "tool_calls", "finish_reason", "input_tokens", "output_tokens",
    "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens", "audio_input_tokens",
    "audio_output_tokens", "web_searches", "service_tier", "region", "cost", "cost_source", "level", "error",
)  # fmt: skip


def chat(model: str, usage: dict[str, Any] | None, **fields: Any) -> tuple[str, dict[str, Any]]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1790000000, "model": model, "choices": [choice]}
    return CHAT, {**answer, "usage": usage, **fields}


def message(usage: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
    answer = {"id": "msg", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
    answered = {"content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn", "usage": usage}
    return MESSAGES, answer | answered | fields


def gemini(model: str, usage: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
    candidate = {"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP", **fields}
    return GEMINI, {"responseId": "g", "modelVersion": model, "candidates": [candidate], "usageMetadata": usage}


PLAIN = {"prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300}
MANY_MEDIA = {
    "prompt_tokens_details": {"cached_tokens": 640, "audio_tokens": 100, "image_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 120, "audio_tokens": 50},
}
OF_STEP = {"input_tokens": 40, "output_tokens": 9}
ADVICE = {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 900, "output_tokens": 70,
          "cache_read_input_tokens": 100}  # fmt: skip
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "cache, audio, images, reasoning": chat("gpt-5", PLAIN | MANY_MEDIA, service_tier="flex"),
    "DeepSeek's cache": chat("deepseek-chat", {
        **PLAIN, "prompt_cache_hit_tokens": 640, "prompt_cache_miss_tokens": 360}),
    "reasoning beside, cost in ticks": chat("grok-4", {
        **PLAIN, "total_tokens": 1430, "completion_tokens_details": {"reasoning_tokens": 130},
        "cost_in_usd_ticks": 37_756_000}),
    "OpenRouter's cost": chat("openai/gpt-4o", {**PLAIN, "cost": 0.0123, "is_byok": False}, provider="OpenAI"),
    "a key of one's own": chat("openai/gpt-4o", {
        **PLAIN, "cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}),
    "Groq's times": chat("llama-3.3-70b-versatile", {**PLAIN, "queue_time": 0.1, "total_time": 0.3}),
    "Mistral": chat("mistral-large-latest", {**PLAIN, "prompt_audio_seconds": None}),
    "several choices": chat("gpt-4o", PLAIN, choices=[
        {"index": number, "message": {"role": "assistant", "content": f"Yes {number}"}, "finish_reason": "stop"}
        for number in range(3)]),
    "searches of Responses": (RESPONSES, {
        "id": "r", "object": "response", "created_at": 1790000000, "model": "gpt-5", "status": "completed",
        "service_tier": "priority",
        "output": [{"type": "web_search_call", "action": {"type": "search"}},
                   {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}],
        "usage": {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 100}, "output_tokens": 200,
                  "output_tokens_details": {"reasoning_tokens": 150}, "total_tokens": 1200}}),
    "an embedding": ("/v1/embeddings", {
        "object": "list", "model": "text-embedding-3-small", "data": [{"object": "embedding", "embedding": [0.1]}],
        "usage": {"prompt_tokens": 8, "total_tokens": 8}}),
    "caches by lifetime, searches, a region": message({
        **OF_STEP, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300, "inference_geo": "us",
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "server_tool_use": {"web_search_requests": 2}, "service_tier": "standard"}),
    "an advisor": message({**OF_STEP, "iterations": [{"type": "message", **OF_STEP}, ADVICE]}),
    "a fallback": message({**OF_STEP, "iterations": [
        {"type": "message", "model": "claude-opus-4-7", "input_tokens": 31, "output_tokens": 0},
        {"type": "fallback_message", "model": "claude-sonnet-4-6", **OF_STEP}]}),
    "a compaction": message({**OF_STEP, "iterations": [
        {"type": "compaction", "input_tokens": 5000, "output_tokens": 700}, {"type": "message", **OF_STEP}]}),
    "thoughts, tools, audio of Gemini": gemini("gemini-2.5-pro", {
        "promptTokenCount": 1000, "candidatesTokenCount": 100, "thoughtsTokenCount": 70,
        "toolUsePromptTokenCount": 200, "cachedContentTokenCount": 300, "totalTokenCount": 1370,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 600}, {"modality": "AUDIO", "tokenCount": 400}]}),
    "searches of Gemini": gemini(
        "gemini-3-pro-preview", {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100},
        groundingMetadata={"webSearchQueries": ["a", "b"]}),
    "billed units of Cohere": ("/v2/chat", {
        "id": "co", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [
            {"type": "text", "text": "Yes."}]},
        "usage": {"billed_units": {"input_tokens": 9, "output_tokens": 5}, "tokens": {"input_tokens": 100}}}),
}  # fmt: skip


def bill(calls: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what calls are billed by, without nulls."""
    rows = json.loads(calls[list(BILL)].to_json(orient="records", double_precision=12))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def of_file(answer: dict[str, Any]) -> pd.DataFrame:
    return cf.read_logs(io.BytesIO(json.dumps({"request": ASKED, "response": answer}).encode()))


def of_lines(answer: dict[str, Any]) -> pd.DataFrame:
    pair = json.dumps({"request": ASKED, "response": answer})
    return cf.add_cost(cf.read_jsonl(io.BytesIO(pair.encode())))


def of_many(answer: dict[str, Any]) -> pd.DataFrame:
    book = cf.LogBook()
    book.extend([{"request": ASKED, "response": answer}])
    return book.df


def of_response(answer: dict[str, Any]) -> pd.DataFrame:
    book = cf.LogBook()
    book.log_response(answer, ASKED)
    return book.df


def of_recording(path: str, answer: dict[str, Any]) -> pd.DataFrame:
    exchange = {"startedDateTime": "2026-03-01T10:00:00Z", "time": 900,
                "request": {"url": f"https://api.example.com{path}", "postData": {"text": json.dumps(ASKED)}},
                "response": {"status": 200, "content": {"text": json.dumps(answer)}}}  # fmt: skip
    return cf.read_logs(io.BytesIO(json.dumps({"log": {"version": "1.2", "entries": [exchange]}}).encode()))


def watched(path: str, kind: str, body: bytes, *, packed: bool = False, **settings: Any) -> pd.DataFrame:
    def answer(_: httpx.Request) -> httpx.Response:
        def stream() -> Iterator[bytes]:
            yield gzip.compress(body) if packed else body

        packing = {"content-encoding": "gzip"} if packed else {}
        return httpx.Response(200, headers={"content-type": kind, **packing}, content=stream())

    book = cf.LogBook()
    transport = httpx.MockTransport(answer)
    client = cf.live.watch(httpx.Client(transport=transport, base_url="http://x"), book, **settings)
    client.post(path, json=ASKED)
    return book.df


DOORS: dict[str, Callable[[str, dict[str, Any]], pd.DataFrame]] = {
    "read_jsonl": lambda _, answer: of_lines(answer),
    "extend": lambda _, answer: of_many(answer),
    "log_response": lambda _, answer: of_response(answer),
    "HAR": of_recording,
    "watch": lambda path, answer: watched(path, "application/json", json.dumps(answer).encode()),
    "watch, packed": lambda path, answer: watched(path, "application/json", json.dumps(answer).encode(), packed=True),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_has_the_same_bill_at_every_door(kind: str) -> None:
    path, answer = ANSWERS[kind]
    expected = bill(of_file(answer))
    assert expected
    assert {name: bill(door(path, answer)) for name, door in DOORS.items()} == dict.fromkeys(DOORS, expected)


ADVISED = ANSWERS["an advisor"]


def test_an_advisor_is_a_call_of_its_own() -> None:
    book = cf.LogBook()
    trace = book.log(
        prompt="Is it?", response=ADVISED[1], team="shop", latency_ms=900, timestamp="2026-03-01T10:00:00Z"
    )
    rows = book.df[["trace_id", "event_id", "model", "input_tokens", "output_tokens", "team"]].to_dict("split")["data"]
    assert rows == [
        [trace, "msg", "claude-sonnet-4-6", 40, 9, "shop"],
        [trace, "msg/0", "claude-opus-4-7", 1000, 70, "shop"],
    ]
    assert book.df["timestamp"].tolist() == [pd.Timestamp("2026-03-01T10:00:00Z")] * 2
    assert book.df["latency_ms"].isna().tolist() == [False, True]
    # 40 x $3 + 9 x $15; 900 x $5 + 100 x $0.5 + 70 x $25, all by the million
    assert book.df["cost"].tolist() == pytest.approx([0.000255, 0.0063])


def test_a_cost_beside_an_answer_is_that_of_all_its_steps() -> None:
    book = cf.LogBook()
    book.log_response(ADVISED[1], cost=0.5)
    assert book.df["cost"].tolist() == [0.5]


START = {"type": "message_start", "message": {
    **ADVISED[1], "content": [], "stop_reason": None, "usage": {"input_tokens": 40, "output_tokens": 1}}}  # fmt: skip
EVENTS = [
    START,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Yes."}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ADVISED[1]["usage"]},
    {"type": "message_stop"},
]


@pytest.mark.parametrize("settings", [{}, {"capture_content": False}])
def test_a_stream_has_the_bill_of_the_whole_answer(settings: dict[str, Any]) -> None:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in EVENTS)
    calls = watched(MESSAGES, "text/event-stream", body, **settings)
    texts = {} if settings else {"response": "Yes."}
    answered, advised = bill(of_file(ADVISED[1]))
    answered.pop("response")
    assert bill(calls) == [{**answered, **texts}, advised]
    assert calls["prompt"].notna().tolist() == [not settings] * 2
    assert (calls["billed"] == "yes").all()


def test_a_budget_counts_all_steps() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(ADVISED[1]).encode()))
    with cf.live.budget(usd=0.0065):
        client = cf.live.watch(httpx.Client(transport=transport, base_url="http://x"), cf.LogBook())
        client.post(MESSAGES, json=ASKED)
        with pytest.raises(cf.BudgetExceeded, match=r"cost \$0.00656,"):
            client.post(MESSAGES, json=ASKED)


def test_a_book_knows_how_many_calls_an_answer_is_before_it_is_read() -> None:
    packed = gzip.compress(json.dumps(ADVISED[1]).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=packed))
    book = cf.LogBook()
    client = cf.live.watch(httpx.Client(transport=transport, base_url="http://x"), book)
    book.log(model="gpt-4o", prompt="Is it?")
    for number in (1, 2):
        client.post(MESSAGES, json=ASKED)
        assert len(book) == 1 + 2 * number
    book.log(model="gpt-4o", prompt="Is it?")
    assert len(book) == 6
    assert book.df["model"].tolist() == ["gpt-4o", *["claude-sonnet-4-6", "claude-opus-4-7"] * 2, "gpt-4o"]
    assert bill(book.df)[1:3] == bill(of_file(ADVISED[1]))


def test_a_file_has_each_call_of_an_answer(tmp_path: Path) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(ADVISED[1]).encode()))
    book = cf.LogBook(tmp_path / "calls.jsonl")
    cf.live.watch(httpx.Client(transport=transport, base_url="http://x"), book).post(MESSAGES, json=ASKED)
    assert cf.read_logs(tmp_path / "calls.jsonl")["cost"].tolist() == pytest.approx([0.000255, 0.0063])
