import io
import json
import random
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from crashlens_frame.errors import (
    InvalidCallError,
    InvalidOptionError,
    LogFileError,
    MissingColumnsError,
    RepairedFieldsWarning,
    SchemaVersionError,
)
from crashlens_frame.formats import time_value
from crashlens_frame.frame import as_calls, empty_frame, table_from_frame
from crashlens_frame.io import read_logs, read_rejects, read_repairs
from crashlens_frame.io.parquet import read_batches, read_parquet, to_parquet
from crashlens_frame.jsonvalues import canonical_json
from crashlens_frame.schema import CALLS, LABEL, TIME, arrow_schema

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
    assert schema.metadata == {b"crashlens_frame.schema_version": b"2", b"crashlens_frame.footer": b"0" * 28}
    assert schema.remove_metadata() == arrow_schema(CALLS)


def test_every_column_has_its_dtype_though_the_file_holds_only_nulls(path: Path) -> None:
    of_another_program(path, trace_id=["t1"], model=pa.nulls(1), cost=pa.nulls(1), timestamp=pa.nulls(1))
    calls = read_parquet(path)
    assert calls.dtypes.astype("str").to_dict() == {column.name: column.dtype for column in CALLS}


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    to_parquet(two(), path)
    newer = pq.read_table(path).replace_schema_metadata({b"crashlens_frame.schema_version": b"3"})
    pq.write_table(newer, path)
    with pytest.raises(SchemaVersionError) as refusal:
        read_parquet(path)
    assert str(refusal.value) == (
        f"{path} has schema version 3, expected at most 2; upgrade crashlens-frame to read it"
    )


def test_a_file_that_holds_no_calls_is_refused(path: Path) -> None:
    of_another_program(path, trace_id=["t1"], modell=["m"])
    with pytest.raises(SchemaVersionError) as refusal:
        read_parquet(path)
    assert str(refusal.value) == (
        f"{path} holds no calls: missing column: model (did you mean modell?); rename it, or read the log with"
        " cf.read_logs"
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
        "customer": ["ann", None],
    }
    table = pa.table(columns)
    if writer == "pandas":
        table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get).set_index("customer").to_parquet(path)
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
            "extra": ['{"customer":"ann"}', '{"customer":null}'],
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


# -- values that no reader accepts ------------------------------

