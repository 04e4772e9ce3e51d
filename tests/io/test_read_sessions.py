"""Files whose format spreads a call over several lines are read as a whole, by all that read JSON Lines."""

import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.formats import FORMATS
from crashlens_frame.io import streams
from crashlens_frame.io.read_sessions import session_format
from tests.support.agent_logs import Answer, Json, claude_lines, codex_lines, write_lines

STORY = [
    Answer(1, "Add a test", texts=("I look first.",), tools=("ls",), cached=50_000, written=600, output=108),
    Answer(2, texts=("Done.",), cached=50_600, output=40),
]
CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "trace_id": "t9",
    "usage": {"prompt_tokens": 7, "completion_tokens": 1},
}  # fmt: skip
FLAT = {"trace_id": "t8", "model": "gpt-4o", "input_tokens": 5}


def encoded(lines: list[Json | bytes]) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def test_a_bad_line_is_a_reject_with_its_number_and_costs_only_itself() -> None:
    lines: list[Json | bytes] = [*claude_lines(STORY)]
    lines[2:2] = [b"", b"torn", b"[1]", b"5"]
    with pytest.warns(cf.RejectedLinesWarning, match="left out 3 lines"):
        calls = cf.read_jsonl(io.BytesIO(encoded(lines)))
    assert calls["output_tokens"].tolist() == [108, 40]
    rejects = cf.read_rejects(io.BytesIO(encoded(lines)))
    assert rejects[["line", "reason"]].to_numpy().tolist() == [
        [4, "not JSON, expecting value at character 1"],
        [5, "1, expected a JSON object"],
        [6, "5, expected a JSON object"],
    ]


def test_a_call_that_cannot_be_read_is_a_reject_with_the_number_of_its_first_line() -> None:
    lines = claude_lines(STORY)
    for line in lines[1:4]:
        if line["type"] == "assistant":
            line["message"]["usage"]["input_tokens"] = "many"
    rejects = cf.read_rejects(io.BytesIO(encoded([b"", *lines])))
    assert rejects[["line", "reason"]].to_numpy().tolist() == [
        [3, 'message.usage.input_tokens is "many", expected a whole number']
    ]


def test_lines_of_other_formats_in_a_session_are_read_by_themselves() -> None:
    lines = claude_lines(STORY)
    calls = cf.read_jsonl(io.BytesIO(encoded([*lines[:3], CHAT, FLAT, *lines[3:]])), on_error="raise")
    assert sorted(calls["trace_id"]) == ["s-1", "s-1", "t8", "t9"]
    assert calls["output_tokens"].sum() == 108 + 40 + 1


def test_a_count_that_one_line_of_an_answer_has_wrong_is_that_of_the_others() -> None:
    for place in (1, 2):
        lines = claude_lines(STORY)
        lines[place]["message"]["usage"]["input_tokens"] = "many"
        calls = cf.read_jsonl(io.BytesIO(encoded([*lines])), on_error="raise")
        assert calls["input_tokens"].tolist() == [50_603, 50_603]


def test_lines_of_a_session_in_a_file_of_another_format_are_read_one_by_one() -> None:
    log = io.BytesIO(encoded([FLAT, *claude_lines(STORY)]))
    with pytest.warns(cf.PassedOverWarning, match="2 records other than calls"):
        calls = cf.read_jsonl(log, on_error="raise", duplicates="all")
    assert calls["trace_id"].tolist() == ["t8", "s-1", "s-1", "s-1"]
    assert calls["prompt"].isna().all()


