"""Parts of Parquet files and folders of them: what is asked for, and no more than that, is read."""

import datetime as dt
import json
import operator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import as_calls
from crashlens_frame.io.datasets import bucket_numbers, partitions
from crashlens_frame.schema import CALLS

GOLDEN = Path(__file__).parents[1] / "golden"
WORKLOAD = cf.simulate_workload(300, seed=3, days=3)


def same(calls: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(calls, expected, check_exact=True)


def by_trace_and_time(calls: pd.DataFrame) -> pd.DataFrame:
    order = calls.sort_values(["trace_id", "timestamp"], kind="stable").index
    return as_calls(calls.loc[order].reset_index(drop=True))


# -- columns and filters ------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "calls.parquet"
    cf.to_parquet(WORKLOAD, path)
    return path


@pytest.mark.parametrize("columns", [["cost"], ["model", "trace_id"], ["extra", "prompt"], None])
def test_the_columns_asked_for_are_those_of_the_whole(written: Path, columns: list[str] | None) -> None:
    same(cf.read_parquet(written, columns=columns), WORKLOAD if columns is None else as_calls(WORKLOAD)[columns])


OPERATORS = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "in": lambda value, several: value in several,
    "not in": lambda value, several: value not in several,
}
TIMES = [str(time) for time in WORKLOAD["timestamp"].dropna().iloc[::70]]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from([*WORKLOAD["model"].cat.categories, "none such"]),
    "trace_id": st.sampled_from(WORKLOAD["trace_id"].iloc[::40].tolist()),
    "cost": st.sampled_from([0.0, 0.001, 0.01, 1.0]),
    "output_tokens": st.integers(0, 400),
    "timestamp": st.sampled_from([*TIMES, "2020-01-01", dt.datetime(2031, 1, 1)]),
}


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str, Any]:
    name = draw(st.sampled_from(sorted(VALUES)))
    how = draw(st.sampled_from(sorted(OPERATORS)))
    many = how in ("in", "not in")
    return name, how, draw(st.lists(VALUES[name], min_size=1, max_size=3) if many else VALUES[name])


def _utc(value: Any) -> pd.Timestamp:
    time = pd.Timestamp(value)
    return time.tz_localize("UTC") if time.tzinfo is None else time


def holds(call: dict[str, Any], condition: tuple[str, str, Any]) -> bool:
    """Judge one call; null is neither equal to a value nor different from it."""
    name, how, value = condition
    if pd.isna(call[name]):
        return how == "not in"
    if name == "timestamp":
        value = [_utc(one) for one in value] if isinstance(value, list) else _utc(value)
    return bool(OPERATORS[how](call[name], value))


@pytest.mark.long
@settings(max_examples=60)
@given(either=st.lists(st.lists(conditions(), min_size=1, max_size=2), min_size=1, max_size=2))
def test_a_filter_keeps_the_rows_for_which_it_holds(written: Path, either: list[list[Any]]) -> None:
    kept = [
        place
        for place, call in enumerate(WORKLOAD.to_dict("records"))
        if any(all(holds(call, one) for one in every) for every in either)
    ]
    expected = as_calls(WORKLOAD.iloc[kept].reset_index(drop=True))
    same(cf.read_parquet(written, filters=either), expected)
    if len(either) == 1:
        same(cf.read_parquet(written, filters=either[0]), expected)


