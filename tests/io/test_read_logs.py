"""Logs of any kind: what is read, what is left out, and what a file is that is no log."""

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

CASES = Path(__file__).parents[1] / "cases" / "files"
LOG = cf.add_cost(cf.add_tokens(cf.simulate_workload(30, seed=1, days=1)))
LINE = b'{"trace_id": "t1", "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 50}\n'


def test_files_patterns_and_datasets_are_read_in_their_order(tmp_path: Path) -> None:
    LOG.iloc[:10].crashlens.to_parquet(tmp_path / "b.parquet")
    LOG.iloc[10:20].crashlens.to_jsonl(tmp_path / "a.jsonl.gz")
    cf.write_dataset(LOG.iloc[20:], tmp_path / "rest", by="day")
    calls = cf.read_logs(*(str(tmp_path / name) for name in ("*.parquet", "a.*", "rest")))
    expected = [LOG.iloc[:20], cf.read_parquet(tmp_path / "rest")]
    pd.testing.assert_frame_equal(calls, cf.as_calls(pd.concat(expected, ignore_index=True)))


def test_the_home_folder_is_known_by_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(LINE)
    (tmp_path / "logs" / ".hidden.jsonl").write_bytes(LINE)
    assert len(cf.read_logs("~/logs")) == 1
    with pytest.raises(FileNotFoundError, match=r"holds no file whose name ends in \.csv, \.eval, \.har, \.json, "):
        cf.read_logs(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_calls_are_counted_and_priced_or_left_as_they_are() -> None:
    assert cf.read_logs(io.BytesIO(LINE))["cost"].tolist() == [0.003]
    assert cf.read_logs(io.BytesIO(LINE), prices=None)["cost"].isna().all()
    prices = {"pricing": {"gpt-4o": {"input_price_per_1m": 1000, "output_price_per_1m": 0}}}
    assert cf.read_logs(io.BytesIO(LINE), prices=prices, columns=["cost"])["cost"].tolist() == [1.0]


def test_a_trace_downloaded_from_langfuse_is_its_call() -> None:
    (call,) = cf.read_logs(CASES / "w18_langfuse_trace_download.json").to_dict("records")
    assert (call["trace_id"], call["model"], call["input_tokens"], call["output_tokens"], call["cost"]) == (
        "t-1", "gpt-4o", 1000, 50, 0.003,
    )  # fmt: skip


def test_a_pretty_document_is_its_calls() -> None:
    calls = cf.read_logs(CASES / "w26_pretty_document.json")
    assert calls[["input_tokens", "output_tokens"]].sum().tolist() == [60, 6]


def test_the_activity_of_openrouter_is_read_as_its_generations_are() -> None:
    (call,) = cf.read_logs(CASES / "u09_openrouter_activity.csv").to_dict("records")
    names = ("input_tokens", "output_tokens", "cached_input_tokens", "cost", "latency_ms", "cost_source", "log_format")
    assert [call[name] for name in names] == [1000, 100, 800, 0.0123, 900, "reported", "openrouter"]


REQUEST = b'{"custom_id": "r", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o", "input": "Hi"}}\n'
ANTHROPIC_DAY = b'{"starting_at": "2026-03-01", "ending_at": "2026-03-02", "results": [{"output_tokens": 5}]}'


COPILOT = {"type": "session.start", "id": "e", "timestamp": "2026-03-01T10:00:00Z", "parentId": None,
           "data": {"sessionId": "s"}}  # fmt: skip


def _database(path: Path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("create table calls (model text)")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("report", "a usage report: it holds totals by day, no calls"),
        ("days", "a usage report: it holds totals by day, no calls"),
        ("requests", "a batch input file: it holds requests, not answers"),
        ("amounts", "a bill: it holds amounts by day and kind of use, no calls"),
        ("premium", "a bill: it holds amounts by day and kind of use, no calls"),
        ("counted", "a usage report: it holds totals by day, no calls"),
        ("activity", "a usage report: it holds totals by day, no calls"),
        ("summary", "a summary of traces: it holds their totals, no calls; export them with their spans"),
        ("copilot", "a session of Copilot CLI: it has no input tokens of its requests"),
        ("chat", "a chat of VS Code: it has texts, and no tokens of its requests"),
        ("journal", "a chat of VS Code: it has texts, and no tokens of its requests"),
        ("picture", "the file is a PNG picture, and no log"),
        ("database", "the file is an SQLite database, and no log"),
        ("history", "the file is a chat history of aider, whose counts are rounded, and no log"),
        ("zip", "File is not a zip file"),
        ("parquet", "is no Parquet file"),
    ],
)
def test_what_a_file_is_is_reported_once_and_in_words(tmp_path: Path, name: str, what: str) -> None:
    content = {
        "report": (CASES / "u15_usage_report_openai.json").read_bytes(),
        "days": json.dumps({"data": [json.loads(ANTHROPIC_DAY)] * 3, "has_more": False}, indent=2).encode(),
        "requests": REQUEST * 50,
        "amounts": b"start_time,end_time,amount_value,amount_currency,line_item\n" + b"1,2,1.25,usd,gpt-4o\n" * 9,
        "premium": b"date,username,sku,model,quantity,unit_type,net_amount\n" + b"2026-03-01,a,s,m,12,requests,1\n" * 9,
        "counted": b"date,model,input_tokens,requests,cost\n" + b"2026-03-01,gpt-4o,1000,12,1.25\n" * 9,
        "activity": json.dumps(
            {"data": [{"date": "2026-03-01", "model": "gpt-4o", "requests": 5, "usage": 0.1}]}
        ).encode(),
        "summary": json.dumps(
            {"trace_id": "t", "prompt_tokens": 5, "total_cost": 1, "total_time_ms": 9, "topic": None, "subtopic": None}
        ).encode()
        + b"\n",
        "copilot": json.dumps(COPILOT).encode() + b"\n" + json.dumps(COPILOT | {"type": "abort"}).encode() + b"\n",
        "chat": json.dumps({"version": 3, "responderUsername": "GitHub Copilot", "requests": [{}]}, indent=1).encode(),
        "journal": b'{"kind":0,"v":{"requests":[]}}\n{"kind":1,"k":["requests",0],"v":{}}\n',
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        "database": _database(tmp_path / "database"),
        "history": b"\n# aider chat started at 2026-03-01 10:00:00\n\n> Tokens: 3.4k sent, 120 received.\n{}\n" * 9,
        "zip": b"PK\x03\x04" + b"\n" * 50,
        "parquet": b"PAR1" + b"\n{" * 50,
    }[name]
    (tmp_path / "log.jsonl").write_bytes(content)
    rejects = cf.read_rejects(tmp_path / "log.jsonl")
    assert len(rejects) == 1
    assert what in rejects["reason"].item()


