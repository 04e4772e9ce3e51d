"""Calls of LangChain in the book: chains, streams, errors, retries, with await and without."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

import crashlens_frame as cf

USAGE = {
    "input_tokens": 1200, "output_tokens": 50, "total_tokens": 1250,
    "input_token_details": {"cache_read": 1000, "cache_creation": 100}, "output_token_details": {"reasoning": 20},
}  # fmt: skip
OF_VENDOR = {"model_name": "gpt-4o", "finish_reason": "stop"}
COLUMNS = [
    "model", "prompt", "response", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "finish_reason", "type", "level",
]  # fmt: skip
CALL = ["gpt-4o", "What is 2+2?", "It is 4.", 1200, 1000, 100, 50, 20, "stop", "generation", "info"]


class Model(BaseChatModel):
    """A model that fails some times before it answers, and streams its counts with the last chunk."""

    failures: int = 0

    @property
    def _llm_type(self) -> str:
        return "model"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the server is on fire")
        message = AIMessage("It is 4.", usage_metadata=USAGE, response_metadata=OF_VENDOR)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for text in ("It is ", "4."):
            yield ChatGenerationChunk(message=AIMessageChunk(text))
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=USAGE, response_metadata=OF_VENDOR))


def chain(model: Any) -> Runnable[Any, Any]:
    return (RunnableLambda(lambda question: [("user", question)]) | model).with_config(run_name="sums")


def config(book: cf.LogBook, **more: Any) -> RunnableConfig:
    return RunnableConfig(callbacks=[cf.live.LangChainHandler(book)], **more)


async def consume(stream: Any) -> None:
    async for _ in stream:
        pass


WAYS = {
    "invoke": lambda chain, config: chain.invoke("What is 2+2?", config),
    "ainvoke": lambda chain, config: asyncio.run(chain.ainvoke("What is 2+2?", config)),
    "stream": lambda chain, config: list(chain.stream("What is 2+2?", config)),
    "astream": lambda chain, config: asyncio.run(consume(chain.astream("What is 2+2?", config))),
    "batch": lambda chain, config: chain.batch(["What is 2+2?"], config),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_run_a_chain_gives_the_same_row(way: str) -> None:
    book = cf.LogBook()
    WAYS[way](chain(Model()), config(book, metadata={"user_id": "u1", "customer": "acme"}))
    assert book.df[COLUMNS].to_numpy().tolist() == [CALL]
    (row,) = book.df.to_dict("records")
    assert (row["user_id"], json.loads(row["tags"])["customer"]) == ("u1", "acme")
    # the outermost run is the trace, and here the run around the call as well
    assert row["trace_id"] == row["parent_id"] != row["event_id"]
    assert row["agent"] == "sums"


def test_a_model_alone_is_its_own_trace_and_has_no_agent() -> None:
    book = cf.LogBook()
    Model().invoke("What is 2+2?", config(book))
    (row,) = book.df.to_dict("records")
    assert row["trace_id"] == row["event_id"]
    assert book.df[["parent_id", "agent"]].isna().all(axis=None)


def test_a_call_that_fails_is_logged_and_the_error_is_the_callers() -> None:
    book = cf.LogBook()
    with pytest.raises(ConnectionError, match="on fire"):
        chain(Model(failures=1)).invoke("What is 2+2?", config(book))
    (row,) = book.df.to_dict("records")
    assert (row["level"], row["prompt"]) == ("error", "What is 2+2?")
    assert row["error"].startswith("ConnectionError('the server is on fire')")


def test_what_is_asked_again_is_a_call_of_its_own_in_the_same_trace() -> None:
    book = cf.LogBook()
    again = Model(failures=2).with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    chain(again).invoke("What is 2+2?", config(book))
    assert book.df["level"].tolist() == ["error", "error", "info"]
    assert len(set(book.df["trace_id"])) == 1
    assert book.df["event_id"].nunique() == 3


def test_a_fallback_is_a_call_of_its_own() -> None:
    book = cf.LogBook()
    chain(Model(failures=1).with_fallbacks([Model()])).invoke("What is 2+2?", config(book))
    assert book.df["level"].tolist() == ["error", "info"]


def test_many_calls_at_once_are_all_there() -> None:
    book = cf.LogBook()

    async def run() -> None:
        await asyncio.gather(*(chain(Model()).ainvoke(f"What is {n}?", config(book)) for n in range(50)))

    asyncio.run(run())
    assert sorted(book.df["prompt"]) == sorted(f"What is {n}?" for n in range(50))


def test_tools_that_are_called_are_in_their_column() -> None:
    book = cf.LogBook()
    call = {"name": "stock", "args": {"sku": 7}, "id": "c1", "type": "tool_call"}
    GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call])])).invoke("Stock?", config(book))
    assert json.loads(book.df["tool_calls"].item()) == [{"name": "stock", "arguments": {"sku": 7}}]


def test_a_book_that_fails_is_no_error_of_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    book = cf.LogBook()
    monkeypatch.setattr(book, "log_rows", lambda rows: 1 / 0)
    with pytest.warns(RuntimeWarning, match="a call is not logged: ZeroDivisionError"):
        assert Model().invoke("Hi", config(book)).content == "It is 4."


def test_the_rows_survive_the_file(tmp_path: Any) -> None:
    with cf.LogBook(tmp_path / "logs.jsonl") as book:
        chain(Model()).invoke("What is 2+2?", config(book))
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path / "logs.jsonl"), book.df)
