"""The same call through each way in gives the same row, on what all of them hear of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

import crashlens_frame as cf
from tests.support.sdk_answers import openai_chat
from tests.support.vendor_logs import Call, litellm_payload, span_of

CALL = Call()
HEARD = (
    "model", "prompt", "response", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
    "finish_reason", "type", "level", "token_source",
)  # fmt: skip
ASKED = [{"role": "user", "content": CALL.prompt}]


def log_response(book: cf.LogBook) -> None:
    book.log_response(openai_chat(), {"model": CALL.model, "messages": ASKED}, started=CALL.start, ended=CALL.end)


def log(book: cf.LogBook) -> None:
    book.log(prompt=ASKED, response=openai_chat(), timestamp=CALL.start, latency_ms=CALL.latency_ms)


def extend(book: cf.LogBook) -> None:
    book.extend([{"request": {"messages": ASKED}, "response": openai_chat()}])


def span_exporter(book: cf.LogBook) -> None:
    cf.live.SpanExporter(book).export([span_of(CALL)])


def otlp_as_protobuf(book: cf.LogBook) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    with cf.live.serve_otlp(book, port=0) as endpoint:
        exporter = OTLPSpanExporter(f"{endpoint.url}/v1/traces")
        exporter.export([span_of(CALL)])
        exporter.shutdown()


def litellm(book: cf.LogBook) -> None:
    payload = litellm_payload(CALL).line
    cf.live.LiteLLMLogger(book).log_success_event({"standard_logging_object": payload}, None, None, None)


def langchain(book: cf.LogBook) -> None:
    usage = {
        "input_tokens": CALL.input_tokens,
        "output_tokens": CALL.output_tokens,
        "total_tokens": CALL.input_tokens + CALL.output_tokens,
        "input_token_details": {"cache_read": CALL.cached_input_tokens, "cache_creation": CALL.cache_write_tokens},
        "output_token_details": {"reasoning": CALL.reasoning_tokens},
    }
    of_vendor = {"model_name": CALL.model, "finish_reason": "stop"}
    answer = AIMessage(CALL.response or "", usage_metadata=usage, response_metadata=of_vendor)
    handler = cf.live.LangChainHandler(book)
    GenericFakeChatModel(messages=iter([answer])).invoke(CALL.prompt, {"callbacks": [handler]})


WAYS: tuple[Callable[[cf.LogBook], None], ...] = (
    log_response,
    log,
    extend,
    span_exporter,
    otlp_as_protobuf,
    litellm,
    langchain,
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")
@pytest.mark.parametrize("way", WAYS)
def test_the_same_call_has_the_same_row(way: Callable[[cf.LogBook], None]) -> None:
    book = cf.LogBook()
    way(book)
    (row,) = json.loads(book.df.to_json(orient="records"))
    expected: dict[str, Any] = {**CALL.row(), "finish_reason": "stop"}
    assert {name: row[name] for name in HEARD} == {name: expected[name] for name in HEARD}
    assert row["cache_write_tokens"] == CALL.cache_write_tokens
