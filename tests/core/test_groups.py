"""Groups of equal keys, compared with plain Python, for all widths, chunks and collisions."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashlens_frame._core import groups
from crashlens_frame.detectors.texts import WHITESPACE

# how many hashes there are: with few of them every bucket holds several keys
HASHES = (1, 2, 1 << 64)


@st.composite
def chunked(draw: st.DrawFn, texts: st.SearchStrategy[str | None]) -> pa.ChunkedArray:
    """Draw a column in chunks, each a slice of a longer one, of small or large strings or of labels."""
    kind = draw(st.sampled_from((pa.string(), pa.large_string())))
    chunks = []
    for values in draw(st.lists(st.lists(texts, max_size=8), max_size=3)):
        begin = draw(st.integers(0, len(values)))
        chunks.append(pa.array(values, kind)[begin:])
    column = pa.chunked_array(chunks, kind)
    return column.dictionary_encode() if draw(st.booleans()) else column


def few(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Reduce the number of different hashes."""
    plain = groups.hash_keys
    few = (lambda keys: plain(keys) % np.uint64(number)) if number < 9 else plain
    monkeypatch.setattr(groups, "hash_keys", few)


def first_places(values: Sequence[object]) -> list[int]:
    return [values.index(value) for value in values]


@pytest.mark.parametrize("number", HASHES)
@given(rows=st.lists(st.tuples(st.integers(-2, 3), st.sampled_from((0, 1, 1 << 62)))))
def test_firsts(number: int, rows: list[tuple[int, int]]) -> None:
    keys = [np.array([row[place] for row in rows], np.int64) for place in (0, 1)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        few(monkeypatch, number)
        first = groups.first_equal(keys)
    assert first.tolist() == first_places(rows)
    # side by side, each group in the order of its rows
    assert groups.stable_order(first).tolist() == sorted(range(len(rows)), key=lambda row: (first[row], row))


@given(texts=chunked(st.one_of(st.none(), st.sampled_from(("", "a", "b\0", "b")))))
def test_keys_of_texts_of_any_width(texts: pa.ChunkedArray) -> None:
    assert_keys_differ_as_the_texts(texts)


@pytest.mark.parametrize("width", [7, 8, 9, 16, 36])
@given(data=st.data())
def test_keys_of_texts_of_one_width(width: int, data: st.DataObject) -> None:
    # they differ in one byte, at either end or within
    bytes_ = st.builds(lambda place: "x" * place + "y" + "x" * (width - 1 - place), st.integers(0, width - 1))
    assert_keys_differ_as_the_texts(data.draw(chunked(bytes_)))


def assert_keys_differ_as_the_texts(texts: pa.ChunkedArray) -> None:
    rows = list(zip(*(key.tolist() for key in groups.text_keys(texts)), strict=True))
    assert first_places(rows) == first_places(texts.to_pylist())


@given(numbers=st.lists(st.integers(0, 4)), least=st.integers(1, 3), data=st.data())
def test_rows_of_large_groups_and_of_shared_buckets_are_never_missed(
    numbers: list[int], least: int, data: st.DataObject
) -> None:
    keys = [np.array(numbers, np.int64)]
    crowd = groups.in_large_groups(keys, least)
    assert all(crowd[row] for row, number in enumerate(numbers) if numbers.count(number) >= least)
    chosen = np.array([data.draw(st.booleans()) for _ in numbers], bool)
    shared = groups.share_bucket(groups.hash_keys(keys), chosen)
    assert all(shared[row] for row, number in enumerate(numbers) if number in keys[0][chosen])


@given(texts=chunked(st.one_of(st.none(), st.text("a\u00e9 \x1f\u2003\t\x85\u200b", max_size=5))))
def test_lengths(texts: pa.ChunkedArray) -> None:
    plain = [text or "" for text in texts.to_pylist()]
    assert groups.byte_lengths(texts).tolist() == [len(text.encode()) for text in plain]
    assert groups.trimmed_lengths(texts, WHITESPACE).tolist() == [len(text.strip().encode()) for text in plain]


@given(numbers=st.lists(st.sampled_from((0, 3, 1 << 16, 5 << 16, (5 << 16) + 3, 1 << 40))))
def test_numbers_of_any_size_are_sorted(numbers: list[int]) -> None:
    expected = sorted(range(len(numbers)), key=lambda row: numbers[row])
    assert groups.stable_order(np.array(numbers, np.int64)).tolist() == expected
