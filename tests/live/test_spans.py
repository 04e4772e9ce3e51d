"""Spans of the OpenTelemetry SDK in the book: as in a file of OTLP, each call once, and no error into the SDK."""

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import StatusCode

import crashlens_frame as cf
from tests.support.vendor_logs import Call, otlp, span_of

COUNTS = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50}
CHAT = {"gen_ai.request.model": "gpt-4o", "gen_ai.operation.name": "chat", **COUNTS}


def provider_of(book: cf.LogBook, processor: Any = SimpleSpanProcessor) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(processor(cf.live.SpanExporter(book)))
    return provider


def test_spans_have_the_rows_of_otlp_json(tmp_path: Path) -> None:
    spans = [span_of(Call()), span_of(Call(number=2, error="the server is on fire"))]
    book = cf.LogBook()
    assert cf.live.SpanExporter(book).export(spans) is SpanExportResult.SUCCESS
    # the JSON of OTLP has numbers for enumerations
    text = json.dumps(otlp(*spans)).replace('"SPAN_KIND_INTERNAL"', "1").replace('"STATUS_CODE_ERROR"', "2")
    (tmp_path / "spans.jsonl").write_text(text)
    expected = cf.read_logs(tmp_path / "spans.jsonl")
    assert expected["level"].tolist() == ["info", "error"]
    pd.testing.assert_frame_equal(book.df.drop(columns="extra"), expected.drop(columns="extra"))
    # events keep the shape that each has them in: pairs in OTLP, an object in the SDK
    assert book.df["extra"][0] == expected["extra"][0]


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_nested_spans_of_one_call_are_one_row(processor: Any) -> None:
    book = cf.LogBook()
    provider = provider_of(book, processor)
    tracer = provider.get_tracer("app")
    span = tracer.start_as_current_span
    with span("workflow"), span("ChatOpenAI", attributes=CHAT), span("chat gpt-4o", attributes=CHAT) as inner:
        pass
    provider.shutdown()
    assert book.df["event_id"].tolist() == [f"{inner.get_span_context().span_id:016x}"]


def test_an_outer_span_that_comes_first_counts_once_too() -> None:
    book = cf.LogBook()
    exporter = cf.live.SpanExporter(book)
    outer, inner = ended_pair()
    exporter.export([outer])
    exporter.export([inner])
    assert len(book) == 1


def test_a_span_that_is_exported_again_counts_once() -> None:
    book = cf.LogBook()
    exporter = cf.live.SpanExporter(book)
    for _ in range(3):
        exporter.export([span_of(Call())])
    assert len(book) == 1


def test_calls_inside_a_span_with_other_counts_are_all_there() -> None:
    book = cf.LogBook()
    tracer = provider_of(book).get_tracer("app")
    with tracer.start_as_current_span("agent", attributes=CHAT | {"gen_ai.usage.input_tokens": 7}):
        for _ in range(2):
            with tracer.start_as_current_span("chat", attributes=CHAT):
                pass
    assert book.df["input_tokens"].tolist() == [1000, 1000, 7]


def ended_pair() -> tuple[Any, Any]:
    tracer = TracerProvider().get_tracer("app")
    span = tracer.start_as_current_span
    with span("outer", attributes=CHAT) as outer, span("inner", attributes=CHAT) as inner:
        pass
    return outer, inner


def test_a_failed_call_is_a_failed_call() -> None:
    book = cf.LogBook()
    tracer = provider_of(book).get_tracer("app")
    with tracer.start_as_current_span("chat", attributes={"gen_ai.request.model": "gpt-4o"}) as span:
        span.set_status(StatusCode.ERROR, "429 slow down")
    assert book.df[["level", "error"]].to_numpy().tolist() == [["error", "429 slow down"]]


def test_nothing_is_raised_into_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    book = cf.LogBook()
    exporter = cf.live.SpanExporter(book)
    monkeypatch.setattr(book, "log_rows", lambda rows: 1 / 0)
    with pytest.warns(RuntimeWarning, match="spans are not logged: ZeroDivisionError"):
        assert exporter.export([span_of(Call())]) is SpanExportResult.FAILURE


def test_after_its_end_the_exporter_logs_nothing_and_the_book_goes_on(tmp_path: Path) -> None:
    book = cf.LogBook(tmp_path / "logs.jsonl")
    exporter = cf.live.SpanExporter(book)
    exporter.export([span_of(Call())])
    assert exporter.force_flush()
    exporter.shutdown()
    assert exporter.export([span_of(Call(number=2))]) is SpanExportResult.FAILURE
    book.log(model="gpt-4o", prompt="Hi")
    assert len(cf.read_logs(tmp_path / "logs.jsonl")) == 2


def _export_in_child(exporter: Any) -> None:
    exporter.export([span_of(Call(number=2))])
    exporter.shutdown()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_logs_to_the_same_file(tmp_path: Path) -> None:
    exporter = cf.live.SpanExporter(cf.LogBook(tmp_path / "logs.jsonl"))
    exporter.export([span_of(Call())])
    child = multiprocessing.get_context("fork").Process(target=_export_in_child, args=(exporter,))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert len(cf.read_logs(tmp_path / "logs.jsonl")) == 2


def test_the_instrumentation_of_openinference_for_openai() -> None:
    from openai import OpenAI
    from openinference.instrumentation.openai import OpenAIInstrumentor

    from tests.support.sdk_answers import openai_chat

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=json.loads(openai_chat().model_dump_json()))

    book = cf.LogBook()
    provider, instrumentor = provider_of(book), OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        client = OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
        asked = [{"role": "user", "content": "What is 2+2?"}]
        client.chat.completions.create(model="model-x", messages=asked)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    (row,) = book.df.to_dict("records")
    expected = {name: value for name, value in Call().row().items() if name in _SEEN}
    assert {name: row[name] for name in expected} == expected


_SEEN = (
    "model", "prompt", "response", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
)  # fmt: skip
