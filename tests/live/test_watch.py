"""Real SDKs against a server that plays faults: one row for each attempt, whatever happens to it."""

import asyncio
import gc
import inspect
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import httpx
import openai
import pytest

import crashlens_frame as cf
from tests.support.fault_server import Server, Step, fault_server
from tests.support.streams import ANTHROPIC_ANSWER, ANTHROPIC_STREAM, OPENAI_ANSWER, OPENAI_STREAM

QUESTION = [{"role": "user", "content": "Count to three, please."}]


class Vendor(NamedTuple):
    name: str
    model: str
    answer: dict[str, Any]
    stream: list[Any]
    begun: int  # events until the second word
    named: bool
    sync: Any
    unblocked: Any
    error: Any  # module of its errors

    def client(self, server: Server, *, asynchronous: bool = False, **options: Any) -> Any:
        base = server.url + ("/v1" if self.name == "openai" else "")
        kind = self.unblocked if asynchronous else self.sync
        return kind(api_key="k", base_url=base, timeout=options.pop("timeout", 5), **options)

    def ask(self, client: Any, **options: Any) -> Any:
        if self.name == "openai":
            if options.get("stream"):
                options["stream_options"] = {"include_usage": True}
            return client.chat.completions.create(model=self.model, messages=QUESTION, **options)
        return client.messages.create(model=self.model, messages=QUESTION, max_tokens=64, **options)


VENDORS = [
    Vendor("openai", "gpt-4o", OPENAI_ANSWER, OPENAI_STREAM, 2, False, openai.OpenAI, openai.AsyncOpenAI, openai),
    Vendor("anthropic", "claude-opus-4-8", ANTHROPIC_ANSWER, ANTHROPIC_STREAM, 4, True, anthropic.Anthropic,
           anthropic.AsyncAnthropic, anthropic),
]  # fmt: skip
SLOW_DOWN = {"error": {"type": "rate_limit_error", "message": "slow down"}}
SOON = {"retry-after-ms": "1"}


class Case(NamedTuple):
    """Steps of the server, what the program does, and the rows: retry, billed, finish_reason, level."""

    name: str
    does: str
    rows: list[tuple[int, str, str, str]]
    options: dict[str, Any] = {}  # noqa: RUF012  nothing changes it


ANSWERED = (0, "yes", "stop", "info")
CASES = [
    Case("plain", "ask", [ANSWERED]),
    Case("raw", "raw", [ANSWERED]),
    Case("stream", "stream", [ANSWERED]),
    Case("left", "leave", [(0, "estimated", "aborted", "info")]),
    Case("429 twice", "ask", [(0, "no", "error", "error"), (1, "no", "error", "error"), (2, "yes", "stop", "info")]),
    Case("529", "fail", [(0, "no", "error", "error")], {"max_retries": 0}),
    Case("500 then well", "ask", [(0, "no", "error", "error"), (1, "yes", "stop", "info")]),
    Case("refused by key", "fail", [(0, "no", "error", "error")]),
    Case(
        "timeout then well", "ask", [(0, "estimated", "error", "error"), (1, "yes", "stop", "info")], {"timeout": 0.8}
    ),
    Case("no server", "fail", [(0, "no", "error", "error"), (1, "no", "error", "error")], {"max_retries": 1}),
    Case("reset", "fail", [(0, "unknown", "error", "error")], {"max_retries": 0}),
    Case("reset in a stream", "break", [(0, "estimated", "aborted", "error")]),
    Case("no JSON", "fail", [(0, "estimated", "error", "error")], {"max_retries": 0}),
    Case("cut body", "fail", [(0, "estimated", "error", "error")], {"max_retries": 0}),
]


