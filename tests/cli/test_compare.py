"""The command compare: what it prints is what explain_change returns."""

import json
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
    parts = ["volume", "mix", "tokens", "cache", "price"]
    assert sum(found[part] for part in parts) == pytest.approx(0.8)
    right = cf.explain_change(*map(cf.read_logs, logs), by="team")
    assert found["mix"] == pytest.approx(right["mix"].sum())


def test_calls_without_a_known_cost_are_a_row_of_their_own(logs: list[str], tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text('{"trace_id": "t", "model": "nobody-knows", "input_tokens": 5, "output_tokens": 5}\n')
    assert "unknown cost" in ran(logs[0], str(odd))


def test_the_same_log_twice_has_not_changed(logs: list[str]) -> None:
    assert ran(logs[0], logs[0], "--format", "markdown").splitlines()[0] == "$1.00 -> $1.00 (+$0.00, 0.0 %): no change"
