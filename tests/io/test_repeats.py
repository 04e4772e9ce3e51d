"""Calls that a log holds several times: lines of one id, and spans around spans."""

import io
import itertools
import json
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

TRACE: dict[str, Any] = {"trace_id": "t", "model": "m"}
LINES: list[dict[str, Any]] = [
    {**TRACE, "event_id": "a", "output_tokens": 8, "timestamp": "2026-03-01T10:00:00Z", "response": "One."},
    {**TRACE, "event_id": "b", "output_tokens": 3},
    {**TRACE, "event_id": "a", "output_tokens": 108, "timestamp": "2026-03-01T10:00:02Z", "input_tokens": 7,
     "cost": 0.5, "response": "Two."},
    {**TRACE, "event_id": "a", "output_tokens": 108, "timestamp": "2026-03-01T10:00:01Z", "error": None,
     "response": "Two."},
]  # fmt: skip


def read(lines: list[dict[str, Any]], **options: Any) -> pd.DataFrame:
    return cf.read_jsonl(io.BytesIO(b"\n".join(json.dumps(line).encode() for line in lines)), **options)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_fullest_line_counts_in_any_order(order: tuple[int, ...]) -> None:
    lines = [LINES[place] for place in order]
    with pytest.warns(cf.PassedOverWarning, match=r"^left out 2 calls repeated later in the log \(same event_id\)$"):
        calls = read(lines).set_index("event_id")
    call = calls.loc["a"]
    assert (call["input_tokens"], call["output_tokens"], call["cost"], call["cost_source"]) == (7, 108, 0.5, "reported")
    assert call["timestamp"] == pd.Timestamp("2026-03-01 10:00", tz="UTC")
    texts = dict.fromkeys(line["response"] for line in lines if "response" in line)
    assert call["response"] == "\n".join(texts)
    assert calls.loc["b", "output_tokens"] == 3
    assert len(read(lines, duplicates="all")) == 4


def test_tool_calls_of_several_lines_are_joined() -> None:
    arrays = ['[{"name":"a"}]', '[{"name":"b"}]', '[{"name":"a"}]']
    with pytest.warns(cf.PassedOverWarning):
        calls = read([{**TRACE, "event_id": "a", "tool_calls": array} for array in arrays])
    assert calls["tool_calls"].tolist() == ['[{"name":"a"},{"name":"b"}]']


def spans(*calls: tuple[str, str | None, int, str]) -> list[dict[str, Any]]:
    return [
        {**TRACE, "event_id": own, "parent_id": parent, "input_tokens": tokens, "output_tokens": tokens, "model": model}
        for own, parent, tokens, model in calls
    ]


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (spans(("a", None, 9, "m"), ("b", "a", 9, "m-2026-01-01")), ["b"]),
        (spans(("a", None, 9, "openai/m"), ("b", "a", 4, "m"), ("c", "a", 5, "m")), ["b", "c"]),
        (spans(("c", "b", 9, "m"), ("b", "a", 9, "m"), ("a", None, 9, "m")), ["c"]),
        (spans(("a", None, 9, "m"), ("b", "a", 8, "m")), ["a", "b"]),
        (spans(("a", None, 9, "m"), ("b", "a", 9, "other")), ["a", "b"]),
        (spans(("a", "a", 9, "m"), ("b", "x", 9, "m")), ["a", "b"]),
    ],
    ids=["one inside", "two inside", "three deep", "other counts", "another model", "no parent in the log"],
)
@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.PassedOverWarning")
def test_of_spans_of_one_call_the_innermost_is_kept(lines: list[dict[str, Any]], kept: list[str]) -> None:
    assert read(lines)["event_id"].tolist() == kept
    assert read(lines, columns=["event_id"])["event_id"].tolist() == kept
    assert len(read(lines, duplicates="all")) == len(lines)
    if len(kept) < len(lines):
        noun = "call" if len(lines) - len(kept) == 1 else "calls"
        with pytest.warns(
            cf.PassedOverWarning, match=f"^left out {len(lines) - len(kept)} {noun} logged again by a span"
        ):
            read(lines)


def test_a_scan_has_the_bill_of_the_frame() -> None:
    lines = [*LINES, *({**line, "trace_id": "u"} for line in spans(("x", None, 9, "gpt-4o"), ("y", "x", 9, "gpt-4o")))]
    log = b"\n".join(json.dumps(line).encode() for line in lines)
    with pytest.warns(cf.PassedOverWarning, match="2 calls repeated .* and 1 call logged again by a span inside it"):
        report, _ = cf.scan(io.BytesIO(log))
    assert report.events == 3


def test_calls_with_an_empty_id_are_not_one_call() -> None:
    line = {"object": "chat.completion", "id": "", "model": "m", "choices": []}
    lines = [{**line, "usage": {"prompt_tokens": count}} for count in (8, 9)]
    log = "\n".join(map(json.dumps, lines)).encode()
    assert cf.read_logs(io.BytesIO(log))["input_tokens"].tolist() == [8, 9]
    assert cf.scan(io.BytesIO(log), memory="100MB").report.events == 2
