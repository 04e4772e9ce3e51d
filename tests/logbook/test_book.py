import datetime as dt
import threading
import time
import warnings

import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.frame import empty_frame

NESTED = {
    "traceId": "trace_3921",
    "type": "generation",
    "startTime": "2024-06-01T10:00:00Z",
    "endTime": "2024-06-01T10:00:01Z",
    "level": "info",
    "input": {"model": "gpt-4o", "prompt": "What is 2+2?"},
    "usage": {"prompt_tokens": 5, "completion_tokens": 5},
    "cost": 0.000162,
    "metadata": {"fallback_attempted": False, "route": "/api/chat/completions", "team": "engineering"},
    "name": "simple-retry",
}
FLAT = {
    "trace_id": "trace_3921",
    "type": "generation",
    "timestamp": "2024-06-01T10:00:00Z",
    "latency_ms": 1000,
    "level": "info",
    "model": "gpt-4o",
    "prompt": "What is 2+2?",
    "input_tokens": 5,
    "output_tokens": 5,
    "cost": 0.000162,
    "fallback_attempted": False,
    "route": "/api/chat/completions",
    "team": "engineering",
    "name": "simple-retry",
}


def test_a_new_book_is_the_empty_typed_frame():
    book = cf.LogBook()
    assert len(book) == 0
    pd.testing.assert_frame_equal(book.df, empty_frame())
    assert repr(book) == "LogBook: 0 calls in 0 traces; $0.00"


def test_a_call_is_logged_counted_and_priced():
    book = cf.LogBook()
    before = time.time_ns() // 1000
    trace = book.log(model="gpt-4", prompt="Hello, world!", response="Hi there!", latency_ms=1250.4, team="search")
    after = time.time_ns() // 1000
    (row,) = book.df.to_dict("records")
    assert row["trace_id"] == trace
    assert len(trace) == 32
    # it ended now, so it started its latency ago
    assert before - 1_250_000 <= row["timestamp"].value // 1000 <= after - 1_250_000
    assert (row["latency_ms"], row["retry_count"], row["team"]) == (1250, 0, "search")
    # cl100k_base: Hello|,| world|! and Hi| there|!
    assert (row["input_tokens"], row["output_tokens"], row["token_source"]) == (4, 3, "counted")
    assert row["cost"] == pytest.approx((4 * 30 + 3 * 60) / 1e6, abs=1e-15)
    assert row["cost_source"] == "priced"


def test_what_the_caller_reports_wins_over_what_would_be_computed():
    book = cf.LogBook()
    book.log(model="gpt-4", prompt="Hello", response="Hi", input_tokens=np.int64(100), output_tokens=7, cost=0.5)
    row = book.df.iloc[0]
    assert (row["input_tokens"], row["output_tokens"], row["token_source"]) == (100, 7, "reported")
    assert (row["cost"], row["cost_source"]) == (0.5, "reported")


def test_both_vocabularies_give_the_same_row():
    nested, flat = cf.LogBook(), cf.LogBook()
    assert nested.log_event(**NESTED) == flat.log_event(**FLAT) == "trace_3921"
    pd.testing.assert_frame_equal(nested.df, flat.df)
    row = nested.df.iloc[0]
    assert row["timestamp"] == pd.Timestamp("2024-06-01T10:00:00Z")
    assert (row["latency_ms"], row["input_tokens"], row["output_tokens"], row["cost"]) == (1000, 5, 5, 0.000162)
    assert (row["route"], row["team"], row["name"]) == ("/api/chat/completions", "engineering", "simple-retry")
    assert row["fallback_attempted"] is np.False_ or row["fallback_attempted"] == False  # noqa: E712


def test_unknown_fields_of_an_event_are_kept():
    book = cf.LogBook()
    book.log_event(**NESTED | {"mood": "good", "metadata": {"team": "engineering", "build": 7}})
    assert book.df["extra"].item() == '{"metadata":{"build":7},"mood":"good"}'


