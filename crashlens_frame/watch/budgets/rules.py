"""Rules, call by call: how many calls break each of them."""

import pandas as pd

from ...frame import checked_calls
from .conditions import matching_calls
from .file import ACTIONS, Budgets, BudgetSource


def broken_rules(calls: pd.DataFrame, limits: BudgetSource) -> pd.DataFrame:
    """Count the calls that break rules.

    Parameters
    ----------
    calls
        Frame of calls.
    limits
        Rules, in any form that ``Budgets.load`` takes; a rules file of CrashLens guard is read as it is.

    Returns
    -------
    DataFrame
        One row per rule, in the order of the file: ``name``, ``action`` (fail or warn), ``n_calls`` (calls that break
        it), ``cost`` (USD that these cost, as far as known; NaN where no cost is known), ``trace_id`` (of the first of
        them in the frame; null if there is none).

    Raises
    ------
    BudgetFileError
        The rules are not of the right form. The text names file, line and key.
    MissingColumnsError
        The frame lacks ``trace_id`` or ``cost``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.log(model="claude-opus-4-5", prompt="Which label?", route="/v1/classify", cost=0.5, trace_id="t1")
    >>> match = {"model": "claude-opus*", "route": "/v1/classify"}
    >>> cf.broken_rules(book.df, {"rules": [{"name": "no opus for labels", "match": match, "action": "fail"}]})
                     name action  n_calls  cost trace_id
    0  no opus for labels   fail        1   0.5       t1
    """
    loaded = Budgets.load(limits)
    calls = checked_calls(calls, needs=("trace_id", "cost"))
    broken = [calls.loc[matching_calls(calls, rule.condition), ["trace_id", "cost"]] for rule in loaded.rules]
    return pd.DataFrame(
        {
            "name": pd.Series([rule.name for rule in loaded.rules], dtype="str"),
            "action": pd.Categorical([rule.action for rule in loaded.rules], categories=pd.Index(ACTIONS, dtype="str")),
            "n_calls": pd.Series([len(found) for found in broken], dtype="int64"),
            "cost": pd.Series([_cost(found) for found in broken], dtype="float64"),
            "trace_id": pd.Series([found["trace_id"].iloc[0] if len(found) else None for found in broken], dtype="str"),
        }
    )


def _cost(found: pd.DataFrame) -> float:
    """Return the known cost of calls: 0 for no calls, NaN where no cost is known."""
    return float(found["cost"].astype("float64").sum(min_count=1)) if len(found) else 0.0
