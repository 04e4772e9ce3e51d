"""Compare what a detector found with what the oracle found, whole rows at a time."""

from typing import Any

import pandas as pd

from crashlens_frame.schema import FINDINGS

_LEFT_OUT = (
    "description", "suppressed_by", "certainty", "counted_cost", "cause", "route", "team", "savings_note"
)  # fmt: skip
COMPARED = [column.name for column in FINDINGS if column.name not in _LEFT_OUT]


def assert_same_findings(found: pd.DataFrame, expected: list[dict[str, Any]]) -> None:
    """Fail unless both hold the same findings, every column but the texts for people and what is counted."""
    frame = pd.DataFrame(expected, columns=COMPARED)
    frame = frame.sort_values(["start", "trace_id", "finding_id"], na_position="last", ignore_index=True)
    found = found[COMPARED].sort_values(["start", "trace_id", "finding_id"], na_position="last", ignore_index=True)
    types = {name: str if str(dtype) == "category" else dtype for name, dtype in found.dtypes.items()}
    pd.testing.assert_frame_equal(found.astype(types), frame.astype(types), rtol=1e-12)
