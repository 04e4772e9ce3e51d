"""The line of one call on the command line: that of LogBook.log, written without pandas, Arrow and a tokenizer."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame import times
from crashlens_frame.cli import main
from crashlens_frame.simulate import RETRY_REASONS

HEAVY = ("numpy", "pandas", "pyarrow", "tiktoken", "toktok", "zstandard")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
COUNTS = st.none() | st.integers(0, 10**12)
MODELS = st.sampled_from(
    ["gpt-4o", "claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-6", "groq/openai/gpt-oss-20b", "o3", "nobody's"]
)
CALLS = st.fixed_dictionaries(
    {"model": MODELS, "prompt": TEXTS},
    optional={"response": TEXTS, "trace_id": TEXTS.filter(bool), "input_tokens": COUNTS, "output_tokens": COUNTS},
)


def line_of_command(path: Path, call: dict[str, object]) -> bytes:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in call.items() if value is not None]
    result = CliRunner().invoke(main, ["log", *options, "--output", str(path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return path.read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=CALLS)
def test_the_command_writes_what_a_book_writes(
    call: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "now_us", lambda: 1_780_000_000_123_456)
    ours, theirs = tmp_path / "ours.jsonl", tmp_path / "theirs.jsonl"
    call = {"trace_id": "t1", **call}
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    with cf.LogBook(theirs) as book:
        book.log(**call)
    assert line_of_command(ours, call) == theirs.read_bytes()


def imported_by(tmp_path: Path, *options: str) -> str:
    """Log a call in a process of its own; return what it printed, and which of the slow libraries it imported."""
    code = (
        "import sys\nfrom crashlens_frame.cli import main\n"
        f"sys.argv[1:] = ['log', '--model=gpt-4o', '--prompt=Hi', '--response=Hello', '--output=x.jsonl', *{options}]\n"
        f"try: main()\nfinally: print([name for name in {HEAVY} if name in sys.modules])"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    ).stdout


def test_a_call_with_its_counts_is_logged_without_what_is_slow_to_import(tmp_path: Path) -> None:
    done = imported_by(tmp_path, "--input-tokens=8", "--output-tokens=9", "--trace-id=t1")
    assert done == "logged 1 call to x.jsonl, cost $0.00011\ntrace t1\n[]\n"
    assert cf.read_jsonl(tmp_path / "x.jsonl")["token_source"].tolist() == ["reported"]


def test_a_call_whose_tokens_are_counted_needs_the_tokenizer_alone(tmp_path: Path) -> None:
    done = imported_by(tmp_path, "--trace-id=t1")
    assert done == "logged 1 call to x.jsonl, cost $0.0000125\ntrace t1\n['tiktoken', 'toktok']\n"


def test_counts_do_not_go_with_simulated_calls() -> None:
    options = ["--model", "gpt-4", "--prompt", "Hi", "--simulate-overkill", "--input-tokens", "3"]
    result = CliRunner().invoke(main, ["log", *options])
    assert result.exit_code == 2
    assert (
        "Error: Tokens of simulated calls are counted; leave out --input-tokens and --output-tokens.\n" in result.stderr
    )


def test_the_reasons_of_the_command_are_those_of_the_simulation() -> None:
    (option,) = (each for each in main.commands["log"].params if each.name == "retry_reason")
    assert tuple(option.type.choices) == RETRY_REASONS


def test_a_flat_line_has_the_first_columns_of_a_call() -> None:
    assert tuple(column.name for column in cf.CALLS[:11]) == cf.LOG_SCHEMA
