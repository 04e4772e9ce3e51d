"""Lines that are parsed together have the values that each has by itself; what is not exact is left to each."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crashlens_frame.jsonvalues import parse_exact_json, parse_json

_DIGITS = st.from_regex(r"[1-9]\d{15,21}", fullmatch=True)
_NUMBERS: st.SearchStrategy[Any] = st.one_of(
    _DIGITS, _DIGITS.map(int), _DIGITS.map(lambda digits: -int(digits)), _DIGITS.map(lambda digits: f"at {digits}")
)
_VALUES = st.recursive(
    st.one_of(_NUMBERS, st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_DIGITS, inner, max_size=3)),
    max_leaves=6,
)
_SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (",\t", ":\r")])


@given(st.lists(st.tuples(_VALUES, _SEPARATORS), max_size=4), st.booleans())
def test_lines_that_are_parsed_together_have_the_values_of_each(
    records: list[tuple[Any, tuple[str, str]]], is_one_torn: bool
) -> None:
    lines = [json.dumps(value, separators=separators).encode() for value, separators in records]
    assert [repr(parse_json(line)) for line in lines] == [repr(value) for value, _ in records]
    values = parse_exact_json([*lines, b'{"torn'] if is_one_torn else lines)
    if is_one_torn:
        assert values.pop() is None
    for value, (expected, _) in zip(values, records, strict=True):
        if value is not None or all(len(digits) < 19 for digits in re.findall(r"\d+", repr(expected))):
            assert repr(value) == repr(expected)  # no whole number as a float


def test_only_long_numbers_and_what_is_no_json_are_left_to_each() -> None:
    lines = [b'{"n": 12}', b'{"n": 123456789012345678901}', b'{"t": "123456789012345678901"}', b"NaN", b'"\\ud800"']
    assert parse_exact_json(lines) == [{"n": 12}, None, {"t": "123456789012345678901"}, None, None]
