"""What a book shows of itself: a few facts, each a short text."""

import pandas as pd
import pyarrow as pa

from ..words import money, printable, quantity


def book_facts(calls: pd.DataFrame, rejects: pa.Table, path: str | None) -> dict[str, str]:
    """Return the facts about the calls and the rejected lines of a book, by what they are about."""
    unknown = calls.loc[calls["cost"].isna(), "model"].astype("str").value_counts()
    facts = {
        "calls": f"{quantity(len(calls), 'call')} in {quantity(calls['trace_id'].nunique(), 'trace')}",
        "cost": money(calls["cost"].sum()),
    }
    if len(unknown):
        names = ", ".join(map(printable, unknown.index[:3]))
        facts["unpriced"] = f"{quantity(unknown.sum(), 'call')} without a price ({names})"
    if len(rejects):
        facts["rejects"] = f"{quantity(len(rejects), 'line')} rejected"
    if path is not None:
        facts["file"] = path
    return facts
