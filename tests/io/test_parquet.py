import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crashlens_frame.errors import InvalidCallError, MissingColumnsError, SchemaVersionError
from crashlens_frame.frame import as_calls, empty_frame
from crashlens_frame.io.parquet import read_parquet, to_parquet
from crashlens_frame.schema import CALLS, arrow_schema

CALL: dict[str, Any] = {
    "trace_id": "t1", "timestamp": "2026-06-01T09:00:00.000001Z", "model": "gpt-4", "prompt": "東京\n\0",
    "response": "b", "input_tokens": 2**53 + 1, "output_tokens": 2, "cost": 0.1 + 0.2,
    "latency_ms": 1500, "retry_count": 1, "fallback_model": "gpt-4o", "fallback_attempted": True,
    "token_source": "reported",
    "cost_source": "priced", "extra": '{"mood":"ok"}',
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.parquet"


def two() -> pd.DataFrame:
    dtypes = {"input_tokens": "Int64", "fallback_attempted": "boolean"}
    return as_calls(pd.DataFrame([CALL, {"trace_id": "t1", "model": None}]).astype(dtypes))


def same(calls: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(calls, expected, check_exact=True)


def of_another_program(path: Path, schema: pa.Schema | None = None, **columns: list[Any]) -> None:
    pq.write_table(pa.table(columns, schema=schema), path)


@pytest.mark.parametrize("calls", [two(), two().iloc[1:], empty_frame()], ids=["two", "the nulls", "none"])
def test_what_was_written_is_read_back_equal(path: Path, calls: pd.DataFrame) -> None:
    before = calls.copy(deep=True)
    to_parquet(calls, path)
    same(read_parquet(path), as_calls(calls))
    same(read_parquet(str(path)), as_calls(calls))
    same(calls, before)
    with path.open("rb") as stream:
        same(read_parquet(stream), as_calls(calls))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_file_says_its_version_and_has_the_types_of_the_schema(path: Path) -> None:
    to_parquet(two(), path)
    schema = pq.read_schema(path)
    assert schema.metadata == {b"crashlens_frame.schema_version": b"1"}
    assert schema.remove_metadata() == arrow_schema(CALLS)


def test_every_column_has_its_dtype_though_the_file_holds_only_nulls(path: Path) -> None:
    of_another_program(path, trace_id=["t1"], model=pa.nulls(1), cost=pa.nulls(1), timestamp=pa.nulls(1))
    calls = read_parquet(path)
    assert calls.dtypes.astype("str").to_dict() == {column.name: column.dtype for column in CALLS}


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    to_parquet(two(), path)
    newer = pq.read_table(path).replace_schema_metadata({b"crashlens_frame.schema_version": b"2"})
    pq.write_table(newer, path)
    with pytest.raises(SchemaVersionError) as refusal:
        read_parquet(path)
    assert str(refusal.value) == (
        f"{path} has schema version 2, expected at most 1; upgrade crashlens-frame to read it"
    )


def test_a_file_that_holds_no_calls_is_refused(path: Path) -> None:
    of_another_program(path, traceid=["t1"], model=["m"])
    with pytest.raises(SchemaVersionError) as refusal:
        read_parquet(path)
    assert str(refusal.value) == (
        f"{path} holds no calls: missing column: trace_id (did you mean traceid?); rename it, or read the log with"
        " cf.read_jsonl"
    )


def test_what_is_no_parquet_file_is_refused(path: Path) -> None:
    path.write_text("trace_id,model\n")
    with pytest.raises(SchemaVersionError) as refusal:
        read_parquet(path)
    assert str(refusal.value).startswith(f"{path} is no Parquet file: ")
    with pytest.raises(SchemaVersionError, match=r"^the file is no Parquet file: "):
        read_parquet(io.BytesIO(b"trace_id,model\n"))


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"calls\.parquet$"):
        read_parquet(path)


@pytest.mark.parametrize("writer", ["pandas", "pyarrow"])
def test_a_plain_file_of_another_program_is_read_as_far_as_its_columns_go(path: Path, writer: str) -> None:
    columns: dict[str, Any] = {
        "model": ["gpt-4", None],
        "trace_id": ["t1", "t2"],
        "input_tokens": pa.array([2**53 + 1, None], pa.int64()),
        "retry_count": pa.array([1, None], pa.int32()),
        "output_tokens": pa.array([2, None], pa.uint16()),
        "cost": pa.array([0.5, None], pa.float32()),
        "timestamp": pa.array([1_767_225_600_123, None], pa.timestamp("ms")),
        "fallback_attempted": pa.array([False, None]),
        "user": ["ann", None],
    }
    table = pa.table(columns)
    if writer == "pandas":
        table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get).set_index("user").to_parquet(path)
    else:
        pq.write_table(table, path)
    expected = pd.DataFrame(
        {
            "trace_id": ["t1", "t2"],
            "model": ["gpt-4", None],
            "timestamp": pd.to_datetime(["2026-01-01T00:00:00.123Z", None], format="ISO8601"),
            "input_tokens": pd.array([2**53 + 1, None], "Int64"),
            "output_tokens": pd.array([2, None], "Int64"),
            "retry_count": pd.array([1, None], "Int64"),
            "cost": [0.5, None],
            "fallback_attempted": pd.array([False, None], "boolean"),
            "extra": ['{"user":"ann"}', '{"user":null}'],
        }
    )
    same(read_parquet(path), as_calls(expected))


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.uint8(), pa.uint32(), pa.uint64()])
def test_whole_numbers_of_any_width_stay_whole_beside_nulls(path: Path, kind: pa.DataType) -> None:
    largest = min(2 ** (kind.bit_width - (not str(kind).startswith("u"))) - 1, 2**63 - 1)
    of_another_program(path, trace_id=["a", "b"], model=["m", "m"], input_tokens=pa.array([largest, None], kind))
    assert read_parquet(path)["input_tokens"].tolist() == [largest, pd.NA]


def test_a_value_that_does_not_fit_is_refused_with_its_row(path: Path) -> None:
    of_another_program(path, trace_id=["a", "b"], model=["m", "m"], input_tokens=[1.0, 1.5])
    with pytest.raises(InvalidCallError) as refusal:
        read_parquet(path)
    assert str(refusal.value).startswith(f"{path}: input_tokens is 1.5 in row 1, expected a whole number")
    assert str(refusal.value).endswith("; correct the file, or leave the column out with columns=")


def test_a_frame_that_holds_no_calls_is_refused_and_the_file_stays(path: Path) -> None:
    path.write_text("what stood here before")
    with pytest.raises(MissingColumnsError):
        to_parquet(pd.DataFrame({"model": ["m"]}), path)
    assert path.read_text() == "what stood here before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