def test_notes_before_the_first_line_that_shows_the_format_are_skipped() -> None:
    notes = [
        {"type": "permission-mode", "permissionMode": "default", "sessionId": "s-1"},
        {"type": "last-prompt", "lastPrompt": "x", "sessionId": "s-1"},
    ]
    calls = cf.read_jsonl(io.BytesIO(encoded([*notes, *claude_lines(STORY)])), on_error="raise")
    assert calls["output_tokens"].tolist() == [108, 40]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (claude_lines(STORY), "claude_code"),
        ([{"type": "summary", "summary": "x", "leafUuid": "u"}, *claude_lines(STORY)], "claude_code"),
        ([{"type": "queue-operation", "operation": "enqueue", "sessionId": "s"}], "claude_code"),
        ([{"type": "file-history-snapshot", "messageId": "m", "snapshot": {"a": 1}}], "claude_code"),
        (codex_lines(STORY), "codex"),
        ([{"type": "thread.started", "thread_id": "t"}], "codex"),
        ([FLAT, *claude_lines(STORY)], None),
        ([CHAT, *claude_lines(STORY)], None),
        ([{"type": "generation", "traceId": "t", "thread_id": "x"}], None),
        ([b"torn"], None),
        ([b""], None),
    ],
)
def test_the_first_record_that_shows_a_format_decides(lines: list[Json | bytes], name: str | None) -> None:
    found = session_format(encoded(lines), None)
    assert (found and found.name) == name


def test_a_named_format_decides() -> None:
    assert session_format(b"", "codex") is FORMATS["codex"]
    assert session_format(encoded([*claude_lines(STORY)]), "flat") is None
    calls = cf.read_jsonl(io.BytesIO(encoded([*claude_lines(STORY)])), format="claude_code", on_error="raise")
    assert calls["output_tokens"].tolist() == [108, 40]


@pytest.mark.parametrize("size", [1, 100, 1000, 5000])
def test_the_size_of_the_blocks_does_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = encoded([*claude_lines([Answer(number, f"Question {number}") for number in range(1, 120)])])
    expected = cf.read_jsonl(io.BytesIO(log), on_error="raise")
    monkeypatch.setattr(streams.line_blocks, "__kwdefaults__", {"size": size})
    pd.testing.assert_frame_equal(cf.read_jsonl(io.BytesIO(log), on_error="raise"), expected)
    assert len(expected) == 119


def test_a_file_without_a_last_line_feed_and_a_compressed_one_are_read(tmp_path: Path) -> None:
    log = encoded([*claude_lines(STORY)])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(log))
    calls = cf.read_jsonl(io.BytesIO(log.rstrip(b"\n")), on_error="raise")
    pd.testing.assert_frame_equal(cf.read_jsonl(tmp_path / "a.jsonl.gz", on_error="raise"), calls)


def test_a_torn_compressed_file_keeps_the_calls_before_the_tear(tmp_path: Path) -> None:
    lines = claude_lines([Answer(number, f"Question {number * 7919}") for number in range(1, 400)])
    packed = gzip.compress(encoded([*lines]))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.warns(cf.RejectedLinesWarning, match="torn"):
        calls = cf.read_jsonl(path)
    assert 50 < len(calls) < 399
    last = cf.read_rejects(path)
    assert last["reason"].str.contains("torn").iloc[-1]
    assert last["line"].iloc[-1] > len(calls)


def test_chosen_columns_are_those_of_the_whole_frame() -> None:
    log = encoded([*claude_lines(STORY)])
    whole = cf.read_jsonl(io.BytesIO(log), on_error="raise")
    for names in (["trace_id", "input_tokens", "cost"], ["prompt", "response"], ["latency_ms", "tags", "billed"]):
        pd.testing.assert_frame_equal(cf.read_jsonl(io.BytesIO(log), columns=names, on_error="raise"), whole[names])


@pytest.mark.parametrize("lines", [claude_lines(STORY), codex_lines(STORY)])
def test_scan_and_read_find_the_same_calls(lines: list[Json], tmp_path: Path) -> None:
    path = tmp_path / "projects" / "p" / "s.jsonl"
    write_lines(path, lines)
    names = ["model", "n_calls", "input_tokens", "output_tokens"]
    read = cf.summarize(cf.read_jsonl(path)).by_model[names]
    pd.testing.assert_frame_equal(cf.scan(path).report.by_model[names], read)
    assert read["output_tokens"].tolist() == [148]


def test_what_was_read_comes_back_from_the_formats_of_the_package(tmp_path: Path) -> None:
    calls = cf.read_jsonl(io.BytesIO(encoded([*claude_lines(STORY)])), on_error="raise")
    for name in ("flat", "crashlens"):
        target = tmp_path / f"{name}.jsonl"
        cf.to_jsonl(cf.add_cost(calls), target, format=name)
        pd.testing.assert_frame_equal(cf.read_jsonl(target, on_error="raise"), cf.add_cost(calls))