def _steps(case: str, vendor: Vendor) -> list[Step]:
    answer, stream = Step(body=vendor.answer), Step(events=vendor.stream, named=vendor.named)
    begun = vendor.stream[: vendor.begun]
    return {
        "plain": [answer],
        "raw": [answer],
        "stream": [stream],
        "left": [Step(events=vendor.stream, named=vendor.named, pause=0.05)],
        "429 twice": [Step(429, SLOW_DOWN, headers=SOON), Step(429, SLOW_DOWN, headers=SOON), answer],
        "529": [Step(529, SLOW_DOWN)],
        "500 then well": [Step(500, b"oops", headers=SOON), answer],
        "refused by key": [Step(401, {"error": {"message": "who are you?"}})],
        "timeout then well": [Step(body=vendor.answer, delay=2), answer],
        "no server": [answer],
        "reset": [Step(reset=True)],
        "reset in a stream": [Step(events=begun, named=vendor.named, reset=True)],
        "no JSON": [Step(body=b"<html>")],
        "cut body": [Step(body=b'{"id": "chatcmpl-1", "cho', reset=True)],
    }[case]


def _sync(vendor: Vendor, client: Any, does: str) -> Any:
    if does == "ask":
        return vendor.ask(client).model_dump()
    if does == "raw":
        raw = client.with_raw_response
        raw = raw.chat.completions if vendor.name == "openai" else raw.messages
        extra = {} if vendor.name == "openai" else {"max_tokens": 64}
        return raw.create(model=vendor.model, messages=QUESTION, **extra).parse().model_dump()
    if does == "stream":
        return [event.model_dump() for event in vendor.ask(client, stream=True)]
    if does == "leave":
        with vendor.ask(client, stream=True) as stream:
            for _, _ in zip(range(vendor.begun), stream, strict=False):
                pass
        return None
    with pytest.raises(Exception) as caught:  # noqa: PT011  each SDK has its own
        list(vendor.ask(client, stream=True)) if does == "break" else vendor.ask(client).model_dump()
    return type(caught.value)


async def _async(vendor: Vendor, client: Any, does: str) -> Any:
    if does == "ask":
        return (await vendor.ask(client)).model_dump()
    if does == "raw":
        raw = client.with_raw_response
        raw = raw.chat.completions if vendor.name == "openai" else raw.messages
        extra = {} if vendor.name == "openai" else {"max_tokens": 64}
        parsed = (await raw.create(model=vendor.model, messages=QUESTION, **extra)).parse()
        return (await parsed if inspect.isawaitable(parsed) else parsed).model_dump()
    if does == "stream":
        return [event.model_dump() async for event in await vendor.ask(client, stream=True)]
    if does == "leave":
        async with await vendor.ask(client, stream=True) as stream:
            left = vendor.begun
            async for _ in stream:
                left -= 1
                if not left:
                    break
        return None
    try:
        if does == "break":
            [event async for event in await vendor.ask(client, stream=True)]
        else:
            (await vendor.ask(client)).model_dump()
    except Exception as error:  # each SDK has its own
        return type(error)
    raise AssertionError("nothing failed")


