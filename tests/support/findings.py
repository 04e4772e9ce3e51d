"""Findings for the tests of what shows them, written down as short tables."""

from typing import Any

import pandas as pd

from crashlens_frame.frame import frame_from_table, table_from_frame
from crashlens_frame.schema import FINDINGS


def findings(*rows: dict[str, Any], **shared: Any) -> pd.DataFrame:
    """Make a frame of findings."""
    records = [{column.name: None for column in FINDINGS} | {"certainty": "certain"} | shared | row for row in rows]
    for record in records:  # what a finding claims is counted, unless another one has counted it
        record["counted_cost"] = 0.0 if record["suppressed_by"] else record["waste_cost"]
    table = table_from_frame(pd.DataFrame(records, columns=[column.name for column in FINDINGS]), FINDINGS)
    return frame_from_table(table, FINDINGS)
