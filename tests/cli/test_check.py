"""The command check: a line for each violation, four forms, and exit codes that a build can trust."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import crashlens_frame as cf
from crashlens_frame.cli import main

LIMITS = """
budgets:
  - {name: search, match: {team: search}, per: month, limit_usd: 100}
  - {name: any user, each: user_id, per: 1d rolling, limit_usd: 4.5}
rules:
  - {name: no opus, match: {model: "claude-opus*"}, action: fail}
  - {name: "size, of prompts", when: "input_tokens > 100", action: warn}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("budgets.yaml").write_text(LIMITS)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


def log(name: str, *, factor: float = 1.0, seed: int = 0, model: str = "gpt-4o", tokens: int = 50) -> str:
    """Write ten days of June with four dollars each, or as much times a factor and some noise."""
    noise = pd.Series(range(300)).sample(frac=1, random_state=seed).to_numpy() % 7 / 30 + 0.9
    days = pd.date_range("2026-06-01T00:00Z", periods=300, freq="48min")
    calls = {"trace_id": [f"{name}-{n}" for n in range(300)], "timestamp": days, "cost": 4 / 30 * factor * noise}
    frame = pd.DataFrame(calls | {"model": model, "team": "search", "user_id": "ann", "input_tokens": tokens})
    cf.as_calls(frame.assign(prompt="p", response="r", output_tokens=1)).crashlens.to_jsonl(name)
    return name


def test_a_broken_budget_and_a_broken_rule_are_a_line_each_and_exit_1() -> None:
    result = run(log("a.jsonl", factor=3, model="claude-opus-4-5", tokens=200), "--budgets", "budgets.yaml")
    assert result.exit_code == 1
    first, *others = result.stdout.splitlines()
    assert first == "fail budget search, 2026-06: $119.96 of $100.00 spent, used up on 2026-06-09"
    assert [line.split(":")[0] for line in others] == [
        "fail budget any user, ann, to 2026-06-02 12", "fail rule no opus", "warn rule size, of prompts",
    ]  # fmt: skip
    assert result.stderr == "Error: 3 violations in 300 calls\n"


def test_what_holds_prints_nothing_and_exits_with_0() -> None:
    result = run(log("a.jsonl", factor=0.5), "--budgets", "budgets.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no violation in 300 calls\n")


def test_a_projected_end_above_the_limit_warns() -> None:
    result = run(log("a.jsonl", factor=0.9), "--budgets", "budgets.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "warn budget search, 2026-06: $35.99 of $100.00 spent, $107.96 projected, used up on 2026-06-28"
    )


def test_costs_that_are_all_unknown_do_not_pass() -> None:
    Path("a.jsonl").write_text('{"traceId": "a", "startTime": "2026-06-01T10:00:00Z", "model": "own", "prompt": "p"}\n')
    Path("budgets.yaml").write_text("budgets: [{name: all, per: day, limit_usd: 1}]")
    result = run("a.jsonl", "--budgets", "budgets.yaml")
    assert result.exit_code == 1
    assert result.stdout == "fail budget all, 2026-06-01: the cost of all 1 call is unknown\n"


@pytest.mark.parametrize(
    "text", ["", "no json\n" * 5, "no json\n" * 3 + '{"traceId": "a", "model": "gpt-4o", "cost": 1}\n']
)
def test_a_log_that_could_not_be_read_is_no_log_that_holds(text: str) -> None:
    Path("a.jsonl").write_text(text)
    result = run("a.jsonl", "--budgets", "budgets.yaml")
    assert (result.exit_code, result.stdout) == (1, "")


def test_an_unreadable_baseline_fails_too() -> None:
    Path("old.jsonl").write_text("no json\n" * 5)
    assert run(log("a.jsonl"), "--baseline", "old.jsonl").exit_code == 1


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.08, 0), (1.2, 1), (0.5, 0)])
def test_an_increase_beyond_the_allowed_one_fails(factor: float, code: int) -> None:
    result = run(log("new.jsonl", factor=factor, seed=1), "--baseline", log("old.jsonl"), "--max-increase", "10%")
    assert result.exit_code == code
    assert len(result.stdout.splitlines()) == code


def test_noise_alone_does_not_fail_a_build() -> None:
    """Two halves of one log differ by chance: with no increase allowed, few of them may fail."""
    calls = cf.simulate_workload(3000, seed=3)
    traces = pd.Series(calls["trace_id"].unique())
    alarms = 0
    for seed in range(40):
        old = calls[calls["trace_id"].isin(traces.sample(frac=0.5, random_state=seed))]
        new = calls[~calls["trace_id"].isin(old["trace_id"])]
        alarms += cf.cost_increase(old, new, seed=seed).low > 0
    assert alarms <= 5


def test_the_interval_of_an_increase_holds_the_true_one() -> None:
    rng, inside = pd.Series(range(60)), 0
    for seed in rng:
        cost = pd.Series(range(2000)).sample(frac=1, random_state=seed).mod(50)
        frame = pd.DataFrame({"trace_id": [str(n) for n in range(2000)], "cost": cost.to_numpy() + 1.0})
        chosen = [frame.sample(300, random_state=seed + 1000 * half) for half in (1, 2)]
        found = cf.cost_increase(chosen[0], chosen[1].assign(cost=chosen[1]["cost"] * 1.25), seed=seed)
        inside += found.low <= 0.25 <= found.high
    assert 48 <= inside <= 59


def test_json_holds_every_result() -> None:
    result = run(
        log("a.jsonl", factor=3), "--budgets", "budgets.yaml", "--baseline", log("b.jsonl"), "--format", "json"
    )
    found = json.loads(result.stdout)
    assert [(each["kind"], each["level"]) for each in found["results"]] == [
        ("budget", "fail"), ("budget", "fail"), ("rule", "ok"), ("rule", "ok"), ("increase", "fail"),
    ]  # fmt: skip
    assert found["budgets"][0]["limit"] == 100
    assert found["rules"][0]["n_calls"] == 0
    assert found["increase"]["increase"] == pytest.approx(2)


def test_junit_is_xml_with_a_case_for_each_check() -> None:
    suite = ElementTree.fromstring(
        run(log("a.jsonl", factor=3), "--budgets", "budgets.yaml", "--format", "junit").stdout
    )
    assert suite.attrib == {"name": "crashlens-frame", "tests": "4", "failures": "2"}
    assert [case.find("failure") is not None for case in suite] == [True, True, False, False]


def test_annotations_of_github_escape_what_would_end_them() -> None:
    result = run(log("a.jsonl", factor=0.1, tokens=200), "--budgets", "budgets.yaml", "--format", "github")
    assert result.stdout == "::warning title=rule size%2C of prompts::300 calls, $4.00, the first in trace a.jsonl-0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing to check: give --budgets, --baseline, or both."),
        (["--baseline", "x", "--max-increase", "10"], "'10' is no share, expected a number with its sign, such as 10%"),
    ],
)
def test_a_wrong_use_is_exit_2(arguments: list[str], message: str) -> None:
    result = run("a.jsonl", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
