"""Rollouts of Codex: each call is counted once, with the model, the question and the answer of the lines around it."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats import row_from_record
from tests.support.agent_logs import Answer, Json, codex_lines, codex_row, codex_usage, moment, questions, write_lines

GPT = "gpt-5.6-codex"
STORY = [
    Answer(1, "Add a test", texts=("I look first.",), tools=("ls", "cat a.py"), fresh=900, cached=5_000, model=GPT),
    Answer(2, texts=(), tools=("pytest",), fresh=50, cached=5_900, output=130, reasoning=100, model=GPT),
    Answer(3, texts=("It passes.", "Done."), fresh=70, cached=5_950, model=GPT),
    Answer(4, "Thanks", texts=("You are welcome.",), fresh=12, cached=6_000, model="gpt-5.6-mini"),
]


def read(lines: list[Json], **options: Any) -> pd.DataFrame:
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return cf.read_jsonl(log, on_error="raise", **options)


def values(frame: pd.DataFrame, names: list[str]) -> list[Json]:
    rows = frame[names].astype(object).to_dict("records")
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def assert_story(frame: pd.DataFrame, story: list[Answer], trace: str = "c-1") -> None:
    expected = [codex_row(answer, question, trace) for answer, question in zip(story, questions(story), strict=True)]
    assert values(frame, list(expected[0])) == expected


@pytest.mark.parametrize("tools_after_counts", [False, True])
@pytest.mark.parametrize("last_usage", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_a_story_is_read_as_it_happened(tools_after_counts: bool, last_usage: bool, twice: bool) -> None:
    lines = codex_lines(STORY, tools_after_counts=tools_after_counts, last_usage=last_usage, twice=twice)
    assert_story(read(lines), STORY)


def test_a_call_knows_its_session_folder_branch_and_program() -> None:
    call = read(codex_lines(STORY)).iloc[0]
    known = ("session_id", "route", "tags", "source", "log_format", "provider", "type", "event_id")
    assert {name: call[name] for name in known} == {
        "session_id": "c-1",
        "route": "/repo",
        "tags": '{"gitBranch":"main"}',
        "source": "codex",
        "log_format": "codex",
        "provider": "openai",
        "type": "generation",
        "event_id": "c-1/5910",
    }
    assert json.loads(call["extra"]) == {
        "effort": "high",
        "info": {"model_context_window": 272000, "total_token_usage": codex_usage(STORY[0])},
        "originator": "codex_cli_rs",
    }


def test_the_format_is_detected_and_says_what_shows_it() -> None:
    assert cf.detect_format(codex_lines(STORY)[0]) == ("codex", 'it has "payload" and its "type" is "session_meta"')


def test_a_model_that_no_line_names_is_unknown() -> None:
    lines = [line for line in codex_lines(STORY[:1]) if line["type"] != "turn_context"]
    assert values(read(lines), ["model", "input_tokens"]) == [{"model": None, "input_tokens": 5_900}]


def test_counts_that_shrink_begin_again() -> None:
    lines = codex_lines(STORY[:2], last_usage=False) + codex_lines(STORY[2:], last_usage=False)[1:]
    assert read(lines)["output_tokens"].tolist() == [10, 130, 10, 10]


def test_counts_without_totals_are_repeated_only_within_a_second() -> None:
    usage = codex_usage(STORY[0])

    def counts(seconds: float, milliseconds: int) -> Json:
        payload = {"type": "token_count", "info": {"last_token_usage": usage}}
        return {"timestamp": moment(seconds, milliseconds), "type": "event_msg", "payload": payload}

    begin = codex_lines([])
    assert len(read([*begin, counts(5, 0), counts(5, 13)])) == 1
    assert len(read([*begin, counts(5, 0), counts(25, 0)])) == 2


def test_a_context_that_was_made_smaller_is_no_call() -> None:
    lines = codex_lines(STORY[:1])
    counts = next(line for line in lines if line["payload"].get("info"))
    changed = json.loads(json.dumps(counts))
    changed["payload"]["info"] |= {"last_token_usage": {"input_tokens": 0, "total_tokens": 4000}}
    changed["payload"]["info"]["total_token_usage"]["total_tokens"] += 1
    assert len(read([*lines, changed])) == 1


def fork(**meta: Any) -> list[Json]:
    """Return a rollout that begins with all that its parent did, written again within some milliseconds."""
    parent = codex_lines(STORY[:3])
    for place, line in enumerate(parent):
        line["timestamp"] = moment(60, place)
    total = {key: sum(codex_usage(answer)[key] for answer in STORY[:3]) for key in codex_usage(STORY[0])}
    own = codex_lines([Answer(7, "And now?", fresh=6000, model=GPT)], "c-2", before=total, **meta)
    own[0]["timestamp"] = moment(60)
    return [own[0], *parent, *own[1:]]


@pytest.mark.parametrize(
    "meta",
    [
        {"forked_from_id": "c-1"},
        {"source": {"subagent": {"thread_spawn": {"parent_thread_id": "c-1", "agent_nickname": "Nash"}}}},
    ],
)
@pytest.mark.parametrize("last_usage", [False, True])
def test_a_fork_counts_only_what_came_after_it(meta: Json, last_usage: bool) -> None:
    lines = fork(**meta)
    if not last_usage:
        for line in lines:
            if line["payload"].get("info"):
                del line["payload"]["info"]["last_token_usage"]
    calls = read(lines)
    assert_story(calls, [Answer(7, "And now?", fresh=6000, model=GPT)], trace="c-2")
    assert calls["parent_id"].tolist() == ["c-1"]
    assert values(calls, ["agent"]) == [{"agent": "Nash" if "source" in meta else None}]


def test_a_fork_with_the_old_times_of_its_parent_counts_only_its_own() -> None:
    parent = codex_lines(STORY[:3])
    own = codex_lines([Answer(30, "And now?", model=GPT)], "c-2", forked_from_id="c-1")
    own[0]["timestamp"] = moment(200)
    assert_story(read([own[0], *parent, *own[1:]]), [Answer(30, "And now?", model=GPT)], trace="c-2")


@pytest.mark.filterwarnings("ignore::crashlens_frame.PassedOverWarning")
def test_a_copied_file_counts_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_lines(tmp_path / "2026" / name / "rollout-1.jsonl", codex_lines(STORY))
    assert_story(cf.read_jsonl(str(tmp_path / "**" / "rollout-*.jsonl"), on_error="raise"), STORY)


def test_searches_of_the_web_are_counted() -> None:
    lines = codex_lines(STORY[3:])
    search = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}}
    lines.insert(3, {"timestamp": moment(1), "type": "response_item", "payload": search})
    assert read(lines)["web_searches"].tolist() == [1]


def test_an_answer_that_was_broken_off_is_no_part_of_the_next() -> None:
    lines = codex_lines(STORY[3:])
    broken = {"type": "event_msg", "timestamp": moment(1), "payload": {"type": "agent_message", "message": "I thi"}}
    lines.insert(1, broken)
    assert_story(read(lines), STORY[3:])


def test_what_codex_exec_prints_is_a_call_per_turn() -> None:
    usage = {"input_tokens": 24_763, "cached_input_tokens": 24_448, "output_tokens": 122}
    lines = [
        {"type": "thread.started", "thread_id": "t-9"},
        {"type": "turn.started"},
        {"type": "item.completed", "item": {"id": "item_0", "type": "agent_message", "text": "Looking."}},
        {"type": "item.completed", "item": {"id": "item_1", "type": "command_execution", "command": "ls"}},
        {"type": "item.completed", "item": {"id": "item_2", "type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": usage},
        {"type": "turn.started"},
        {"type": "turn.failed", "error": {"message": "stream disconnected"}},
    ]
    calls = read(lines)
    names = [
        "trace_id",
        "session_id",
        "response",
        "input_tokens",
        "cached_input_tokens",
        "output_tokens",
        "error",
        "level",
    ]
    assert values(calls, names) == [
        dict(zip(names, ("t-9", "t-9", "Looking.\nDone.", 24_763, 24_448, 122, None, "info"), strict=True)),
        dict(zip(names, ("t-9", "t-9", None, None, None, None, "stream disconnected", "error"), strict=True)),
    ]


def test_counts_alone_are_refused() -> None:
    (counts,) = (line for line in codex_lines(STORY[:1]) if line["payload"].get("info"))
    with pytest.raises(cf.InvalidCallError, match="counts without the lines of the rollout before them"):
        row_from_record(counts)


@given(
    st.lists(
        st.builds(
            Answer,
            st.just(0),
            question=st.none() | st.sampled_from(["Why?", "Go on"]),
            texts=st.lists(st.sampled_from(["a", "b\n", "é"]), max_size=2).map(tuple),
            tools=st.lists(st.sampled_from(["ls", "pytest"]), max_size=2).map(tuple),
            fresh=st.integers(1, 900),
            cached=st.integers(0, 90_000),
            output=st.integers(0, 2000),
            model=st.sampled_from([GPT, "gpt-5.6-mini"]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_story_is_read_as_it_happened(
    story: list[Answer], tools_after_counts: bool, last_usage: bool, twice: bool
) -> None:
    numbered = [dataclasses.replace(answer, number=number) for number, answer in enumerate(story, 1)]
    lines = codex_lines(numbered, tools_after_counts=tools_after_counts, last_usage=last_usage, twice=twice)
    assert_story(read(lines), numbered)


def test_a_file_that_lost_its_first_line_is_a_session_all_the_same() -> None:
    columns = ["model", "prompt", "input_tokens", "output_tokens"]
    lines = codex_lines(STORY)
    calls = read(lines[1:])
    assert values(calls, columns) == values(read(lines), columns)
    assert len(set(calls["trace_id"])) == 1
    assert calls["event_id"].is_unique
    again = read([*lines[1:]])  # the same file has the same name
    assert again["trace_id"].equals(calls["trace_id"])


def test_a_rollout_without_counts_has_no_calls_and_says_so() -> None:
    counted = codex_lines(STORY)
    answer = {"type": "response_item", "timestamp": counted[0]["timestamp"], "payload": {
        "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}}  # fmt: skip
    lines = [line for line in counted if line["payload"].get("type") != "token_count"]
    with pytest.warns(cf.PassedOverWarning, match="other than calls .* .answers without counts"):
        assert read([*lines, answer]).empty
    assert len(read([counted[0], answer, *counted[1:]])) == len(STORY)
