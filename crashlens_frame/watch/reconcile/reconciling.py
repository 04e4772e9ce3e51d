"""Compare what calls cost by our numbers with what was billed."""

from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ...errors import UnknownModelError
from ...frame import checked_calls
from ...pricing import PriceBook
from ..moments import local_times
from .bills import read_bill

Bill: TypeAlias = str | PathLike[str] | pd.DataFrame | dict[str, Any] | list[Any]

_EQUAL_USD, _EQUAL_SHARE = 0.005, 0.005  # differences that are no difference
_STEADY = 0.01  # scatter of the ratio of two prices
_CAUSES = {
    "equal": "equal",
    "unknown": "calls of unknown cost are in the log; give their prices",
    "not logged": "not in the log: calls of another program, key or account, or a cost beside tokens",
    "not billed": "not on the bill: calls of another account or vendor, or a bill that is not complete",
    "midnight": "the day before or after makes up for it: the bill has its days in another time zone",
    "price": "another price: the same ratio on each day, as a discount, a tier or a region makes it",
    "less": "less in the log than on the bill: some calls are not logged",
    "more": "more in the log than on the bill: calls that were not billed, or prices that are too high",
}


def reconcile(calls: pd.DataFrame, invoice: Bill) -> pd.DataFrame:
    """Compare the costs of calls with a bill, day by day and model by model.

    Parameters
    ----------
    calls
        Frame of calls with their costs.
    invoice
        Path of a report, or what it holds: costs or usage of OpenAI (JSON of its organization API), costs or usage of
        Anthropic (JSON of its admin API), activity of OpenRouter (CSV), an AWS cost and usage report (CSV; its lines of
        Bedrock count), daily activity of LiteLLM (JSON), or any table or frame with the columns day, model and cost in
        US dollars. A report of usage is priced with the shipped prices.

    Returns
    -------
    DataFrame
        One row per day (UTC) and model of the log or the bill: ``day``, ``model`` (that of the price book where the
        name means one; null where a bill names none), ``ours`` (USD, as far as known; NaN where the log has none),
        ``billed`` (USD; NaN where the bill has none), ``difference`` (billed minus ours), ``cause`` (the likely one). A
        bill without any models is compared day by day.

    Raises
    ------
    LogFileError
        The report is of no known kind, or holds costs that are not in US dollars.
    MissingColumnsError
        The frame lacks ``timestamp``, ``model`` or ``cost``.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hi", timestamp="2026-06-01", cost=1.5)
    >>> bill = pd.DataFrame({"day": ["2026-06-01"], "model": ["gpt-4o-2024-08-06"], "cost": [1.5]})
    >>> cf.reconcile(book.df, bill)[["day", "model", "ours", "billed", "difference", "cause"]]
             day   model  ours  billed  difference  cause
    0 2026-06-01  gpt-4o   1.5     1.5         0.0  equal
    """
    calls = checked_calls(calls, needs=("timestamp", "model", "cost"))
    _, bill = read_bill(invoice)
    by_model = bool(bill["model"].notna().any()) or bill.empty
    ours = pd.DataFrame(
        {
            "day": local_times(calls, "UTC").dt.floor("D").to_numpy(),
            "model": calls["model"].astype("str").to_numpy() if by_model else None,
            "ours": calls["cost"].to_numpy("float64"),
        }
    )
    tables = []
    for table, column in ((ours, "ours"), (bill, "billed")):
        named = table.assign(model=_entries(table["model"].astype("str")))
        groups = named.groupby(["day", "model"], dropna=False)[column]
        tables.append(pd.DataFrame({column: groups.sum(min_count=1), f"n_{column}": groups.size() - groups.count()}))
    both = tables[0].join(tables[1], how="outer").reset_index().sort_values(["model", "day"], ignore_index=True)
    difference = both["billed"].fillna(0.0) - both["ours"].fillna(0.0)
    both["difference"] = difference.where(both["billed"].notna() | both["ours"].notna())
    both["cause"] = pd.Series(_causes(both), dtype="str").map(_CAUSES).astype("str")
    both = both.sort_values(["day", "model"], ignore_index=True)
    return both[["day", "model", "ours", "billed", "difference", "cause"]]


def _entries(names: pd.Series) -> pd.Series:
    """Return the entry of the price book that each name means; the name itself where it means none."""
    book = PriceBook.default()

    def entry(name: str) -> str:
        try:
            return book.resolve(name).model
        except UnknownModelError:
            return name

    return names.map({name: entry(name) for name in names.dropna().unique()}).astype("str")


def _causes(both: pd.DataFrame) -> np.ndarray:
    """Return the key of the likely cause of each row; the rows are sorted by model and day."""
    ours, billed = both["ours"], both["billed"]
    difference = both["difference"]
    most = pd.concat([ours, billed], axis=1).max(axis=1)
    limit = np.maximum(_EQUAL_USD, _EQUAL_SHARE * most)
    models = both.groupby("model", dropna=False)
    made_up = np.zeros(len(both), bool)
    for step in (1, -1):
        other = models["difference"].shift(step)
        next_day = (models["day"].shift(step) - both["day"]).abs() == pd.Timedelta("1D")
        made_up |= (next_day & ((other + difference).abs() <= 3 * limit)).to_numpy(bool)
    ratio = (billed / ours).where(ours > 0)
    spread, days = ratio.groupby(both["model"], dropna=False).transform("std"), models["day"].transform("size")
    steady = (spread <= _STEADY * ratio) & (days >= 3)
    conditions = {
        "equal": difference.abs() <= limit,
        "unknown": both["n_ours"].fillna(0) > 0,
        "midnight": made_up,
        "not logged": ours.isna(),
        "not billed": billed.isna(),
        "price": steady,
        "less": difference > 0,
    }
    return np.select([np.asarray(each, bool) for each in conditions.values()], list(conditions), "more")
