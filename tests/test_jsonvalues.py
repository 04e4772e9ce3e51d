"""Lines that are parsed together have the values that each has by itself, long numbers too."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crashlens_frame.jsonvalues import parse_json, parse_json_lines

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


@given(st.lists(st.tuples(_VALUES, _SEPARATORS), max_size=4))
def test_lines_that_are_parsed_together_have_the_values_of_each(records: list[tuple[Any, tuple[str, str]]]) -> None:
    lines = [json.dumps(value, separators=separators).encode() for value, separators in records]
    values = parse_json_lines(lines)
    assert values == [value for value, _ in records] == [parse_json(line) for line in lines]
    assert [repr(value) for value in values] == [repr(value) for value, _ in records]  # no whole number as a float
