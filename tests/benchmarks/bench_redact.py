"""What redaction costs: masking, hashing and dropping the texts of a log."""

from functools import partial
from pathlib import Path

import pandas as pd

import crashlens_frame as cf
from tests.benchmarks.harness import OURS, Case

TRACES, CALLS = 30_000, 51_400  # calls that the traces have, about


def prepare(_folder: Path) -> pd.DataFrame:
    """Simulate a log in which a call of ten holds an address."""
    calls = cf.simulate_workload(TRACES, seed=1)
    mail = pd.Series([f" Mail user{row}@example.com." if row % 10 == 0 else "" for row in range(len(calls))])
    return calls.assign(prompt=(calls["prompt"].fillna("") + mail).astype("str"))


CASES = [
    Case(f"redact, {content}", OURS, partial(cf.redact, content=content, key="k"), prepare, calls=CALLS)
    for content in ("mask", "hash", "drop")
]
