import datetime as dt
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crashlens_frame.errors import InvalidCallError, UnknownFormatError
from crashlens_frame.formats import FORMATS, detect_format, has_no_column, row_from_record, rows_from_line
from crashlens_frame.schema import LOG_SCHEMA

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NEW_YEAR = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
UNKNOWN = {"cost_source": "unknown"}
REPORTED = {"token_source": "reported", "cost_source": "unknown"}

# name: record, the columns beside trace_id "t"
READ: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a trace id and a model are enough": ({"trace_id": "t"}, UNKNOWN),
    "both trace ids, if they agree": ({"trace_id": "t", "traceId": "t"}, UNKNOWN),
    "flat names": (
        {"trace_id": "t", "model": "m", "prompt": "p", "response": "r", "input_tokens": 3, "output_tokens": 2,
         "cost": 0.5, "latency_ms": 10, "retry_count": 1, "fallback_model": "n"},
        {"model": "m", "prompt": "p", "response": "r", "input_tokens": 3, "output_tokens": 2, "cost": 0.5,
         "latency_ms": 10, "retry_count": 1, "fallback_model": "n", "token_source": "reported",
         "cost_source": "reported"},
    ),
    "nested names": (
        {"traceId": "t", "startTime": "2026-01-01T00:00:00Z", "input": {"model": "m", "prompt": "p"}, "output": "r",
         "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
         "metadata": {"fallback_attempted": True, "fallback_reason": "429", "fallback_model": "n", "route": "/x",
                      "team": "a", "source": "s"}, "level": "error", "type": "generation", "name": "call"},
        {"timestamp": NEW_YEAR, "model": "m", "prompt": "p", "input_tokens": 3, "output_tokens": 2,
         "cached_input_tokens": 1, "fallback_attempted": True, "fallback_reason": "429", "fallback_model": "n",
         "route": "/x", "team": "a", "source": "s", "level": "error", "type": "generation", "name": "call",
         "response": "r", **REPORTED},
    ),
    "both vocabularies on one line": (
        {"trace_id": "t", "model": "m", "input": {"model": "m", "prompt": "p"}, "usage": {"prompt_tokens": 3}},
        {"model": "m", "prompt": "p", "input_tokens": 3, **REPORTED},
    ),
    "the names of report and guard": (
        {"traceId": "t", "cost_usd": 0.5, "endpoint": "/x", "fallback_triggered": False},
        {"cost": 0.5, "route": "/x", "fallback_attempted": False, "cost_source": "reported"},
    ),
    "what report and guard are told otherwise is kept": (
        {"traceId": "t", "cost": 0.5, "cost_usd": 0.6},
        {"cost": 0.5, "cost_source": "reported", "extra": '{"cost_usd":0.6}'},
    ),
    "the end gives the latency": (
        {"traceId": "t", "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T02:00:01.2509+02:00"},
        {"timestamp": NEW_YEAR, "latency_ms": 1250, **UNKNOWN},
    ),
    "an end that follows from the latency is dropped": (
        {"traceId": "t", "startTime": "2026-01-01", "endTime": "2026-01-01T00:00:01Z", "latency_ms": 1000},
        {"timestamp": NEW_YEAR, "latency_ms": 1000, **UNKNOWN},
    ),
    "an end that does not is kept": (
        {"traceId": "t", "startTime": "2026-01-01", "endTime": "2026-01-01T00:00:01.001Z", "latency_ms": 1000},
        {"timestamp": NEW_YEAR, "latency_ms": 1000, "extra": '{"endTime":"2026-01-01T00:00:01.001Z"}', **UNKNOWN},
    ),
    "a total that follows is dropped": (
        {"traceId": "t", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
        {"input_tokens": 3, "output_tokens": 2, **REPORTED},
    ),
    "a total that does not is kept": (
        {"traceId": "t", "usage": {"prompt_tokens": 3, "total_tokens": 5}},
        {"input_tokens": 3, "extra": '{"usage":{"total_tokens":5}}', **REPORTED},
    ),
    "nulls are nulls": (
        {"traceId": "t", "input": None, "usage": {"prompt_tokens": None}, "metadata": None, "cost": None},
        UNKNOWN,
    ),
    "NaN is null": ({"trace_id": "t", "cost": float("nan"), "latency_ms": float("nan")}, UNKNOWN),
    "an unknown cost was written as 0": ({"traceId": "t", "cost": 0, "cost_source": "unknown"}, UNKNOWN),
    "a cost of 0 is a cost": ({"traceId": "t", "cost": 0}, {"cost": 0.0, "cost_source": "reported"}),
    "what was filled is null": (
        {"traceId": "t", "model": "unknown", "input": {"model": "unknown", "prompt": ""},
         "usage": {"prompt_tokens": 0}, "filled": ["model", "prompt", "input_tokens"]},
        UNKNOWN,
    ),
    "another program's filled is kept": (
        {"trace_id": "t", "filled": ["form"]},
        {"extra": '{"filled":["form"]}', **UNKNOWN},
    ),
    "unknown fields are kept where they stood": (
        {"traceId": "t", "mood": "good", "metadata": {"user": {"id": 7}, "team": "a"}, "usage": {"audio": 1}},
        {"team": "a", "extra": '{"metadata":{"user":{"id":7}},"mood":"good","usage":{"audio":1}}', **UNKNOWN},
    ),
    "digits past 64 bits are kept": (
        {"trace_id": "t", "id": 2**80},
        {"extra": '{"id":1208925819614629174706176}', **UNKNOWN},
    ),
    "fields with the names of columns come back from extra": (
        {"trace_id": "t", "extra": {"model": {"name": "m"}}},
        {"extra": '{"model":{"name":"m"}}', **UNKNOWN},
    ),
    "an error that is an object is kept": (
        {"trace_id": "t", "error": {"code": 429}},
        {"extra": '{"error":{"code":429}}', **UNKNOWN},
    ),
    "the texts of messages are the prompt": (
        {"traceId": "t", "input": {"messages": [{"content": "Hi"}, {"content": [{"text": "there"}, {"image": "x"}]}]}},
        {"prompt": "Hi\nthere",
         "extra": '{"input":{"messages":[{"content":"Hi"},{"content":[{"text":"there"},{"image":"x"}]}]}}', **UNKNOWN},
    ),
    "whole floats are whole numbers": ({"trace_id": "t", "input_tokens": 5.0}, {"input_tokens": 5, **REPORTED}),
    "latencies are rounded": ({"trace_id": "t", "latency_ms": 5.6}, {"latency_ms": 6, **UNKNOWN}),
    "the largest count": ({"trace_id": "t", "retry_count": 2**63 - 1}, {"retry_count": 2**63 - 1, **UNKNOWN}),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_record_becomes_a_row(name: str) -> None:
    record, columns = READ[name]
    model = {} if "model" in record.get("filled", ()) else {"model": "m"}
    assert row_from_record({"model": "m", **record}) == {"trace_id": "t", **model, **columns}


REFUSED = [
    ({}, "the trace id is missing, expected traceId or trace_id as non-empty text"),
    ({"trace_id": None}, "the trace id is missing, expected traceId or trace_id as non-empty text"),
    ({"trace_id": ""}, 'the trace id is "", expected traceId or trace_id as non-empty text'),
    ({"traceId": 5}, "traceId is 5, expected text"),
    ({"trace_id": "t", "traceId": "u"}, 'trace_id is "t" but traceId is "u", expected both to be the same'),
    ({"trace_id": "t", "model": 4}, "model is 4, expected text"),
    ({"traceId": "t", "input": {"prompt": ["Hi"]}}, 'input.prompt is ["Hi"], expected text'),
    ({"traceId": "t", "input": "Hi"}, 'input is "Hi", expected an object'),
    ({"traceId": "t", "usage": {"prompt_tokens": "12a"}}, 'usage.prompt_tokens is "12a", expected a whole number'),
    ({"trace_id": "t", "input_tokens": "five"}, 'input_tokens is "five", expected a whole number'),
    ({"trace_id": "t", "input_tokens": 5.5}, "input_tokens is 5.5, expected a whole number"),
    ({"trace_id": "t", "input_tokens": True}, "input_tokens is true, expected a whole number"),
    ({"trace_id": "t", "input_tokens": -1}, "input_tokens is -1, expected a whole number from 0 to 2**63 - 1"),
    (
        {"trace_id": "t", "input_tokens": 2**63},
        "input_tokens is 9223372036854775808, expected a whole number from 0 to 2**63 - 1",
    ),
    ({"trace_id": "t", "cost": "$0.5"}, 'cost is "$0.5", expected a number'),
    ({"trace_id": "t", "cost": float("inf")}, "cost is Infinity, expected a finite number from 0 on"),
    ({"trace_id": "t", "cost": float("inf")}, "cost is Infinity, expected a finite number from 0 on"),
    ({"trace_id": "t", "latency_ms": -0.6}, "latency_ms is -0.6, expected a finite number from 0 on"),
    ({"trace_id": "t", "fallback_attempted": 1}, "fallback_attempted is 1, expected true or false"),
    ({"trace_id": "t", "timestamp": "today"}, 'timestamp is "today", expected an ISO 8601 time or an epoch number'),
    (
        {"trace_id": "t", "timestamp": "2026060110"},
        'timestamp is "2026060110", expected an ISO 8601 time or an epoch number',
    ),
    (
        {"trace_id": "t", "timestamp": float("inf")},
        "timestamp is Infinity, expected an ISO 8601 time or an epoch number",
    ),
    ({"trace_id": "t", "timestamp": True}, "timestamp is true, expected an ISO 8601 time or an epoch number"),
    (
        {"trace_id": "t", "cost_source": "guessed"},
        'cost_source is "guessed", expected one of reported, priced, unknown',
    ),
    (
        {"trace_id": "t", "token_source": "guessed"},
        'token_source is "guessed", expected one of reported, counted, estimated',
    ),
    (
        {"traceId": "t", "startTime": "2026-01-01T00:00:01Z", "endTime": "2026-01-01T00:00:00Z"},
        'endTime is "2026-01-01T00:00:00Z", expected a time not before startTime, "2026-01-01T00:00:01Z"',
    ),
    (
        {"trace_id": "t", "model": "m", "input": {"model": "n"}},
        'model is "m" but input.model is "n", expected both to be the same',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_does_not_fit_is_refused_with_field_value_and_what_was_expected(
    record: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidCallError) as refusal:
        row_from_record(record)
    assert str(refusal.value) == reason


def test_a_long_value_is_cut_in_the_text_of_its_refusal() -> None:
    with pytest.raises(InvalidCallError) as refusal:
        row_from_record({"trace_id": "t", "cost": "x" * 500})
    assert str(refusal.value) == f'cost is "{"x" * 78}…, expected a number'


def test_a_format_that_is_named_reads_only_its_own_fields() -> None:
    record = {"trace_id": "t", "model": "m", "usage": {"prompt_tokens": 3}}
    shown = {"trace_id": "t", "model": "m"}
    assert row_from_record(record, "crashlens") == {**shown, "input_tokens": 3, **REPORTED}
    assert row_from_record(record, "flat") == {**shown, "extra": '{"usage":{"prompt_tokens":3}}', **UNKNOWN}


def test_a_record_that_shows_nothing_of_a_call_is_refused_with_its_keys() -> None:
    with pytest.raises(InvalidCallError) as refusal:
        row_from_record({"trace_id": "t", "mood": "good"})
    expected = "no model, tokens, prompt, response, cost or error, only the keys trace_id, mood"
    assert str(refusal.value) == expected


def test_a_record_that_names_other_work_is_passed_over_as_what_it_is() -> None:
    chain = {"id": "r1", "trace_id": "t", "run_type": "chain", "name": "answer"}
    found = rows_from_line([chain, chain, {"trace_id": "t", "model": "m"}])
    assert (len(found.rows), found.errors, found.passed) == (1, [], {'"run_type": "chain"': 2})


def test_a_call_of_which_nothing_is_known_comes_back_from_a_line_of_the_package() -> None:
    empty = dict.fromkeys(LOG_SCHEMA) | {"trace_id": "t"}
    assert row_from_record(empty) == {"trace_id": "t", **UNKNOWN}


def test_a_format_that_is_unknown_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownFormatError) as refusal:
        row_from_record({"trace_id": "t"}, "nested")
    names = ", ".join(FORMATS)
    assert names.startswith("crashlens, flat, bifrost, openai, anthropic, ")
    assert str(refusal.value) == f"format is 'nested', expected one of {names}, or None to detect it"


@pytest.mark.parametrize(
    ("record", "format"),
    [
        ({}, "flat"),
        ({"trace_id": "t", "model": "m"}, "flat"),
        ({"trace_id": "t", "usage": 5, "input": "Hi"}, "flat"),
        ({"traceId": "t"}, "crashlens"),
        ({"trace_id": "t", "usage": {}}, "crashlens"),
        ({"trace_id": "t", "startTime": None}, "crashlens"),
    ],
)
def test_the_keys_tell_the_format(record: dict[str, Any], format: str) -> None:
    assert detect_format(record).format == format


@pytest.mark.parametrize(
    ("key", "value", "unknown"),
    [
        ("mood", "good", True),
        ("model", "m", False),
        ("model", 5, False),
        ("traceId", "t", False),
        ("extra", 5, False),
        ("endTime", "x", False),
        ("usage", {"audio": 1}, True),
        ("usage", {"prompt_tokens": 1}, False),
        ("filled", ["model"], False),
        ("filled", ["form"], False),
    ],
)
def test_only_fields_that_no_format_reads_are_unknown(key: str, value: Any, unknown: bool) -> None:
    assert has_no_column(key, value) is unknown


def micros(moment: dt.datetime) -> int:
    """Reckon the microseconds since 1970 of a moment with a zone, with nothing but whole days and clock hands."""
    naive = moment.replace(tzinfo=None)
    clock = ((naive.hour * 60 + naive.minute) * 60 + naive.second) * 1_000_000 + naive.microsecond
    days = naive.toordinal() - dt.date(1970, 1, 1).toordinal()
    offset = moment.utcoffset() or dt.timedelta()
    return days * 86_400_000_000 + clock - (offset.days * 86_400 + offset.seconds) * 1_000_000


def read_time(value: Any) -> Any:
    return row_from_record({"trace_id": "t", "model": "m", "timestamp": value})["timestamp"]


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
# a day off the ends of the calendar, which an offset would leave
MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))