def test_an_event_without_id_or_time_gets_both():
    book = cf.LogBook()
    trace = book.log_event(model="gpt-4o", prompt="Hi", latency_ms=2000)
    row = book.df.iloc[0]
    assert row["trace_id"] == trace
    age = pd.Timestamp.now("UTC") - row["timestamp"]
    assert pd.Timedelta("2s") <= age < pd.Timedelta("60s")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": ""}, "model is '', expected the name of a model as non-empty text"),
        ({"model": None}, "model is None, expected the name of a model as non-empty text"),
        ({"model": 4}, "model is 4, expected text"),
        ({"prompt": ["a"]}, "prompt is ['a'], expected text"),
        ({"trace_id": 42}, "trace_id is 42, expected text"),
        ({"trace_id": ""}, "trace_id is '', expected an id, or nothing for a new one, as non-empty text"),
        ({"input_tokens": -1}, "input_tokens is -1, expected a whole number from 0 to 2**63 - 1"),
        ({"input_tokens": 1.5}, "input_tokens is 1.5, expected a whole number"),
        ({"output_tokens": True}, "output_tokens is True, expected a whole number"),
        ({"output_tokens": 2**63}, "output_tokens is 9223372036854775808, expected a whole number from 0 to 2**63 - 1"),
        ({"latency_ms": -5}, "latency_ms is -5, expected a whole number from 0 to 2**63 - 1"),
        ({"cost": float("inf")}, "cost is inf, expected a finite number from 0 on"),
        ({"cost": "$1.5"}, "cost is '$1.5', expected a number"),
        ({"fallback_attempted": 1}, "fallback_attempted is 1, expected true or false"),
        ({"timestamp": "soon"}, "timestamp is 'soon', expected an ISO 8601 time or an epoch number"),
        ({"token_source": "guessed"}, "token_source is 'guessed', expected one of reported, counted, estimated"),
    ],
)
def test_invalid_input_says_what_was_given_and_what_is_expected(fields, message):
    book = cf.LogBook()
    with pytest.raises(cf.InvalidCallError) as caught:
        book.log(**{"model": "gpt-4", "prompt": "Hi"} | fields)
    assert str(caught.value) == message
    assert len(book) == 0


def test_a_mistyped_column_is_a_type_error_with_the_column_that_may_have_been_meant():
    with pytest.raises(TypeError, match=r"log\(\) has no column 'latency_s'; did you mean latency_ms\?"):
        cf.LogBook().log(model="gpt-4", prompt="Hi", latency_s=3)
    with pytest.raises(TypeError, match=r"log\(\) has no column 'foo'$"):
        cf.LogBook().log(model="gpt-4", prompt="Hi", foo=3)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"input": {"prompt": "no model"}}, "model"),
        ({"usage": {"prompt_tokens": -5}}, r"usage\.prompt_tokens is -5"),
        ({"usage": {"prompt_tokens": "12a"}}, r'usage\.prompt_tokens is "12a", expected a whole number'),
        ({"traceId": 42}, "traceId is 42"),
        ({"endTime": "2024-06-01T09:59:59Z"}, "endTime"),
        ({"prompt_tokens_total": None, "model": "gpt-4"}, r"gpt-4o.*gpt-4|gpt-4.*gpt-4o"),
    ],
)
def test_an_invalid_event_is_refused_with_its_field(change, pattern):
    book = cf.LogBook()
    with pytest.raises(cf.InvalidCallError, match=pattern):
        book.log_event(**NESTED | change)
    assert len(book) == 0


def test_an_unknown_schema_names_the_known_ones(tmp_path):
    with pytest.raises(cf.UnknownFormatError, match=r"nested.*crashlens.*flat"):
        cf.LogBook().to_jsonl(tmp_path / "logs.jsonl", schema="nested")


