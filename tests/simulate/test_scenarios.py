"""What the package simulates and writes, given to the real CrashLens: scan, report and guard."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from tests.conftest import CrashLens

START = {"start": "2026-06-01T12:00:00Z", "seed": 1}
LONG = "Compare the three offers in the attached tables, line by line, and say which of them we should take. " * 2

# name: how it is simulated, and the detector of CrashLens that names its trace
SCENARIOS: dict[str, tuple[Callable[[cf.LogBook], Any], str]] = {
    "retries with exponential backoff": (
        lambda book: book.simulate_retries("gpt-4", LONG, "Detailed response", retries=5, trace_id="t1", **START),
        "retry_loop",
    ),
    "retries with constant backoff": (
        lambda book: book.simulate_retries("gpt-4", LONG, "Yes", retries=4, backoff="constant", trace_id="t1", **START),
        "retry_loop",
    ),
    "retries without backoff": (
        lambda book: book.simulate_retries("gpt-4o", LONG, "Yes", retries=7, backoff="none", trace_id="t1", **START),
        "retry_loop",
    ),
    "retries that never answer": (
        lambda book: book.simulate_retries("gpt-4", LONG, answers=False, retries=3, trace_id="t1", **START),
        "retry_loop",
    ),
    "retries of a model without a price": (
        lambda book: book.simulate_retries("my-model", LONG, "Yes", retries=5, trace_id="t1", **START),
        "retry_loop",
    ),
    "a fallback": (
        lambda book: book.simulate_fallback("gpt-4", LONG, "Answer", trace_id="t1", **START),
        "fallback_storm",
    ),
    "overkill": (
        lambda book: book.simulate_overkill("gpt-4", "Hi", "Hello!", trace_id="t1", **START),
        "overkill_model",
    ),
    "a second opinion that nobody needed": (
        lambda book: [
            book.log(model=model, prompt=LONG, response="Take the second.", trace_id="t1", timestamp=time, **fallback)
            for model, time, fallback in (
                ("gpt-3.5-turbo", "2026-06-01T12:00:00Z", {}),
                ("gpt-4", "2026-06-01T12:00:09Z", {"fallback_attempted": True, "fallback_reason": "too slow"}),
            )
        ],
        "fallback_failure",
    ),
}
OUR_NAMES = {
    "retry_loop": "retry_loops",
    "fallback_storm": "fallback_storms",
    "fallback_failure": "fallback_failures",
    "overkill_model": "overkill_models",
}


def companions(book: cf.LogBook) -> None:
    """Log what silences CrashLens when other programs write it: nulls, an unknown price, a failed call."""
    at = {"timestamp": "2026-06-01T12:00:00Z"}
    book.log(model="my-model", prompt=LONG, response="Yes", trace_id="unpriced", **at)
    book.log(
        model="claude-3-haiku", prompt=None, response="Yes", input_tokens=9, output_tokens=1, trace_id="no prompt", **at
    )
    book.log(model="my-model", prompt=None, trace_id="no tokens", **at)
    book.log(model="gpt-4o", prompt=LONG, trace_id="failed", level="error", error="503 Service Unavailable", **at)
    book.extend(pd.DataFrame({"trace_id": ["no time"], "model": ["gpt-4o"], "prompt": [LONG], "response": ["Yes"]}))


def written(folder: Path, log: Callable[[cf.LogBook], Any], *, with_companions: bool) -> Path:
    book = cf.LogBook()
    if with_companions:
        companions(book)
    log(book)
    path = folder / "logs.jsonl"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.UnpricedWarning)
        book.to_jsonl(path)
    return path


def scanned(crashlens: CrashLens, log: Path) -> list[tuple[str, str]]:
    """Scan a log; give detector and trace of each issue. A detector that failed, or a stop, is a failure."""
    report = log.with_name("report.json")
    done = crashlens.run("scan", str(log), "--format", "json", "--report-file", str(report), "--force", cwd=log.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("failed", "STOP", "Traceback"):
        assert word not in done.stdout + done.stderr
    return [(issue["type"], issue["trace_id"]) for issue in json.loads(report.read_text())["issues"]]


@pytest.mark.crashlens
@pytest.mark.parametrize("with_companions", [False, True], ids=["alone", "beside what silences others"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scan_names_the_trace_under_the_detector(
    crashlens: CrashLens, tmp_path: Path, name: str, with_companions: bool
) -> None:
    log, detector = SCENARIOS[name]
    assert scanned(crashlens, written(tmp_path, log, with_companions=with_companions)) == [(detector, "t1")]


@pytest.mark.parametrize("rules", ["default", "crashlens"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_we_name_the_trace_under_the_detector(tmp_path: Path, name: str, rules: str) -> None:
    log, detector = SCENARIOS[name]
    findings = cf.find_waste(cf.read_jsonl(written(tmp_path, log, with_companions=True)), rules=rules)
    found = findings.loc[findings["suppressed_by"].isna(), ["detector", "trace_id"]].to_numpy().tolist()
    # by the default rules the attempts on one model of a fallback are a loop as well
    loop = [["retry_loops", "t1"]] * (name == "a fallback" and rules == "default")
    assert found == [*loop, [OUR_NAMES[detector], "t1"]]


@pytest.mark.crashlens
@pytest.mark.parametrize("name", SCENARIOS)
def test_report_and_guard_read_each_scenario(crashlens: CrashLens, tmp_path: Path, name: str) -> None:
    path = written(tmp_path, SCENARIOS[name][0], with_companions=True)
    told = crashlens.run("report", str(path), cwd=tmp_path).stdout
    for model, calls in cf.read_jsonl(path).groupby("model", observed=True):
        tokens = calls[["input_tokens", "output_tokens"]].sum().sum()
        assert f"- **{model}**: ${calls['cost'].sum():.2f} ({len(calls)} requests, {tokens:,} tokens)" in told
    rules = tmp_path / "rules.yaml"
    for field in ("tokens", "cost_usd"):
        rules.write_text(f"rules:\n  - {{id: R, if: {{{field}: {{'>': 0}}}}, action: fail_ci, severity: error}}\n")
        done = crashlens.run("guard", str(path), "--rules", str(rules), "--fail-on-violations", cwd=tmp_path)
        assert done.returncode == 1


@pytest.mark.crashlens
def test_scan_finds_in_a_workload_what_we_find_by_its_rules(crashlens: CrashLens, tmp_path: Path) -> None:
    path = written(tmp_path, lambda book: book.simulate_workload(traces=800, seed=3, days=2), with_companions=True)
    findings = cf.find_waste(cf.read_jsonl(path), rules="crashlens")
    ours = findings.loc[findings["suppressed_by"].isna(), ["detector", "trace_id"]].astype(str).to_numpy().tolist()
    theirs = [[OUR_NAMES[detector], trace] for detector, trace in scanned(crashlens, path)]
    assert len(theirs) > 80
    assert sorted(ours) == sorted(theirs)


def spending(book: cf.LogBook) -> None:
    """Log three dollars on one model and half a dollar on another, with a retry and a fallback among them."""
    at = {"timestamp": "2026-06-01T12:00:00Z", "prompt": LONG, "response": "Yes"}
    book.log(model="gpt-4", input_tokens=40_000, output_tokens=30_000, route="/search", trace_id="a", **at)
    book.log(model="gpt-4o", input_tokens=40_000, output_tokens=40_000, trace_id="b", retry_count=2, **at)
    book.log(model="gpt-4o", input_tokens=1, output_tokens=1, trace_id="c", fallback_attempted=True, **at)


@pytest.mark.crashlens
def test_report_shows_the_money_and_the_models(crashlens: CrashLens, tmp_path: Path) -> None:
    path = written(tmp_path, spending, with_companions=True)
    told = crashlens.run("report", str(path), cwd=tmp_path).stdout.splitlines()
    assert "**Total Spend**: $3.50" in told
    assert "**Retries**: 1" in told
    assert "**Fallbacks**: 1" in told
    assert "- **gpt-4**: $3.00 (1 requests, 70,000 tokens)" in told
    assert any(line.startswith("- **gpt-4o**: $0.50 (") for line in told)
    assert any(line.startswith("- **my-model**: $0.00 (2 requests") for line in told)
    assert "- **/search**: $3.00 (1 requests)" in told


@pytest.mark.crashlens
@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        ("tokens: {'>': 50000}", True),
        ("tokens: {'>': 500000}", False),
        ("cost_usd: {'>': 2.5}", True),
        ("cost_usd: {'>': 3.5}", False),
        ("retry_count: {'>': 1}", True),
        ("retry_count: {'>': 2}", False),
    ],
)
def test_guard_fires_on_the_fields_that_it_reads(crashlens: CrashLens, tmp_path: Path, rule: str, fires: bool) -> None:
    path = written(tmp_path, spending, with_companions=True)
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"rules:\n  - {{id: R, if: {{{rule}}}, action: fail_ci, severity: error}}\n")
    done = crashlens.run("guard", str(path), "--rules", str(rules), "--fail-on-violations", cwd=tmp_path)
    report = json.loads((tmp_path / "crashlens-report.json").read_text())
    assert (done.returncode, report["summary"]["violations"]) == ((1, 1) if fires else (0, 0))
    assert report["summary"]["skipped_lines"] == 0


@pytest.mark.crashlens
def test_guard_never_caps_the_cost_by_its_own_fault(crashlens: CrashLens, tmp_path: Path) -> None:
    path = written(tmp_path, spending, with_companions=False)
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {id: R, if: {tokens: {'>': 500000}}, action: fail_ci, severity: error}\n")
    capped = crashlens.run(
        "guard", str(path), "--rules", str(rules), "--cost-cap", "0.5", "--fail-on-violations", cwd=tmp_path
    )
    assert capped.returncode == 0, "the log cost seven times its cap"


@pytest.mark.crashlens
def test_a_retry_loop_logged_on_the_command_line_is_reported(crashlens: CrashLens, tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    command = ["log", "--model", "gpt-4", "--prompt", "Complex query", "--response", "Detailed response"]
    result = CliRunner().invoke(main, [*command, "--simulate-retries", "5", "--output", str(path)])
    assert result.exit_code == 0
    ((detector, trace),) = scanned(crashlens, path)
    assert detector == "retry_loop"
    assert trace == cf.read_jsonl(path)["trace_id"].unique().item()
