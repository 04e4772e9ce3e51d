"""Numbers for texts: equal exactly where the texts are, also on the way that never lays out all different texts."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors import texts

# words of eight bytes and their neighbours, so that lengths and samples of different texts are equal
WORDS = st.lists(st.sampled_from(["", "a", "b", "tomorrow", "tomorroW", "überall", "x" * 7, "y" * 9]), max_size=5)
TEXTS = st.none() | WORDS.map("".join) | st.text(max_size=30)


@pytest.fixture(scope="module", autouse=True)
def _few_are_many():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_TRIED", 1)
        patch.setattr(texts, "_MANY", 0.0)
        yield


@given(values=st.lists(TEXTS, min_size=2, max_size=40), cuts=st.lists(st.integers(0, 40), max_size=3))
@settings(max_examples=300)
def test_numbers_are_equal_exactly_where_texts_are(values: list[str | None], cuts: list[int]) -> None:
    places = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    chunks = [pa.array(values[begin:end], pa.large_string()) for begin, end in pairwise(places)]
    whole = pa.chunked_array(chunks, pa.large_string())
    sliced = pa.chunked_array([pa.concat_arrays([pa.array(["before"], pa.large_string()), *chunks]).slice(1)])
    for given_texts in (whole, sliced):
        numbers = texts.equal_texts(given_texts).tolist()
        assert [number == -1 for number in numbers] == [value is None for value in values]
        for one, first in zip(values, numbers, strict=True):
            for other, second in zip(values, numbers, strict=True):
                if one is not None and other is not None:
                    assert (first == second) == (one == other)


def test_texts_that_differ_between_their_samples_are_different() -> None:
    # equal lengths, and equal first, middle and last eight bytes
    one, other = ("A" * 12 + letter + "B" * 3 + "C" * 8 + "D" * 16 for letter in "xy")
    assert len(set(texts.equal_texts(pa.chunked_array([pa.array([one, other, one], pa.large_string())])))) == 2
