"""Answers as the SDKs return them, logged: the row of the same answer read from a file."""

import dataclasses
import io
import json
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.logbook.responses import plain
from tests.support.sdk_answers import REQUESTS
from tests.support.streams import ANTHROPIC_ANSWER, OPENAI_ANSWER

QUESTION = [{"role": "user", "content": "Count to three, please."}]
GIVEN = {"team": "search", "tags": {"customer": "acme"}, "session_id": "s-1", "user_id": "u-1", "latency_ms": 250}
BEDROCK = {
    "output": {"message": {"role": "assistant", "content": [{"text": "One two three"}]}}, "stopReason": "end_turn",
    "usage": {"inputTokens": 13, "outputTokens": 5, "totalTokens": 18}, "metrics": {"latencyMs": 900},
}  # fmt: skip
GEMINI = {
    "responseId": "r-1", "modelVersion": "gemini-2.5-flash",
    "candidates": [{"content": {"role": "model", "parts": [{"text": "One two three"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 13, "candidatesTokenCount": 5, "totalTokenCount": 18},
}  # fmt: skip
ANSWERS = {"openai": OPENAI_ANSWER, "anthropic": ANTHROPIC_ANSWER, "bedrock": BEDROCK, "gemini": GEMINI}


def as_object(vendor: str) -> Any:
    if vendor == "openai":
        from openai.types.chat import ChatCompletion

        return ChatCompletion.model_validate(OPENAI_ANSWER)
    if vendor == "anthropic":
        from anthropic.types import Message

        return Message.model_validate(ANTHROPIC_ANSWER)
    return ANSWERS[vendor]


def request_of(vendor: str) -> dict[str, Any]:
    if vendor == "gemini":
        return {"contents": [{"role": "user", "parts": [{"text": "Count to three, please."}]}]}
    if vendor == "bedrock":
        content = [{"text": "Count to three, please."}]
        return {"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "messages": [{"role": "user", "content": content}]}
    return {"messages": QUESTION, "temperature": 0.5}


@pytest.mark.parametrize("vendor", ANSWERS)
def test_an_answer_is_the_row_that_a_file_with_it_holds(vendor: str) -> None:
    book = cf.LogBook()
    trace = book.log_response(as_object(vendor), request_of(vendor), started="2026-03-01", **GIVEN)
    (call,) = book.df.to_dict("records")
    line = json.dumps({"request": request_of(vendor), "response": ANSWERS[vendor]}).encode()
    (read,) = cf.read_logs(io.BytesIO(line)).to_dict("records")
    same = [name for name in read if name not in ("trace_id", "timestamp", "extra", "retry_count", *GIVEN)]
    assert {name: call[name] for name in same if pd.notna(read[name])} == {
        name: read[name] for name in same if pd.notna(read[name])
    }
    assert (call["prompt"], call["response"]) == ("Count to three, please.", "One two three")
    assert (call["input_tokens"], call["output_tokens"], call["finish_reason"]) == (13, 5, "stop")
    assert (call["trace_id"], call["timestamp"]) == (trace, pd.Timestamp("2026-03-01", tz="UTC"))
    assert {name: call[name] for name in GIVEN} == {**GIVEN, "tags": '{"customer":"acme"}'}
    assert "customer" not in call["extra"]


def test_log_takes_an_answer_and_a_list_of_messages() -> None:
    book = cf.LogBook()
    book.log(response=as_object("openai"), prompt=QUESTION, trace_id="t", team="search")
    book.log(model="gpt-4o", prompt=QUESTION, response="One two three")
    book.extend([as_object("openai"), ANTHROPIC_ANSWER])
    calls = book.df
    assert calls["prompt"].tolist()[:2] == ["Count to three, please."] * 2
    assert calls["response"].tolist() == ["One two three"] * 4
    assert calls["trace_id"].tolist()[::2] == ["t", "chatcmpl-1"]


def test_an_image_in_the_messages_leaves_a_hash() -> None:
    book = cf.LogBook()
    image = {"type": "image_url", "image_url": {"url": "https://pages.test/0.png"}}
    book.log(model="gpt-4o", prompt=[{"role": "user", "content": [{"type": "text", "text": "Read."}, image]}])
    (call,) = book.df.to_dict("records")
    assert call["prompt"] == "Read."
    assert len(call["prompt_hash"]) == 32
    assert pd.isna(call["input_tokens"])  # the image is not in the text


def test_from_responses_prices_what_sdks_returned() -> None:
    calls = cf.from_responses([as_object("openai"), as_object("anthropic")])
    expected = [9 * 2.5e-6 + 4 * 1.25e-6 + 5 * 10e-6, 9 * 5e-6 + 4 * 0.5e-6 + 5 * 25e-6]
    assert calls["cost"].tolist() == pytest.approx(expected, abs=1e-12)
    assert calls["cost_source"].tolist() == ["priced"] * 2


def test_when_a_call_was_made() -> None:
    book = cf.LogBook()
    answer = as_object("openai")
    book.log_response(answer)
    book.log_response(answer, started=1767225600, ended=1767225601.5)
    book.log_response({**ANTHROPIC_ANSWER}, latency_ms=1000)
    calls = book.df
    assert calls["timestamp"].tolist()[:2] == [pd.Timestamp("2026-01-01", tz="UTC")] * 2
    assert calls["latency_ms"].tolist()[1:] == [1500, 1000]
    assert abs(calls["timestamp"].iloc[2] - pd.Timestamp.now("UTC") + pd.Timedelta(seconds=1)) < pd.Timedelta(seconds=9)


@pytest.mark.parametrize(
    ("response", "options", "reason"),
    [
        (3, {}, 'response is "3", expected an answer of an SDK'),
        (
            {"object": "list", "data": [1]},
            {},
            "the response has the keys object, data, expected the answer of a vendor",
        ),
        ({**OPENAI_ANSWER, "model": None}, {}, "model is None, expected the name of a model"),
        (OPENAI_ANSWER, {"latency_ms": "soon"}, "latency_ms is 'soon', expected a number"),
        (OPENAI_ANSWER, {"billed": "perhaps"}, "billed is 'perhaps', expected one of yes, no"),
    ],
)
def test_what_is_no_answer_is_refused(response: Any, options: dict[str, Any], reason: str) -> None:
    book = cf.LogBook()
    with pytest.raises(cf.InvalidCallError) as refusal:
        book.log_response(response, **options)
    assert str(refusal.value).startswith(reason)
    with pytest.raises(TypeError, match="has no column 'tem'"):
        book.log_response(OPENAI_ANSWER, tem="search")
    assert len(book) == 0


def test_an_answer_of_an_asynchronous_client_has_to_be_awaited() -> None:
    class Raw:
        http_response = None

        async def parse(self) -> None: ...

    with pytest.raises(cf.InvalidCallError, match=r"expected await response\.parse\(\)"):
        cf.LogBook().log_response(Raw())


def test_a_dataclass_is_an_answer() -> None:
    kind = dataclasses.make_dataclass("Answer", list(OPENAI_ANSWER))
    book = cf.LogBook()
    book.log_response(kind(**OPENAI_ANSWER))
    assert book.df["response"].tolist() == ["One two three"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("make", "request_of"), REQUESTS)
def test_an_answer_beside_the_objects_that_were_sent_is_the_pair_in_a_file(make: Any, request_of: Any) -> None:
    answer, request = make(), request_of()

    def dumped(value: Any) -> Any:
        return plain(value) if hasattr(value, "model_dump") else value

    given = {key: value for key, value in request.items() if type(value).__name__ != "NotGiven"}
    pair = {"request": json.loads(json.dumps(given, default=dumped)), "response": dumped(answer)}
    (expected,) = cf.read_logs(io.BytesIO(json.dumps(pair).encode())).to_dict("records")
    book = cf.LogBook()
    book.log_response(answer, request)
    book.extend([{"request": request, "response": answer}])
    for row in book.df.to_dict("records"):
        names = [
            name for name, value in expected.items() if not pd.isna(value) and name not in ("trace_id", "timestamp")
        ]
        assert {name: row[name] for name in names} == {name: expected[name] for name in names}
        assert (row["prompt"], row["temperature"]) == ("What is 2+2?", 0.5)


@pytest.mark.parametrize(
    ("times", "start", "latency"),
    [
        ({"started": "2026-03-01T10:00:00Z", "ended": "2026-03-01T10:00:01.2509Z"}, "2026-03-01T10:00", 1250),
        ({"started": 1772359200.0, "ended": 1772359201.25, "latency_ms": 700}, "2026-03-01T10:00", 700),
        ({"ended": 1772359201.25, "latency_ms": 1250}, "2026-03-01T10:00", 1250),
        ({"started": 1772359200}, "2026-03-01T10:00", None),
        ({"ended": 1772359200}, "2026-01-01", None),  # the answer has a start of its own
    ],
)
def test_the_start_and_the_end_of_a_call(times: dict[str, Any], start: str, latency: int | None) -> None:
    book = cf.LogBook()
    book.log_response(as_object("openai"), **times)
    row = book.df.iloc[0]
    assert row["timestamp"] == pd.Timestamp(start, tz="UTC")
    assert (None if pd.isna(row["latency_ms"]) else row["latency_ms"]) == latency


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ({"started": 12345.6}, r"started is 12345\.6, a time before the year 2000, .*perf_counter\(\) does not"),
        ({"started": "2026-03-01T10:00Z", "ended": "2026-03-01T09:00Z"}, "expected a time not before started"),
        ({"started": "soon"}, "started is 'soon', expected an ISO 8601 time"),
    ],
)
def test_times_that_cannot_be_are_an_error_and_log_nothing(times: dict[str, Any], text: str) -> None:
    book = cf.LogBook()
    with pytest.raises(cf.InvalidOptionError, match=text):
        book.log_response(as_object("openai"), **times)
    assert len(book) == 0


def test_objects_of_an_sdk_may_be_among_the_messages() -> None:
    book = cf.LogBook()
    asked = [*QUESTION, as_object("openai").choices[0].message]
    book.log(model="gpt-4o", prompt=asked, response="Sure.")
    assert book.df["prompt"].item() == "Count to three, please.\nOne two three"


def test_tags_given_are_joined_with_those_of_the_answer() -> None:
    book = cf.LogBook()
    answer = {**OPENAI_ANSWER, "metadata": {"customer": "acme", "feature": "rerank"}}
    book.log_response(answer, tags={"feature": "search", "env": "prod"})
    assert json.loads(book.df["tags"].item()) == {"customer": "acme", "feature": "search", "env": "prod"}


def test_counts_that_contradict_one_another_are_null_and_reported() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 7}
    book = cf.LogBook()
    with pytest.warns(cf.UnclearTokensWarning, match="the tokens of the call are null"):
        book.log_response({**OPENAI_ANSWER, "usage": usage})
    assert pd.isna(book.df["input_tokens"].item())