def _done(vendor: Vendor, client: Any, does: str, *, asynchronous: bool) -> Any:
    async def run() -> Any:
        async with client:
            return await _async(vendor, client, does)

    if asynchronous:
        return asyncio.run(run())
    with client:
        return _sync(vendor, client, does)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Collect the clients that a test does not close, before the next test is blamed for their sockets."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as server:
        yield server


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_attempt_is_a_row_and_the_program_sees_what_it_would_see(
    server: Server, case: Case, vendor: Vendor, asynchronous: bool
) -> None:
    book = cf.LogBook()
    found = []
    for watched in (False, True):
        server.play(*_steps(case.name, vendor))
        client = vendor.client(server, asynchronous=asynchronous, **case.options)
        if case.name == "no server":
            client = client.with_options(base_url="http://127.0.0.1:9/v1")
        found.append(
            _done(vendor, cf.live.watch(client, book) if watched else client, case.does, asynchronous=asynchronous)
        )
    assert found[0] == found[1]
    gc.collect()
    calls = book.df
    columns = ["retry_count", "billed", "finish_reason", "level"]
    assert [tuple(row) for row in calls[columns].itertuples(index=False)] == case.rows
    assert calls["trace_id"].nunique() == 1
    assert calls["prompt"].eq(QUESTION[0]["content"]).all()
    assert calls["latency_ms"].ge(0).all()
    last = calls.iloc[-1]
    if case.rows[-1] == (*case.rows[-1][:1], "yes", "stop", "info"):
        assert (last["input_tokens"], last["cached_input_tokens"], last["output_tokens"]) == (13, 4, 5)
        assert (last["response"], last["token_source"]) == ("One two three", "reported")
        assert last["model"] == vendor.answer["model"]
    if case.does in ("leave", "break"):
        assert last["response"].startswith("One")
        assert last["token_source"] == "estimated"
        assert 0 < last["output_tokens"] < 5
    assert calls.loc[calls["billed"].eq("no"), "cost"].eq(0).all()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_a_cancelled_task_is_a_row(server: Server, vendor: Vendor, streamed: bool) -> None:
    book = cf.LogBook()

    async def read(client: Any) -> None:
        answer = await vendor.ask(client, stream=streamed)
        [event async for event in answer]

    async def run() -> None:
        async with cf.live.watch(vendor.client(server, asynchronous=True), book) as client:
            slow = Step(events=vendor.stream, named=vendor.named, pause=0.1)
            server.play(slow if streamed else Step(body=vendor.answer, delay=1))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(client), 0.25)

    asyncio.run(run())
    gc.collect()
    row = book.df.iloc[0]
    assert (len(book), row["billed"], row["finish_reason"]) == (1, "estimated", "aborted")
    assert row["token_source"] == "estimated"


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_the_helpers_for_streams_are_one_row(server: Server, vendor: Vendor) -> None:
    book = cf.LogBook()
    server.play(Step(events=vendor.stream, named=vendor.named))
    client = cf.live.watch(vendor.client(server), book)
    if vendor.name == "openai":
        with client.chat.completions.stream(model=vendor.model, messages=QUESTION) as stream:
            text = stream.get_final_completion().choices[0].message.content
    else:
        with client.messages.stream(model=vendor.model, messages=QUESTION, max_tokens=64) as stream:
            text = stream.get_final_text()
    row = book.df.iloc[0]
    assert (len(book), row["response"], row["output_tokens"], row["billed"]) == (1, text, 5, "yes")


def test_a_stream_that_nobody_reads_is_a_row_when_it_is_forgotten(server: Server) -> None:
    book, vendor = cf.LogBook(), VENDORS[0]
    server.play(Step(events=vendor.stream))
    client = cf.live.watch(vendor.client(server), book)
    stream = vendor.ask(client, stream=True)
    assert len(book) == 0
    stream.response.close()
    del stream
    gc.collect()
    assert book.df["billed"].tolist() == ["estimated"]


@pytest.mark.parametrize("does", ["parse", "responses", "embeddings", "completions"])
def test_other_endpoints_of_openai(server: Server, does: str) -> None:
    import pydantic

    class Number(pydantic.BaseModel):
        number: int

    book, vendor = cf.LogBook(), VENDORS[0]
    client = cf.live.watch(vendor.client(server), book)
    if does == "parse":
        message = {"role": "assistant", "content": '{"number": 3}'}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        server.play(Step(body={**vendor.answer, "choices": choices}))
        parsed = client.chat.completions.parse(model="gpt-4o", messages=QUESTION, response_format=Number)
        assert parsed.choices[0].message.parsed == Number(number=3)
        expected = ('{"number": 3}', 13, 5)
    elif does == "responses":
        output = [{"type": "message", "id": "m", "role": "assistant", "status": "completed",
                   "content": [{"type": "output_text", "text": "Three", "annotations": []}]}]  # fmt: skip
        usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9, "input_tokens_details": {"cached_tokens": 0},
                 "output_tokens_details": {"reasoning_tokens": 1}}  # fmt: skip
        answer = {"id": "resp_1", "object": "response", "created_at": 1767225600, "model": "gpt-4o", "output": output,
                  "status": "completed", "usage": usage, "tools": [], "tool_choice": "auto",
                  "parallel_tool_calls": True}  # fmt: skip
        server.play(Step(events=[{"type": "response.created", "response": {**answer, "output": [], "usage": None},
                                  "sequence_number": 0},
                                 {"type": "response.completed", "response": answer, "sequence_number": 1}],
                         named=True))  # fmt: skip
        events = list(client.responses.create(model="gpt-4o", input="Count to three, please.", stream=True))
        assert events[-1].response.output_text == "Three"
        expected = ("Three", 7, 2)
    elif does == "embeddings":
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
        server.play(Step(body={"object": "list", "data": data, "model": "text-embedding-3-small",
                               "usage": {"prompt_tokens": 5, "total_tokens": 5}}))  # fmt: skip
        client.embeddings.create(model="text-embedding-3-small", input="Count to three, please.",
                                 encoding_format="float")  # fmt: skip
        expected = (None, 5, 0)
    else:
        server.play(
            Step(
                body={
                    **vendor.answer,
                    "object": "text_completion",
                    "choices": [{"index": 0, "text": "Three", "finish_reason": "stop", "logprobs": None}],
                }
            )
        )
        client.completions.create(model="gpt-4o", prompt="Count to three, please.")
        expected = ("Three", 13, 5)
    row = book.df.iloc[0]
    response = None if expected[0] is None else row["response"]
    assert (response, row["input_tokens"], row["output_tokens"]) == expected
    assert (row["prompt"], row["billed"]) == ("Count to three, please.", "yes")


