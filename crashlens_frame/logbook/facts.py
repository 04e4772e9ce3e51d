"""What a book shows of itself in a line or a table: its calls, their cost, what is unpriced or rejected, its file."""

import pandas as pd

from ..words import money, printable, quantity


def book_facts(calls: pd.DataFrame, n_rejects: int, path: str | None) -> dict[str, str]:
    """Return the facts of a book as texts, each under its name; those that have nothing to report are left out.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.logbook.facts import book_facts
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hello, world!", response="Hi there!")
    >>> book_facts(book.df, n_rejects=2, path=None)
    {'calls': '1 call in 1 trace', 'cost': '$0.00004', 'rejects': '2 lines rejected'}
    """
    unknown = calls.loc[calls["cost"].isna(), "model"].astype("str").value_counts()
    facts = {
        "calls": f"{quantity(len(calls), 'call')} in {quantity(calls['trace_id'].nunique(), 'trace')}",
        "cost": money(calls["cost"].sum()),
    }
    if len(unknown):
        names = ", ".join(map(printable, unknown.index[:3]))
        facts["unpriced"] = f"{quantity(unknown.sum(), 'call')} without a price ({names})"
    if n_rejects:
        facts["rejects"] = f"{quantity(n_rejects, 'line')} rejected"
    if path is not None:
        facts["file"] = printable(path)
    return facts