def test_a_zip_and_a_parquet_file_of_another_name_are_read(tmp_path: Path) -> None:
    LOG.crashlens.to_parquet(tmp_path / "log.parquet")
    (tmp_path / "log.parquet").rename(tmp_path / "log.jsonl")
    with zipfile.ZipFile(tmp_path / "packed.log", "w") as archive:
        archive.write(tmp_path / "log.jsonl", "inner/a.jsonl")
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path / "log.jsonl"), LOG)
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path / "packed.log"), LOG)


REPAIRED = {
    "latency_ms": (b'"latency_ms": -5', "latency_ms"),
    "timestamp": (b'"timestamp": "last week"', "timestamp"),
    "temperature": (b'"temperature": "hot"', "temperature"),
    "prompt": (b'"prompt": {"raw": "Hi"}', "prompt"),
}


@pytest.mark.parametrize("column", REPAIRED)
def test_a_side_field_that_cannot_be_costs_itself_and_not_the_call(column: str) -> None:
    text, field = REPAIRED[column]
    log = LINE * 2 + LINE.replace(b"}", b", " + text + b"}") + LINE
    if text.endswith(b"}"):
        log = LINE * 2 + LINE[:-2] + b", " + text + b"}\n" + LINE
    with pytest.warns(cf.RepairedFieldsWarning, match=r"^left out 1 field of calls .* cf\.read_repairs lists them$"):
        calls = cf.read_logs(io.BytesIO(log), prices=None)
    repairs = cf.read_repairs(io.BytesIO(log))
    assert len(calls) == 4
    assert pd.isna(calls[column][2])
    assert json.loads("{" + text.decode() + "}") == json.loads(calls["extra"][2])
    assert repairs[["source", "line", "field"]].to_numpy().tolist() == [["<stream>", 3, field]]
    assert repairs["reason"].item().startswith(f"{field} is ")
    with pytest.raises(cf.LogFileError, match=f"<stream>:3: {field} is "):
        cf.read_logs(io.BytesIO(log), on_error="raise")


def test_an_end_before_the_start_costs_the_latency() -> None:
    log = (
        b'{"traceId": "t", "startTime": "2026-03-01T10:00:00Z", "endTime": "2026-03-01T09:00:00Z",'
        b' "input": {"model": "gpt-4o", "prompt": "Hi"}}'
    )
    with pytest.warns(cf.RepairedFieldsWarning):
        (call,) = cf.read_logs(io.BytesIO(log)).to_dict("records")
    assert pd.isna(call["latency_ms"])
    assert call["extra"] == '{"endTime":"2026-03-01T09:00:00Z"}'


def test_rejects_and_repairs_are_counted_in_one_warning() -> None:
    log = b"torn\n" + LINE.replace(b"}", b', "latency_ms": -5}')
    with pytest.warns(cf.RejectedLinesWarning, match="left out 1 line .*; left out 1 field of calls") as caught:
        cf.read_logs(io.BytesIO(log))
    assert len(caught) == 1


