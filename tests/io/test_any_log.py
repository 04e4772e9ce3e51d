"""Logs of any kind, one after the other, are one frame."""

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.io.any_log import read_logs

LOG = cf.simulate_workload(30, seed=1, days=1)


def test_files_patterns_and_datasets_are_read_in_their_order(tmp_path):
    for part, target in ((LOG.iloc[:10], "b.parquet"), (LOG.iloc[10:20], "a.jsonl.gz")):
        (part.crashlens.to_parquet if target.endswith("parquet") else part.crashlens.to_jsonl)(tmp_path / target)
    cf.write_dataset(LOG.iloc[20:], tmp_path / "rest", by="day")

    calls, rejects = read_logs([str(tmp_path / name) for name in ("*.parquet", "a.*", "rest")])

    expected = [LOG.iloc[:20], cf.read_parquet(tmp_path / "rest")]
    pd.testing.assert_frame_equal(calls, cf.as_calls(pd.concat(expected, ignore_index=True)))
    assert rejects.empty


def test_rejects_are_those_of_all_files(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text('{"trace_id": "t1", "model": "gpt-4"}\ntorn\n')

    with pytest.warns(cf.RejectedLinesWarning):
        calls, rejects = read_logs([str(tmp_path / "*.jsonl")])

    assert len(calls) == 2
    assert rejects["source"].tolist() == [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    assert rejects["line"].tolist() == [2, 2]
