"""Logs of Inspect as it packs them are read as its JSON logs are, and what repeats the samples is no line of them."""

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from tests.formats.test_evaluations import SAMPLE

HEADER = {"version": 2, "status": "success", "eval": {"eval_id": "e-1", "run_id": "r-1", "task": "stock", "model": "m"}}
OTHER = copy.deepcopy(SAMPLE) | {"id": 8, "uuid": "sa-2"}
OTHER["events"][1] |= {"uuid": "ev-2", "input": [{"role": "user", "content": f"attachment://{'0' * 32}"}]}
OTHER["attachments"] = {"0" * 32: "A long question"}
LOG = {**HEADER, "samples": [SAMPLE, OTHER]}
FILES: dict[str, Any] = {
    "_journal/start.json": {"version": 2, "eval": HEADER["eval"], "plan": {}},
    "_journal/summaries/1.json": [
        {"id": 7, "epoch": 1, "input": "Is it in stock?", "target": "yes", "model_usage": {}}
    ],
    "samples/7_epoch_1.json": SAMPLE,
    "samples/8_epoch_1.json": OTHER,
    "summaries.json": [{"id": 7, "epoch": 1, "input": "Is it in stock?", "target": "yes", "scores": {}}],
    "reductions.json": [],
    "header.json": HEADER,
}


def packed(files: dict[str, Any], *, indent: int | None = 2) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content, indent=indent))
    return io.BytesIO(file.getvalue())


def without(*names: str) -> dict[str, Any]:
    return {name: content for name, content in FILES.items() if name not in names}


@pytest.fixture
def expected() -> pd.DataFrame:
    calls = cf.read_logs(io.BytesIO(json.dumps(LOG).encode()), prices=None, on_error="raise")
    assert calls["session_id"].tolist() == ["r-1", "r-1"]
    assert calls["name"].tolist() == ["stock", "stock"]
    assert calls["prompt"].iloc[1] == "A long question"
    return calls


@pytest.mark.parametrize("indent", [None, 2])
def test_an_archive_has_the_calls_of_its_log(expected: pd.DataFrame, indent: int | None, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(cf.read_logs(packed(FILES, indent=indent), prices=None, on_error="raise"), expected)
    (tmp_path / "stock.eval").write_bytes(packed(FILES).getvalue())
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path, prices=None, on_error="raise"), expected)
    assert cf.read_rejects(tmp_path / "stock.eval").empty


def test_an_evaluation_that_was_broken_off_has_its_journal(expected: pd.DataFrame) -> None:
    files = without("header.json", "summaries.json", "reductions.json")
    pd.testing.assert_frame_equal(cf.read_logs(packed(files), prices=None, on_error="raise"), expected)


def test_a_damaged_header_costs_what_it_has_and_a_damaged_sample_itself(expected: pd.DataFrame) -> None:
    calls = cf.read_logs(packed({**FILES, "header.json": "{"}), prices=None, on_error="raise")
    names = ["event_id", "input_tokens", "cost"]
    pd.testing.assert_frame_equal(calls[names], expected[names])
    assert calls["session_id"].isna().all()
    rejects = cf.read_rejects(packed({**FILES, "samples/7_epoch_1.json": '{"id": 7,'}))
    assert rejects["source"].tolist() == ["<stream>/samples/7_epoch_1.json"]


def test_another_archive_is_read_file_by_file() -> None:
    files = {"samples/a.json": SAMPLE, "other/b.json": OTHER}
    assert len(cf.read_logs(packed(files), prices=None, on_error="raise")) == 2