REMEDY = "; correct the file, or leave the column out with columns="
NO_TEXT = pa.array([b"ok", b"\xff\xfe"])
NO_UTF8 = pa.Array.from_buffers(pa.string(), 2, NO_TEXT.buffers())
UNSIGNED = pa.array([0, 2**64 - 1], pa.uint64())
FAR = pa.array([0, 2**62], pa.timestamp("us"))
HOSTILE: list[tuple[str, Any, str]] = [
    ("input_tokens", [1, -5], "-5 in row 1, expected a whole number from 0 to 2**63 - 1"),
    ("retry_count", [1, -1], "-1 in row 1, expected a whole number from 0 to 2**63 - 1"),
    ("cost", [0.5, float("inf")], "inf in row 1, expected a finite number from 0 on"),
    ("cost", [0.5, float("-inf")], "-inf in row 1, expected a finite number from 0 on"),
    (
        "timestamp",
        FAR,
        "Timestamp('148108-07-06 14:00:27.387904') in row 1, expected an ISO 8601 time or an epoch number",
    ),
    ("timestamp", [0.0, float("inf")], "inf in row 1, expected an ISO 8601 time or an epoch number"),
    ("timestamp", [0.0, -9e16], "-9e+16 in row 1, expected an ISO 8601 time or an epoch number"),
    ("prompt", NO_TEXT, r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("prompt", NO_UTF8, r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("route", NO_TEXT.dictionary_encode(), r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("user", NO_TEXT, r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("user", NO_UTF8, r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("user", pa.array([b"ok", b"\xff\xfe"], pa.binary(2)), r"b'\xff\xfe' in row 1, expected text in UTF-8"),
    ("token_source", ["reported", "guessed"], "'guessed' in row 1, expected one of reported, counted, estimated"),
]


@pytest.mark.parametrize(("name", "values", "reason"), HOSTILE)
def test_a_value_that_no_reader_accepts_is_refused_with_file_column_and_row(
    path: Path, name: str, values: Any, reason: str
) -> None:
    of_another_program(path, trace_id=["a", "b"], model=["m", "m"], **{name: values})
    with pytest.raises(InvalidCallError) as refusal:
        read_parquet(path)
    assert str(refusal.value) == f"{path}: {name} is {reason}{REMEDY}"
    assert len(read_parquet(path, columns=["trace_id", "model"])) == 2


# with what ``extra`` keeps of the second value
OF_OURS: list[tuple[str, pa.Array, Any]] = [
    ("input_tokens", pa.array([1, -5]), -5),
    ("latency_ms", pa.array([None, -1], pa.int64()), -1),
    ("cost", pa.array([float("nan"), float("inf")]), "inf"),
    ("timestamp", FAR.cast(TIME), f"{2**62} microseconds since 1970"),
    ("prompt", NO_UTF8, None),
    ("token_source", pa.array(["reported", "guessed"]).cast(LABEL), "guessed"),
    ("trace_id", pa.array(["a", None]), None),
]


@pytest.mark.parametrize(("name", "values"), [each[:2] for each in OF_OURS])
def test_a_file_in_the_form_of_this_package_is_checked_as_well(path: Path, name: str, values: pa.Array) -> None:
    table = table_from_frame(as_calls(pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "m"]})))
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)
    for read in (read_parquet, lambda path: list(read_batches(path, [name], size=1000, progress=False))):
        with pytest.raises(InvalidCallError, match=f"^{path}: {name} is .* in row 1, expected .*{REMEDY}$"):
            read(path)


# -- the same values where a log of any kind is read ------------------------------


def test_a_value_that_does_not_fit_costs_itself_and_the_calls_stay(path: Path) -> None:
    costs, counts = [0.5, float("inf"), 0.25], [1, 2, -5]
    of_another_program(path, trace_id=["a", "b", "c"], model=["m"] * 3, cost=costs, input_tokens=counts, mood=["x"] * 3)
    with pytest.warns(RepairedFieldsWarning, match="^left out 2 fields of calls"):
        calls = read_logs(path, prices=None)
    expected = {"trace_id": ["a", "b", "c"], "model": "m", "cost": [0.5, None, 0.25], "input_tokens": [1, 2, None]}
    same(calls.drop(columns="extra"), as_calls(pd.DataFrame(expected)).drop(columns="extra"))
    logged = [json.loads(text) for text in calls["extra"]]
    assert [(each["cost as logged"], each["input_tokens as logged"]) for each in logged] == [
        (None, None),
        ("inf", None),
        (None, "-5"),
    ]
    repairs = read_repairs(path)
    assert repairs[["line", "field"]].to_numpy().tolist() == [[2, "cost"], [3, "input_tokens"]]
    assert repairs["reason"].tolist() == [
        "cost is Infinity, expected a finite number from 0 on",
        "input_tokens is -5, expected a whole number from 0 to 2**63 - 1",
    ]
    assert read_rejects(path).empty


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
@pytest.mark.parametrize(("name", "values"), [each[:2] for each in HOSTILE])
def test_no_hostile_value_of_another_program_costs_a_call(path: Path, name: str, values: Any) -> None:
    of_another_program(path, trace_id=["a", "b"], model=["m", "m"], **{name: values})
    calls = read_logs(path, prices=None)
    assert calls["trace_id"].tolist() == ["a", "b"]
    if name in ("prompt", "route"):
        assert calls[name].tolist() == ["ok", "\ufffd\ufffd"]
    elif name != "user":
        assert calls[name].notna().tolist() == [True, False]


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
@pytest.mark.parametrize(("name", "values", "logged"), OF_OURS)
def test_nor_does_it_in_the_form_of_this_package(path: Path, name: str, values: pa.Array, logged: Any) -> None:
    table = table_from_frame(as_calls(pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "m"], "cost": 1.0})))
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)
    calls = read_logs(path, prices=None)
    if name == "trace_id":
        assert calls["trace_id"].tolist() == ["a"]
        assert read_rejects(path)[["line", "reason"]].to_numpy().tolist() == [
            [2, "the trace id is missing, expected non-empty text"]
        ]
        return
    assert calls["trace_id"].tolist() == ["a", "b"]
    if name == "prompt":
        assert calls["prompt"].tolist() == ["ok", "\ufffd\ufffd"]
    else:
        assert pd.isna(calls[name].iloc[1])
        assert calls["extra"].tolist()[1] == canonical_json({name: logged})
        assert read_repairs(path)[["line", "field"]].to_numpy().tolist() == [[2, name]]
    assert read_logs(path, columns=[name], prices=None).columns.tolist() == [name]


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnclearTokensWarning")
def test_counts_that_contradict_one_another_are_null_and_the_call_stays(path: Path) -> None:
    calls = as_calls(pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "m"], "input_tokens": [5, 5]}))
    table = table_from_frame(calls)
    place = table.column_names.index("cached_input_tokens")
    pq.write_table(table.set_column(place, "cached_input_tokens", pa.array([1, 9])), path)
    assert read_logs(path, prices=None)["input_tokens"].tolist() == [5, pd.NA]


