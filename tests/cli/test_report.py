"""The command report: the file that cf.write_report writes, with what the log left out."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main


@pytest.fixture(autouse=True)
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls = cf.simulate_workload(100, seed=5, days=4, start="2026-03-02")
    is_before = calls["timestamp"] < "2026-03-04"
    calls[is_before].crashlens.to_jsonl("before.jsonl")
    calls[~is_before].crashlens.to_jsonl("logs.jsonl")
    with Path("logs.jsonl").open("a", encoding="utf-8") as file:
        file.write("{torn\n")


def test_report_writes_the_page_of_the_logs_and_counts_what_was_not_read() -> None:
    arguments = ["report", "logs.jsonl", "-o", "march.html", "--before", "before.jsonl", "--by", "route"]
    result = CliRunner().invoke(main, [*arguments, "--tz", "Atlantic/Reykjavik", "--title", "March <1>"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "rejected logs.jsonl:" in result.stderr
    assert result.stderr.endswith("wrote march.html\n")
    page = Path("march.html").read_text(encoding="utf-8")
    assert "<h1>March &lt;1&gt;</h1>" in page
    assert "2026-03-04 to 2026-03-05 against 2026-03-02 to 2026-03-03." in page
    assert "<h2>By route</h2>" in page
    assert "1 line that could not be read" in page


def test_report_goes_to_stdout() -> None:
    result = CliRunner().invoke(main, ["report", "logs.jsonl", "--output", "-"])
    assert result.exit_code == 0
    assert result.stdout.startswith("<!DOCTYPE html>")
    assert result.stdout.endswith("</html>\n")


def test_a_wrong_option_is_one_line_and_writes_nothing() -> None:
    result = CliRunner().invoke(main, ["report", "logs.jsonl", "--tz", "Mars"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: tz is 'Mars', expected the name of a time zone")
    assert not Path("report.html").exists()
