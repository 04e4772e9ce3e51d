"""The sample logs: each is described, read without a loss, and ours are what their commands make."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from tests.support import vendor_samples

DATA = Path(__file__).parents[1] / "data"
ROWS = re.findall(r"^\| ([\w.]+) \| .* \| `(.*?)`", (DATA / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
LOGS = sorted(path.name for path in DATA.glob("*.jsonl*") if path.name != "damaged.jsonl")


def test_every_file_has_its_row() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(path.name for path in DATA.iterdir() if path.name != "README.md")


@pytest.mark.parametrize("name", LOGS)
def test_no_line_is_lost(name: str) -> None:
    assert len(cf.read_rejects(DATA / name)) == 0
    assert len(cf.read_jsonl(DATA / name)) >= 40


def test_our_files_are_what_their_commands_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, command in ROWS:
        if name.startswith("workload"):
            program, *arguments = command.split()
            assert program == "crashlens-frame"
            assert CliRunner().invoke(main, arguments).exit_code == 0
    made = tmp_path / "data"
    assert (made / "workload.jsonl").read_bytes() == (DATA / "workload.jsonl").read_bytes()
    calls = cf.read_jsonl(DATA / "workload.jsonl")
    for folder in (made, DATA):
        pd.testing.assert_frame_equal(cf.read_parquet(folder / "workload.parquet"), calls)
        pd.testing.assert_frame_equal(cf.read_jsonl(folder / "workload_flat.jsonl.zst"), calls)


def test_the_transcripts_are_what_their_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DATA / "make_transcripts.py", tmp_path], check=True)
    made, kept = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.jsonl")}
        for root in (tmp_path, DATA / "agents")
    )
    assert len(kept) == 24
    assert made == kept


def test_each_answer_of_the_transcripts_is_one_call() -> None:
    answers: set[tuple[str, int]] = set()
    for path in (DATA / "agents").rglob("*.jsonl"):
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            payload = line.get("payload", {})
            if line["type"] == "assistant" and line["message"]["stop_reason"]:
                usage = line["message"]["usage"]
                names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
                answers.add((line["timestamp"], sum(usage[name] for name in names)))
            elif payload.get("type") == "token_count":
                answers.add((line["timestamp"], payload["info"]["last_token_usage"]["total_tokens"]))
    calls = cf.read_logs(DATA / "agents")
    assert len(cf.read_rejects(DATA / "agents")) == 0
    read = zip(calls["timestamp"], calls["input_tokens"] + calls["output_tokens"], strict=True)
    assert {(time.isoformat(timespec="milliseconds").replace("+00:00", "Z"), int(n)) for time, n in read} == answers
    assert len(calls) == len(answers) == 235


def test_nothing_in_the_transcripts_is_taken_for_a_repetition() -> None:
    # the prompt of each step is the user's question: a reader sees no more of it
    findings = cf.find_waste(cf.read_logs(DATA / "agents"))
    assert set(findings["detector"]) == {"cache_misses"}
    assert set(findings["cause"]) == {"expired"}


def test_the_samples_of_vendors_are_what_their_packages_make_of_what_happened() -> None:
    happened = {(c.response, c.model, c.input_tokens, c.output_tokens) for c in vendor_samples.calls()}
    for name in vendor_samples.logs():
        calls = cf.read_jsonl(DATA / f"vendor_{name}.jsonl", on_error="raise")
        logged = calls[["response", "model", "input_tokens", "output_tokens"]].itertuples(index=False, name=None)
        assert set(logged) <= happened
        assert len(calls) == vendor_samples.EACH
    rejects = cf.read_rejects(DATA / "damaged.jsonl")
    assert rejects["text"].tolist() == list(vendor_samples.TORN)


@pytest.mark.parametrize(
    ("scenario", "by_crashlens"),
    [
        ("normal", {"overkill_models": 24}),
        ("retry_loop", {"retry_loops": 5, "overkill_models": 33}),
        ("model_overkill", {"overkill_models": 37}),
        ("slow", {"overkill_models": 9}),
        ("mixed_errors", {"overkill_models": 18}),
    ],
)
def test_what_crashlens_simulates_is_found_by_its_rules_alone(scenario: str, by_crashlens: dict[str, int]) -> None:
    calls = cf.read_jsonl(DATA / f"crashlens_simulate_{scenario}.jsonl")
    found = cf.find_waste(calls, rules="crashlens")["detector"].value_counts()
    assert found[found > 0].to_dict() == by_crashlens
    # each attempt is answered anew, no retry is counted and no prompt is small talk: for all that the log shows, these
    # are samples and questions
    assert cf.find_waste(calls).empty