def test_lists_and_structs_that_json_cannot_hold_are_refused(path: Path) -> None:
    of_another_program(path, trace_id=["a"], model=["m"], mood=pa.array([[{"key": b"\xff"}]]))
    with pytest.raises(InvalidCallError, match=f"^{path} holds a value that no column of CALLS can hold: "):
        read_parquet(path)


def test_bytes_are_read_as_text(path: Path) -> None:
    east = "東京"
    of_another_program(
        path, trace_id=[b"a", b"b"], model=pa.array([b"m", b"m"]).dictionary_encode(), prompt=[east.encode(), None]
    )
    expected = as_calls(pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "m"], "prompt": [east, None]}))
    same(read_parquet(path), expected)


EPOCHS = [0, 1, -1, 1_767_225_600, 10**11 - 1, 10**11, 1_767_225_600_123, 10**14 - 1, 10**14, 1_767_225_600_123_456,
          10**17 - 1, 10**17, 1_767_225_600_123_456_789, -1_767_225_600, -(10**11), -(10**14), 2**63 - 1]  # fmt: skip


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.float64(), pa.int32()], ids=str)
def test_times_in_numbers_are_read_by_their_size_as_in_every_other_log(path: Path, kind: pa.DataType) -> None:
    limit = {pa.int32(): 2**31, pa.float64(): 2**53}.get(kind, 2**64)
    numbers = [each for each in EPOCHS if abs(each) < limit and (each >= 0 or kind != pa.uint64())]
    times = pa.array([*map(float if kind == pa.float64() else int, numbers), None], kind)
    of_another_program(path, trace_id=["a"] * len(times), model=["m"] * len(times), timestamp=times)
    found = read_parquet(path)["timestamp"]
    micros = [time_value(number) for number in times.to_pylist()[:-1]]
    assert pa.array(found).cast(pa.int64()).to_pylist() == [*micros, None]


def test_rows_are_counted_through_the_whole_file_where_it_is_read_in_batches(path: Path) -> None:
    rows = 3000
    of_another_program(
        path, trace_id=["a"] * rows, model=["m"] * rows, input_tokens=[0] * (rows - 1) + [-1], prompt=["x" * 50] * rows
    )
    with pytest.raises(InvalidCallError, match=rf"input_tokens is -1 in row {rows - 1}, expected"):
        list(read_batches(path, ["input_tokens"], size=10_000, progress=False))


# -- damaged files ------------------------------


def test_one_flipped_bit_never_changes_a_value_silently(path: Path) -> None:
    to_parquet(pd.concat([two()] * 20, ignore_index=True), path)
    data, expected = path.read_bytes(), read_parquet(path)
    places = random.Random(1)
    refused = 0
    for _ in range(400):
        place = places.randrange(len(data))
        damaged = bytearray(data)
        damaged[place] ^= 1 << places.randrange(8)
        try:
            same(read_parquet(io.BytesIO(bytes(damaged))), expected)
        except (LogFileError, SchemaVersionError, InvalidCallError):
            refused += 1
    assert refused > 150


