"""What was written in any form is read back as the same frame: values, nulls, dtypes, categories and order."""

import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.formats import synonyms_among
from crashlens_frame.frame import as_calls
from crashlens_frame.io.jsonl import read_jsonl, to_jsonl
from crashlens_frame.io.parquet import read_parquet, to_parquet
from crashlens_frame.schema import CALLS, COUNT, FLAG, LABEL, NUMBER, TEXT, TIME, Column

# the ends of lines, JSON and Unicode, and names that mean something in a log
HARD = st.sampled_from(
    ["", " ", '"', "\\", "\n", "\r\n", "\0", "\u2028", "\x85", "\ufeff", "\ufffd", "\u202e", "😀", "é", "e\u0301",
     "\\u2028", "null", "{}", "NaN", "unknown", "0", "<b>"]
)  # fmt: skip
WORDS = HARD | st.text(max_size=12)
KEYS = WORDS | st.sampled_from(
    ["usage", "input", "metadata", "extra", "filled", "traceId", "endTime", "output", "tokens", "model", "cost",
     "timestamp", "error", "usage.x", "endpoint", "fallback_triggered"]
)  # fmt: skip
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
EXTRAS = st.dictionaries(KEYS, VALUES, max_size=4)
OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    TEXT: WORDS,
    LABEL: WORDS,
    COUNT: st.sampled_from([0, 1, 2**31, 2**53 + 1, 2**63 - 1]) | st.integers(0, 10**6),
    NUMBER: st.floats(0, allow_infinity=False, allow_nan=False),
    FLAG: st.booleans(),
    TIME: st.datetimes(pd.Timestamp(1, 1, 1), pd.Timestamp(9999, 12, 31)),
}


def values(column: Column) -> st.SearchStrategy[Any]:
    if column.name == "trace_id":
        return st.text(min_size=1, max_size=3)
    if column.name == "extra":
        return st.none() | EXTRAS.map(canonical)
    return st.none() | (st.sampled_from(column.categories) if column.categories else OF_TYPE[column.arrow])


def canonical(fields: dict[str, Any]) -> str | None:
    """Write the fields as the package keeps them; none at all is null."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if fields else None


def with_null_cost(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose unknown cost is null: on a line it is written as 0 and read as null."""
    return {**row, "cost": None} if row["cost_source"] == "unknown" and row["cost"] == 0 else row


WHOLES = {
    "cached_input_tokens": "input_tokens", "cache_write_tokens": "input_tokens", "audio_input_tokens": "input_tokens",
    "cache_write_1h_tokens": "cache_write_tokens", "reasoning_tokens": "output_tokens",
    "audio_output_tokens": "output_tokens",
}  # fmt: skip


def with_possible_counts(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose parts are no larger than their wholes: others are read as nulls."""
    row = dict(row)
    if row["cached_input_tokens"] and row["cache_write_tokens"]:
        row["cached_input_tokens"] = 0
    if row["cache_write_tokens"] is None:
        row["cache_write_1h_tokens"] = None
    for part, whole in WHOLES.items():
        if row[part] is not None and row[whole] is not None:
            row[part] = min(row[part], row[whole])
    return row


ROWS = st.lists(
    st.fixed_dictionaries({column.name: values(column) for column in CALLS})
    .map(with_null_cost)
    .map(with_possible_counts),
    max_size=5,
)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {}
    for column in CALLS:
        cells = pd.Series([row[column.name] for row in rows], dtype="object")
        if column.arrow == TIME:
            cells = pd.Series(pd.array(cells.to_numpy(), dtype="datetime64[us]")).dt.tz_localize("UTC")
        columns[column.name] = cells.astype(column.dtype)
    return as_calls(pd.DataFrame(columns))


def meant(calls: pd.DataFrame) -> pd.DataFrame:
    """Decode ``extra``: its numbers may be written in several ways."""
    return calls.assign(extra=calls["extra"].map(json.loads, na_action="ignore").astype("object"))


def same(back: pd.DataFrame, calls: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(meant(back), meant(calls), check_exact=True)


def through_jsonl(calls: pd.DataFrame, **options: Any) -> pd.DataFrame:
    file = io.BytesIO()
    to_jsonl(calls, file, **options)
    file.seek(0)
    return read_jsonl(file, duplicates="all", on_error="raise")


def through_parquet(calls: pd.DataFrame) -> pd.DataFrame:
    file = io.BytesIO()
    to_parquet(calls, file)
    return read_parquet(file)


pytestmark = pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")


@pytest.mark.long
@settings(max_examples=60)
@given(ROWS, st.sampled_from(["crashlens", "flat"]))
def test_calls_come_back_from_jsonl(rows: list[dict[str, Any]], format: str) -> None:
    calls = frame(rows)
    same(through_jsonl(calls, format=format), calls)


@pytest.mark.parametrize("format", ["crashlens", "flat"])
@pytest.mark.parametrize("filled", [None, 5, [], ["form"], ["model"]])
def test_a_field_called_filled_does_not_hide_the_nulls_of_the_line(filled: Any, format: str) -> None:
    calls = as_calls(pd.DataFrame({"trace_id": ["t"], "model": [None], "extra": [canonical({"filled": filled})]}))
    pd.testing.assert_frame_equal(through_jsonl(calls, format=format), calls)


@settings(max_examples=25)
@given(ROWS)
def test_calls_come_back_from_parquet(rows: list[dict[str, Any]]) -> None:
    calls = frame(rows)
    pd.testing.assert_frame_equal(through_parquet(calls), calls, check_exact=True)


@pytest.mark.long
@settings(max_examples=25)
@given(ROWS)
def test_calls_come_back_through_all_three_on_end(rows: list[dict[str, Any]]) -> None:
    calls = frame(rows)
    same(through_parquet(through_jsonl(through_jsonl(calls), format="flat")), calls)


@settings(max_examples=50)
@given(EXTRAS, st.sampled_from(["crashlens", "flat"]))
def test_fields_of_other_programs_are_kept(fields: dict[str, Any], format: str) -> None:
    known = {column.name for column in CALLS} | {"traceId", "endTime", "usage", "input", "metadata", "filled"}
    # names such as USD are matched with those of CALLS
    fields = {name: value for name, value in fields.items() if name not in known and not synonyms_among([name])}
    line = json.dumps({"trace_id": "t", "model": "m", **fields}).encode()
    calls = read_jsonl(io.BytesIO(line), on_error="raise")
    same(through_jsonl(calls, format=format), calls)
