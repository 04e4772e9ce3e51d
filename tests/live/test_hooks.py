"""Spans of OpenTelemetry, callbacks of LiteLLM and of LangChain: real packages, with answers that need no network."""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from datetime import timedelta
from typing import Any

import pytest

import crashlens_frame as cf
from tests.support.sdk_answers import openai_chat
from tests.support.vendor_logs import Call, litellm_payload

ASKED = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000,
         "gen_ai.usage.output_tokens": 10}  # fmt: skip


# -- spans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [False, True])
def test_spans_are_calls_and_those_around_them_are_not(batch: bool) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    book = cf.LogBook()
    exporter: Any = cf.live.SpanExporter(book, team="search")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("app")
    with tracer.start_as_current_span("request"), tracer.start_as_current_span("outer") as outer:
        outer.set_attributes(ASKED)
        with tracer.start_as_current_span("inner") as inner:
            inner.set_attributes(ASKED)
    provider.force_flush()
    provider.shutdown()
    (call,) = book.df.to_dict("records")
    assert call["event_id"] == f"{inner.get_span_context().span_id:016x}"
    assert (call["input_tokens"], call["output_tokens"], call["team"]) == (1000, 10, "search")
    assert call["log_format"] == "otel"


def test_a_span_that_cannot_be_logged_is_a_warning() -> None:
    from opentelemetry.sdk.trace.export import SpanExportResult

    class Span:
        def to_json(self) -> str:
            return json.dumps({"attributes": ASKED, "context": {"trace_id": "", "span_id": "0x1"}, "name": "x"})

    exporter = cf.live.SpanExporter(cf.LogBook())
    with pytest.warns(cf.UnsavedCallsWarning, match="a span is not logged: the trace id is"):
        assert exporter.export([Span()]) == SpanExportResult.SUCCESS
    with pytest.warns(cf.UnsavedCallsWarning, match="spans are not logged"):
        assert exporter.export([None]) == SpanExportResult.FAILURE
    assert exporter.force_flush()


