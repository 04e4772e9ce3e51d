"""Answers that come in pieces are read as they would be whole."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from tests.support.streams import ANTHROPIC_ANSWER, ANTHROPIC_STREAM, OPENAI_ANSWER, OPENAI_STREAM

COLUMNS = ["event_id", "model", "response", "tool_calls", "input_tokens", "cached_input_tokens", "output_tokens",
           "finish_reason", "billed"]  # fmt: skip


def read(*lines: Any) -> Any:
    return cf.read_jsonl(io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), duplicates="all")


def rows(frame: Any) -> list[list[Any]]:
    values = frame[COLUMNS].astype(object)
    return values.where(values.notna(), None).values.tolist()


RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1767225600, "model": "gpt-4o", "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "One two three"}]}],
    "usage": {"input_tokens": 13, "output_tokens": 5, "total_tokens": 18},
}  # fmt: skip
RESPONSE_STREAM = [
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": [], "usage": None}},
    *({"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in ("One ", "two ", "three")),
    {"type": "response.completed", "response": RESPONSE},
]


@pytest.mark.parametrize(
    ("stream", "answer"),
    [(OPENAI_STREAM[:-1], OPENAI_ANSWER), (ANTHROPIC_STREAM, ANTHROPIC_ANSWER), (RESPONSE_STREAM, RESPONSE)],
    ids=["chat", "messages", "responses"],
)
class TestStreamsInFiles:
    def test_the_pieces_are_the_call_of_the_whole_answer(self, stream: list[Any], answer: Any) -> None:
        assert rows(read(*stream)) == rows(read(answer))

    def test_a_stream_that_was_cut_is_estimated(self, stream: list[Any], answer: Any) -> None:
        (row,) = rows(read(*stream[: 4 if "content" in answer else 3]))
        assert row[0] == answer["id"]
        assert row[2] == ("One two three" if "choices" in answer else "One two ")
        assert row[-2:] == ["aborted", "estimated"]
        assert row[6] is None

    def test_a_stream_may_follow_another(self, stream: list[Any], answer: Any) -> None:
        other = json.loads(json.dumps(stream).replace(answer["id"], "other"))
        assert [row[0] for row in rows(read(*stream, *other))] == [answer["id"], "other"]


def test_streams_of_chunks_may_be_mixed() -> None:
    other = json.loads(json.dumps(OPENAI_STREAM[:-1]).replace("chatcmpl-1", "other").replace("two", "2"))
    mixed = [piece for pair in zip(OPENAI_STREAM[:-1], other, strict=True) for piece in pair]
    assert [row[2] for row in rows(read(*mixed))] == ["One two three", "One 2 three"]


def test_a_piece_among_other_lines_is_rejected_in_words() -> None:
    lines = b"\n".join(json.dumps(line).encode() for line in (OPENAI_ANSWER, OPENAI_STREAM[0]))
    rejects = cf.read_rejects(io.BytesIO(lines))
    reason = 'object is "chat.completion.chunk", a piece of a stream, expected the whole answer'
    assert rejects[["line", "reason"]].values.tolist() == [[2, reason]]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text("xyz{}", max_size=4)), min_size=1, max_size=8),
    st.booleans(),
)
def test_calls_of_tools_are_put_together(pieces: list[tuple[str, str]], numbered: bool) -> None:
    expected: dict[str, str] = {}
    chunks = []
    for name, text in pieces:
        is_new = name not in expected
        expected[name] = expected.get(name, "") + text
        call = {"index": list(expected).index(name), "function": {"arguments": text}}
        if is_new:
            call |= {"id": name, "type": "function"}
            call["function"]["name"] = name
        chunks.append({"object": "chat.completion.chunk", "id": "c", "model": "gpt-4o",
                       "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})  # fmt: skip
    chunks.append({**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    found = [(call["name"], call["arguments"]) for call in json.loads(read(*chunks)["tool_calls"].iloc[0])]

    def unpacked(text: str) -> Any:
        try:
            return json.loads(text) if text[:1] in ("[", "{") else text
        except ValueError:
            return text

    assert found == [(name, unpacked(text)) for name, text in expected.items()]
