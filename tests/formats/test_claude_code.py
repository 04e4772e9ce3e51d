"""Transcripts of Claude Code: each answer is one call, however its lines are spread, copied or interrupted."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.formats import claude_code, row_from_record
from tests.support.agent_logs import COUNTS, Answer, Json, claude_lines, claude_row, questions, write_lines

CASE = Path(__file__).parents[1] / "cases" / "files" / "u01_claude_code.jsonl"
STORY = [
    Answer(1, "Add a test", texts=("I look first.",), tools=("ls", "cat a.py"), cached=50_000, written=600, output=108),
    Answer(2, texts=(), tools=("pytest",), cached=50_600, written=90, written_1h=90, output=1130, reasoning=700),
    Answer(3, refused=True),
    Answer(4, texts=("It passes.", "Done."), cached=50_690),
    Answer(5, "Thanks", texts=("You are welcome.",), fresh=12, cached=50_700),
]


def read(lines: list[Json], **options: Any) -> pd.DataFrame:
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return cf.read_jsonl(log, on_error="raise", **options)


def values(frame: pd.DataFrame, names: list[str]) -> list[Json]:
    rows = frame[names].astype(object).to_dict("records")
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def assert_story(frame: pd.DataFrame, story: list[Answer], trace: str = "s-1") -> None:
    expected = [claude_row(answer, question, trace) for answer, question in zip(story, questions(story), strict=True)]
    assert values(frame, list(expected[0]) if expected else []) == expected


def test_the_case_has_its_right_values() -> None:
    calls = cf.read_jsonl(CASE, on_error="raise")
    counts = ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens"]
    assert values(calls, counts) == [
        dict(zip(counts, (50_603, 108, 50_000, 600, 0), strict=True)),
        dict(zip(counts, (50_603, 40, 50_000, 600, 600), strict=True)),
        dict.fromkeys(counts),
    ]
    assert calls["response"].tolist()[:2] == ["I look first.", "Done."]
    assert calls["prompt"].isna().all()  # the line that they name as their parent is not in the file
    assert values(calls, ["level", "error", "billed", "model"])[2] == {
        "level": "error",
        "error": "Limit reached",
        "billed": "no",
        "model": None,
    }


def test_a_story_is_read_as_it_happened() -> None:
    assert_story(read(claude_lines(STORY)), STORY)


def test_a_call_knows_its_session_folder_branch_and_program() -> None:
    (call,) = read(claude_lines([Answer(1, "Hi")])).to_dict("records")
    known = ("session_id", "route", "tags", "source", "log_format", "provider", "type", "service_tier", "parent_id")
    assert {name: call[name] for name in known} == {
        "session_id": "s-1",
        "route": "/repo",
        "tags": '{"gitBranch":"main"}',
        "source": "claude-code",
        "log_format": "claude_code",
        "provider": "anthropic",
        "type": "generation",
        "service_tier": "standard",
        "parent_id": "s-1-None--0",
    }


def test_a_subagent_has_a_trace_of_its_own_in_the_session() -> None:
    calls = read(claude_lines(STORY, agent="a1"))
    assert_story(calls, STORY, trace="s-1/a1")
    assert calls["session_id"].unique().tolist() == ["s-1"]
    assert calls["agent"].astype(object).unique().tolist() == ["a1"]


def test_a_subagent_that_repeats_the_messages_it_came_from_adds_only_its_own() -> None:
    own = Answer(9, "Look into b.py", texts=("It is empty.",), output=77)
    lines = claude_lines(STORY) + claude_lines([*STORY[:2], own], agent="a1", request="again")
    calls = read(lines)
    assert_story(calls.iloc[:-1], STORY)
    assert_story(calls.iloc[-1:], [own], trace="s-1/a1")


def test_the_main_line_of_a_call_is_kept_also_if_the_subagent_was_written_first() -> None:
    lines = claude_lines(STORY[:1], agent="a1", request="again") + claude_lines(STORY[:1])
    assert_story(read(lines), STORY[:1])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_subagents_that_repeat_a_call_the_larger_is_kept(order: tuple[int, int]) -> None:
    copies = [
        claude_lines([dataclasses.replace(STORY[0], output=output)], agent=agent, request=agent)
        for agent, output in (("a1", 50), ("a2", 108))
    ]
    calls = read(copies[order[0]] + copies[order[1]])
    assert_story(calls, [STORY[0]], trace="s-1/a2")


@pytest.mark.filterwarnings("ignore::crashlens_frame.PassedOverWarning")
@pytest.mark.parametrize("resumed_first", [False, True])
def test_a_resumed_session_counts_its_history_once(tmp_path: Path, resumed_first: bool) -> None:
    later = [*STORY, Answer(6, "One more", texts=("Fine.",))]
    names = ("b", "a") if resumed_first else ("a", "b")
    write_lines(tmp_path / "p" / f"{names[0]}.jsonl", claude_lines(STORY))
    write_lines(tmp_path / "p" / f"{names[1]}.jsonl", claude_lines(later, "s-2", copy="r"))
    calls = cf.read_jsonl(str(tmp_path / "**" / "*.jsonl"), on_error="raise").sort_values("timestamp")
    assert calls["event_id"].tolist() == [answer.id for answer in later]
    assert calls["output_tokens"].sum() == sum(answer.output for answer in later if not answer.refused)


def test_a_parent_that_is_written_after_its_child_is_found() -> None:
    question, answer = claude_lines([Answer(1, "Hi")])
    assert read([answer, question])["prompt"].tolist() == ["Hi"]


def test_a_question_is_text_that_the_user_wrote_and_no_note_of_the_program() -> None:
    question, answer = claude_lines([Answer(1, "Hi")])
    note = {**question, "isMeta": True, "uuid": "note", "parentUuid": question["uuid"]}
    note["message"] = {"role": "user", "content": [{"type": "text", "text": "Caveat: ..."}]}
    assert read([question, note, {**answer, "parentUuid": "note"}])["prompt"].tolist() == ["Hi"]


def test_a_question_of_text_and_image_is_its_text() -> None:
    question, answer = claude_lines([Answer(1, "Hi")])
    parts = [{"type": "image", "source": {}}, {"type": "text", "text": "What is this?"}]
    question["message"]["content"] = parts
    assert read([question, answer])["prompt"].tolist() == ["What is this?"]


def test_what_no_column_holds_is_kept() -> None:
    question, answer = claude_lines([Answer(1, "Hi", tools=("ls",), texts=())])[:2]
    answer["message"]["content"].insert(0, {"type": "thinking", "thinking": "Hm", "signature": "x"})
    answer["message"]["usage"]["server_tool_use"] = {"web_search_requests": 2, "web_fetch_requests": 1}
    (call,) = read([question, {**answer, "slug": "calm-river"}]).to_dict("records")
    assert call["web_searches"] == 2
    assert json.loads(call["extra"]) == {
        "isSidechain": False,
        "message": {
            "content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}, {"type": "tool_use", "id": "tu_1_0"}],
            "usage": {
                "cache_creation": {"ephemeral_5m_input_tokens": 0},
                "server_tool_use": {"web_fetch_requests": 1},
            },
        },
        "requestId": "req_1",
        "slug": "calm-river",
        "userType": "external",
        "uuid": "s-1-None--1",
        "version": "2.1.200",
    }


def answer_with(usage: Json, **line: Any) -> pd.DataFrame:
    question, answer = claude_lines([Answer(1, "Hi", cached=100, output=10)])
    answer["message"]["usage"] |= usage
    return read([question, {**answer, **line}])


def test_steps_that_the_counts_leave_out_are_added() -> None:
    compaction = {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500}
    message = {"type": "message", "input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 10}
    calls = answer_with({"iterations": [compaction, message]})
    assert values(calls, ["input_tokens", "cached_input_tokens", "output_tokens"]) == [
        {"input_tokens": 180_103, "cached_input_tokens": 100, "output_tokens": 3_510}
    ]


def test_what_was_written_to_a_cache_is_the_sum_of_its_lifetimes_where_no_line_has_it() -> None:
    lifetimes = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40}
    calls = answer_with({"cache_creation_input_tokens": None, "cache_creation": lifetimes})
    expected = {"input_tokens": 163, "cache_write_tokens": 60, "cache_write_1h_tokens": 40}
    assert values(calls, list(expected)) == [expected]


def test_a_single_step_is_the_answer_itself() -> None:
    calls = answer_with({"iterations": [{"type": "message", "input_tokens": 3, "output_tokens": 10}]})
    assert values(calls, ["input_tokens", "output_tokens"]) == [{"input_tokens": 103, "output_tokens": 10}]
    assert "iterations" not in calls["extra"].item()


def test_a_step_of_another_model_is_a_call_of_that_model() -> None:
    advice = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 900, "output_tokens": 40}
    message = {"type": "message", "input_tokens": 3, "output_tokens": 10}
    calls = answer_with({"iterations": [advice, message]}, costUSD=0.5)
    assert values(calls, ["cost"]) == [{"cost": 0.5}, {"cost": None}]
    assert values(calls, ["model", "event_id", "input_tokens", "output_tokens"]) == [
        {"model": "claude-sonnet-4-5-20250929", "event_id": "msg_0001", "input_tokens": 103, "output_tokens": 10},
        {"model": "claude-opus-4-8", "event_id": "msg_0001/0", "input_tokens": 900, "output_tokens": 40},
    ]


@pytest.mark.parametrize(
    ("usage", "columns"),
    [
        ({"speed": "fast"}, {"service_tier": "fast", "region": None}),
        ({"speed": "standard", "service_tier": "priority"}, {"service_tier": "priority", "region": None}),
        ({"inference_geo": "us"}, {"service_tier": "standard", "region": "us"}),
        ({"inference_geo": "not_available"}, {"service_tier": "standard", "region": None}),
    ],
)
def test_what_the_price_depends_on_is_read(usage: Json, columns: Json) -> None:
    assert values(answer_with(usage), list(columns)) == [columns]


def test_old_versions_report_cost_and_duration() -> None:
    calls = answer_with({}, costUSD=0.0125, durationMs=2500)
    expected = {"cost": 0.0125, "cost_source": "reported", "latency_ms": 2500}
    assert values(calls, list(expected)) == [expected]


@pytest.mark.parametrize(
    ("key", "model", "provider"),
    [
        ("msg_bdrk_01", "claude-opus-4-8", "bedrock"),
        ("msg_vrtx_01", "claude-opus-4-8", "vertex_ai"),
        ("msg_01", "claude-opus-4-8", "anthropic"),
        ("msg_01", "glm-5", None),
        ("2026", "claude-opus-4-8", None),
    ],
)
def test_the_id_shows_who_served_an_answer(key: str, model: str, provider: str | None) -> None:
    lines = claude_lines([Answer(1, "Hi", model=model)])
    lines[1]["message"]["id"] = key
    assert values(read(lines), ["provider"]) == [{"provider": provider}]


def test_answers_without_an_id_are_put_together_by_their_request() -> None:
    lines = claude_lines(STORY[:1])
    for line in lines:
        line["message"].pop("id", None)
    calls = read(lines)
    assert values(calls, ["event_id", "output_tokens"]) == [{"event_id": "req_1", "output_tokens": 108}]


def test_answers_without_a_request_are_put_together_by_their_id() -> None:
    lines = [{key: value for key, value in line.items() if key != "requestId"} for line in claude_lines(STORY)]
    assert_story(read(lines), STORY)


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "later_word"])
def test_why_an_answer_ended_is_a_word_of_the_column_or_kept(reason: str) -> None:
    lines = claude_lines([Answer(1, "Hi")])
    lines[1]["message"]["stop_reason"] = reason
    calls = read(lines)
    known = {"max_tokens": "length", "refusal": "content_filter"}.get(reason)
    assert values(calls, ["finish_reason"]) == [{"finish_reason": known}]
    assert (reason in calls["extra"].item()) is (known is None)


def test_what_the_print_mode_prints_is_read() -> None:
    usage = {"input_tokens": 5, "output_tokens": 7}
    message = {
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [{"type": "text", "text": "4"}],
    }
    lines = [
        {"type": "system", "subtype": "init", "session_id": "s-9", "cwd": "/repo", "tools": []},
        {"type": "assistant", "message": {**message, "usage": usage}, "parent_tool_use_id": None, "session_id": "s-9"},
        {"type": "result", "subtype": "success", "session_id": "s-9", "total_cost_usd": 1.5, "usage": usage},
    ]
    expected = {"trace_id": "s-9", "session_id": "s-9", "input_tokens": 5, "output_tokens": 7, "response": "4"}
    assert values(read(lines), list(expected)) == [expected]


def test_one_line_alone_is_a_call() -> None:
    lines = claude_lines([Answer(1, "Hi", output=7)])
    row = row_from_record(lines[1])
    assert {name: row.get(name) for name in ("event_id", "output_tokens", "prompt")} == {
        "event_id": "msg_0001",
        "output_tokens": 7,
        "prompt": None,
    }


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_code, "_MANY_LINES", 50)
    monkeypatch.setattr(claude_code, "_MANY_OPEN", 4)
    transcript = claude_code.Transcript()
    story = [Answer(number, f"Question {number}") for number in range(1, 200)]
    found = []
    for number, line in enumerate(claude_lines(story), 1):
        found += list(transcript.read(line, number))
        assert len(transcript._questions) <= 50
        assert len(transcript._open) <= 4
    found += list(transcript.finish())
    assert [call["prompt"] for _, call in found] == [answer.question for answer in story]
    assert [line for line, _ in found] == list(range(2, 2 * len(story) + 1, 2))


# -- any story, in any order of files ---------------------------------------------------------------------------------

TEXTS = st.lists(st.text("abc é\n", min_size=1, max_size=5), max_size=2, unique=True).map(tuple)
TOOLS = st.lists(st.sampled_from(["ls", "pytest", "git diff"]), max_size=2).map(tuple)


@st.composite
def stories(draw: st.DrawFn) -> list[Answer]:
    story = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        written = draw(st.integers(0, 900))
        answer = Answer(
            number,
            question=draw(st.none() | st.sampled_from(["Why?", "Go on", "Fix it"])) if number > 1 else "Begin",
            texts=draw(TEXTS),
            tools=draw(TOOLS),
            fresh=draw(st.integers(0, 50)),
            cached=draw(st.integers(0, 90_000)),
            written=written,
            written_1h=draw(st.integers(0, written)),
            output=draw(st.integers(1, 2000)),
            refused=draw(st.integers(0, 9)) == 0,
        )
        story.append(answer if answer.texts or answer.tools else dataclasses.replace(answer, texts=("ok",)))
    return story


@pytest.mark.filterwarnings("ignore::crashlens_frame.PassedOverWarning")
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_in_any_order_hold_each_call_once(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    story = data.draw(stories())
    copied = story[: data.draw(st.integers(0, len(story)))]
    own = Answer(50, "Look around", texts=("Nothing.",))
    files = [
        claude_lines(story),
        claude_lines([*copied, own], agent="a1", request="again"),
        claude_lines([*copied, Answer(60, "More")], "s-2", copy="r"),
        claude_lines(story[:1], "s-3", copy="f"),
    ]
    folder = tmp_path_factory.mktemp("projects")
    for place, lines in enumerate(data.draw(st.permutations(files))):
        write_lines(folder / f"p{place % 2}" / f"{place}.jsonl", lines)

    calls = cf.read_jsonl(str(folder / "**" / "*.jsonl"), on_error="raise").sort_values("timestamp", kind="stable")

    everything = [*story, own, Answer(60, "More")]
    expected = [
        claude_row(answer, question) for answer, question in zip(everything, questions(everything), strict=True)
    ]
    names = ["event_id", "prompt", "response", "tool_calls", "billed", "timestamp", *COUNTS]
    assert values(calls, names) == [{name: row[name] for name in names} for row in expected]


def test_lines_without_a_type_or_a_session_are_read_with_those_that_are_known() -> None:
    lines = claude_lines([Answer(1, "Hi", cached=100, output=10), Answer(2, "And?", cached=120, output=20)])
    columns = ["model", "prompt", "input_tokens", "output_tokens", "event_id"]
    expected = values(read(lines), columns)
    untyped = [{key: value for key, value in line.items() if key != "type"} for line in lines]
    assert values(read(untyped), columns) == expected
    nameless = [{key: value for key, value in line.items() if key != "sessionId"} for line in lines]
    calls = read(nameless)
    assert values(calls, columns) == expected
    assert len(set(calls["trace_id"])) == 1
    assert set(read([*nameless[:2], *lines[2:]])["trace_id"].dropna()) == {calls["trace_id"][0], "s-1"}


def test_answers_without_counts_are_no_calls_and_are_reported() -> None:
    lines = claude_lines([Answer(1, "Hi", cached=100, output=10)])
    for line in lines:
        line["message"].pop("usage", None)
        line["message"].pop("id", None)
        line.pop("requestId", None)
    with pytest.warns(
        cf.PassedOverWarning, match='left out 1 record other than calls of a model .1 "type": "assistant"'
    ):
        assert read(lines).empty
