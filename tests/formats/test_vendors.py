"""Whoever tells of a call, the row is the same: each pair of formats, on what both can tell."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.formats import FORMATS, rows_from_line
from tests.support.vendor_logs import (
    FAILURES,
    TELLERS,
    TRACE,
    Call,
    Told,
    aider_event,
    anthropic_batch,
    cline_message,
    openai_batch,
    spans_of_other_work,
)

Teller = Callable[[Call], Told]
CALL = Call()
FAILED = Call(response=None, output_tokens=0, reasoning_tokens=0, error="the server is on fire", cost=0.0)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")


@cache
def told(teller: Teller, call: Call = CALL) -> Told:
    return teller(call)


def read(*lines: dict[str, Any], **options: Any) -> pd.DataFrame:
    log = b"\n".join(json.dumps(line).encode() for line in lines)
    return cf.read_jsonl(io.BytesIO(log), on_error="raise", duplicates="all", **options)


def row(teller: Teller, call: Call = CALL) -> dict[str, Any]:
    (values,) = read(told(teller, call).line).to_dict("records")
    return {name: None if pd.isna(value) else value for name, value in values.items()}


@pytest.mark.parametrize("teller", TELLERS)
def test_a_format_tells_all_of_a_call_that_it_has_room_for(teller: Teller) -> None:
    expected = {name: value for name, value in CALL.row().items() if name not in told(teller).untold}
    found = row(teller)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("teller", FAILURES)
def test_a_call_that_failed_is_told_as_one(teller: Teller) -> None:
    expected = {name: value for name, value in FAILED.row().items() if name not in told(teller, FAILED).untold}
    found = row(teller, FAILED)
    assert {name: found[name] or None for name in expected} == {name: expected[name] or None for name in expected}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(TELLERS, 2)))
def test_one_call_told_in_two_formats_is_one_row(one: Teller, other: Teller) -> None:
    both = [name for name in CALL.row() if name not in told(one).untold | told(other).untold]
    first, second = row(one), row(other)
    assert {name: first[name] for name in both} == {name: second[name] for name in both}
    assert len(both) >= (6 if aider_event in (one, other) else 7)  # aider logs sums alone


@pytest.mark.parametrize("teller", TELLERS)
def test_the_format_is_detected_and_says_what_shows_it(teller: Teller) -> None:
    found = cf.detect_format(told(teller).line)
    assert found.format == told(teller).format
    assert found.because.split('"')[1] in told(teller).line


@pytest.mark.parametrize("teller", TELLERS)
def test_a_named_format_reads_what_the_detected_one_does(teller: Teller) -> None:
    pd.testing.assert_frame_equal(read(told(teller).line, format=told(teller).format), read(told(teller).line))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if name != "key":  # of OTLP, the name of an attribute
                yield from leaves(inner)
    elif value not in (None, ""):
        yield value


# what a column has in another spelling: types, levels, tiers; ids in base 64; times; tokens that are parts of totals
RESPELLED = {"GENERATION", "DEFAULT", "success", "completed", "default", "standard", "TOKENS"}
# what is the same in every call of a coding agent
RESPELLED |= {"assistant", "message", "text", "api_request", "claude_code.api_request"}
RESPELLED |= {"say", "api_req_started", cline_message(CALL).line["text"]}  # the text has numbers alone


@pytest.mark.parametrize("teller", TELLERS)
def test_no_value_of_a_line_is_lost(teller: Teller) -> None:
    frame = read(told(teller).line)
    columns = [value if isinstance(value, str) else repr(value) for value in frame.iloc[0].tolist()]
    # what stands packed in extra is compared as it is packed, too
    kept = "\n".join([*columns, json.dumps(json.loads(frame["extra"].item() or "{}"), ensure_ascii=False)])
    texts = {value for value in leaves(told(teller).line) if isinstance(value, str)} - RESPELLED
    lost = {text for text in texts if text not in kept and json.dumps(text, ensure_ascii=False)[1:-1] not in kept}
    assert {text for text in lost if not (text[:4].isdigit() or text.endswith("=") or text.startswith("0x"))} == set()


def test_calls_of_all_formats_in_one_file_are_one_frame() -> None:
    flat = {"trace_id": TRACE, "model": CALL.model, "prompt": CALL.prompt, "input_tokens": CALL.input_tokens}
    nested = {"traceId": TRACE, "input": {"model": CALL.model, "prompt": CALL.prompt}}
    lines = [line for teller in TELLERS for line in (flat, told(teller).line, nested)] * 3
    calls = read(*lines)
    assert len(calls) == len(lines)
    assert set(calls["model"]) == {CALL.model}
    page = {"object": "list", "data": [told(TELLERS[0]).line, flat], "has_more": False}
    assert len(read(page, [flat, nested])) == 4


OTHER_WORK = (
    r'^left out 3 records other than calls of a model \(1 "name": "chat", 1 "gen_ai.operation.name": "execute_tool",'
    r' 1 "openinference.span.kind": "CHAIN"\)$'
)


def test_spans_that_are_no_calls_are_counted_and_left_out() -> None:
    with pytest.warns(cf.PassedOverWarning, match=OTHER_WORK):
        calls = read(spans_of_other_work(CALL))
    assert calls["input_tokens"].tolist() == [CALL.input_tokens]
    observation = {**told(TELLERS[7]).line, "type": "SPAN"}
    with pytest.warns(cf.PassedOverWarning, match="1 record "):
        assert len(read(observation)) == 0


@pytest.mark.parametrize("name", ["scopeSpans", "spans"])
def test_a_line_whose_spans_are_not_found_is_refused(name: str) -> None:
    line = json.dumps(spans_of_other_work(CALL)).replace(f'"{name}"', '"torn"')
    with pytest.raises(cf.LogFileError, match=f"{name} is missing, expected a list of objects$"):
        read(json.loads(line))


def test_calls_of_a_batch_are_priced_as_such() -> None:
    for teller in (openai_batch, anthropic_batch):
        assert row(teller)["service_tier"] == "batch"
        assert row(teller)["trace_id"] == TRACE
    canceled = {"custom_id": "a", "result": {"type": "canceled"}}
    with pytest.warns(cf.PassedOverWarning, match="1 record "):
        assert len(read(canceled)) == 0


def test_an_answer_without_a_trace_is_a_trace_of_its_own() -> None:
    assert row(TELLERS[0])["trace_id"] == row(TELLERS[0])["event_id"] == "chatcmpl-1"


def test_a_cost_that_litellm_could_not_reckon_is_unknown() -> None:
    (litellm,) = [teller for teller in TELLERS if teller.__name__ == "litellm_payload"]
    line = {**told(litellm).line, "response_cost": 0.0, "response_cost_failure_debug_info": {"error_str": "?"}}
    calls = read(line)
    assert calls["cost"].isna().all()
    assert calls["cost_source"].tolist() == ["unknown"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"custom_id": "a", "response": {"body": 5}}, "body is 5, expected an object"),
        ({"custom_id": "a", "result": "x"}, 'result is "x", expected an object'),
        ({"resourceSpans": {}}, "resourceSpans is {}, expected a list of objects"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [1]}]}]}, r"spans is [1], expected a list of objects"),
        (
            {"object": "response", "id": "r", "usage": {"input_tokens": "many"}},
            'usage.input_tokens is "many", expected',
        ),
        ({"role": "assistant", "content": [], "usage": {}}, "the trace id is missing, expected custom_id or trace_id"),
        ({"context": {}, "attributes": {"llm.model_name": "m"}}, "the trace id is missing, expected trace_id as"),
        ({"litellm_call_id": "x", "id": "y", "startTime": "soon"}, 'startTime is "soon", expected an ISO 8601 time'),
    ],
)
def test_a_line_that_is_none_of_its_format_is_rejected_with_the_reason(line: dict[str, Any], reason: str) -> None:
    rejects = cf.read_rejects(io.BytesIO(json.dumps(line).encode()))
    assert rejects["reason"].tolist() == [rejects["reason"].item()]
    assert rejects["reason"].item().startswith(reason)


def test_one_bad_record_of_a_line_costs_only_itself() -> None:
    good = {"trace_id": "t", "model": "m"}
    read_ = rows_from_line([good, {"cost": -1}, 5, {"object": "chat.completion.chunk"}, good])
    assert (len(read_.rows), len(read_.errors)) == (2, 3)


def test_each_format_names_its_source() -> None:
    assert list(FORMATS)[:6] == ["crashlens", "flat", "bifrost", "openai", "anthropic", "litellm"]
    assert all(len(each.source) > 20 for each in FORMATS.values())