def test_an_expression_of_pyarrow_is_a_filter_too(written: Path) -> None:
    some = cf.read_parquet(written, columns=["cost"], filters=pc.field("cost") > 0.01)
    assert some["cost"].tolist() == [cost for cost in WORKLOAD["cost"] if cost > 0.01]
    same(cf.read_parquet(written, filters=[]), as_calls(WORKLOAD))


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ([("modle", "=", "x")], "filters name 'modle', expected one of trace_id, "),
        ([("model", "like", "x")], "the filter on model has operator 'like', expected one of = == != "),
        ([("cost", ">", "much")], "the filter on cost has 'much', expected double"),
        ([("timestamp", ">", "soon")], r"the filter on timestamp has 'soon', expected timestamp\[us, tz=UTC\]"),
        ([("model", "in", 5)], "the filter on model has 5, expected string"),
        (["model"], r"a filter is 'model', expected \(column, operator, value\)"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(written: Path, filters: list[Any], reason: str) -> None:
    with pytest.raises(cf.InvalidOptionError, match=f"^{reason}"):
        cf.read_parquet(written, filters=filters)
    with pytest.raises(cf.InvalidOptionError, match="did you mean prompt"):
        cf.read_parquet(written, columns=["promt"])


def test_of_a_sorted_file_a_filter_reads_the_row_groups_that_can_hold_what_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sorted.parquet"
    monkeypatch.setattr("crashlens_frame.io.parquet.ROW_GROUP", 50)
    cf.to_parquet(WORKLOAD, path, sort=True)
    same(cf.read_parquet(path), by_trace_and_time(WORKLOAD))
    file = pq.ParquetFile(path)
    assert file.metadata.num_row_groups > 5
    assert [order.column_index for order in file.metadata.row_group(0).sorting_columns] == [0, 1]
    trace = WORKLOAD["trace_id"].iloc[100]
    groups = [file.metadata.row_group(n).column(0).statistics for n in range(file.metadata.num_row_groups)]
    assert sum(one.min <= trace <= one.max for one in groups) <= 2
    # the bytes of a group that statistics rule out may be anything
    first = file.metadata.row_group(0).column(3)
    data = bytearray(path.read_bytes())
    data[first.data_page_offset : first.data_page_offset + 20] = b"\xff" * 20
    path.write_bytes(data)
    last = max(WORKLOAD["trace_id"])
    assert set(cf.read_parquet(path, filters=[("trace_id", "=", last)])["trace_id"]) == {last}
    with pytest.raises(cf.LogFileError, match=r"sorted\.parquet cannot be read: .*; it is damaged, restore it"):
        cf.read_parquet(path)


def test_files_of_other_programs_are_filtered_by_their_own_columns(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    frame = pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "n"], "cost": [1, 2], "customer": ["ann", "bob"]})
    frame.to_parquet(path)
    some = cf.read_parquet(path, columns=["cost", "extra"], filters=[("customer", "=", "bob")])
    assert some.to_dict("list") == {"cost": [2.0], "extra": ['{"customer":"bob"}']}
    same(cf.read_parquet(path, columns=["cost"]), cf.read_parquet(path)[["cost"]])


# -- datasets ------------------------------


@pytest.mark.parametrize("by", ["trace", "day"])
def test_a_dataset_holds_each_call_once_sorted_in_its_partition(tmp_path: Path, by: str) -> None:
    calls = as_calls(WORKLOAD.assign(timestamp=WORKLOAD["timestamp"].where(WORKLOAD.index != 5)))
    folder = tmp_path / "store"
    cf.write_dataset(calls, folder, by=by, buckets=4)
    everything = cf.read_parquet(folder)
    assert sorted(map(str, everything.to_dict("records"))) == sorted(map(str, calls.to_dict("records")))
    found = partitions(folder)
    assert sum(part.rows for part in found) == len(calls)
    for part in found:
        within = cf.read_parquet(part.path)
        assert len(within) == part.rows
        same(within, by_trace_and_time(within))
        if by == "trace":
            assert set(bucket_numbers(within["trace_id"], 4)) == {int(part.name.removeprefix("bucket="))}
        else:
            days = within["timestamp"].dt.strftime("%Y-%m-%d").fillna("__HIVE_DEFAULT_PARTITION__")
            assert set(days) == {part.name.removeprefix("day=")}


def test_the_bucket_of_a_trace_never_changes() -> None:
    traces = pd.Series(["", "a", "trace_3921", "été 😀", "00e5239e-af2a-4c48-a1be-b49a54b95104", "a"], dtype="str")
    assert bucket_numbers(traces, 16).tolist() == [6, 0, 0, 7, 1, 0]
    assert bucket_numbers(traces, 1000).tolist() == [774, 504, 568, 951, 697, 504]


