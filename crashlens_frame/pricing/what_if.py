"""What the same tokens would have cost on other models, at other prices, on another day."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidOptionError, UnknownModelError
from ..formats import time_option
from ..frame import checked_calls
from .book import PriceBook, Prices
from .columns import cost_array, label_codes, labels_from_codes
from .cost import NEEDED_FOR_COST
from .priced import price_calls


def reprice(
    calls: pd.DataFrame, models: Mapping[str, str] | None = None, *, prices: Prices | None = None, at: Any = None
) -> pd.DataFrame:
    """Return per model what the same tokens would have cost on other models, at other prices or on another day.

    Parameters
    ----------
    calls
        Frame of calls with ``model``, ``cost``, ``input_tokens`` and ``output_tokens``; the other columns that
        ``add_cost`` reads are read too.
    models
        The new model of each model to replace, such as ``{"gpt-4": "gpt-4o-mini"}``. Other spellings of a model are
        replaced with it.
    prices
        Prices, in any form that ``PriceBook.load`` takes; None: the shipped prices.
    at
        Day or time whose prices are used for all calls: a date, a datetime, ISO 8601 text or an epoch number. None: the
        prices at the time of each call.

    Returns
    -------
    DataFrame
        One row per model, the largest saving first: ``model``, ``to_model``, ``n_calls``, ``cost_before``,
        ``cost_after`` and ``difference`` (US dollars; negative: money saved) of the calls whose cost is known before
        and after, ``n_unpriced`` (the number of the other calls).

    Raises
    ------
    UnknownModelError
        ``models`` names a model that no call uses, or one without a price.
    PriceFileError
        The prices are not of the right form.
    InvalidOptionError
        ``models`` is not a mapping of names, or ``at`` is not a time.

    Notes
    -----
    Another model would have written other answers and counted other tokens. This compares prices, not answers. With
    ``models`` alone, all other calls keep their cost; with ``prices`` or ``at`` every call is priced again.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", input_tokens=1000, output_tokens=1000)
    >>> cf.reprice(book.df, {"gpt-4": "gpt-4o-mini"}).round(5)
       model     to_model  n_calls  cost_before  cost_after  difference  n_unpriced
    0  gpt-4  gpt-4o-mini        1         0.09     0.00075    -0.08925           0
    """
    moved = reprice_calls(calls, models, prices=prices, at=at)
    both = moved["cost"].notna() & moved["cost_after"].notna()
    parts = pd.DataFrame(
        {
            "model": moved["model"].astype("str"),
            "to_model": moved["to_model"].astype("str"),
            "n_calls": both,
            "cost_before": moved["cost"].where(both, 0.0),
            "cost_after": moved["cost_after"].where(both, 0.0),
            "n_unpriced": ~both,
        }
    )
    sums = parts.groupby(["model", "to_model"], dropna=False, sort=True).sum().reset_index()
    sums.insert(5, "difference", sums["cost_after"] - sums["cost_before"])
    counts = {"n_calls": "Int64", "n_unpriced": "Int64"}
    return sums.astype(counts).sort_values("difference", kind="stable", ignore_index=True)


def reprice_calls(
    calls: pd.DataFrame, models: Mapping[str, str] | None = None, *, prices: Prices | None = None, at: Any = None
) -> pd.DataFrame:
    """Return the calls with what their tokens would have cost on another model, at other prices or on another day.

    Parameters
    ----------
    calls, models, prices, at
        As for ``reprice``, which adds this up.

    Returns
    -------
    DataFrame
        The calls with ``to_model`` (the model priced) and ``cost_after`` (US dollars; NaN where it is not known).

    Raises
    ------
    UnknownModelError
        ``models`` names a model that no call uses, or one without a price.
    PriceFileError
        The prices are not of the right form.
    InvalidOptionError
        ``models`` is not a mapping of names, or ``at`` is not a time.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", input_tokens=1000, output_tokens=1000)
    >>> cf.reprice_calls(book.df, {"gpt-4": "gpt-4o"})["cost_after"].item()
    0.0125
    """
    calls = checked_calls(calls, needs=(*NEEDED_FOR_COST, "cost"))
    book = PriceBook.load(prices)
    code, names = label_codes(calls["model"])
    targets = _targets(names, {} if models is None else models, book)
    new_model = labels_from_codes(targets, code)
    moved = calls.assign(model=new_model)
    if at is not None:
        moved["timestamp"] = pd.Timestamp(time_option("at", at), unit="us", tz="UTC")
    cost = price_calls(moved, book).cost
    if models is not None and prices is None and at is None:
        is_kept = np.array([*(target == name for target, name in zip(targets, names, strict=True)), True])[code]
        cost = np.where(is_kept, cost_array(calls), cost)
    return calls.assign(to_model=new_model, cost_after=cost)


def _targets(names: Sequence[str], moves: Mapping[str, str], book: PriceBook) -> list[str]:
    """Return for each name the model whose prices it gets."""
    if not isinstance(moves, Mapping) or not all(isinstance(name, str) for pair in moves.items() for name in pair):
        raise InvalidOptionError(
            f'models is {moves!r}, expected a mapping of names such as {{"gpt-4": "gpt-4o-mini"}}; prices are given as'
            " prices="
        )
    for target in moves.values():
        book.resolve(target)
    model = {name: found.model if (found := book.find(name)) else name for name in (*names, *moves)}
    used = {model[name] for name in names}
    for name in moves:
        if model[name] not in used:
            raise UnknownModelError(f"no call uses the model {name!r}; the models of the calls are {', '.join(names)}")
    by_model = {model[name]: target for name, target in moves.items()}
    return [moves.get(name, by_model.get(model[name], name)) for name in names]
