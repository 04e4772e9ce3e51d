"""No text of a log, a path or an option reaches the terminal raw, whichever message carries it."""

import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame import errors
from crashlens_frame.cli import main
from crashlens_frame.words import printable

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\b"
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def assert_safe(text: str) -> None:
    assert RAW.search(text) is None, repr(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write a log in which names, texts and broken lines hold escapes, in a file whose name holds them too."""
    path = tmp_path / f"log{EVIL}.jsonl"
    lines: list[dict[str, Any]] = [
        {"trace_id": f"t{EVIL}{number // 3}", "model": f"m{EVIL}{number % 2}", "prompt": EVIL, "error": EVIL}
        for number in range(9)
    ]
    lines += [{"trace_id": "t", "model": "gpt-4", "cost": EVIL}, {"trace_id": "t", "model": "gpt-4", "route": [EVIL]}]
    path.write_text("\n".join([*map(json.dumps, lines), f'{{"model": "{EVIL}"']))
    return path


@pytest.mark.parametrize("kind", [each for each in vars(errors).values() if isinstance(each, type)])
def test_every_error_and_warning_has_a_safe_text(kind: type[Exception]) -> None:
    if issubclass(kind, errors.CrashlensFrameError | errors.CrashlensFrameWarning):
        assert str(kind(f"{EVIL}\nnext \ud800")) == f"{printable(EVIL)}\nnext \\ud800"


COMMANDS = (
    ["analyze", "LOG"],
    ["analyze", "LOG", "--model", f"nope{EVIL}"],
    ["analyze", "LOG", "--trace-id", EVIL],
    ["analyze", EVIL],
    ["analyze", "LOG", "--format", EVIL],
    ["analyze", "LOG", "--config", "LOG"],
    ["analyze", "LOG", "--config", EVIL],
    ["scan", "LOG"],
    ["scan", "LOG", "--max-rejects", "0"],
    ["check", "LOG", "--budgets", "LOG"],
    ["check", "LOG", "--baseline", "LOG"],
    ["convert", "LOG", EVIL],
    ["convert", "LOG", "LOG"],
    ["redact", "LOG", EVIL],
    ["focus", "LOG", EVIL],
    [EVIL],
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_no_command_prints_an_escape(
    log: Path, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some write files of that name
    done = CliRunner().invoke(main, [str(log) if each == "LOG" else each for each in command])
    assert done.output
    assert_safe(done.stderr)
    if done.exit_code:
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert_safe(done.stdout)


DOORS: dict[str, Callable[[Any], Any]] = {
    "read_logs": cf.read_logs,
    "read_jsonl": lambda path: cf.read_jsonl(path, on_error="raise"),
    "read_csv": cf.read_csv,
    "read_parquet": cf.read_parquet,
    "scan": cf.scan,
    "book": cf.LogBook.from_logs,
    "prices": cf.PriceBook.load,
    "missing": lambda path: cf.read_logs(f"{path}.none"),
    "dataset": lambda path: cf.write_dataset(cf.simulate_workload(2, seed=1), path),
    "folder": lambda path: cf.partitions(os.path.dirname(path)),  # noqa: PTH120  a text as users give it
}


@pytest.mark.parametrize("door", DOORS)
def test_no_message_of_a_function_holds_an_escape(log: Path, door: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        messages = []
        try:
            messages.append(repr(DOORS[door](str(log))) if door == "book" else type(DOORS[door](str(log))).__name__)
        except cf.CrashlensFrameError as error:
            messages.append(str(error))
    messages += [str(each.message) for each in caught if issubclass(each.category, cf.CrashlensFrameWarning)]
    assert messages
    for message in messages:
        assert_safe(message)


def test_reprs_are_safe(log: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        book = cf.LogBook(tmp_path / f"book{EVIL}.jsonl")
        book.log(model=f"m{EVIL}", prompt="Hello")
        calls = cf.read_logs(log)
        for shown in (book, cf.summarize(calls), cf.PriceBook.load({"pricing": {}})):
            assert_safe(repr(shown))
    with pytest.raises(cf.UnknownTraceError) as caught:
        cf.plot_trace(pd.DataFrame(calls), f"none{EVIL}")
    assert_safe(str(caught.value))
