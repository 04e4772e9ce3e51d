"""Full disks, disturbed files, readers beside writers, torn members and clocks that go back: the short form."""

import itertools

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame import times

from .disks import WHOLES, Whole, disturb_book, fill_book, fill_often
from .kills import read_beside
from .writers import LOG, WRITERS, generation, generations_in

BESIDE = ("LogBook", "to_jsonl", "to_parquet", 'write_dataset(mode="overwrite")')


@pytest.mark.parametrize("writer", WHOLES, ids=lambda writer: writer.name)
def test_a_full_disk_leaves_the_last_write_whole_and_nothing_else(writer: Whole) -> None:
    count = fill_often(writer, 11)
    assert count.faults == ()
    assert (count.kills, count.acknowledged) == (1, 10)


def test_the_check_sees_a_writer_that_writes_in_place() -> None:
    def in_place(calls: pd.DataFrame, target) -> None:
        target.write_bytes(calls.to_json(orient="records", lines=True).encode())

    count = fill_often(Whole("in place", LOG, in_place, cf.read_jsonl), 20)
    assert len(count.faults) >= 2


def test_a_full_disk_costs_a_book_no_call() -> None:
    count = fill_book(200)
    assert (count.faults, count.kills, count.whole) == ((), 20, 200)


@pytest.mark.parametrize("seed", range(5))
def test_files_that_others_rename_remove_and_cut_lose_no_more_than_was_removed(seed: int) -> None:
    count = disturb_book(200, seed)
    assert count.faults == ()
    assert count.kills == 20


@pytest.mark.parametrize("writer", [each for each in WRITERS if each.name in BESIDE], ids=lambda writer: writer.name)
def test_a_reader_beside_a_writer_sees_whole_calls_only(writer) -> None:
    count = read_beside(writer, 4)
    assert count.faults == ()
    assert count.acknowledged > 0


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
def test_a_torn_log_is_read_up_to_the_tear_or_refused(suffix: str, tmp_path) -> None:
    whole = tmp_path / f"{LOG}{suffix}"
    cf.to_jsonl(generation(3), whole)
    data = whole.read_bytes() * 2  # of two members
    calls = cf.read_jsonl(whole)
    places = itertools.chain(range(0, len(data), max(1, len(data) // 25)), range(len(data) - 12, len(data)))
    read = 0
    for place in places:
        torn = tmp_path / f"torn.jsonl{suffix}"
        torn.write_bytes(data[:place])
        try:
            found = cf.read_jsonl(torn, duplicates="all")
        except cf.LogFileError:
            continue
        expected = pd.concat([calls, calls]).head(len(found)).reset_index(drop=True)
        for column in ("trace_id", "model", "cost", "route"):
            assert found[column].astype("str").tolist() == expected[column].astype("str").tolist()
        read += len(found) > len(calls)
    assert read > 3


@pytest.mark.parametrize("cut", [0, 1, 8, 100, 0.3, 0.6, 0.9, -1, -8])
@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.RejectedLinesWarning")
def test_a_torn_parquet_file_is_refused(cut: float, tmp_path) -> None:
    path = tmp_path / "logs.parquet"
    cf.to_parquet(generation(3), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(cut * len(data)) if 0 < cut < 1 else int(cut)])
    with pytest.raises(cf.CrashlensFrameError):
        cf.read_parquet(path)
    assert len(cf.read_logs(path)) == 0
    assert len(cf.read_rejects(path)) == (len(path.read_bytes()) > 0)


def test_a_clock_that_goes_back_costs_no_call_and_no_order(tmp_path, monkeypatch) -> None:
    clock = itertools.count(1_800_000_000_000_000_000, -3_600_000_000_000)
    monkeypatch.setattr(times.time, "time_ns", lambda: next(clock))
    book = cf.LogBook(tmp_path / LOG)
    for number in range(20):
        book.log(model="gpt-4", prompt="p", response="r", trace_id="t", event_id=f"e{number}", latency_ms=10)
    monkeypatch.undo()
    calls = cf.read_jsonl(tmp_path / LOG)
    assert calls["event_id"].tolist() == [f"e{number}" for number in range(20)]
    assert calls["timestamp"].is_monotonic_decreasing
    assert cf.traces(calls)["span_s"].item() == pytest.approx(19 * 3600 + 0.01)
    assert cf.find_waste(calls)["span_s"].ge(0).all()
    assert generations_in(generation(3)) == {3}
