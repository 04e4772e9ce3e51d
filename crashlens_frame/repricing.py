"""What the same tokens would have cost on other models, at other prices, on another day."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .errors import UnknownModelError
from .frame import check_calls
from .pricebook import PriceBook, Prices
from .pricing import NEEDED, category, known_cost, labels, price
from .rows import microseconds


def reprice(calls: pd.DataFrame, to: Mapping[str, str] | Prices = None, *, at: Any = None) -> pd.DataFrame:
    """Sum up by model what the same tokens would have cost on other models, at other prices or on another day.

    Parameters
    ----------
    calls
        Frame of calls with ``model``, ``cost``, ``input_tokens`` and ``output_tokens``; what ``add_cost`` reads beside
        them counts too.
    to
        Which model stands in for which, such as ``{"gpt-4": "gpt-4o-mini"}``: other spellings of a model move with it,
        calls of all other models keep their cost. Or prices in any form that ``PriceBook.load`` takes: every call is
        priced by them. The shipped prices when not given.
    at
        Day or time whose prices count instead of those at the time of each call.

    Returns
    -------
    DataFrame
        A row a model, the greatest saving first: ``model``, ``to_model``, ``n_calls``, ``cost_before``,
        ``cost_after`` and ``difference`` (US dollars; negative: money saved) of the calls whose cost is known before
        and after, ``n_unpriced`` (the number of the others).

    Raises
    ------
    UnknownModelError
        ``to`` names a model that no call uses, or one without a price.
    PriceFileError
        The prices break a rule of their form.

    Notes
    -----
    Another model would have written other answers and counted other tokens. This compares prices, not answers.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", input_tokens=1000, output_tokens=1000)
    >>> cf.reprice(book.df, {"gpt-4": "gpt-4o-mini"}).round(5)
       model     to_model  n_calls  cost_before  cost_after  difference  n_unpriced
    0  gpt-4  gpt-4o-mini        1         0.09     0.00075    -0.08925           0
    """
    moved = reprice_calls(calls, to, at=at)
    both = moved["cost"].notna() & moved["cost_after"].notna()
    parts = moved[["to_model"]].assign(
        model=moved["model"].astype("str"),
        n_calls=both,
        cost_before=moved["cost"].where(both, 0.0),
        cost_after=moved["cost_after"].where(both, 0.0),
        n_unpriced=~both,
    )
    sums = parts.groupby(["model", "to_model"], dropna=False, observed=True, sort=True).sum().reset_index()
    sums.insert(5, "difference", sums["cost_after"] - sums["cost_before"])
    counts = {"n_calls": "Int64", "n_unpriced": "Int64"}
    return sums.astype(counts).sort_values("difference", kind="stable", ignore_index=True)


def reprice_calls(calls: pd.DataFrame, to: Mapping[str, str] | Prices = None, *, at: Any = None) -> pd.DataFrame:
    """Add to each call what its tokens would have cost on another model, at other prices or on another day.

    Parameters
    ----------
    calls, to, at
        As for ``reprice``, which sums this up.

    Returns
    -------
    DataFrame
        The calls with ``to_model`` (the model priced) and ``cost_after`` (US dollars; NaN where it is not known).

    Raises
    ------
    UnknownModelError
        ``to`` names a model that no call uses, or one without a price.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4", prompt="Hi", input_tokens=1000, output_tokens=1000)
    >>> cf.reprice_calls(book.df, {"gpt-4": "gpt-4o"})["cost_after"].item()
    0.0125
    """
    check_calls(calls, needs=(*NEEDED, "cost"))
    moves = _moves(to)
    book = PriceBook.load(None if moves else to)
    code, names = labels(calls["model"])
    targets = _targets(names, moves, book)
    priced_at = calls if at is None else calls.assign(timestamp=pd.Timestamp(microseconds(at), unit="us", tz="UTC"))
    after = price(priced_at.assign(model=category(targets, code)), book).cost
    if moves:
        stays = np.array([target == name for target, name in zip(targets, names, strict=True)] + [True])[code]
        after = np.where(stays & (at is None), known_cost(calls), after)
    return calls.assign(to_model=category(targets, code), cost_after=after)


def _moves(to: Mapping[str, str] | Prices) -> Mapping[str, str]:
    """Give the moves from model to model; empty where ``to`` holds prices."""
    if isinstance(to, Mapping) and all(isinstance(target, str) for target in to.values()):
        return to
    return {}


def _targets(names: Sequence[str], moves: Mapping[str, str], book: PriceBook) -> list[str]:
    """Give the model that each name is to be priced as."""
    for target in moves.values():
        book.resolve(target)
    meant = {name: found.model if (found := book.find(name)) else name for name in (*names, *moves)}
    unused = [name for name in moves if meant[name] not in {meant[name] for name in names}]
    if unused:
        used = ", ".join(names[:5])
        raise UnknownModelError(f"no call uses the model {unused[0]!r}; the models of the calls are {used}")
    by_model = {meant[name]: target for name, target in moves.items()}
    return [moves.get(name, by_model.get(meant[name], name)) for name in names]
