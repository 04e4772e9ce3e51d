"""The command compare: what it prints is what explain_change returns."""

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    paths = []
    for name, n_calls, cost in (("before", 100, 0.01), ("after", 150, 0.012)):
        team = ["search"] * (n_calls - 10) + ["legal"] * 10
        calls = pd.DataFrame({"trace_id": "t", "model": "gpt-4o", "team": team, "cost": cost})
        paths.append(str(tmp_path / f"{name}.jsonl"))
        cf.to_jsonl(cf.as_calls(calls), paths[-1])
    return paths


def ran(*args: str) -> str:
    result = CliRunner().invoke(main, ["compare", *args])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_difference_and_its_parts_are_printed(logs: list[str]) -> None:
    text = ran(*logs)
    assert text.splitlines()[0] == "$1.00 -> $1.80 (+$0.80, 80.0 %): volume +$0.50, price +$0.30"
    assert "unknown cost" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_groups_are_those_asked_for_and_add_up(logs: list[str]) -> None:
    found = json.loads(ran(*logs, "--by", "team", "--format", "json"))
    groups = pd.DataFrame(found["groups"]).set_index("team")
    assert set(groups.index.dropna()) == {"search", "legal"}
    assert groups["difference"].sum() == pytest.approx(found["difference"]) == pytest.approx(0.8)
    parts = ["volume", "mix", "tokens", "cache", "price", "waste"]
    assert sum(found[part] for part in parts) == pytest.approx(0.8)
    right = cf.explain_change(*map(cf.read_logs, logs), by="team")
    assert found["mix"] == pytest.approx(right["mix"].sum())


def test_calls_without_a_known_cost_are_a_row_of_their_own(logs: list[str], tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text('{"trace_id": "t", "model": "nobody-knows", "input_tokens": 5, "output_tokens": 5}\n')
    assert "unknown cost" in ran(logs[0], str(odd))


def test_the_same_log_twice_has_not_changed(logs: list[str]) -> None:
    assert ran(logs[0], logs[0], "--format", "markdown").splitlines()[0] == "$1.00 -> $1.00 (+$0.00, 0.0 %): no change"


def test_the_last_days_of_a_single_log_are_compared_with_those_before(tmp_path: Path) -> None:
    path = str(tmp_path / "log.jsonl")
    days = pd.date_range("2026-06-01T12:00Z", periods=14, freq="D")
    cost = [1.0] * 7 + [3.0] * 7
    cf.to_jsonl(cf.as_calls(pd.DataFrame({"trace_id": "t", "model": "gpt-4o", "timestamp": days, "cost": cost})), path)
    result = CliRunner().invoke(main, ["compare", path])
    assert result.stderr == "2026-06-08 to 2026-06-14 against 2026-06-01 to 2026-06-07\n"
    assert result.stdout.splitlines()[0] == "$7.00 -> $21.00 (+$14.00, 200.0 %): price +$14.00"


def test_a_single_log_of_a_day_is_not_compared(logs: list[str]) -> None:
    result = CliRunner().invoke(main, ["compare", logs[0]])
    assert result.exit_code == 1
    assert result.stderr == "Error: the log is shorter than two days: give the log to compare it with\n"


def test_what_more_is_wasted_is_a_part(tmp_path: Path) -> None:
    paths = []
    for retries in (1, 4):
        book = cf.LogBook()
        book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=retries, seed=1)
        paths.append(str(tmp_path / f"{retries}.jsonl"))
        book.to_jsonl(paths[-1])
    found = json.loads(ran(*paths, "--format", "json"))
    wasted = [cf.find_waste(cf.read_logs(path))["counted_cost"].sum() for path in paths]
    assert found["waste"] == pytest.approx(wasted[1] - wasted[0])
    assert found["waste"] > 0


def test_waste_is_what_a_search_of_the_whole_log_finds(tmp_path: Path) -> None:
    path = str(tmp_path / "log.jsonl")
    days = pd.date_range("2026-06-01T12:00Z", periods=14, freq="D")
    asked = pd.to_datetime(["2026-06-07T23:50Z", "2026-06-08T00:10Z"])  # the same question in both weeks
    calls = pd.DataFrame({"timestamp": [*days, *asked], "model": "gpt-4o", "temperature": 0.0, "cost": 0.25})
    prompts = [f"Which day is number {day}?" for day in range(14)] + ["Sum up the page about tides."] * 2
    calls = cf.as_calls(calls.assign(trace_id=[f"t{number}" for number in range(16)], prompt=prompts, response="So."))
    cf.to_jsonl(calls, path)
    assert json.loads(ran(path, "--format", "json"))["waste"] == pytest.approx(0.25)
    explorer = cf.Explorer(cf.read_logs(path))
    explorer.tabs.selected_index = explorer.tabs.titles.index("Why?")
    assert ">waste</td>" in explorer.why.parts.value
    assert "+$0.25" in explorer.why.parts.value
    assert _causes(cf.read_logs(path)) == "+$0.25"


def _causes(calls: pd.DataFrame) -> str:
    """Return the row of waste in what changed, in the report for people who were not there."""
    page = io.BytesIO()
    cf.write_report(calls, page, by="model")
    return re.search(r">waste</td><td[^>]*>([^<]*)<", page.getvalue().decode()).group(1)
