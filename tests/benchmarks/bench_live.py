"""What watching a client costs each call, beside the bare client and beside an instrumentation that makes a span."""

import json
from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks.harness import OURS, Case

CALLS = 2_000
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1767225600, "model": "gpt-4o-2024-11-20",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine. " * 60}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 120, "total_tokens": 220},
}  # fmt: skip
ASKED: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How are you today? " * 20}]}


def _bare(folder: Path) -> Any:
    """Give a client whose answers need no network."""
    import httpx2
    from openai import OpenAI

    body = json.dumps(ANSWER).encode()

    def answer(request: Any) -> Any:
        return httpx2.Response(200, content=body, headers={"content-type": "application/json"})

    return OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def _watched(folder: Path) -> Any:
    return cf.live.watch(_bare(folder), cf.LogBook())


def _durable(folder: Path) -> Any:
    path = folder / "live.jsonl"
    path.unlink(missing_ok=True)
    book = cf.LogBook(path)
    client = cf.live.watch(_bare(folder), book)
    client.book = book
    return client


def _ask_and_write(client: Any) -> None:
    _ask(client)
    client.book.close()  # what waits for the file is written


def _instrumented(folder: Path) -> Any:
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return _bare(folder)


def _ask(client: Any) -> None:
    for _ in range(CALLS):
        client.chat.completions.create(**ASKED)


_TASK = "a chat completion of a watched `OpenAI` client, without the network"

CASES = (
    Case(_TASK, OURS, _ask, _watched, CALLS, one=True),
    Case(_TASK, "the bare client", _ask, _bare, CALLS),
    Case(_TASK, "OpenInference's instrumentor, spans in memory", _ask, _instrumented, CALLS),
    Case(f"{_TASK}, each attempt in the file", OURS, _ask_and_write, _durable, CALLS, one=True),
)