def test_extend_takes_records_and_frames_in_order():
    book = cf.LogBook()
    book.log(model="gpt-4", prompt="1", trace_id="a")
    book.extend([NESTED, FLAT | {"timestamp": dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)}])
    book.extend(pd.DataFrame({"trace_id": ["x", "y"], "model": "gpt-4o", "prompt": "2", "customer": ["ann", "bob"]}))
    book.log(model="gpt-4", prompt="3", trace_id="z")
    df = book.df
    assert df["trace_id"].tolist() == ["a", "trace_3921", "trace_3921", "x", "y", "z"]
    assert df["timestamp"].iloc[2] == pd.Timestamp("2024-06-01T12:00:00Z")
    assert df["extra"].iloc[3:5].tolist() == ['{"customer":"ann"}', '{"customer":"bob"}']
    assert len(book) == 6


def test_extend_refuses_a_bad_record_by_its_number_and_logs_none():
    book = cf.LogBook()
    with pytest.raises(cf.LogFileError, match=r"2: .*input_tokens"):
        book.extend([FLAT, FLAT | {"input_tokens": "many"}])
    assert len(book) == 0


def test_the_frame_is_computed_only_for_what_is_new(monkeypatch):
    from crashlens_frame.logbook import ledger

    priced = []
    many, single = ledger.add_cost, ledger.fill_cost
    monkeypatch.setattr(ledger, "add_cost", lambda calls, prices: (priced.append(len(calls)), many(calls, prices))[1])
    monkeypatch.setattr(ledger, "fill_cost", lambda row, prices: (priced.append(1), single(row, prices))[1])
    book = cf.LogBook()
    book.extend([FLAT] * 3)
    assert len(book.df) == 3
    assert len(book.df) == 3
    book.log(model="gpt-4", prompt="Hi")
    assert len(book.df) == 4
    assert priced == [3, 1]


def test_changing_the_frame_leaves_the_book_as_it_was():
    book = cf.LogBook()
    book.extend([FLAT] * 2)
    df = book.df
    df.loc[0, "cost"] = 99.0
    df["new"] = 1
    assert book.df["cost"].tolist() == [0.000162] * 2
    assert "new" not in book.df


def test_half_a_surrogate_pair_loses_no_call():
    book = cf.LogBook()
    book.log(model="gpt-4", prompt="cut \ud83d", response="ok")
    assert book.df["prompt"].item() == "cut \ufffd"


def test_own_prices_are_used_and_an_unknown_model_stays_unknown():
    book = cf.LogBook(pricing={"pricing": {"house-llm": {"input_price_per_1m": 2, "output_price_per_1m": 4}}})
    book.log(model="house-llm", prompt="x", input_tokens=1_000_000, output_tokens=1_000_000)
    book.log(model="other-llm", prompt="x", input_tokens=1_000_000, output_tokens=1_000_000)
    df = book.df
    assert df["cost"].iloc[0] == 6.0
    assert np.isnan(df["cost"].iloc[1])
    assert df["cost_source"].tolist() == ["priced", "unknown"]
    assert repr(book) == "LogBook: 2 calls in 2 traces; $6.00; 1 call without a price (other-llm)"


def test_threads_may_log_into_one_book_while_it_is_read():
    book = cf.LogBook()

    def work() -> None:
        for _ in range(500):
            book.log(model="gpt-4o", prompt="Hi", input_tokens=1, output_tokens=1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(book.df) <= 2000
    assert len(book.df) == len(book) == 2000
    assert book.df["trace_id"].is_unique


@pytest.mark.parametrize("schema", ["crashlens", "flat"])
def test_the_book_comes_back_from_its_jsonl(tmp_path, schema):
    book = mixed_book()
    path = tmp_path / "logs.jsonl"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.UnpricedWarning)
        book.to_jsonl(path, schema=schema)
    pd.testing.assert_frame_equal(cf.LogBook.from_jsonl(path).df, book.df)


def test_the_book_comes_back_from_its_parquet(tmp_path):
    book = mixed_book()
    book.to_parquet(tmp_path / "logs.parquet")
    pd.testing.assert_frame_equal(cf.LogBook.from_parquet(tmp_path / "logs.parquet").df, book.df)


