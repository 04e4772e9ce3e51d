"""The frame of a book grows at its end: it equals the frame of all calls, and whoever has one keeps what is in it."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import frame_from_table
from crashlens_frame.logbook import growing_frame
from crashlens_frame.logbook.growing_frame import GrowingFrame
from crashlens_frame.schema import CALLS, arrow_schema

VALUES: dict[str, Any] = {
    "trace_id": st.text(max_size=3),
    "timestamp": st.none() | st.integers(-(10**15), 10**15),
    "model": st.none() | st.sampled_from(["b", "a", "é", "gpt-4", "z"]),
    "prompt": st.none() | st.text(max_size=3),
    "input_tokens": st.none() | st.integers(0, 2**63 - 1),
    "cost": st.none() | st.floats(0, 1e9),
    "fallback_attempted": st.none() | st.booleans(),
    "cost_source": st.none() | st.sampled_from(["reported", "priced", "unknown"]),
}
ROWS = st.lists(st.fixed_dictionaries(VALUES), max_size=5)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, arrow_schema(CALLS))


@pytest.mark.long
@settings(max_examples=150)
@given(parts=st.lists(ROWS, max_size=6), room=st.integers(0, 4), short=st.integers(0, 4))
def test_what_was_appended_part_by_part_is_the_frame_of_all(
    parts: list[list[dict[str, Any]]], room: int, short: int
) -> None:
    growing, seen = GrowingFrame(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_frame, "_ROOM", room)
        patch.setattr(growing_frame, "_SHORT", short)
        for part in parts:
            growing.append(table(part))
            seen.append(growing.frame())
    for end, frame in enumerate(seen, 1):
        expected = frame_from_table(table([row for part in parts[:end] for row in part]))
        pd.testing.assert_frame_equal(frame, expected, check_exact=True)


CHANGES = {
    "input_tokens": 5,
    "cost": 7.5,
    "model": "b",
    "prompt": "changed",
    "fallback_attempted": True,
    "timestamp": pd.Timestamp("2020-01-01", tz="UTC"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_frame_is_the_callers_own(column: str) -> None:
    book = cf.LogBook()
    book.log(model="a", prompt="Hi", trace_id="t1", input_tokens=1, cost=1.0, fallback_attempted=False)
    book.log(model="b", prompt="Hi", trace_id="t2")
    before, first, second = book.df.copy(deep=True), book.df, book.df
    first.loc[0, column] = CHANGES[column]
    assert first.loc[0, column] == CHANGES[column]
    book.log(model="c", prompt="Hi", trace_id="t3")
    len(book.df)
    second.loc[1, column] = CHANGES[column]  # older than the book, and still no more than a part of its buffers
    assert second.loc[1, column] == CHANGES[column]
    after = book.df.iloc[:2].astype({"model": "str"})
    pd.testing.assert_frame_equal(after, before.astype({"model": "str"}))


def test_a_frame_of_before_keeps_its_categories_when_a_new_label_comes() -> None:
    book = cf.LogBook()
    book.log(model="m", prompt="Hi")
    before = book.df
    book.log(model="a", prompt="Hi")
    assert before["model"].tolist() == ["m"]
    assert before["model"].cat.categories.tolist() == ["m"]
    assert book.df["model"].tolist() == ["m", "a"]
    assert book.df["model"].cat.categories.tolist() == ["a", "m"]


def test_texts_that_come_one_by_one_do_not_become_many_chunks() -> None:
    growing = GrowingFrame()
    for number in range(500):
        growing.append(table([{"trace_id": f"t{number}"}]))
    traces = growing.frame()["trace_id"]
    assert traces.tolist() == [f"t{number}" for number in range(500)]
    assert traces.array.__arrow_array__().num_chunks < 12


@pytest.mark.parametrize("place", range(6))
def test_an_interrupt_while_the_frame_grows_loses_and_doubles_no_call(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    book = cf.LogBook()
    for trace in "ab":
        book.log(model="m", prompt="Hi", trace_id=trace)
        len(book.df)
    book.log(model="a", prompt="Hi", trace_id="c")
    real, made = growing_frame._strings, []

    def interrupt(chunks: Any) -> Any:
        made.append(chunks)
        if len(made) == place + 1:
            raise KeyboardInterrupt
        return real(chunks)

    with monkeypatch.context() as patch:
        patch.setattr(growing_frame, "_strings", interrupt)
        with pytest.raises(KeyboardInterrupt):
            len(book.df)
    assert book.df["trace_id"].tolist() == ["a", "b", "c"]
    assert book.df["model"].tolist() == ["m", "m", "a"]