def test_azure_and_a_plain_http_client(server: Server) -> None:
    book, vendor = cf.LogBook(), VENDORS[0]
    server.play(Step(body=vendor.answer))
    azure = openai.AzureOpenAI(api_key="k", azure_endpoint=server.url, api_version="2024-10-21")
    vendor.ask(cf.live.watch(azure, book))
    with cf.live.watch(httpx.Client(), book) as client:
        gemini = {"candidates": [{"content": {"parts": [{"text": "Three"}]}, "finishReason": "STOP"}],
                  "usageMetadata": {"promptTokenCount": 6, "candidatesTokenCount": 1, "totalTokenCount": 7},
                  "modelVersion": "gemini-2.5-flash"}  # fmt: skip
        server.play(Step(body=gemini))
        asked = {"contents": [{"role": "user", "parts": [{"text": "Count to three, please."}]}]}
        answer = client.post(f"{server.url}/v1beta/models/gemini-2.5-flash:generateContent", json=asked)
        client.post(f"{server.url}/v1/files", json={})
    assert answer.json() == gemini
    calls = book.df
    assert calls["model"].tolist() == ["gpt-4o-2024-11-20", "gemini-2.5-flash"]
    assert calls["log_format"].tolist() == ["openai", "gemini"]
    assert calls["input_tokens"].tolist() == [13, 6]


def test_traces_group_calls_and_give_them_their_columns(server: Server) -> None:
    book, vendor = cf.LogBook(), VENDORS[0]
    server.play(Step(body=vendor.answer))
    client = cf.live.watch(vendor.client(server), book, team="search", tags={"feature": "rerank"})
    with cf.live.trace("checkout", user_id="u-17", team="shop") as outer:
        vendor.ask(client)
        with cf.live.trace("detail") as inner:
            vendor.ask(client)
    vendor.ask(client)
    calls = book.df
    assert calls["trace_id"].tolist()[:2] == [outer, inner]
    assert calls["trace_id"].nunique() == 3
    assert calls["parent_id"].astype(object).where(calls["parent_id"].notna(), None).tolist() == [None, outer, None]
    assert calls["name"].astype(object).where(calls["name"].notna(), None).tolist() == ["checkout", "detail", None]
    assert calls["team"].tolist() == ["shop", "shop", "search"]
    assert calls["tags"].tolist() == ['{"feature":"rerank"}'] * 3


@pytest.mark.parametrize("has_file", [False, True], ids=["in memory", "in a file"])
def test_ten_thousand_calls_of_fifty_tasks_keep_their_traces(tmp_path: Path, has_file: bool) -> None:
    path, vendor = tmp_path / "log.jsonl", VENDORS[0]
    book = cf.LogBook(path if has_file else None)

    def answer(request: Any) -> Any:
        import httpx2

        return httpx2.Response(200, json=vendor.answer)

    async def task(client: Any, number: int) -> None:
        with cf.live.trace(trace_id=f"t{number}"):
            for _ in range(200):
                await client.post("http://here/v1/chat/completions", json={"model": "gpt-4o", "messages": QUESTION})

    async def run() -> None:
        import httpx2

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as bare:
            client = cf.live.watch(bare, book)
            await asyncio.gather(*(task(client, number) for number in range(50)))

    asyncio.run(run())
    assert book.df["trace_id"].value_counts().eq(200).all()
    assert len(book) == 10_000
    if has_file:
        book.close()
        assert cf.read_jsonl(path, duplicates="all")["trace_id"].tolist() == book.df["trace_id"].tolist()


