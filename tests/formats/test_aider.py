"""Analytics of aider: each message that was sent is a call, and what aider has no price for has no cost."""

import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given

import crashlens_frame as cf
from tests.support.damaged_records import assert_survives, damaged
from tests.support.format_rows import extra_of, rows_of

SYSTEM = {"python_version": "3.12.3", "os_platform": "Linux", "aider_version": "0.86.1"}
SENT: dict[str, Any] = {
    "event": "message_send",
    "properties": {
        "main_model": "claude-3-5-sonnet-20241022", "edit_format": "diff", "prompt_tokens": 5100,
        "completion_tokens": 210, "total_tokens": 5310, "cost": 0.01845, "total_cost": 0.05, **SYSTEM,
    },
    "user_id": "u-1", "time": 1772359200,
}  # fmt: skip
ROW = {
    "type": "generation", "log_format": "aider", "source": "aider", "level": "info", "token_source": "reported",
    "cost_source": "reported", "timestamp": 1772359200000000, "model": "claude-3-5-sonnet-20241022",
    "user_id": "u-1", "input_tokens": 5100, "output_tokens": 210, "cost": 0.01845,
}  # fmt: skip
OTHERS: list[dict[str, Any]] = [
    {"event": "launched", "properties": SYSTEM, "user_id": "u-1", "time": 1772359100},
    {"event": "cli session", "properties": {"main_model": "gpt-4o", **SYSTEM}, "user_id": "u-1", "time": 1772359101},
    {"event": "exit", "properties": {"reason": "Completed", **SYSTEM}, "user_id": "u-1", "time": 1772359300},
]


def sent(**properties: Any) -> dict[str, Any]:
    return {**SENT, "properties": {**SENT["properties"], **properties}}


def test_a_message_that_was_sent_is_a_call() -> None:
    (row,) = rows_of(SENT, "aider")
    assert len(row.pop("trace_id")) == 32
    assert row == ROW
    kept = extra_of(SENT)["properties"]
    assert (kept["edit_format"], kept["total_cost"], kept["cost"]) == ("diff", 0.05, 0.01845)


def test_a_cost_of_zero_is_unknown_and_a_hidden_model_too() -> None:
    (row,) = rows_of(sent(main_model="openai/REDACTED", cost=0.0), "aider")
    assert (row.get("model"), row["provider"], row.get("cost"), row["cost_source"]) == (None, "openai", None, "unknown")
    assert rows_of(sent(cost=0), "aider")[0]["cost_source"] == "unknown"
    assert "model" not in rows_of(sent(main_model="None"), "aider")[0]


def test_other_events_are_passed_over() -> None:
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in [OTHERS[0], SENT, SENT, *OTHERS[1:]]))
    with pytest.warns(cf.PassedOverWarning, match="left out 3 records other than calls"):
        calls = cf.read_logs(log, on_error="raise", prices=None)
    assert calls["cost"].tolist() == [0.01845, 0.01845]
    for record in OTHERS:
        assert rows_of(record, "aider") == []


def test_an_unknown_model_is_not_priced() -> None:
    (call,) = cf.add_cost(cf.read_logs(io.BytesIO(json.dumps(sent(main_model="x/REDACTED", cost=0)).encode()))).to_dict(
        "records"
    )
    assert pd.isna(call["cost"])


@given(damaged(SENT))
def test_damaged_events_are_read_or_refused(record: dict[str, Any]) -> None:
    assert_survives(record, "aider")