def test_the_instrumentation_of_openinference_for_openai() -> None:
    import httpx2
    from openai import OpenAI
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=json.loads(openai_chat().model_dump_json()))

    book, provider, instrumentor = cf.LogBook(), TracerProvider(), OpenAIInstrumentor()
    provider.add_span_processor(SimpleSpanProcessor(cf.live.SpanExporter(book)))
    instrumentor.instrument(tracer_provider=provider)
    try:
        client = OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
        asked = [{"role": "user", "content": "What is 2+2?"}]
        client.chat.completions.create(model="model-x", messages=asked)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    (row,) = book.df.to_dict("records")
    seen = ("model", "prompt", "response", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert {name: row[name] for name in seen} == {name: Call().row()[name] for name in seen}


# -- LangChain --------------------------------------------------------------------------------------------------------


def chat(**options: Any) -> Any:
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    usage: Any = {"input_tokens": 13, "output_tokens": 5, "total_tokens": 18, "input_token_details": {"cache_read": 4}}
    metadata = {"model_name": "gpt-4o", "finish_reason": "stop"}
    message = AIMessage("One two three", usage_metadata=usage, response_metadata=metadata)
    return GenericFakeChatModel(messages=iter([message] * 9), metadata={"ls_model_name": "gpt-4o"}, **options)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_calls_in_a_chain_have_its_root_as_their_trace(asynchronous: bool) -> None:
    from langchain_core.runnables import RunnableLambda

    book = cf.LogBook()
    model = chat()
    chain = RunnableLambda(lambda question: question["text"]) | model | RunnableLambda(lambda answer: answer.content)
    config: Any = {"callbacks": [cf.live.LangChainHandler(book, team="search")]}
    for _ in range(2):
        asked = {"text": "Count to three, please."}
        answer = asyncio.run(chain.ainvoke(asked, config)) if asynchronous else chain.invoke(asked, config)
        assert answer == "One two three"
    calls = book.df
    assert calls["trace_id"].nunique() == 2
    assert calls["parent_id"].tolist() == calls["trace_id"].tolist()
    assert calls["prompt"].tolist() == ["Count to three, please."] * 2
    assert calls["response"].tolist() == ["One two three"] * 2
    assert calls[["input_tokens", "cached_input_tokens", "output_tokens"]].values.tolist() == [[13, 4, 5]] * 2
    assert calls["model"].tolist() == ["gpt-4o"] * 2
    assert calls["team"].tolist() == ["search"] * 2
    assert calls["cost"].tolist() == pytest.approx([9 * 2.5e-6 + 4 * 1.25e-6 + 5 * 10e-6] * 2)


def test_an_error_is_a_failed_call_and_a_stream_is_one_call() -> None:
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.language_models.fake_chat_models import FakeListChatModelError

    book = cf.LogBook()
    config: Any = {"callbacks": [cf.live.LangChainHandler(book)]}
    broken = FakeListChatModel(responses=["One two three"], error_on_chunk_number=1)
    with pytest.raises(FakeListChatModelError):
        list(broken.stream("Count.", config))
    whole = FakeListChatModel(responses=["abc"])
    assert "".join(str(piece.content) for piece in whole.stream("Count.", config)) == "abc"
    calls = book.df
    assert calls["level"].tolist() == ["error", "info"]
    assert calls["response"].tolist()[1] == "abc"


def test_the_model_that_an_answer_names_and_its_counts_are_those_of_the_call() -> None:
    of_input = {"cache_read": 1000}
    usage = {"input_tokens": 1200, "output_tokens": 50, "total_tokens": 1250, "input_token_details": of_input}
    of_vendor = {"model_name": "gpt-4o", "finish_reason": "stop"}
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    answer = AIMessage("It is 4.", usage_metadata=usage, response_metadata=of_vendor)
    book = cf.LogBook()
    model = GenericFakeChatModel(messages=iter([answer]))
    model.invoke("What is 2+2?", {"callbacks": [cf.live.LangChainHandler(book)]})
    columns = ["model", "finish_reason", "input_tokens", "cached_input_tokens", "output_tokens"]
    assert book.df[columns].to_numpy().tolist() == [["gpt-4o", "stop", 1200, 1000, 50]]


# -- LiteLLM ----------------------------------------------------------------------------------------------------------

LITELLM = """
import asyncio, json, sys, time
import litellm
import crashlens_frame as cf

book = cf.LogBook()
litellm.callbacks = [cf.live.LiteLLMLogger(book, team="search")]
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Count to three, please."}]}
answer = {**asked, "mock_response": "One two three"}

async def later():
    await litellm.acompletion(**answer)
    async for _ in await litellm.acompletion(stream=True, **answer):
        pass
    await asyncio.sleep(0.5)

litellm.completion(**answer)
list(litellm.completion(stream=True, **answer))
asyncio.run(later())
router = litellm.Router(
    model_list=[
        {"model_name": "a", "litellm_params": {"model": "gpt-4o", "mock_response": "litellm.RateLimitError"}},
        {"model_name": "b", "litellm_params": {"model": "gpt-4o-mini", "mock_response": "One"}},
    ],
    fallbacks=[{"a": ["b"]}], num_retries=1, retry_after=0,
)
router.completion(model="a", messages=asked["messages"])
end = time.monotonic() + 10
while len(book) < 7 and time.monotonic() < end:
    time.sleep(0.05)
columns = ["trace_id", "model", "prompt", "response", "level", "retry_count", "billed", "team", "log_format", "stream"]
found = book.df[columns].astype(object)
print(found.where(found.notna(), None).to_json(orient="records"))
"""


def test_litellm_logs_each_attempt_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LITELLM)], check=False, capture_output=True, text=True,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout.splitlines()[-1])
    assert [call["model"] for call in calls] == ["gpt-4o"] * 6 + ["gpt-4o-mini"]
    assert [call["response"] for call in calls] == ["One two three"] * 4 + [None, None, "One"]
    assert [call["level"] for call in calls] == ["info"] * 4 + ["error", "error", "info"]
    assert [call["retry_count"] for call in calls] == [0] * 5 + [1, 0]
    assert [call["billed"] for call in calls[4:6]] == ["no", "no"]
    assert len({call["trace_id"] for call in calls[4:]}) == 1
    assert {call["prompt"] for call in calls} == {"Count to three, please."}
    assert {(call["team"], call["log_format"]) for call in calls} == {("search", "litellm")}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")
def test_fallbacks_that_fail_one_after_the_other_are_attempts_of_their_own_though_they_share_an_id() -> None:
    failed = Call(response=None, error="down", cost=0.0)
    later = dataclasses.replace(failed, start=failed.start + timedelta(seconds=2))
    hooks = []
    book = cf.LogBook()
    logger = cf.live.LiteLLMLogger(book)
    for call in (failed, dataclasses.replace(failed, model="model-y"), later):
        hooks.append({"litellm_call_id": "c1", "standard_logging_object": litellm_payload(call).line})
    for hook in hooks:
        logger.log_failure_event(hook, None, None, None)
        asyncio.run(logger.async_log_failure_event(hook, None, None, None))  # the twin
    assert book.df["model"].tolist() == ["model-x", "model-y", "model-x"]
    assert book.df["retry_count"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("name", "package"), [("LiteLLMLogger", "litellm"), ("LangChainHandler", "langchain_core")])
def test_a_missing_package_is_named(name: str, package: str) -> None:
    code = f"""
        import sys
        sys.modules[{package!r}] = None
        import crashlens_frame as cf
        try:
            cf.live.{name}
        except cf.MissingExtraError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{name} needs {package.replace('_', '-')}, which is not installed: pip install")
