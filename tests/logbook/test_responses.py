"""Answers as objects of the vendors' own packages: the row is that of the same answer in a file."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from tests.support.sdk_answers import ANSWERS, REQUESTS, Answer, cohere_chat, gemini_answer, openai_chat

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def read(*records: Any) -> pd.DataFrame:
    log = io.BytesIO(b"\n".join(json.dumps(record).encode() for record in records))
    return cf.read_logs(log, duplicates="all", on_error="raise")


def dumped(answer: Any) -> Any:
    return json.loads(answer.model_dump_json()) if hasattr(answer, "model_dump_json") else answer


def only_row(calls: pd.DataFrame) -> dict[str, Any]:
    (row,) = calls.to_dict("records")
    return {name: value for name, value in row.items() if not pd.isna(value)}


@pytest.mark.parametrize("make", ANSWERS)
def test_an_answer_has_the_row_that_it_has_in_a_file(make: Answer) -> None:
    answer = make()
    expected = read(dumped(answer))
    assert only_row(expected)["input_tokens"] == 1200
    pd.testing.assert_frame_equal(cf.from_responses([answer]), expected)
    pd.testing.assert_frame_equal(cf.from_responses([dumped(answer)]), expected)
    book = cf.LogBook()
    book.extend([answer, dumped(answer)])
    pd.testing.assert_frame_equal(book.df, read(dumped(answer), dumped(answer)))


@pytest.mark.parametrize("make", ANSWERS)
def test_a_logged_answer_has_that_row_with_a_model_and_a_start(make: Answer) -> None:
    answer = make()
    book, beside = cf.LogBook(), {"model": "model-y", "timestamp": START}
    book.log_response(answer, **beside)
    book.log(response=answer, **beside)
    expected = only_row(read(dumped(answer))) | {"model": "model-y", "timestamp": pd.Timestamp(START)}
    expected |= {"cost_source": "unknown"}  # as that model has no price
    expected.pop("cost", None)
    for number in (0, 1):
        assert only_row(book.df.iloc[[number]]) == expected


@pytest.mark.parametrize(("make", "request_of"), REQUESTS)
def test_an_answer_with_its_request_has_the_row_of_the_pair_in_a_file(make: Answer, request_of: Any) -> None:
    answer, request = make(), request_of()
    book = cf.LogBook()
    book.log_response(answer, request, started=START)
    given = {key: value for key, value in request.items() if type(value).__name__ != "NotGiven"}
    plain = {"request": json.loads(json.dumps(given, default=dumped)), "response": dumped(answer)}
    expected = only_row(read(plain)) | {"timestamp": pd.Timestamp(START)}
    assert only_row(book.df) == expected
    assert (expected["prompt"], expected["temperature"]) == ("What is 2+2?", 0.5)
    pd.testing.assert_frame_equal(
        cf.from_responses([{"request": request, "response": answer}]), read(plain), check_exact=True
    )


def test_what_is_given_beside_an_answer_becomes_columns_and_no_extra() -> None:
    given = {
        "team": "search", "tags": {"customer": "acme"}, "session_id": "s1", "user_id": "u1", "trace_id": "t1",
        "latency_ms": 900, "route": "/ask", "retry_count": 2, "cost": 0.5,
    }  # fmt: skip
    book = cf.LogBook()
    book.log_response(openai_chat(), **given)
    book.log(response=openai_chat(), **given)
    plain = only_row(cf.from_responses([openai_chat()]))
    for number in (0, 1):
        row = only_row(book.df.iloc[[number]])
        assert {name: row[name] for name in given} == given | {"tags": '{"customer":"acme"}'}
        assert row["extra"] == plain["extra"]
        assert row["cost_source"] == "reported"


def test_tags_given_are_joined_with_those_of_the_answer() -> None:
    answer = dumped(openai_chat()) | {"metadata": {"customer": "acme", "feature": "rerank"}}
    book = cf.LogBook()
    book.log_response(answer, tags={"feature": "search", "env": "prod"})
    assert json.loads(only_row(book.df)["tags"]) == {"customer": "acme", "feature": "search", "env": "prod"}


@pytest.mark.parametrize(
    ("times", "start", "latency"),
    [
        ({"started": "2026-03-01T10:00:00Z", "ended": "2026-03-01T10:00:01.2509Z"}, START, 1250),
        ({"started": 1772359200.0, "ended": 1772359201.25}, START, 1250),
        ({"started": START, "ended": 1772359201.25, "latency_ms": 700}, START, 700),
        ({"ended": 1772359201.25, "latency_ms": 1250}, START, 1250),
        ({"started": START}, START, None),
        ({"ended": START}, datetime(2026, 3, 2, 9, tzinfo=UTC), None),  # the answer has a start of its own
    ],
)
def test_the_start_and_the_end_of_a_call(times: dict[str, Any], start: datetime, latency: int | None) -> None:
    book = cf.LogBook()
    book.log_response(openai_chat(), **times)
    row = only_row(book.df)
    assert (row["timestamp"], row.get("latency_ms")) == (start, latency)


def test_a_call_without_any_start_ends_now() -> None:
    book = cf.LogBook()
    book.log_response(gemini_answer(), latency_ms=2000)
    started = only_row(book.df)["timestamp"]
    assert 2 <= (pd.Timestamp.now("UTC") - started).total_seconds() < 12


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"started": 12345.6}, r"started is 12345\.6, a time before the year 2000, .*time\.perf_counter\(\) does not"),
        ({"started": "2026-03-01T10:00Z", "ended": "2026-03-01T09:00Z"}, "expected a time not before started"),
        ({"started": "soon"}, "started is 'soon', expected an ISO 8601 time or an epoch number"),
        ({"started": 1772359200, "timestamp": 1772359200}, "started and timestamp are both given"),
        ({"latency_ms": -5}, "latency_ms is -5"),
        ({"extra": "no object"}, "extra is 'no object', expected an object with keys"),
    ],
)
def test_a_value_that_cannot_be_is_an_error_and_logs_nothing(arguments: dict[str, Any], text: str) -> None:
    book = cf.LogBook()
    with pytest.raises(ValueError, match=text):
        book.log_response(openai_chat(), **arguments)
    assert len(book) == 0


def test_a_name_that_is_no_column_is_an_error() -> None:
    with pytest.raises(TypeError, match="did you mean latency_ms"):
        cf.LogBook().log_response(openai_chat(), latency=3)


def test_an_answer_without_a_model_needs_one_beside_it() -> None:
    with pytest.raises(cf.InvalidCallError, match="model is None, expected the name of a model"):
        cf.LogBook().log_response(cohere_chat())


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (iter([]), "response is <list_iterator.*, expected an answer of a vendor's package or its dict; of a stream"),
        ({"answer": 42}, "response is a dict with the keys answer, expected an answer of OpenAI"),
        ([], r"response is \[\], expected an answer"),
        ({"object": "chat.completion.chunk"}, "a piece of a stream, expected the whole answer"),
    ],
)
def test_what_is_no_answer_is_named(response: Any, text: str) -> None:
    with pytest.raises(cf.InvalidCallError, match=text):
        cf.LogBook().log_response(response, model="m")


def test_an_element_that_is_no_answer_is_named_by_its_number() -> None:
    with pytest.raises(cf.LogFileError, match=r"<stream>:2: .*expected a JSON object"):
        cf.from_responses([openai_chat(), object()])


def test_counts_that_contradict_one_another_are_null_and_reported() -> None:
    answer = dumped(openai_chat())
    answer["usage"]["total_tokens"] = 7
    with pytest.warns(cf.UnclearTokensWarning, match="the tokens of 1 call of 1 file are null"):
        cf.LogBook().log_response(answer)


# -- messages as the prompt, text as the answer ------------------------------


def test_messages_are_the_prompt_as_they_are_in_a_file() -> None:
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"},
                                     {"type": "image_url", "image_url": {"url": "https://pages.test/0.png"}}]},
    ]  # fmt: skip
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt=messages, response="A page.", trace_id="t1", timestamp=START)
    row = only_row(book.df)
    in_file = only_row(read({"request": {"messages": messages}, "response": dumped(openai_chat())}))
    assert row["prompt"] == "Be short.\nWhat is this?"
    assert row["prompt_hash"] == in_file["prompt_hash"]
    assert json.loads(row["extra"]) == {"messages": messages}
    assert "input_tokens" not in row  # an image has tokens that nobody counted


def test_objects_of_a_package_may_be_among_the_messages() -> None:
    said = openai_chat().choices[0].message
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt=[{"role": "user", "content": "What is 2+2?"}, said], response="Sure?")
    assert only_row(book.df)["prompt"] == "What is 2+2?\nIt is 4."


def test_a_prompt_that_is_neither_text_nor_messages_is_an_error() -> None:
    with pytest.raises(cf.InvalidCallError, match="prompt is 42, expected text or messages"):
        cf.LogBook().log(model="gpt-4o", prompt=42)


def test_text_stays_text_even_where_it_looks_like_an_answer() -> None:
    text = json.dumps(dumped(openai_chat()))
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt="Hi", response=text)
    assert only_row(book.df)["response"] == text


def test_an_answer_is_in_the_file_of_the_book(tmp_path: Any) -> None:
    with cf.LogBook(tmp_path / "logs.jsonl") as book:
        book.log_response(openai_chat(), {"messages": [{"role": "user", "content": "Hi"}]}, team="search")
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path / "logs.jsonl"), book.df)