def mixed_book() -> cf.LogBook:
    book = cf.LogBook()
    book.log_event(**NESTED)
    book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=3, seed=1)
    book.simulate_fallback("gpt-4", "Another query", "Answer", seed=1)
    book.simulate_overkill("gpt-4", "Hi", "Hello!", seed=1)
    book.log(model="unheard-of", prompt="Größe \u2028 😀", response=None, level="error", error="timeout")
    book.log(model="gpt-4", prompt=None)
    return book


def test_simulations_of_one_seed_do_not_share_a_trace():
    book = cf.LogBook()
    traces = [
        book.simulate_retries("gpt-4", "Complex query", "Detailed response", seed=1),
        book.simulate_retries("gpt-4", "Complex query", "Detailed response", seed=1),
        book.simulate_fallback("gpt-4", "Complex query", "Detailed response", seed=1),
        book.simulate_overkill("gpt-4", "Complex query", "Detailed response", seed=1),
    ]
    assert len(set(traces)) == 4
    again = cf.LogBook()
    assert again.simulate_retries("gpt-4", "Complex query", "Detailed response", seed=1) == traces[0]


def test_rejected_lines_are_kept_with_their_place(tmp_path):
    path = tmp_path / "logs.jsonl"
    path.write_text('{"trace_id": "a", "model": "gpt-4o", "prompt": "Hi"}\n{broken\n', encoding="utf-8")
    with pytest.warns(cf.RejectedLinesWarning, match="1 line"):
        book = cf.LogBook.from_jsonl(path)
    assert len(book) == 1
    (reject,) = book.rejects.to_dict("records")
    assert (reject["source"], reject["line"], reject["text"]) == (str(path), 2, "{broken")
    assert repr(book).endswith("; 1 line rejected")
    with pytest.raises(cf.LogFileError, match=r"logs\.jsonl:2: "):
        cf.LogBook.from_jsonl(path, on_error="raise")


def test_a_durable_book_has_each_call_in_its_file_when_log_returns(tmp_path):
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    assert not path.exists()
    book.log(model="gpt-4", prompt="Hello, world!", response="Hi there!", trace_id="a")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=3, seed=1)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 5
    again = cf.LogBook(path)
    pd.testing.assert_frame_equal(again.df, book.df)
    again.log(model="gpt-4", prompt="One more")
    assert len(cf.LogBook(path)) == 6


def test_the_html_shows_logged_text_as_text():
    book = cf.LogBook()
    book.log(model="<img src=x onerror=alert(1)>", prompt="<script>alert(1)</script>")
    html = book._repr_html_()
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_calls_that_a_full_disk_kept_out_are_written_with_the_next_one(tmp_path, monkeypatch):
    path = tmp_path / "logs.jsonl"
    book = cf.LogBook(path)
    book.log(model="gpt-4", prompt="First", trace_id="t1")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("crashlens_frame.io.journal.os.write", full)
        with pytest.raises(cf.UnsavedCallsError) as caught:
            book.log(model="gpt-4", prompt="Second", trace_id="t2")
    assert str(caught.value) == (
        f"{path}: No space left on device; 1 call of the book in the file, 1 call only in memory until the next one"
        " can be written"
    )
    assert book.df["prompt"].tolist() == ["First", "Second"]
    assert cf.read_jsonl(path)["prompt"].tolist() == ["First"]
    book.log(model="gpt-4", prompt="Third", trace_id="t3")
    pd.testing.assert_frame_equal(cf.read_jsonl(path), book.df)


def test_one_seed_makes_a_trace_of_its_own_each_time():
    book = cf.LogBook()
    traces = [book.simulate_retries("gpt-4", "Why?", retries=2, seed=1) for _ in range(3)]
    assert len(set(traces)) == 3
    assert book.df.groupby("trace_id").size().tolist() == [3, 3, 3]


def test_watchers_are_told_of_each_change_and_no_more_once_they_end():
    book = cf.LogBook()
    seen = []
    end = book.watch(lambda: seen.append(len(book)))
    book.log(model="gpt-4", prompt="Hi")
    book.log_event(traceId="t1", input={"model": "gpt-4"})
    book.extend([{"trace_id": "t1", "model": "gpt-4"}] * 2)
    book.simulate_retries("gpt-4", "Hi", retries=1, seed=1)
    end()
    book.log(model="gpt-4", prompt="Hi")

    assert seen == [1, 2, 4, 6]


