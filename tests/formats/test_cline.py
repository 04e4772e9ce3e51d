"""Tasks of Cline and Roo Code: each request is a call, with the question before it and the answer after it."""

import copy
import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats.cline import ClineTask
from tests.support.damaged_records import assert_survives, damaged

START = 1772359200000
MODEL = {"providerId": "anthropic", "modelId": "claude-sonnet-4-5", "mode": "act"}


def message(seconds: float, kind: str, text: Any, *, ask: bool = False, **more: Any) -> dict[str, Any]:
    packed = text if isinstance(text, str) else json.dumps(text)
    which = "ask" if ask else "say"
    return {"ts": START + round(1000 * seconds), "type": which, which: kind, "text": packed, **more}


def request(seconds: float, *, kind: str = "api_req_started", model: bool = True, **counts: Any) -> dict[str, Any]:
    more = {"modelInfo": MODEL} if model else {}
    return message(seconds, kind, {"request": "<task>Add a test</task>", **counts}, **more)


TASK = [
    message(0, "task", "Add a test"),
    request(0.1, tokensIn=10, tokensOut=50, cacheWrites=200, cacheReads=1000, cost=0.01),
    message(2, "text", "I look first."),
    message(2.5, "reasoning", "The user wants a test."),
    message(3, "tool", {"tool": "readFile", "path": "a.py"}, ask=True),
    request(4, tokensIn=7, tokensOut=20, cacheWrites=0, cacheReads=1210, cost=0.002),
    message(5, "command", "pytest", ask=True),
    message(6, "user_feedback", "Now run all"),
    request(7, tokensIn=9, tokensOut=4, cost=0.003, cancelReason="user_cancelled"),
    request(8, tokensIn=9, tokensOut=0, cancelReason="streaming_failed", streamingFailedMessage="overloaded"),
    request(9),
    message(10, "deleted_api_reqs", {"tokensIn": 30, "tokensOut": 3, "cacheReads": 0, "cost": 0.004}),
    message(11, "condense_context", "", contextCondense={"cost": 0.005, "summary": "A test was added."}),
]
NAMES = [
    "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "cost", "prompt", "response", "error",
    "finish_reason", "name",
]  # fmt: skip
ROWS = [
    (1210, 1000, 200, 50, 0.01, "Add a test", "I look first.", None, None, None),
    (1217, 1210, 0, 20, 0.002, "Add a test", None, None, None, None),
    (9, None, None, 4, 0.003, "Now run all", None, None, "aborted", None),
    (9, None, None, 0, None, "Now run all", None, "overloaded", None, None),
    (30, 0, None, 3, 0.004, "Now run all", None, None, None, "deleted_api_reqs"),
    (None, None, None, None, 0.005, "Now run all", None, None, None, "condense_context"),
]


def read(task: list[dict[str, Any]], **options: Any) -> pd.DataFrame:
    file = io.BytesIO(json.dumps(task).encode())
    return cf.read_logs(file, **{"on_error": "raise", "prices": None, **options})


def values(calls: pd.DataFrame, names: list[str]) -> list[tuple[Any, ...]]:
    rows = calls[names].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


def test_each_request_of_a_task_is_a_call() -> None:
    calls = read(TASK)
    assert values(calls, NAMES) == ROWS
    assert calls["tool_calls"].tolist()[:2] == [
        '[{"arguments":{"path":"a.py"},"name":"readFile"}]', '[{"arguments":{"command":"pytest"},"name":"command"}]'
    ]  # fmt: skip
    assert calls["trace_id"].tolist() == calls["session_id"].tolist() == [str(START)] * 6
    assert calls["model"].tolist()[:4] == ["claude-sonnet-4-5"] * 4
    assert calls["timestamp"].iloc[0] == pd.Timestamp(START + 100, unit="ms", tz="UTC")
    assert calls["event_id"].is_unique
    assert json.loads(calls["extra"].iloc[0]) == {"counts": {"request": "<task>Add a test</task>"}, "modelInfo": MODEL}


def test_what_follows_a_request_that_was_broken_off_is_no_answer_to_another() -> None:
    (call,) = read([TASK[0], TASK[1], message(2, "text", "Yes."), request(9), message(10, "text", "Half an")]).to_dict(
        "records"
    )
    assert call["response"] == "Yes."


def test_a_task_in_lines_is_the_same() -> None:
    lines = io.BytesIO(b"".join(json.dumps(each).encode() + b"\n" for each in TASK))
    pd.testing.assert_frame_equal(cf.read_logs(lines, prices=None), read(TASK))


@pytest.mark.parametrize(
    ("counts", "right"),
    [
        ({"tokensIn": 100, "cacheReads": 40, "cacheWrites": 10}, 150),  # Cline: beside
        ({"tokensIn": 100, "cacheReads": 40, "cacheWrites": 10, "apiProtocol": "openai"}, 100),  # Roo Code: within
        ({"tokensIn": 100, "cacheReads": 40, "cacheWrites": 10, "apiProtocol": "anthropic"}, 100),
        ({"tokensIn": 40, "cacheReads": 40, "cacheWrites": 0, "apiProtocol": "anthropic"}, 40),
        ({"tokensIn": 49, "cacheReads": 40, "cacheWrites": 10, "apiProtocol": "anthropic"}, 99),  # before 3.29.5
        ({"tokensIn": 5}, 5),
    ],
)
def test_what_a_cache_read_and_wrote_is_within_the_input(counts: dict[str, Any], right: int) -> None:
    (call,) = read([message(0, "text", "Hi"), request(1, tokensOut=1, **counts)]).to_dict("records")
    assert call["input_tokens"] == right
    assert call["prompt"] == "Hi"


def test_the_model_may_be_in_the_environment_of_the_request() -> None:
    text = {"request": "...\n<model>anthropic/claude-sonnet-4</model>", "tokensIn": 5, "apiProtocol": "anthropic"}
    (call,) = read([message(0, "text", "Hi"), message(1, "api_req_started", text)]).to_dict("records")
    assert call["model"] == "anthropic/claude-sonnet-4"
    (call,) = read([message(0, "text", "Hi"), request(1, model=False, tokensIn=5)]).to_dict("records")
    assert pd.isna(call["model"])


def test_copies_of_a_task_are_counted_once() -> None:
    file = json.dumps(TASK).encode()
    with pytest.warns(cf.PassedOverWarning, match="6 calls repeated"):
        calls = cf.read_logs(io.BytesIO(file), io.BytesIO(file), prices=None)
    assert len(calls) == 6


def test_a_message_alone_is_a_call_or_is_passed_over() -> None:
    assert cf.detect_format(TASK[1]) == ("cline", 'it has "say" and "ts" and "type"')
    assert_survives(TASK[1], "cline")
    assert_survives(TASK[4], "cline")


@given(st.integers(0, len(TASK) - 1), st.data())
def test_a_damaged_message_costs_no_other_request(place: int, data: st.DataObject) -> None:
    hurt = copy.deepcopy(TASK)
    hurt[place] = data.draw(damaged(hurt[place]))
    assert_survives(hurt[place], "cline")
    memory, found = ClineTask(), []
    for number, each in enumerate(hurt):
        found += memory.read(each, number)
    found += memory.finish()
    untouched = {1, 5, 8, 9, 11, 12} - {place}
    assert untouched <= {line for line, _ in found}
