"""Where CrashLens 2.20.0 crashes or errs, the default rules find what is there: both, side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from crashlens_frame.detectors.waste import find_waste
from crashlens_frame.io.jsonl import read_jsonl
from tests.conftest import CrashLens

Line = dict[str, Any]
Found = dict[str, list[str]]

LOOP = [0, 1, 3, 7]
FAILED = {"completion": 0, "level": "error"}


def line(trace: str, second: float | None, **told: Any) -> Line:
    """Make a line of the vocabulary of CrashLens; ``None`` leaves a field out."""
    prompt = "Why is the sky blue, and why is the sea? " * 5
    told = {"model": "gpt-4", "prompt": prompt, "tokens": 60, "completion": 300,
            "cost": 0.01, "level": "info"} | told  # fmt: skip
    start = told.get("start", None if second is None else f"2026-03-02T09:{second // 60:02.0f}:{second % 60:06.3f}Z")
    record = {
        "traceId": trace,
        "startTime": start,
        "level": told["level"],
        "input": {"model": told["model"], "prompt": told["prompt"]},
        "usage": {"prompt_tokens": told["tokens"], "completion_tokens": told["completion"]},
        "output": told.get("output", None if told["level"] == "error" else "Rayleigh"),
        "cost": told["cost"],
    }
    return {name: value for name, value in record.items() if value is not None}


def loop(trace: str, **told: Any) -> list[Line]:
    return [line(trace, second, **FAILED, **told) for second in LOOP]


# name: lines, what CrashLens finds, which of its detectors raise, what is there
FAULTS: dict[str, tuple[list[Line], Found, list[str], Found]] = {
    "a null cost silences the retry detector for every trace": (
        [*loop("t1", cost=None), *loop("t2")],
        {},
        ["retry_loops"],
        {"retry_loops": ["t1", "t2"]},
    ),
    "a missing start silences storms and failures for every trace": (
        [
            *(line("t1", second, model=model, **FAILED) for second, model in enumerate(("gpt-4", "gpt-4o", "o1"))),
            *(line("t2", second, prompt=f"step {second} " * 30) for second in (0, None, 2)),
        ],
        {},
        ["fallback_storms", "fallback_failures"],
        {"fallback_storms": ["t1"]},
    ),
    "naive beside zoned times silence the retry detector": (
        [
            *loop("t1"),
            *(line("t2", None, start=f"2026-03-02T09:00:0{clock}", **FAILED) for clock in ("0", "1Z", "3", "7Z")),
        ],
        {},
        ["retry_loops"],
        {"retry_loops": ["t1", "t2"]},
    ),
    "a failed first call is taken for an answer": (
        [line("t1", 0, model="gpt-3.5-turbo", **FAILED), line("t1", 2)],
        {"fallback_failures": ["t1"]},
        [],
        {},
    ),
    "a failed call is taken for overkill": (
        [line("t1", 0, prompt="Why?", tokens=2, **FAILED)],
        {"overkill_models": ["t1"]},
        [],
        {},
    ),
    "calls without a prompt silence the retry detector": (
        [*loop("t1", prompt=None), *loop("t2")],
        {"overkill_models": ["t1"] * 4},
        ["retry_loops"],
        {"retry_loops": ["t2"]},
    ),
    "times sorted as text join calls hours apart": (
        [
            line("t1", None, start=f"2026-03-02T{time}", **FAILED)
            for time in ("09:00:00Z", "09:00:01Z", "09:00:02Z", "09:00:03+05:30")
        ],
        {"retry_loops": ["t1"]},
        [],
        {"retry_loops": ["t1"]},  # of the three calls that are seconds apart
    ),
    "attempts of two requests lie between each other": (
        [
            line("t1", second, prompt=prompt * 40, **FAILED)
            for second, prompt in zip(range(8), ("sky ", "sea ") * 4, strict=True)
        ],
        {},
        [],
        {"retry_loops": ["t1", "t1"]},
    ),
    "the last attempt succeeded, after gaps that shrank": (
        [*(line("t1", second, **FAILED) for second in (0, 50, 70)), line("t1", 75)],
        {},
        [],
        {"retry_loops": ["t1"]},
    ),
    "an agent of several models is no storm": (
        [line("t1", s, model=f"m{s}", prompt=f"step {s} " * 30) for s in range(4)],
        {"fallback_storms": ["t1"]},
        [],
        {},
    ),
    "a burst in a long trace is one": (
        [
            *(line("t1", s, model=f"m{s}", **FAILED) for s in range(3)),
            line("t1", 1800, model="m1", prompt="later " * 40),
        ],
        {},
        [],
        {"fallback_storms": ["t1"]},
    ),
    "a small model is no dear one": (
        [line("t1", 0, model="gpt-4o-mini", prompt="Why?", tokens=2)],
        {"overkill_models": ["t1"]},
        [],
        {},
    ),
    "a keyword is a word": (
        [line("t1", 0, prompt="History of the " + "x" * 150, tokens=20)],
        {"overkill_models": ["t1"]},
        [],
        {},
    ),
}


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write the lines of a fault to a file."""
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, FAULTS[request.node.callspec.params["fault"]][0])))
    return path


@pytest.mark.parametrize("fault", FAULTS)
def test_default_rules_find_what_is_there(log: Path, fault: str) -> None:
    findings = find_waste(read_jsonl(log))
    active = findings[findings["suppressed_by"].isna()]
    assert active.groupby("detector", observed=True)["trace_id"].agg(list).to_dict() == FAULTS[fault][3]


@pytest.mark.crashlens
@pytest.mark.parametrize("fault", FAULTS)
def test_crashlens_errs(log: Path, fault: str, crashlens: CrashLens) -> None:
    theirs = crashlens.detect(log)
    found = {name: [finding[0] for finding in findings] for name, findings in theirs["active"].items() if findings}
    _, expected, raised, _ = FAULTS[fault]
    assert found == expected
    assert list(theirs["raised"]) == raised
