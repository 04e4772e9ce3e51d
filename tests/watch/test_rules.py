"""Rules: the language of when, nulls that are neither true nor false, and agreement with the real CrashLens guard."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from tests.conftest import CrashLens

CALLS = cf.as_calls(
    pd.DataFrame(
        {
            "model": ["gpt-4", "gpt-4o", "claude-opus-4", None],
            "route": ["/a", None, "/b", "/a"],
            "input_tokens": [5, 100, None, 7],
            "output_tokens": [1, 1, 1, 1],
            "cost": [0.5, None, 2.0, 1.0],
            "stream": [True, False, None, True],
            "tags": ['{"customer":"acme"}', '{"customer":"zed","n":3}', None, "{}"],
            "prompt": ["Hi", " ", "What is sent", None],
            "trace_id": ["t0", "t1", "t2", "t3"],
        }
    )
)


def matches(**rule: Any) -> list[int]:
    """Return the numbers of the calls that break a rule, each found alone."""
    limits = cf.Budgets.load({"rules": [{"name": "r", "action": "fail", **rule}]})
    return [row for row in range(len(CALLS)) if cf.broken_rules(CALLS.iloc[[row]], limits)["n_calls"][0]]


@pytest.mark.parametrize(
    ("when", "rows"),
    [
        ("input_tokens > 5", [1, 3]),
        ("input_tokens >= 5", [0, 1, 3]),
        ("not input_tokens > 5", [0]),  # null is neither
        ("input_tokens is null", [2]),
        ("route is not null and cost < 1.5", [0, 3]),
        ('model == "gpt-4" or model like "claude-*"', [0, 2]),
        ('model != "gpt-4"', [1, 2]),
        ("model in [\"gpt-4\", 'gpt-4o']", [0, 1]),
        ('model not in ["gpt-4"]', [1, 2]),
        ('tags.customer == "zed"', [1]),
        ("tags.n == 3", [1]),
        ("stream == true", [0, 3]),
        ('prompt contains "is"', [2]),
        ('prompt matches "^H|t$"', [0, 2]),
        ('prompt startswith "Hi" or prompt endswith "sent"', [0, 2]),
        ("total_tokens = 8", [3]),
        ('cost > 0.1 and (route == "/a" or route == "/b") and not model == "gpt-4"', [2]),
        ("cost > 5e-1", [2, 3]),
    ],
)
def test_what_an_expression_matches(when: str, rows: list[int]) -> None:
    assert matches(when=when) == rows


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ("input_tokens > 'a'", "at character 16: found 'a', expected a number"),
        ("model == gpt", "at character 10: found gpt, expected a number, true, false, or a text in quotation marks,"
         ' such as "gpt-4o"'),
        ("modle == 'a'",
         "at character 1: found modle, expected a field: modle is no field of a call; did you mean model?"),
        ("cost > 1 cost", "at character 10: found cost, expected and, or, or the end"),
        ("(cost > 1", "at the end: expected )"),
        ("__import__('os')", "at character 1: found __import__, expected a field: __import__ is no field of a call;"
         " expected a column of CALLS, total_tokens, tags.KEY or extra.PATH"),
        ("cost ~ 1", "at character 6: '~' is no part of an expression"),
        ('prompt matches "("', 'at character 16: found "(", expected a regular expression'
         " (missing ), unterminated subpattern at position 0)"),
        ("cost", "at the end: expected one of >, >=, <, <=, ==, !=, in, not in, contains, startswith, endswith,"
         " matches, like, is null"),
        ("(" * 99 + "cost > 1", "at character 51: found (, expected at most 50 levels of not and brackets"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_expression(when: str, problem: str) -> None:
    with pytest.raises(cf.BudgetFileError) as caught:
        matches(when=when)
    assert str(caught.value) == f"mapping: rules[0].when is no expression, {problem}"


def test_match_and_when_must_both_hold_and_a_list_is_any_of_its_patterns() -> None:
    assert matches(match={"model": ["gpt-4*", "claude*"], "route": "/a"}, when="cost < 9") == [0]


# -- guard ------------------------------------------------------------------------------------------------------------

MODELS, TEAMS = ("gpt-4", "gpt-4o", "claude-3-opus"), ("search", "ads")
RECORDS = [
    {
        "traceId": f"t{n}",
        "startTime": f"2026-06-01T10:00:{n:02}.000000Z", "endTime": f"2026-06-01T10:00:{n:02}.500000Z",
        "input": {"model": MODELS[n % 3], "prompt": f"Mail {n}"},
        "usage": {"prompt_tokens": 10 * n, "completion_tokens": 5}, "cost": n / 100,
        "metadata": {"team": TEAMS[n % 2], "route": "/v1/chat", "tag": n % 5} if n % 7 else {},
        "model": MODELS[n % 3], "prompt": f"Mail {n}", "cost_usd": n / 100, "tokens": 10 * n + 5, "retry_count": n % 4,
        "fallback_triggered": n % 2 == 0,
    }
    for n in range(60)
]  # fmt: skip
AGREED = {
    "above": {"tokens": {">": 300}},
    "at_least": {"usage.prompt_tokens": {">=": 300}},
    "below": {"cost_usd": {"<": 0.1}},
    "at_most": {"cost": {"<=": 0.1}},
    "equal_text": {"input.model": {"==": "gpt-4"}},
    "other_text": {"metadata.team": {"!=": "search"}},
    "list": {"model": ["gpt-4", "claude-3-opus"]},
    "in": {"model": {"in": ["gpt-4o"]}},
    "not_in": {"metadata.team": {"not in": ["ads"]}},
    "regex": {"input.prompt": {"regex": "[13]$"}},
    "contains": {"prompt": {"contains": "Mail 1"}},
    "starts": {"model": {"startswith": "claude"}},
    "ends": {"model": {"endswith": "4o"}},
    "number": {"retry_count": 3},
    "flag": {"fallback_triggered": True},
    "two": {"model": ["gpt-4"], "retry_count": {">": 1}},
    "own_field": {"metadata.tag": 2},
    "missing": {"metadata.nothing": {"!=": "x"}},
    "text_above": {"tokens": ">400"},
    "text_in": {"model": "in:[gpt-4, gpt-4o]"},
    "text_regex": {"model": "regex:^gpt"},
    "not_empty": {"metadata.team": "not_empty"},
    "and": {"and": [{"model": ["gpt-4"]}, {"tokens": {">": 100}}]},
    "not": {"not": {"model": ["gpt-4"]}},
    "everything": {},
}
# where guard errs: what it is asked, and what a reader of the rule expects
ERRS: dict[str, tuple[Any, Any]] = {
    "plain_text": ({"model": "gpt-4"}, lambda r: r["model"] == "gpt-4"),
    "equal_number": ({"retry_count": {"==": 3}}, lambda r: r["retry_count"] == 3),
    "range": ({"tokens": {">": 55, "<": 100}}, lambda r: 55 < r["tokens"] < 100),
    "nested": (
        {"and": [{"or": [{"model": ["gpt-4"]}, {"retry_count": 3}]}, {"tokens": {">": 100}}]},
        lambda r: (r["model"] == "gpt-4" or r["retry_count"] == 3) and r["tokens"] > 100,
    ),
    "de_morgan": (
        {"not": {"model": ["gpt-4"], "tokens": {">": 100}}},
        lambda r: not (r["model"] == "gpt-4" and r["tokens"] > 100),
    ),
    "documented": (
        {"if_model": "gpt-4", "if_cost_usd_gt": 0.3},
        lambda r: r["model"] == "gpt-4" and r["cost_usd"] > 0.3,
    ),
}


def guard_file(folder: Path, conditions: dict[str, Any]) -> Path:
    rules = [
        {"id": name, "if": condition, "action": "fail_ci", "severity": "error"}
        for name, condition in conditions.items()
    ]
    (folder / "rules.yaml").write_text(json.dumps({"rules": rules}))  # JSON is YAML
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return folder / "rules.yaml"


def counts(folder: Path, rules: Path) -> dict[str, int]:
    found = cf.broken_rules(cf.read_logs(folder / "log.jsonl"), rules)
    return dict(zip(found["name"], found["n_calls"].tolist(), strict=True))


@pytest.mark.crashlens
def test_rules_of_guard_find_what_guard_finds(crashlens: CrashLens, tmp_path: Path) -> None:
    rules = guard_file(tmp_path, AGREED)
    done = crashlens.run("guard", "log.jsonl", "--rules", "rules.yaml", "--report-path", "out.json", cwd=tmp_path)
    report = json.loads((tmp_path / "out.json").read_text())["rules"]
    theirs = {name: report.get(name, {"count": 0})["count"] for name in AGREED}
    assert done.returncode == 0
    assert sum(count > 0 for count in theirs.values()) > 20
    assert counts(tmp_path, rules) == theirs


def test_where_guard_errs_the_rule_means_what_it_says(tmp_path: Path) -> None:
    rules = guard_file(tmp_path, {name: condition for name, (condition, _) in ERRS.items()})
    expected = {name: sum(map(test, RECORDS)) for name, (_, test) in ERRS.items()}
    assert all(0 < number < len(RECORDS) for number in expected.values())
    assert counts(tmp_path, rules) == expected


@pytest.mark.crashlens
def test_guard_does_err_there(crashlens: CrashLens, tmp_path: Path) -> None:
    guard_file(tmp_path, {name: condition for name, (condition, _) in ERRS.items()})
    crashlens.run("guard", "log.jsonl", "--rules", "rules.yaml", "--report-path", "out.json", cwd=tmp_path)
    report = json.loads((tmp_path / "out.json").read_text())["rules"]
    right = {name: sum(map(test, RECORDS)) for name, (_, test) in ERRS.items()}
    assert [name for name in ERRS if report.get(name, {"count": 0})["count"] == right[name]] == []


def test_all_calls_of_a_trace_count_and_more_than_a_hundred(tmp_path: Path) -> None:
    calls = pd.concat([CALLS.iloc[[0]]] * 250, ignore_index=True)
    rules = {"rules": [{"id": "r", "if": {"tokens": {"<": 7}}, "action": "warn"}]}
    assert cf.broken_rules(calls, rules)[["action", "n_calls", "cost"]].to_numpy().tolist() == [["warn", 250, 125.0]]


@pytest.mark.parametrize(
    ("keys", "action"),
    [({"action": "fail_ci"}, "fail"), ({"action": "warn"}, "warn"), ({"action": "error", "severity": "warn"}, "warn"),
     ({"action": "warn", "severity": "fatal"}, "fail")],
)  # fmt: skip
def test_the_severity_of_a_rule_of_guard_decides_before_its_action(keys: dict[str, str], action: str) -> None:
    assert cf.Budgets.load({"rules": [{"id": "r", "if": {}, **keys}]}).rules[0].action == action