def test_budgets_stop_the_next_call(server: Server) -> None:
    book, vendor = cf.LogBook(), VENDORS[0]
    server.play(Step(body=vendor.answer))
    client = cf.live.watch(vendor.client(server), book)
    cost = 9 * 2.5e-6 + 4 * 1.25e-6 + 5 * 10e-6
    with cf.live.budget(usd=1.5 * cost):
        vendor.ask(client)
        vendor.ask(client)
        with pytest.raises(cf.BudgetExceeded, match="more than the budget of"):
            vendor.ask(client)
    with cf.live.budget(usd=0.5 * cost, per="trace"):
        for name in ("a", "b"):
            with cf.live.trace(name):
                vendor.ask(client)
                with pytest.raises(cf.BudgetExceeded, match=r"trace .* cost"):
                    vendor.ask(client)
    assert len(book) == len(server.requests) == 4


def test_the_usage_of_a_stream_is_asked_for_and_kept_from_the_program(server: Server) -> None:
    vendor = VENDORS[0]
    rows, seen = [], []
    for ask in (False, True):
        book = cf.LogBook()
        server.play(Step(events=[*vendor.stream[:4], *(vendor.stream[4:5] if ask else []), "[DONE]"]))
        client = cf.live.watch(vendor.client(server), book, ask_usage=ask)
        stream = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
        seen.append([piece.model_dump() for piece in stream])
        assert server.requests[0].get("stream_options") == ({"include_usage": True} if ask else None)
        rows.append(book.df.iloc[0])
    assert seen[0] == seen[1]
    assert [row["input_tokens"] for row in rows] == [6, 13]  # counted from the text; reported
    assert [row["token_source"] for row in rows] == ["counted", "reported"]


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("is_ended", [True, False], ids=["ended", "torn"])
def test_a_stream_comes_piece_by_piece_while_its_usage_is_hidden(end: str, is_ended: bool) -> None:
    import httpx2

    events = [f"data: {json.dumps(each)}{end}".encode() for each in OPENAI_STREAM[:5]]
    sent, asked = [], []

    def answer(request: Any) -> Any:
        asked.append(request.headers["accept-encoding"])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())

    def pieces() -> Iterator[bytes]:
        for event in events if is_ended else [*events[:4], events[4].rstrip()]:
            for half in (event[:20], event[20:]):
                sent.append(half)
                yield half

    book = cf.LogBook()
    client = cf.live.watch(httpx2.Client(transport=httpx2.MockTransport(answer)), book, ask_usage=True)
    body = {"model": "gpt-4o", "messages": QUESTION, "stream": True}
    with client.stream("POST", "http://here/v1/chat/completions", json=body) as response:
        seen = [(piece, len(sent)) for piece in response.iter_bytes()]
    assert seen == [(event, 2 * number) for number, event in enumerate(events[:4], 1)]
    assert asked == ["identity"]
    assert book.df[["input_tokens", "token_source"]].iloc[0].tolist() == [13, "reported"]


def test_texts_stay_out_of_the_log(server: Server) -> None:
    vendor = VENDORS[0]
    server.play(Step(body=vendor.answer), Step(400, {"error": {"message": "Count to three is not allowed"}}))
    book = cf.LogBook()
    client = cf.live.watch(vendor.client(server), book, capture_content=False)
    vendor.ask(client)
    with pytest.raises(openai.BadRequestError):
        vendor.ask(client)
    whole = book.df.to_csv()
    assert "three" not in whole
    assert book.df["prompt_hash"].nunique() == 1
    assert book.df["prompt_hash"].notna().all()
    assert book.df["error"].tolist()[1] == "HTTP 400"
    server.play(Step(body=vendor.answer))
    book = cf.LogBook()
    vendor.ask(cf.live.watch(vendor.client(server), book, redact=lambda text: text.replace("three", "###")))
    assert book.df[["prompt", "response"]].iloc[0].tolist() == ["Count to ###, please.", "One two ###"]
    assert "three" not in book.df.to_csv()
    assert book.df["input_tokens"].tolist() == [13]


