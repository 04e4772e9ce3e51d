"""The SDKs of other vendors, as installed, against a server that plays faults: one row for each attempt."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cohere
import groq
import httpx
import pytest
from google import genai
from mistralai.client import Mistral

import crashlens_frame as cf
from tests.support.fault_server import Server, Step, fault_server
from tests.support.streams import OPENAI_ANSWER, OPENAI_STREAM

QUESTION = "Count to three, please."
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "One two three"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 13, "candidatesTokenCount": 5, "totalTokenCount": 18},
}  # fmt: skip
COHERE_USAGE = {"billed_units": {"input_tokens": 13, "output_tokens": 5}}
COHERE = {
    "id": "c-1", "finish_reason": "COMPLETE", "usage": COHERE_USAGE,
    "message": {"role": "assistant", "content": [{"type": "text", "text": "One two three"}]},
}  # fmt: skip
COHERE_STREAM: list[Any] = [
    {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    *(
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": word}}}}
        for word in ("One ", "two ", "three")
    ),
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
]


class Sdk(NamedTuple):
    """How an SDK is watched and asked, and what its vendor answers."""

    name: str
    ask: Callable[[str, httpx.Client, cf.LogBook, bool], Any]
    answer: Any
    stream: list[Any]
    attempts: int  # of a request that is refused with 429 twice, and then answered


def _gemini(url: str, http: httpx.Client, book: cf.LogBook, streamed: bool) -> Any:
    options: Any = {"base_url": url, "httpx_client": cf.live.watch(http, book)}
    client = genai.Client(api_key="k", http_options=options)
    if streamed:
        return list(client.models.generate_content_stream(model="gemini-2.5-flash", contents=QUESTION))
    return client.models.generate_content(model="gemini-2.5-flash", contents=QUESTION)


def _mistral(url: str, http: httpx.Client, book: cf.LogBook, streamed: bool) -> Any:
    client = Mistral(api_key="k", server_url=url, client=cf.live.watch(http, book))
    if streamed:
        return list(client.chat.stream(model="mistral-small", messages=MESSAGES))
    return client.chat.complete(model="mistral-small", messages=MESSAGES)


def _cohere(url: str, http: httpx.Client, book: cf.LogBook, streamed: bool) -> Any:
    client = cohere.ClientV2(api_key="k", base_url=url, httpx_client=cf.live.watch(http, book))
    if streamed:
        return list(client.chat_stream(model="command-r", messages=MESSAGES))
    return client.chat(model="command-r", messages=MESSAGES)


def _groq(url: str, http: httpx.Client, book: cf.LogBook, streamed: bool) -> Any:
    client = cf.live.watch(groq.Groq(api_key="k", base_url=url, http_client=http), book)
    answer = client.chat.completions.create(model="llama", messages=MESSAGES, stream=streamed)
    return list(answer) if streamed else answer


SDKS = [
    Sdk("google-genai", _gemini, GEMINI, [GEMINI], 1),
    Sdk("mistralai", _mistral, OPENAI_ANSWER, OPENAI_STREAM, 1),
    Sdk("cohere", _cohere, COHERE, COHERE_STREAM, 3),
    Sdk("groq", _groq, OPENAI_ANSWER, OPENAI_STREAM, 3),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as server:
        yield server


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as http:
        yield http


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_an_answer_is_a_row(server: Server, http: httpx.Client, sdk: Sdk, streamed: bool) -> None:
    book = cf.LogBook()
    server.play(Step(events=sdk.stream) if streamed else Step(body=sdk.answer))
    assert sdk.ask(server.url, http, book, streamed)
    row = book.df.iloc[0]
    assert (len(book), row["prompt"], row["response"]) == (1, QUESTION, "One two three")
    assert (row["input_tokens"], row["output_tokens"], row["token_source"]) == (13, 5, "reported")
    assert (row["finish_reason"], row["billed"]) == ("stop", "yes")
    assert row["model"]


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_each_attempt_is_a_row(server: Server, http: httpx.Client, sdk: Sdk) -> None:
    book = cf.LogBook()
    busy = Step(429, {"error": {"message": "slow down"}}, headers={"retry-after-ms": "1", "retry-after": "0"})
    server.play(busy, busy, Step(body=sdk.answer))
    if sdk.attempts == 1:
        with pytest.raises(Exception):  # noqa: B017, PT011  each SDK has its own
            sdk.ask(server.url, http, book, False)
    else:
        sdk.ask(server.url, http, book, False)
    assert len(server.requests) == sdk.attempts
    refused = min(sdk.attempts, 2)
    assert book.df["billed"].tolist() == ["no"] * refused + ["yes"] * (sdk.attempts - refused)
    assert book.df["prompt"].eq(QUESTION).all()


def test_langchain_asks_once_what_its_client_of_openai_sends_three_times(server: Server) -> None:
    import httpx2
    from langchain_openai import ChatOpenAI

    watched, handled = cf.LogBook(), cf.LogBook()
    busy = Step(429, {"error": {"message": "slow down"}}, headers={"retry-after-ms": "1"})
    config: Any = {"callbacks": [cf.live.LangChainHandler(handled)]}
    with httpx2.Client() as http:
        options: Any = {"http_client": cf.live.watch(http, watched), "max_retries": 2, "api_key": "k"}
        model = ChatOpenAI(model="gpt-4o", base_url=f"{server.url}/v1", **options)
        server.play(busy, busy, Step(body=OPENAI_ANSWER))
        assert model.invoke(QUESTION, config).content == "One two three"
        server.play(Step(events=OPENAI_STREAM))
        assert "".join(str(piece.content) for piece in model.stream(QUESTION, config)) == "One two three"
    assert watched.df["retry_count"].tolist() == [0, 1, 2, 0]
    assert watched.df["billed"].tolist() == ["no", "no", "yes", "yes"]
    columns = ["prompt", "response", "input_tokens", "cached_input_tokens", "output_tokens", "cost"]
    answered = watched.df.loc[watched.df["billed"].eq("yes"), columns].values.tolist()
    assert (
        answered == handled.df[columns].values.tolist() == [[QUESTION, "One two three", 13, 4, 5, answered[0][-1]]] * 2
    )
