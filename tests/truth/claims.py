"""What detectors claim, call by call: the rules of the package, and the real CrashLens."""

import os
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

import crashlens_frame as cf
from tests.conftest import ROOT, CrashLens

from .score import Claim

_SAVED_BY_OVERKILL = 0.7  # what CrashLens takes for the saving, of the cost of a call
_WORTH = 1e-9
_ROUNDED = 1e-6


def our_claims(calls: pd.DataFrame, *, rules: str = "default") -> list[Claim]:
    """Return what the package claims."""
    flagged = cf.flag(calls, rules=rules)
    found = zip(flagged["finding"].astype("str").tolist(), flagged["waste_cost"].tolist(), strict=True)
    return [Claim(row, detector, dollars) for row, (detector, dollars) in enumerate(found) if dollars > _WORTH]


def real_crashlens() -> CrashLens | None:
    """Return the real CrashLens, or None where it is not installed."""
    python = Path(os.environ.get("CRASHLENS_VENV", ROOT / ".crashlens-venv")) / "bin" / "python"
    return CrashLens(python) if python.exists() else None


def crashlens_claims(calls: pd.DataFrame, peer: CrashLens) -> list[Claim]:
    """Return what the real CrashLens reports, after suppression; its fallback failures are of no dollars."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        cf.to_jsonl(calls, log)
        report = peer.detect(log)
    assert report["raised"] == {}, report["raised"]
    return claims_of_report(calls, report["active"])


def claims_of_report(calls: pd.DataFrame, active: dict[str, list[Any]]) -> list[Claim]:
    """Turn findings of CrashLens, which name a trace, a number of calls and a cost, into claims on calls."""
    traces = defaultdict(list)
    names = calls["trace_id"].tolist()
    for row in calls["timestamp"].argsort(kind="stable").tolist():
        traces[names[row]].append(row)
    cost = calls["cost"].fillna(0.0).tolist()
    asked = list(zip(calls["prompt"].fillna("").tolist(), calls["model"].astype("str").tolist(), strict=True))
    claims, taken = [], set[int]()
    for trace, _, _, dollars in active["overkill_models"]:
        call = next(row for row in traces[trace] if row not in taken and abs(cost[row] - dollars) < _WORTH)
        taken.add(call)
        claims.append(Claim(call, "overkill_models", dollars * _SAVED_BY_OVERKILL))
    for trace, number, _, dollars in active["retry_loops"]:
        runs = (traces[trace][first : first + number] for first in range(len(traces[trace]) - number + 1))
        run = next(
            run for run in runs
            if len({asked[row] for row in run}) == 1 and abs(sum(cost[row] for row in run) - dollars) < _ROUNDED
        )  # fmt: skip
        claims += [Claim(row, "retry_loops", cost[row]) for row in run]
    for trace, *_ in active["fallback_storms"]:  # always the whole trace
        claims += [Claim(row, "fallback_storms", cost[row]) for row in traces[trace]]
    return [claim for claim in claims if claim.dollars > _WORTH]
