"""Why the cost of two logs differs: parts that add up to the difference."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..detectors import waste_of_calls
from ..frame import checked_calls
from ..pricing import PART_METERS, Prices, cost_parts
from ..report import key_values
from .keys import keys_of, texts

EFFECTS = ("volume", "mix", "tokens", "cache", "price", "waste")
_IS_INPUT = np.isin(PART_METERS, ["input", "cached_input", "cache_write", "cache_write_1h"])


class _Side(NamedTuple):
    """One log, group by group: calls of known cost, their waste and the rest of their cost; units and cost by meter."""

    n_calls: np.ndarray
    waste: np.ndarray
    net: np.ndarray
    units: np.ndarray
    cost: np.ndarray


def explain_change(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    by: str | Sequence[str] = "model",
    waste: bool = False,
    prices: Prices | None = None,
) -> pd.DataFrame:
    """Explain by what the cost of two logs differs; the parts add up to the difference.

    Parameters
    ----------
    before, after
        Frames of calls, priced.
    by
        Key or keys to group by, as :func:`crashlens_frame.by` takes them.
    waste
        Whether to search both logs for waste, and show what it has changed as a part of its own.
    prices
        Prices by which costs are divided into meters, in any form that ``PriceBook.load`` takes.

    Returns
    -------
    DataFrame
        One row per group of either log, the largest difference first: ``row`` ("group"), the keys, ``n_calls_before``,
        ``n_calls_after``, ``cost_before``, ``cost_after``, ``difference``, and its parts in USD: ``volume`` (as many
        calls more or less as in the whole log), ``mix`` (more or fewer calls than that: the log shifted to this group
        or away from it), ``tokens`` (more or fewer tokens a call), ``cache`` (another share read from and written to
        caches), ``price`` (other rates) and ``waste`` (0 unless asked for). Calls without a known cost are in no group:
        the last row, "unknown cost", has their numbers.

    Raises
    ------
    MissingColumnsError
        A frame lacks a column.
    InvalidOptionError
        No key is given.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> def day(calls, cost):
    ...     return cf.as_calls(pd.DataFrame({"trace_id": "t", "model": "gpt-4o", "cost": [cost] * calls}))
    >>> found = cf.explain_change(day(100, 0.01), day(150, 0.012))
    >>> found[["difference", "volume", "mix", "price"]].round(9).iloc[0].tolist()
    [0.8, 0.5, 0.0, 0.3]
    """
    logs = [checked_calls(calls, needs={"model", "cost"}) for calls in (before, after)]
    wasted = [
        waste_of_calls(calls, prices=prices)["waste_cost"].to_numpy() if waste else np.zeros(len(calls))
        for calls in logs
    ]
    return divided_change(logs, wasted, by=by, prices=prices)


def divided_change(
    logs: Sequence[pd.DataFrame],
    wasted: Sequence[np.ndarray],
    *,
    by: str | Sequence[str],
    prices: Prices | None = None,
) -> pd.DataFrame:
    """Return what :func:`explain_change` returns, of two logs whose waste is known already.

    Parameters
    ----------
    logs
        The frames of calls before and after, typed.
    wasted
        The waste of each of their calls in US dollars.
    by, prices
        As for ``explain_change``.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.watch import divided_change
    >>> day = cf.as_calls(pd.DataFrame({"trace_id": ["t", "u"], "model": "gpt-4o", "cost": [0.5, 0.5]}))
    >>> found = divided_change([day, day], [np.zeros(2), np.array([0.0, 0.5])], by="model")
    >>> found[["difference", "waste"]].iloc[0].tolist()
    [0.0, 0.5]
    """
    keys = keys_of(by)
    before = logs[0]
    labels = pd.concat(
        [pd.DataFrame({key: texts(key_values(calls, key)) for key in keys}) for calls in logs], ignore_index=True
    )
    known = pd.concat([calls["cost"] for calls in logs], ignore_index=True).notna().to_numpy()
    code = np.full(len(labels), -1)
    code[known] = labels[known].groupby(list(keys), dropna=False, sort=False).ngroup().to_numpy()
    groups = labels[known].drop_duplicates().reset_index(drop=True)
    codes = np.split(code, [len(before)])
    old, new = (
        _summed(calls[group >= 0], lost[group >= 0], group[group >= 0], len(groups), prices)
        for calls, lost, group in zip(logs, wasted, codes, strict=True)
    )
    table = groups.assign(**_differences(old, new))
    table = table.iloc[np.argsort(-table["difference"].abs().to_numpy(), kind="stable")]
    unknown = {
        name: [int((group < 0).sum())] for name, group in zip(("n_calls_before", "n_calls_after"), codes, strict=True)
    }
    nulls = {key: pd.array([None], dtype="str") for key in keys}
    table = pd.concat([table.astype(dict.fromkeys(keys, "str")), pd.DataFrame({**nulls, **unknown})], ignore_index=True)
    rows = ["group"] * len(groups) + ["unknown cost"]
    return table.assign(row=pd.array(rows, dtype="str"))[["row", *table.columns]]


def _summed(calls: pd.DataFrame, wasted: np.ndarray, group: np.ndarray, size: int, prices: Prices | None) -> _Side:
    """Sum up the calls of a log, whose costs are known, by group."""
    calls = calls.reset_index(drop=True)
    cost = calls["cost"].to_numpy("float64")
    parts = cost_parts(calls, prices)
    row = parts.index.to_numpy()
    # what was wasted of a call is taken off each of its parts alike
    left = np.divide(cost - wasted, cost, out=np.ones(len(cost)), where=cost != 0)
    place = group[row] * len(PART_METERS) + parts["meter"].cat.codes.to_numpy()
    # a cost that the prices do not take apart is of one unit
    by_meter = (parts["units"].fillna(1.0).to_numpy(), parts["cost"].to_numpy() * left[row])
    shape = size, len(PART_METERS)
    units, costs = (np.bincount(place, each, size * len(PART_METERS)).reshape(shape) for each in by_meter)
    amounts = np.ones(len(cost)), wasted, cost - wasted
    n_calls, of_waste, net = (np.bincount(group, each, size) for each in amounts)
    return _Side(n_calls, of_waste, net, units, costs)


def _differences(old: _Side, new: _Side) -> dict[str, Any]:
    """Return the columns of each group."""
    growth = new.n_calls.sum() / old.n_calls.sum() if old.n_calls.sum() else 0.0
    of_a_call = _ratio(old.net, old.n_calls)
    expected = old.n_calls * growth
    is_new = old.n_calls == 0
    effects = {
        "volume": (expected - old.n_calls) * of_a_call,
        "mix": np.where(is_new, new.net, (new.n_calls - expected) * of_a_call),
        **{name: np.where(is_new, 0.0, effect) for name, effect in _effects_of_a_call(old, new).items()},
        "waste": new.waste - old.waste,
    }
    before, after = old.net + old.waste, new.net + new.waste
    effects["price"] += after - before - sum(effects.values())  # what rounding leaves
    counts = {"n_calls_before": old.n_calls.astype(np.int64), "n_calls_after": new.n_calls.astype(np.int64)}
    amounts = {"cost_before": before, "cost_after": after, "difference": after - before}
    return {**counts, **amounts, **{name: effects[name] for name in EFFECTS}}


def _effects_of_a_call(old: _Side, new: _Side) -> dict[str, np.ndarray]:
    """Return what other tokens a call, another share of caches and other rates make of the calls after."""
    rates = _ratio(old.cost, old.units)
    rates = np.where(old.units > 0, rates, _ratio(new.cost, new.units))  # a meter that was not used had no rate
    units_before, units_after = (_ratio(side.units, side.n_calls[:, None]) for side in (old, new))
    sent_before, sent_after = (units[:, _IS_INPUT].sum(axis=1) for units in (units_before, units_after))
    paid_before, at_old_rates = ((units * rates)[:, _IS_INPUT].sum(axis=1) for units in (units_before, units_after))
    mean_rate = np.where(sent_before > 0, _ratio(paid_before, sent_before), _ratio(at_old_rates, sent_after))
    others = ((units_after - units_before) * rates)[:, ~_IS_INPUT].sum(axis=1)
    return {
        "tokens": new.n_calls * ((sent_after - sent_before) * mean_rate + others),
        "cache": new.n_calls * (at_old_rates - sent_after * mean_rate),
        "price": (new.cost - new.units * rates).sum(axis=1),
    }


def _ratio(amounts: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Divide; 0 where the number is 0."""
    numbers = np.broadcast_to(numbers, amounts.shape)
    return np.divide(amounts, numbers, out=np.zeros(amounts.shape), where=numbers != 0)