def test_a_flipped_bit_in_the_values_names_the_file(path: Path) -> None:
    to_parquet(two(), path)
    chunk = pq.read_metadata(path).row_group(0).column(6)  # output_tokens
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogFileError, match=f"^{path} cannot be read: .*CRC checksum.*; it is damaged, restore it"):
        read_parquet(path)
    with pytest.raises(LogFileError, match="CRC checksum"):
        read_parquet(path, filters=[("output_tokens", ">=", 0)])
    with pytest.raises(LogFileError, match="CRC checksum"):
        list(read_batches(path, ["output_tokens"], size=1000, progress=False))
    assert read_parquet(path, columns=["model"])["model"].tolist()[0] == "gpt-4"


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.RejectedLinesWarning")
def test_no_flipped_bit_of_a_head_or_the_footer_is_read_in_silence(path: Path) -> None:
    """By all readers, which see different parts of a file; without its checksum a footer ended the process."""
    to_parquet(two(), path)
    data, expected = path.read_bytes(), read_parquet(path)
    heads = [
        begin + byte
        for number in range(pq.read_metadata(path).row_group(0).num_columns)
        for begin in [pq.read_metadata(path).row_group(0).column(number).data_page_offset]
        for byte in range(20)
    ]
    footer = range(len(data) - 8 - int.from_bytes(data[-8:-4], "little"), len(data))
    chance = random.Random(2)
    refused = 0
    for place in chance.sample(heads, 40) + chance.sample(footer, 20):
        damaged = bytearray(data)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        calls = read_logs(path, prices=None)
        refused += len(calls) == 0
        if len(calls):
            same(calls, expected)
        for read in (read_parquet, lambda path: pa.concat_tables(read_batches(path, ["cost"], size=99, progress=None))):
            with suppress(LogFileError, SchemaVersionError, InvalidCallError):
                assert len(read(path)) == len(expected)
    assert refused > 40


def test_the_checksum_is_that_of_the_footer_with_zeros_in_its_place(path: Path) -> None:
    to_parquet(two(), path)
    data = path.read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    found = pq.read_metadata(path).metadata[b"crashlens_frame.footer"]
    checksum = zlib.crc32(footer.replace(found, b"0" * 28))
    assert found == f"{checksum:08x}{len(data) - 8 - len(footer):012x}{len(footer):08x}".encode()
    path.write_bytes(data.replace(found[:8], b"0badc0de"))
    with pytest.raises(LogFileError, match=f"^{path} cannot be read: its footer does not fit its checksum; it is"):
        read_parquet(path)


def test_files_of_others_with_fewer_rows_than_they_name_are_refused(path: Path, monkeypatch) -> None:
    of_another_program(path, trace_id=["a", "b"], model=["m", "m"])
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_, **__: iter([]))
    with pytest.raises(LogFileError, match=f"^{path} holds 0 calls that can be read, expected 2; it is damaged"):
        list(read_batches(path, ["trace_id", "model"], size=1000, progress=False))


def test_a_torn_or_overwritten_footer_is_refused(path: Path) -> None:
    to_parquet(two(), path)
    data = path.read_bytes()
    for damaged in (data[:-1], data[: len(data) // 2], data[:-200] + b"\xff" * 192 + data[-8:], b"", data[:8]):
        path.write_bytes(damaged)
        with pytest.raises((LogFileError, SchemaVersionError), match=f"^{path} (is no Parquet file|cannot be read): "):
            read_parquet(path)
    table = pq.read_table(io.BytesIO(data))
    pq.write_table(table.replace_schema_metadata({b"crashlens_frame.schema_version": b"\xff"}), path)
    with pytest.raises(SchemaVersionError, match="has schema version \ufffd, expected at most 2"):
        read_parquet(path)


def test_an_expression_that_does_not_fit_the_file_is_an_error_of_the_filter(path: Path) -> None:
    to_parquet(two(), path)
    with pytest.raises(InvalidOptionError, match=r"^filters is .*, which does not fit the file: "):
        read_parquet(path, filters=pc.field("colour") == 5)


def test_a_frame_that_holds_no_calls_is_refused_and_the_file_stays(path: Path) -> None:
    to_parquet(two(), path)
    before = path.read_bytes()
    with pytest.raises(MissingColumnsError):
        to_parquet(pd.DataFrame({"trace_id": ["t"]}), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"notes of a meeting", b'{"trace_id": "t"}\n', b"model,cost\nm,1\n"])
def test_a_file_of_another_kind_is_not_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LogFileError, match="and is not replaced by a Parquet file; choose another name"):
        to_parquet(two(), path)
    assert path.read_bytes() == content


def test_a_table_that_another_program_read_and_wrote_again_is_read(path: Path) -> None:
    to_parquet(two(), path)
    table = pq.read_table(path)
    assert b"crashlens_frame.footer" in table.schema.metadata
    pq.write_table(table.slice(0, 1), path)  # with the checksum of the file that it was read from
    assert read_parquet(path)["trace_id"].tolist() == two()["trace_id"].tolist()[:1]
    assert len(read_logs(path)) == 1