def test_frames_one_after_the_other_add_files_and_what_is_there_is_guarded(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    halves = [WORKLOAD.iloc[:200], WORKLOAD.iloc[200:]]
    cf.write_dataset(iter(halves), folder, buckets=2)
    assert sorted(file.name[-len("-00000.parquet") :] for file in folder.rglob("*.parquet")) == [
        f"-0000{number}.parquet" for number in range(4)
    ]
    with pytest.raises(FileExistsError, match='store holds files already; mode="append" adds to them'):
        cf.write_dataset(WORKLOAD, folder, buckets=2)
    cf.write_dataset(WORKLOAD, folder, buckets=2, mode="append")
    assert len(cf.read_parquet(folder)) == 2 * len(WORKLOAD)
    for other in ({"buckets": 3}, {"by": "day"}):
        with pytest.raises(cf.InvalidOptionError, match="is partitioned by trace in 2 buckets, and cannot be appended"):
            cf.write_dataset(WORKLOAD, folder, mode="append", **other)
    cf.write_dataset(WORKLOAD, folder, by="day", mode="overwrite")
    assert {part.name[:4] for part in partitions(folder)} == {"day="}
    assert len(cf.read_parquet(folder)) == len(WORKLOAD)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    cf.to_parquet(WORKLOAD, foreign / "a.parquet")
    with pytest.raises(cf.SchemaVersionError, match=r"a\.parquet was not written by write_dataset"):
        cf.write_dataset(WORKLOAD, foreign, mode="append")


@pytest.mark.parametrize(
    "options", [{"by": "model"}, {"mode": "replace"}, {"buckets": 0}, {"buckets": 10_001}, {"buckets": 3.5}], ids=str
)
def test_an_option_without_meaning_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(cf.InvalidOptionError, match=f"^{name} is "):
        cf.write_dataset(WORKLOAD, tmp_path / "store", **options)
    assert list(tmp_path.iterdir()) == []


def test_folders_globs_and_lists_are_read_whole(tmp_path: Path) -> None:
    cf.to_parquet(WORKLOAD, tmp_path / "a.parquet")
    (tmp_path / "deep").mkdir()
    WORKLOAD[["trace_id", "model"]].to_parquet(tmp_path / "deep" / "b.parquet")
    (tmp_path / "notes.txt").write_text("no calls", encoding="utf-8")
    assert len(cf.read_parquet(tmp_path)) == 2 * len(WORKLOAD)
    same(cf.read_parquet(tmp_path / "*.parquet"), as_calls(WORKLOAD))
    assert len(cf.read_parquet([tmp_path / "a.parquet", tmp_path / "deep"])) == 2 * len(WORKLOAD)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no file in .* has a name that ends in \.parquet"):
        cf.read_parquet(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="holds no partitions"):
        partitions(tmp_path / "empty")


def test_one_file_of_a_newer_version_in_a_folder_is_named(tmp_path: Path) -> None:
    cf.to_parquet(WORKLOAD, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    newer = table.replace_schema_metadata({"crashlens_frame.schema_version": "3"})
    pq.write_table(newer, tmp_path / "b.parquet")
    with pytest.raises(cf.SchemaVersionError, match=r"b\.parquet has schema version 3, expected at most 2; upgrade"):
        cf.read_parquet(tmp_path, columns=["cost"])


def test_a_file_of_the_first_version_is_read_for_ever() -> None:
    """calls_v1.parquet was written once, by version 0.1.0, and is never written again."""
    calls = cf.read_parquet(GOLDEN / "calls_v1.parquet")
    expected = json.loads((GOLDEN / "calls_v1.json").read_text(encoding="utf-8"))
    assert {name: str(kind) for name, kind in calls.dtypes.items()} == {c.name: c.dtype for c in CALLS}
    shown = calls.assign(timestamp=calls["timestamp"].astype("str")).astype(object)
    later = {column.name: None for column in CALLS if column.name not in expected[0]}
    assert len(later) == 20
    assert shown.where(shown.notna(), None).to_dict("records") == [later | call for call in expected]
