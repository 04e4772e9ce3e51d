"""What changed between two logs, or from one period to the next."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import check_text
from ..report import all_period_starts
from ..report import by as totals_by_key
from .keys import keys_of, texts

_AMOUNTS = ("n_calls", "cost", "input_tokens", "output_tokens")


def compare(before: pd.DataFrame, after: pd.DataFrame, *, by: str | Sequence[str] = "model") -> pd.DataFrame:
    """Compare two logs, group by group.

    Parameters
    ----------
    before, after
        Frames of calls.
    by
        Key or keys to group by, as :func:`crashlens_frame.by` takes them.

    Returns
    -------
    DataFrame
        One row per group of either log, the largest change of cost first: the keys, then ``n_calls``, ``cost`` (USD, 0
        for a group without a call; NaN where no cost is known), ``input_tokens`` and ``output_tokens``, each as
        ``..._before``, ``..._after`` and ``..._change``, and ``cost_ratio`` (after divided by before).

    Raises
    ------
    MissingColumnsError
        A frame lacks a column.
    InvalidOptionError
        No key is given.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> march, april = (cf.simulate_workload(300, seed=seed, days=1) for seed in (1, 2))
    >>> found = cf.compare(march, april, by="team")
    >>> bool(abs(found["cost_change"].sum() - (april["cost"].sum() - march["cost"].sum())) < 1e-9)
    True
    """
    keys = keys_of(by)
    joined = _joined(totals_by_key(before, *keys), totals_by_key(after, *keys), keys)
    found: dict[str, Any] = {key: joined[key] for key in keys}
    for name in _AMOUNTS:
        first, last = (_amounts(joined, name, side) for side in ("before", "after"))
        found |= {f"{name}_before": first, f"{name}_after": last, f"{name}_change": last - first}
    cost = found["cost_before"].to_numpy()
    ratio = np.divide(found["cost_after"].to_numpy(), cost, out=np.full(len(cost), np.nan), where=cost > 0)
    changed = pd.DataFrame({**found, "cost_ratio": ratio})
    order = np.argsort(-changed["cost_change"].abs().fillna(-1).to_numpy(), kind="stable")
    return changed.take(order).reset_index(drop=True)


def change(calls: pd.DataFrame, *keys: str, freq: str = "W", tz: str | None = None) -> pd.DataFrame:
    """Compare each period with the one before it.

    Parameters
    ----------
    calls
        Frame of calls.
    *keys
        Keys to group by, as :func:`crashlens_frame.by` takes them; none: all calls together.
    freq, tz
        Length of a period and time zone in which it begins, as :func:`crashlens_frame.by` takes them.

    Returns
    -------
    DataFrame
        One row per group and period, also for a period without a call: the keys, ``timestamp`` (start of the period),
        ``n_calls``, ``cost`` (USD), ``n_calls_change``, ``cost_change`` (against the period before; null in the first
        one) and ``cost_ratio`` (divided by that of the period before). The first and the last period may be cut by the
        ends of the log.

    Raises
    ------
    MissingColumnsError, InvalidOptionError
        As :func:`crashlens_frame.by`.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for day, cost in (("2026-03-01", 1), ("2026-03-02", 3), ("2026-03-04", 2)):
    ...     trace = book.log(model="gpt-4o", prompt="Hi", timestamp=day, cost=cost)
    >>> cf.change(book.df, freq="D")[["n_calls", "cost", "cost_change"]]
       n_calls  cost  cost_change
    0        1   1.0          NaN
    1        1   3.0          2.0
    2        0   0.0         -3.0
    3        1   2.0          2.0
    """
    check_text("freq", freq)
    totals = totals_by_key(calls, *keys, freq=freq, tz=tz)
    totals = totals[totals["timestamp"].notna()]
    known = totals["timestamp"]
    starts = pd.DatetimeIndex(known) if known.empty else all_period_starts(known.min(), known.max(), freq)
    groups = [group for _, group in totals.groupby(list(keys), dropna=False, observed=True, sort=False)] if keys else []
    filled = [_filled(group, keys, starts) for group in groups or [totals]]
    return pd.concat(filled, ignore_index=True) if totals.size else _filled(totals, keys, starts)


def _joined(before: pd.DataFrame, after: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    named = [side.assign(**{key: texts(side[key]) for key in keys}) for side in (before, after)]
    return named[0].merge(named[1], on=list(keys), how="outer", suffixes=("_before", "_after"))


def _amounts(joined: pd.DataFrame, name: str, side: str) -> pd.Series:
    """Return the amounts of one side; 0 for a group that has no call there, and not null."""
    amounts = joined[f"{name}_{side}"]
    return amounts.mask(joined[f"n_calls_{side}"].isna(), 0).astype("float64" if name == "cost" else "Int64")


def _filled(totals: pd.DataFrame, keys: tuple[str, ...], starts: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one row per period of one group, with the change from row to row."""
    rows = totals.set_index("timestamp").reindex(starts)
    n_calls = rows["n_calls"].fillna(0).astype("int64").to_numpy()
    cost = rows["cost"].astype("float64").mask(n_calls == 0, 0.0).to_numpy()
    label = {key: pd.Series(totals[key].iloc[:1].repeat(len(starts)).array) for key in keys}
    table = pd.DataFrame({**label, "timestamp": starts, "n_calls": n_calls, "cost": cost})
    earlier = table["cost"].shift()
    return table.assign(
        n_calls_change=table["n_calls"].astype("Int64").diff(),
        cost_change=table["cost"].diff(),
        cost_ratio=(table["cost"] / earlier).where(earlier > 0),
    )
