"""JSON documents of every shape are read as their records, one by one, and a damaged record costs itself."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.io.documents import record_lines

RECORDS = [{"id": 1, "a": [1, {"b": "}]"}]}, {"id": 2, "s": 'x\\"y\n'}, {"id": 3, "é": None}]
SHAPES: dict[str, Any] = {
    "array": lambda records: records,
    "data": lambda records: {"object": "list", "data": records, "has_more": False},
    "runs": lambda records: {"runs": records},
    "observations": lambda records: {"observations": records},
    "results": lambda records: {"results": records},
    "promptfoo": lambda records: {"evalId": "e", "results": {"version": 3, "results": records, "stats": {}}, "x": 1},
}


def read(document: bytes | str, size: int = 11) -> list[tuple[int, Any]]:
    """Return the records of a document that comes in small chunks, each with the number of its line."""
    raw = document.encode() if isinstance(document, str) else document
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    return [
        (number, json.loads(line))
        for block in record_lines(chunks)
        for number, line in zip(block.numbers.tolist(), block.block.splitlines(), strict=True)
    ]


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_document_of_each_shape_yields_its_records_with_the_lines_they_begin_on(shape: str, indent: int) -> None:
    document = json.dumps(SHAPES[shape](RECORDS), indent=indent, ensure_ascii=False)
    found = read(document)
    assert [record for _, record in found] == RECORDS
    lines = document.split("\n")
    if indent is not None:
        assert [line for line, _ in found] == [number for number, line in enumerate(lines) if '"id"' in line]


def test_the_parts_of_otlp_keep_the_object_that_they_are_in() -> None:
    document = json.dumps({"resourceSpans": [{"a": 1}, {"a": 2}]}, indent=1)
    assert read(document) == [(3, {"resourceSpans": [{"a": 1}]}), (6, {"resourceSpans": [{"a": 2}]})]


def test_observations_have_the_session_and_the_user_of_their_trace() -> None:
    document = {"trace": {"id": "t", "sessionId": "s", "userId": "u"}, "observations": [{"id": "o", "userId": "own"}]}
    assert read(json.dumps(document, indent=1))[0][1] == {"id": "o", "userId": "own", "traceId": "t", "sessionId": "s"}


def test_pretty_values_after_one_another_and_an_array_with_an_object_per_line() -> None:
    values = "\n".join(json.dumps(record, indent=2, ensure_ascii=False) for record in RECORDS)
    assert [record for _, record in read(values)] == RECORDS
    array = "[\n" + ",\n".join(json.dumps(record) for record in RECORDS) + "\n]\n"
    assert read(array) == list(enumerate(RECORDS, 2))


def test_an_object_that_has_embeddings_is_one_record() -> None:
    answer = {"object": "list", "data": [{"object": "embedding", "embedding": [0.1]}], "model": "m", "usage": {}}
    assert [record for _, record in read(json.dumps(answer, indent=1))] == [answer]


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.recursive(st.none() | st.integers() | st.text(), st.lists), min_size=1)
    ),
    st.sampled_from([None, 1, 4]),
    st.integers(1, 50),
    st.booleans(),
)
def test_any_records_come_back_in_chunks_of_any_size(
    records: list[dict[str, Any]], indent: int | None, size: int, is_ascii: bool
) -> None:
    records = [{"id": number, **record} for number, record in enumerate(records)]
    document = json.dumps({"data": records}, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "replace")
    expected = json.loads(document)["data"]
    assert [record for _, record in read(document, size)] == expected


DAMAGE = {
    "a word": ('"id": 2', '"id": nope'),
    "no end of a text": ('"id": 2', '"id: 2'),
    "a bracket too many": ('"id": 2', '"id": 2, "q": ['),
    "a brace too many": ('"id": 2', '"id": 2, "q": {'),
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_a_reject_with_its_line_and_costs_no_other(damage: str, indent: int | None) -> None:
    calls = [{"id": number, "trace_id": f"t{number}", "model": "m", "input_tokens": number} for number in range(1, 5)]
    document = json.dumps({"data": calls}, indent=indent)
    broken = document.replace(*DAMAGE[damage])
    line = next(number for number, text in enumerate(broken.split("\n"), 1) if DAMAGE[damage][1] in text)
    with pytest.warns(cf.RejectedLinesWarning):
        found = cf.read_logs(io.BytesIO(broken.encode()), prices=None)
    rejects = cf.read_rejects(io.BytesIO(broken.encode()))
    assert found["trace_id"].tolist() == ["t1", "t3", "t4"]
    assert rejects["line"].tolist() == [line - 1 if indent else 1]
    assert rejects["reason"].str.startswith("not JSON, ").all()


def test_a_large_document_needs_no_more_memory_than_a_part_of_it() -> None:
    record = json.dumps({"trace_id": "t", "text": "x" * 10_000}).encode()

    def chunks():
        yield b'{"data": [' + record
        for _ in range(400):
            yield b",\n" + b",\n".join([record] * 20)
        yield b"]}"

    tracemalloc.start()
    number = sum(len(block.numbers) for block in record_lines(chunks()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 8001  # 80 MB
    assert peak < 40e6