@given(MOMENTS, ZONES)
@example(dt.datetime(2026, 1, 1), dt.UTC)
def test_iso_8601_of_any_offset_is_read_to_the_microsecond(naive: dt.datetime, zone: dt.timezone) -> None:
    zoned = naive.replace(tzinfo=zone)
    assert read_time(zoned.isoformat()) == read_time(zoned) == micros(zoned)
    assert read_time(naive.isoformat()) == read_time(naive.isoformat() + "Z") == micros(naive.replace(tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01", NEW_YEAR),
        ("20260101", NEW_YEAR),
        ("2026-01-01 00:00:00", NEW_YEAR),
        ("2026-01-01T00:00:00.123456789Z", NEW_YEAR + 123_456),
        ("2025-12-31T18:30:00-0530", NEW_YEAR),
        (1_767_225_600, NEW_YEAR),
        (1_767_225_600.25, NEW_YEAR + 250_000),
        (1_767_225_600_123, NEW_YEAR + 123_000),
        (1_767_225_600_123_456, NEW_YEAR + 123_456),
        (1_767_225_600_123_456_789, NEW_YEAR + 123_456),
        (0, 0),
        (-1, -1_000_000),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(value: Any, expected: int) -> None:
    assert read_time(value) == expected


# seconds tell a year below 5138, milliseconds one from 1973 on
@given(st.integers(100_000_000_001, 99_999_999_999_999_999))
def test_an_epoch_number_is_read_in_the_unit_that_it_has(time: int) -> None:
    """Draw a time in microseconds after 1970, and write it in whole units that leave no doubt."""
    if time >= 100_000_000_000_000:
        assert read_time(time) == read_time(time * 1000 + 999) == time
    if time // 1000 >= 100_000_000_000:
        assert read_time(time // 1000) == time // 1000 * 1000
    assert read_time(time // 1_000_000) == time // 1_000_000 * 1_000_000
