"""Runs of Claude Code (``claude -p --output-format json`` and ``stream-json``): the calls add up to the run."""

import io
import json
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

SONNET = {"inputTokens": 10, "outputTokens": 50, "cacheReadInputTokens": 1000, "cacheCreationInputTokens": 300,
          "webSearchRequests": 0, "costUSD": 0.04}  # fmt: skip
HAIKU = {"inputTokens": 100, "outputTokens": 20, "costUSD": 0.01}
RESULT = {
    "type": "result", "subtype": "success", "is_error": False, "duration_ms": 5000, "num_turns": 2, "result": "Yes.",
    "session_id": "s-1", "total_cost_usd": 0.05, "usage": {"input_tokens": 10, "output_tokens": 50},
    "modelUsage": {"claude-sonnet-4-6": SONNET, "claude-haiku-4-5": HAIKU}, "uuid": "u-9",
}  # fmt: skip
START = {"type": "system", "subtype": "init", "cwd": "/shop", "session_id": "s-1", "model": "claude-sonnet-4-6"}


def answer(number: int, **usage: int) -> dict[str, Any]:
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6",
               "content": [{"type": "text", "text": "Yes."}], "stop_reason": None, "usage": usage}  # fmt: skip
    return {"type": "assistant", "message": message, "parent_tool_use_id": None, "session_id": "s-1", "uuid": number}


FIRST = answer(1, input_tokens=4, output_tokens=3, cache_creation_input_tokens=300)
SECOND = answer(2, input_tokens=6, output_tokens=1, cache_read_input_tokens=1000)


def read(*lines: dict[str, Any]) -> pd.DataFrame:
    return cf.read_logs(io.BytesIO("".join(json.dumps(line) + "\n" for line in lines).encode()), on_error="raise")


def rows(calls: pd.DataFrame, *columns: str) -> list[list[Any]]:
    shown = json.loads(calls[list(columns)].to_json(orient="values"))
    assert isinstance(shown, list)
    return shown


SHOWN = ("event_id", "model", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens")
SUMS = ["input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"]


def test_the_result_alone_is_a_call_of_each_model() -> None:
    calls = cf.read_logs(io.BytesIO(json.dumps(RESULT, indent=1).encode()), on_error="raise")
    assert rows(calls, *SHOWN, "cost", "cost_source", "session_id") == [
        ["s-1/claude-sonnet-4-6", "claude-sonnet-4-6", 1310, 1000, 300, 50, 0.04, "reported", "s-1"],
        ["s-1/claude-haiku-4-5", "claude-haiku-4-5", 100, 0, 0, 20, 0.01, "reported", "s-1"],
    ]


def test_a_stream_and_its_result_add_up_to_the_run() -> None:
    calls = read(START, FIRST, SECOND, RESULT)
    assert rows(calls, *SHOWN) == [
        ["msg_1", "claude-sonnet-4-6", 304, None, 300, 3],
        ["msg_2", "claude-sonnet-4-6", 1006, 1000, None, 1],
        ["s-1/claude-sonnet-4-6", "claude-sonnet-4-6", 0, 0, 0, 46],
        ["s-1/claude-haiku-4-5", "claude-haiku-4-5", 100, 0, 0, 20],
    ]
    assert calls[SUMS].sum().tolist() == [1410, 1000, 300, 70]
    # 10 x $3 + 1000 x $0.3 + 300 x $3.75 + 50 x $15, all by the million, and the cost that the run has for the other
    assert calls["cost"].sum() == pytest.approx(0.002205 + 0.01)


def test_results_of_a_session_that_goes_on_count_what_was_before() -> None:
    early = {**RESULT, "modelUsage": {"claude-sonnet-4-6": {**SONNET, "cacheReadInputTokens": 0, "outputTokens": 20}}}
    calls = read(START, FIRST, early, SECOND, RESULT)
    assert calls[SUMS].sum().tolist() == [1410, 1000, 300, 70]


def test_a_run_that_counts_less_than_its_answers_adds_nothing() -> None:
    fewer = {**RESULT, "modelUsage": {"claude-sonnet-4-6": {**SONNET, "inputTokens": 9}}}
    assert len(read(START, FIRST, SECOND, fewer)) == 2
    assert len(read(START, FIRST, SECOND, {**RESULT, "modelUsage": None})) == 2