def test_a_book_that_fails_does_not_fail_the_call(server: Server, tmp_path: Any, monkeypatch: Any) -> None:
    vendor = VENDORS[0]
    server.play(Step(body=vendor.answer))
    book = cf.LogBook(tmp_path / "log.jsonl")
    client = cf.live.watch(vendor.client(server), book)
    monkeypatch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert vendor.ask(client).choices[0].message.content == "One two three"
    assert [type(each.message) for each in caught] == [cf.UnsavedCallsWarning]
    assert len(book) == 1
    monkeypatch.undo()
    book.flush()
    assert len(cf.read_jsonl(tmp_path / "log.jsonl")) == 1


_PROGRAM = """
import os, sys
from openai import OpenAI
import crashlens_frame as cf

url, path, does = sys.argv[1:]
client = cf.live.watch(OpenAI(api_key="k", base_url=url), cf.LogBook(path))
ask = lambda **options: client.chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], **options
)
ask()
if does == "fork":
    if os.fork() == 0:
        ask()
        os._exit(0)
    os.wait()
    ask()
else:
    ask()
    for piece in ask(stream=True):
        print("begun", flush=True)
"""


def test_a_kill_in_a_stream_loses_no_call_before_it(server: Server, tmp_path: Path) -> None:
    vendor, path = VENDORS[0], tmp_path / "log.jsonl"
    # the calls before are written while the program waits for the stream
    server.play(Step(body=vendor.answer), Step(body=vendor.answer), Step(events=vendor.stream, delay=0.5, pause=1))
    command = [sys.executable, "-c", _PROGRAM, f"{server.url}/v1", str(path), "stream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
    assert cf.read_jsonl(path, duplicates="all")["response"].tolist() == ["One two three"] * 2


def test_a_forked_process_logs_to_the_same_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    server.play(Step(body=VENDORS[0].answer))
    subprocess.run([sys.executable, "-c", _PROGRAM, f"{server.url}/v1", str(path), "fork"], check=True, timeout=30)
    calls = cf.read_jsonl(path, duplicates="all")
    assert (len(calls), calls["trace_id"].nunique()) == (3, 3)


def test_answers_that_wait_for_the_file_keep_texts_out_of_it(server: Server, tmp_path: Path) -> None:
    vendor, path = VENDORS[0], tmp_path / "log.jsonl"
    server.play(Step(body=vendor.answer))
    book = cf.LogBook(path)
    hidden = cf.live.watch(vendor.client(server), book, capture_content=False)
    covered = cf.live.watch(vendor.client(server), book, redact=lambda text: text.replace("three", "###"))
    for client in (hidden, covered, hidden, covered):
        vendor.ask(client)
    book.close()
    assert "three" not in path.read_text()
    assert cf.read_jsonl(path, duplicates="all")["input_tokens"].tolist() == [13] * 4


def test_the_client_of_the_user_stays_as_it_is_and_open(server: Server) -> None:
    book, vendor = cf.LogBook(), VENDORS[0]
    server.play(Step(body=vendor.answer))
    client = vendor.client(server)
    watched = cf.live.watch(client, book)
    assert type(watched) is type(client)
    vendor.ask(watched)
    del watched
    gc.collect()
    vendor.ask(client)
    assert len(book) == 1


def test_what_cannot_be_watched_is_refused() -> None:
    book = cf.LogBook()
    client = openai.OpenAI(api_key="k")
    with pytest.raises(cf.InvalidOptionError, match="client is int, expected one of the SDKs"):
        cf.live.watch(3, book)
    with pytest.raises(cf.InvalidOptionError, match="book is list, expected a LogBook"):
        cf.live.watch(client, [])  # type: ignore[arg-type]
    with pytest.raises(cf.InvalidOptionError, match="a column is 'tem'"):
        cf.live.watch(client, book, tem="search")
    with pytest.raises(cf.InvalidOptionError, match="client is watched already"):
        cf.live.watch(cf.live.watch(client, book), book)
    with (
        pytest.raises(cf.InvalidOptionError, match="usd is 0, expected a number of US dollars above 0"),
        cf.live.budget(0),
    ):
        pass
