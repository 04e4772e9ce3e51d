import datetime as dt
import json
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

import crashlens_frame as cf
from crashlens_frame.errors import InvalidCallError, MissingColumnsError
from crashlens_frame.frame import as_calls, check_calls, empty_frame, frame_from_table, table_from_frame
from crashlens_frame.schema import CALLS, FINDINGS, REJECTS, TOKEN_SOURCES, arrow_schema

GOLDEN = Path(__file__).parent / "golden"
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LABELS = st.none() | st.sampled_from(["gpt-4", "gpt-4o", "Größe", "", "x" * 40])
COUNTS = st.none() | st.integers(0, 2**63 - 1)
VALUES = {
    "str": TEXTS,
    "category": LABELS,
    "Int64": COUNTS,
    "float64": st.none() | st.floats(0, 1e9),
    "boolean": st.none() | st.booleans(),
    "datetime64[us, UTC]": st.none()
    | st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw a CALLS table of up to six rows, nulls everywhere but in trace_id."""
    rows = draw(st.integers(0, 6))
    columns = {}
    for column in CALLS:
        values = VALUES[column.dtype]
        if column.categories is not None:
            values = st.none() | st.sampled_from(column.categories)
        elif column.name == "trace_id":
            values = st.text("abc", min_size=1, max_size=2)
        columns[column.name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), column.arrow)
    return pa.table(columns, schema=arrow_schema(CALLS))


def dtypes(df: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in df.dtypes.items()}


@pytest.mark.parametrize("columns", [CALLS, FINDINGS, REJECTS], ids=["calls", "findings", "rejects"])
def test_the_dtypes_of_an_empty_frame_are_those_of_the_schema(columns):
    assert dtypes(empty_frame(columns)) == {column.name: column.dtype for column in columns}


@pytest.mark.long
@given(tables(), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_a_table_comes_back_from_its_frame_whatever_its_chunks(table, chunk):
    frame = frame_from_table(table)
    assert dtypes(frame) == {column.name: column.dtype for column in CALLS}
    back = table_from_frame(frame)
    assert back.schema == arrow_schema(CALLS)
    assert back.to_pylist() == table.to_pylist()
    pieces = [table.slice(start, chunk) for start in range(0, len(table), chunk)] or [table]
    pd.testing.assert_frame_equal(frame_from_table(pa.concat_tables(pieces)), frame)


@given(tables())
@settings(max_examples=50, deadline=None)
def test_categories_are_the_values_that_occur_sorted_and_text_even_when_there_are_none(table):
    frame = frame_from_table(table)
    for column in CALLS:
        if column.dtype == "category":
            categories = frame[column.name].cat.categories
            assert str(categories.dtype) == "str"
            expected = column.categories or sorted(set(frame[column.name].dropna()))
            assert list(categories) == list(expected)


def test_severity_sorts_by_weight_and_not_by_letter():
    table = pa.table({"severity": ["medium", "high", "low"]})
    assert frame_from_table(table, FINDINGS)["severity"].sort_values().tolist() == ["low", "medium", "high"]


def test_as_calls_converts_what_loses_nothing():
    df = pd.DataFrame(
        {
            "trace_id": ["a", "b"],
            "model": ["gpt-4", None],
            "timestamp": ["2025-01-01T05:30:00+05:30", "2025-01-01T00:00:00Z"],
            "input_tokens": [5.0, np.nan],
            "cost": [1, 2],
            "fallback_attempted": [True, None],
        },
        index=[7, 7],
    )
    calls = as_calls(df)
    assert calls.index.equals(pd.RangeIndex(2))
    assert calls["timestamp"].tolist() == [pd.Timestamp("2025-01-01", tz="UTC")] * 2
    assert calls["input_tokens"].tolist() == [5, pd.NA]
    assert calls["cost"].tolist() == [1.0, 2.0]
    assert calls["fallback_attempted"].tolist() == [True, pd.NA]
    assert dtypes(calls) == {column.name: column.dtype for column in CALLS}


def test_naive_times_are_taken_as_utc_whatever_their_unit():
    naive = pd.to_datetime(["2025-01-01T00:00:00.123456"])
    for unit in ("us", "ns"):
        calls = as_calls(pd.DataFrame({"trace_id": ["a"], "model": ["m"], "timestamp": naive.as_unit(unit)}))
        assert calls["timestamp"].item() == pd.Timestamp("2025-01-01T00:00:00.123456Z")


def test_columns_that_calls_does_not_name_go_to_extra_beside_what_stands_there():
    df = pd.DataFrame(
        {
            "trace_id": ["a", "b", "c"],
            "model": "m",
            "extra": ['{"x":1}', None, "{}"],
            "customer": ["ann", None, "bob"],
            "nested": [{"k": [1]}, None, None],
        }
    )
    assert as_calls(df)["extra"].tolist() == [
        '{"x":1,"customer":"ann","nested":{"k":[1]}}',
        '{"customer":null,"nested":null}',
        '{"customer":"bob","nested":null}',
    ]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("input_tokens", [None, 5.5], "input_tokens is 5.5 in row 1, expected a whole number"),
        ("input_tokens", [3, "12a"], "input_tokens is '12a' in row 1, expected a whole number"),
        (
            "timestamp",
            ["yesterday", None],
            "timestamp is 'yesterday' in row 0, expected an ISO 8601 time or an epoch number",
        ),
        ("timestamp", [True, False], "timestamp is True in row 0, expected an ISO 8601 time or an epoch number"),
        ("trace_id", ["", "a"], "trace_id is '' in row 0, expected non-empty text in every row"),
        ("output_tokens", [3, -5], "output_tokens is -5 in row 1, expected a whole number from 0 to 2**63 - 1"),
        ("cost", [0.5, float("inf")], "cost is inf in row 1, expected a finite number from 0 on"),
        ("cost", [0.5, "free"], "cost is 'free' in row 1, expected a number"),
        ("prompt", ["a", 3], "prompt is 3 in row 1, expected text"),
        ("team", [None, 4], "team is 4.0 in row 1, expected text"),
        ("fallback_attempted", [True, "maybe"], "fallback_attempted is 'maybe' in row 1, expected true or false"),
        (
            "cost_source",
            ["priced", "guess"],
            "cost_source is 'guess' in row 1, expected one of reported, priced, unknown",
        ),
        ("trace_id", ["a", None], "trace_id is null in row 1, expected non-empty text in every row"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_row(column, values, message):
    df = pd.DataFrame({"trace_id": ["a", "b"], "model": "m"}).assign(**{column: values})
    with pytest.raises(InvalidCallError) as caught:
        as_calls(df)
    assert str(caught.value) == message


def test_missing_columns_are_all_named_at_once_with_what_may_have_been_meant():
    df = pd.DataFrame({"traceid": [], "modell": []})
    with pytest.raises(MissingColumnsError) as caught:
        check_calls(df, needs=["trace_id", "timestamp", "model"])
    assert str(caught.value) == (
        "missing columns: model (did you mean modell?), timestamp, trace_id (did you mean traceid?); rename them, or"
        " read the log with cf.read_logs"
    )
    assert isinstance(caught.value, KeyError)


def test_a_column_name_that_stands_twice_is_refused():
    df = pd.DataFrame([["a", "m", "x", "y"]], columns=["trace_id", "model", "customer", "customer"])
    with pytest.raises(InvalidCallError, match="two columns have the same name: customer; rename one of each"):
        as_calls(df)


def test_the_input_is_not_changed():
    df = pd.DataFrame({"trace_id": ["a"], "model": ["m"], "customer": ["ann"]}, index=[3])
    before = df.copy(deep=True)
    as_calls(df)
    pd.testing.assert_frame_equal(df, before)


def test_a_column_of_nothing_but_none_has_no_labels() -> None:
    calls = as_calls(pd.DataFrame({"trace_id": ["t1"], "model": [None], "token_source": [None]}, dtype=object))
    assert calls["model"].isna().all()
    assert calls["model"].cat.categories.empty
    assert calls["token_source"].cat.categories.tolist() == list(TOKEN_SOURCES)


def test_columns_that_a_log_does_not_fill_take_little_memory() -> None:
    calls = cf.simulate_workload(1000, seed=1)
    of_version_1 = json.loads((GOLDEN / "calls_v1.json").read_text(encoding="utf-8"))[0]
    later = [column.name for column in CALLS if column.name not in of_version_1]
    size = cf.as_calls(calls.drop(columns=later)).memory_usage(deep=True)
    assert len(later) == 20
    assert size[later].sum() < 0.15 * size.sum()
