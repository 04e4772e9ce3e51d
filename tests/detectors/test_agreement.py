"""The rules of CrashLens: the findings of the real CrashLens 2.20.0, trace by trace, on generated logs."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from crashlens_frame.detectors import ROSTER
from crashlens_frame.detectors.waste import find_waste
from crashlens_frame.io.jsonl import read_jsonl
from tests.conftest import CrashLens
from tests.support.peer_logs import peer_log

GOLDEN = Path(__file__).parents[1] / "golden" / "crashlens_findings.json"
CRASHLENS = [detector.name for detector in ROSTER if detector.in_crashlens]
EVENTS, GOLDEN_EVENTS = 20_000, 3_000


@pytest.mark.crashlens
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_findings_as_crashlens(crashlens: CrashLens, tmp_path: Path, seed: int) -> None:
    log = _written(tmp_path, peer_log(EVENTS, seed=seed))
    theirs = crashlens.detect(log)
    assert theirs["raised"] == {}
    for name in CRASHLENS:
        assert len(theirs["found"][name]) > 100, f"the log shows too little of {name}"
    _assert_agree(read_jsonl(log), theirs)


def test_the_same_findings_as_recorded(tmp_path: Path) -> None:
    log = _written(tmp_path, peer_log(GOLDEN_EVENTS, seed=0))
    _assert_agree(read_jsonl(log), json.loads(GOLDEN.read_text()))


@pytest.mark.crashlens
def test_the_record_is_still_what_crashlens_finds(crashlens: CrashLens, tmp_path: Path) -> None:
    log = _written(tmp_path, peer_log(GOLDEN_EVENTS, seed=0))
    assert crashlens.detect(log) == json.loads(GOLDEN.read_text())


def _written(folder: Path, lines: Iterable[str]) -> Path:
    log = folder / "log.jsonl"
    log.write_text("\n".join(lines), encoding="utf-8")
    return log


def _assert_agree(calls: pd.DataFrame, theirs: dict[str, dict[str, list[list[object]]]]) -> None:
    findings = find_waste(calls, rules="crashlens")
    for name in CRASHLENS:
        ours = findings[findings["detector"] == name]
        assert _told(ours, name) == _sorted(theirs["found"][name], name)
        assert _told(ours[ours["suppressed_by"].isna()], name) == _sorted(theirs["active"][name], name)


def _told(findings: pd.DataFrame, name: str) -> list[tuple[object, ...]]:
    columns = findings[["trace_id", "n_calls", "severity", "cost"]].astype({"severity": str})
    return _sorted(columns.to_numpy().tolist(), name)


def _sorted(findings: list[list[object]], name: str) -> list[tuple[object, ...]]:
    """Sort by what was found; the scan of CrashLens prices no fallback failure, and rounds storms to 6 places."""
    return sorted(
        (trace, number, severity, 0 if name == "fallback_failures" else round(float(cost), 6))
        for trace, number, severity, cost in findings
    )