def test_a_negative_cost_is_a_credit() -> None:
    log = b'{"trace_id": "t", "model": "gpt-4o", "cost": -0.5, "type": "generation"}'
    (call,) = cf.read_logs(io.BytesIO(log)).to_dict("records")
    assert (call["cost"], call["type"], call["cost_source"]) == (-0.5, "credit", "reported")
    file = io.BytesIO()
    cf.read_logs(io.BytesIO(log)).crashlens.to_jsonl(file)
    file.seek(0)
    assert cf.read_logs(file)["cost"].tolist() == [-0.5]


def test_columns_of_a_csv_file_mean_what_the_user_says() -> None:
    file = b"when;who;in;out\n2026-03-01;gpt-4o;1000;50\n2026-03-02;gpt-4o;12a;50\n"
    columns = {"when": "timestamp", "who": "model", "in": "input_tokens", "out": "output_tokens"}
    with pytest.warns(cf.RepairedFieldsWarning, match=r'<stream>:3: in is "12a", expected a whole number from 0 on'):
        calls = cf.read_csv(io.BytesIO(file), columns=columns)
    assert calls["cost"].tolist()[0] == 0.003
    assert calls["input_tokens"].isna().tolist() == [False, True]
    assert calls["trace_id"].is_unique


def test_calls_come_back_equal_from_csv() -> None:
    calls = LOG.assign(prompt=LOG["prompt"].where(LOG.index != 3, "'=1"))
    calls.loc[5, "prompt"] = "=1+1"
    file = io.BytesIO()
    cf.to_csv(calls, file)
    file.seek(0)
    pd.testing.assert_frame_equal(cf.read_csv(file, prices=None), calls)
    file = io.BytesIO()
    cf.to_csv(LOG, file)
    file.seek(0)
    pd.testing.assert_frame_equal(cf.as_calls(pd.read_csv(file)), LOG)


def test_a_spreadsheet_has_times_without_a_zone_and_no_formula(tmp_path: Path) -> None:
    calls = LOG.assign(prompt="=1\x00" + "x" * 40_000, response="\x00=1+1", model="\x1b=2")
    cf.to_excel(calls, tmp_path / "calls.xlsx")
    cells = pd.read_excel(tmp_path / "calls.xlsx")
    assert cells["timestamp"].tolist() == LOG["timestamp"].dt.tz_localize(None).dt.round("ms").tolist()
    assert cells["prompt"].tolist() == ["'=1" + "x" * 32_764] * len(LOG)
    assert set(cells["response"]) == {"'=1+1"}
    assert set(cells["model"]) == {"'=2"}
    assert cells["cost"].tolist() == pytest.approx(LOG["cost"].tolist(), nan_ok=True)


def test_a_foreign_frame_names_the_line_that_makes_it_calls() -> None:
    with pytest.raises(cf.NotCallsError, match=r"df = cf\.as_calls\(df\) makes it calls"):
        pd.DataFrame({"model_name": ["m"]}).crashlens  # noqa: B018
    with pytest.raises(cf.NotCallsError, match=r"columns=\{'its column of models': 'model'\}"):
        pd.DataFrame({"weather": ["m"]}).crashlens  # noqa: B018


@pytest.mark.parametrize("read", [cf.read_logs, lambda folder: cf.scan(folder, memory="100MB")])
def test_files_in_a_folder_that_may_be_logs_are_not_passed_over_in_silence(tmp_path: Path, read: Any) -> None:
    line = '{"trace_id": "t", "model": "gpt-4o", "input_tokens": 5, "output_tokens": 5}\n'
    (tmp_path / "calls.jsonl").write_text(line)
    (tmp_path / "app.log").write_text(line)
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "notes.md").write_text("hello\n")
    (tmp_path / "empty").touch()
    (tmp_path / ".hidden").write_text(line)
    with pytest.warns(cf.PassedOverWarning) as caught:
        read(tmp_path)
    assert [str(warning.message) for warning in caught] == [
        "did not read 2 files that may be logs, as their names do not end as those of logs do:"
        f" {tmp_path / 'app.log'}, {tmp_path / 'packed.txt.gz'}; name each of them to read it"
    ]
    (tmp_path / "app.log").unlink()
    (tmp_path / "packed.txt.gz").unlink()
    read(tmp_path)  # a warning would be an error


def test_of_a_folder_with_a_dataset_exactly_the_parts_of_the_dataset_are_read(tmp_path: Path) -> None:
    cf.write_dataset(LOG, tmp_path / "calls", buckets=2)
    part = next((tmp_path / "calls").glob("*=*/*.parquet"))
    (part.parent / "left-behind.parquet").write_bytes(part.read_bytes())
    calls = cf.read_logs(tmp_path, duplicates="all")
    assert len(calls) == len(LOG)
    assert cf.read_rejects(tmp_path).empty