def test_a_watcher_is_told_of_a_call_that_could_not_be_saved(tmp_path):
    (tmp_path / "gone").mkdir()
    book = cf.LogBook(tmp_path / "gone" / "logs.jsonl")
    (tmp_path / "gone").rmdir()
    seen = []
    book.watch(lambda: seen.append(len(book)))

    with pytest.raises(cf.UnsavedCallsError):
        book.log(model="gpt-4", prompt="Hi")

    assert seen == [1]
    assert book.path == str(tmp_path / "gone" / "logs.jsonl")


def test_prices_may_be_given_by_either_name(tmp_path):
    call = {"trace_id": "t1", "model": "gpt-4", "prompt": "Hi", "input_tokens": 1000, "output_tokens": 0}
    book = cf.LogBook()
    book.log(**call)
    book.to_jsonl(tmp_path / "calls.jsonl", format="flat")
    book.to_parquet(tmp_path / "calls.parquet")
    prices = cf.PriceBook.default()
    for name in ("prices", "pricing"):
        for made in (
            cf.LogBook(**{name: prices}),
            cf.LogBook.from_jsonl(tmp_path / "calls.jsonl", **{name: prices}),
            cf.LogBook.from_parquet(tmp_path / "calls.parquet", **{name: prices}),
        ):
            assert made.prices is prices


def test_an_argument_given_by_both_of_its_names_is_refused(tmp_path):
    prices = cf.PriceBook.default()
    with pytest.raises(cf.InvalidOptionError) as refusal:
        cf.LogBook(prices=prices, pricing=prices)
    assert str(refusal.value) == (
        "prices and pricing are both given, expected one of them: pricing is an alias of prices"
    )
    with pytest.raises(cf.InvalidOptionError, match=r"^format and schema are both given"):
        cf.LogBook().to_jsonl(tmp_path / "calls.jsonl", format="flat", schema="flat")


def test_both_names_of_the_format_write_the_same(tmp_path):
    book = cf.LogBook()
    book.extend([FLAT])
    book.to_jsonl(tmp_path / "format.jsonl", format="flat")
    book.to_jsonl(tmp_path / "schema.jsonl", schema="flat")
    assert (tmp_path / "format.jsonl").read_bytes() == (tmp_path / "schema.jsonl").read_bytes() != b""


def test_an_event_of_a_vendor_keeps_its_own_id_as_the_reader_has_it():
    book = cf.LogBook()
    record = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "created": 1_700_000_000}
    assert book.log_event(**record) == "chatcmpl-1"
    assert book.df["trace_id"].tolist() == ["chatcmpl-1"]


def test_extend_reads_records_that_json_cannot_carry_beside_others():
    book = cf.LogBook()
    book.extend([FLAT, FLAT | {"timestamp": pd.Timestamp("2024-06-01"), "input_tokens": np.int64(7)}, {**FLAT, "x": 1}])
    assert book.df["input_tokens"].tolist() == [5, 7, 5]
    assert book.df["timestamp"].iloc[1] == pd.Timestamp("2024-06-01T00:00:00Z")
    with pytest.raises(cf.LogFileError, match=r"^<stream>:2: cost is Infinity, expected a finite number from 0 on$"):
        book.extend([FLAT, FLAT | {"cost": float("inf")}])
    assert len(book) == 3


@pytest.mark.parametrize("latency_ms", [9_225_167_806_611_199, 2**62, 2**63 - 1])
def test_a_call_that_took_longer_than_the_calendar_is_logged_and_starts_in_its_first_year(latency_ms: int) -> None:
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt="Hi", latency_ms=latency_ms)
    assert book.df["timestamp"].item() == pd.Timestamp("0001-01-01T00:00:00Z").as_unit("us")
    assert book.df["latency_ms"].item() == latency_ms
