"""What calls cost: whole columns priced by a price book."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError, UnknownModelError
from ..formats import convert_column
from ..frame import check_calls
from ..schema import CALLS, COST_SOURCES, COUNT, TEXT, Column
from ..times import now_us
from .book import PriceBook, Prices
from .names import Resolution
from .price_file import METERS
from .rates import EVER

# tiers of service that stand for the base prices, so there is nothing to say when a model has no others
_STANDARD = ("auto", "default", "on_demand", "standard", "standard_only")
_COUNTS = tuple(f"{kind}_tokens" for kind in METERS)
NEEDED = ("model", "input_tokens", "output_tokens")
PRICE_COLUMNS = ("model", "timestamp", "service_tier", *_COUNTS)  # all that a price depends on
_ON_UNKNOWN = ("na", "raise")
_CACHE_WRITE_1H = Column("cache_write_1h_tokens", COUNT, "Int64", "part of cache_write_tokens kept for an hour")
_COLUMNS = {column.name: column for column in (*CALLS, _CACHE_WRITE_1H)}


def add_cost(
    calls: pd.DataFrame,
    prices: Prices | None = None,
    *,
    reprice: bool = False,
    on_unknown: str = "na",
    explain: bool = False,
) -> pd.DataFrame:
    """Price the calls whose cost is not known.

    The price in force at the time of the call counts, today's where it has no time. Above a tier's number of input
    tokens all tokens have the tier's rates. A call of a model without a price, or of unknown tokens, has no cost.

    Parameters
    ----------
    calls
        Frame with ``model``, ``input_tokens`` and ``output_tokens``. Read as far as they are there: ``timestamp``,
        ``service_tier``, ``cached_input_tokens``, ``cache_write_tokens`` (both part of ``input_tokens``) and
        ``cache_write_1h_tokens`` (those of the written ones that are kept for an hour).
    prices
        The path of a YAML file, a PriceBook or a mapping of the form of such a file; the shipped prices when not given.
    reprice
        Whether to price calls with a known cost as well.
    on_unknown
        ``"na"``: a call without a price has the cost NaN; ``"raise"``: it is an error.
    explain
        Whether to add the columns that say how each cost came about.

    Returns
    -------
    DataFrame
        The calls with ``cost`` (US dollars) and ``cost_source`` (reported, priced, unknown). With ``explain`` also
        ``price_model`` (entry of the price book), ``price_rule`` (how the name led there), ``price_variant`` (null:
        base prices), ``price_from`` (since when the rates hold; null: no date is known), ``price_above`` (number of
        input tokens above which they hold) and the rates ``input_price_per_1m``, ``output_price_per_1m``,
        ``cached_input_price_per_1m``, ``cache_write_price_per_1m``, ``cache_write_1h_price_per_1m``. These tell what
        the price book says, also of calls whose cost was reported.

    Raises
    ------
    MissingColumnsError
        A needed column is missing.
    InvalidCallError
        A value does not fit its column. The text names column, row and value.
    PriceFileError
        The prices break a rule of their form.
    UnknownModelError
        A model has no price, and ``on_unknown`` is ``"raise"``.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> calls = pd.DataFrame({"model": ["gpt-4", "gpt-9"], "input_tokens": [1000, 10], "output_tokens": [500, 10]})
    >>> cf.add_cost(calls)[["model", "cost", "cost_source"]]
       model  cost cost_source
    0  gpt-4  0.06      priced
    1  gpt-9   NaN     unknown
    """
    check_calls(calls, needs=NEEDED)
    if on_unknown not in _ON_UNKNOWN:
        raise InvalidCallError(f"on_unknown is {on_unknown!r}, expected one of {', '.join(_ON_UNKNOWN)}")
    book = PriceBook.load(prices)
    priced = price_calls(calls, book)
    known = known_cost(calls)
    kept = ~np.isnan(known) & (not reprice)
    if on_unknown == "raise":
        _refuse_unknown(priced, ~kept, book)
    cost = np.where(kept, known, priced.cost)
    return calls.assign(
        cost=cost,
        cost_source=_sources(calls, kept, np.isnan(cost)),
        **(_explained(priced, book) if explain else {}),
    )


def fill_cost(row: dict[str, Any], book: PriceBook) -> None:
    """Price one call, told as values by column, as ``add_cost`` does many."""
    if row.get("cost") is not None:
        if row.get("cost_source") != "priced":
            row["cost_source"] = "reported"
        return
    found = book.find(row["model"]) if row.get("model") else None
    tokens = [row.get(name) for name in _COUNTS]
    cost = math.nan
    if found is not None and None not in tokens[:2]:
        place, variant = book.place[found.model], book.table.variant(row.get("service_tier"))
        cost = book.table.cost_of_one(place, variant, row["timestamp"], *(number or 0 for number in tokens))
    row["cost_source"] = "unknown" if math.isnan(cost) else "priced"
    row["cost"] = None if math.isnan(cost) else cost


def mean_rate(calls: pd.DataFrame, prices: Prices | None = None) -> np.ndarray:
    """Give the mean of input and output rate of each call, in US dollars per token; NaN where no price is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.pricing.cost import mean_rate
    >>> mean_rate(pd.DataFrame({"model": ["gpt-4"], "input_tokens": [9], "output_tokens": [9]})).tolist()
    [4.5e-05]
    """
    book = PriceBook.load(prices)
    rates: np.ndarray = book.table.rates[price_calls(calls, book).level, :2].mean(axis=1) / 1_000_000
    return rates


def cheaper_alternatives(models: pd.Series, prices: Prices | None = None) -> pd.Series:
    """Give the cheaper alternative of each model; null where the prices name none.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.pricing.cost import cheaper_alternatives
    >>> cheaper_alternatives(pd.Series(["gpt-4", "gpt-9"])).tolist()
    ['gpt-4o-mini', nan]
    """
    book = PriceBook.load(prices)
    code, names = label_codes(models)
    return pd.Series(categorical([book.cheaper_alternative(name) for name in names], code), index=models.index)


def unpriced(calls: pd.DataFrame) -> pd.DataFrame:
    """List the models with calls of unknown cost.

    Parameters
    ----------
    calls
        Frame of calls with ``model``, ``cost``, ``input_tokens`` and ``output_tokens``.

    Returns
    -------
    DataFrame
        A row a model, most calls first: ``model`` (null: none was logged), ``n_calls``, ``input_tokens``,
        ``output_tokens`` (as far as they are known; null: none is), ``share`` (of all calls, 0 to 1).

    Raises
    ------
    MissingColumnsError
        A needed column is missing.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="my-finetune-x", prompt="Hi", input_tokens=3, output_tokens=5)
    >>> cf.unpriced(book.df)
               model  n_calls  input_tokens  output_tokens  share
    0  my-finetune-x        1             3              5    1.0
    """
    check_calls(calls, needs=(*NEEDED, "cost"))
    unknown = calls.loc[calls["cost"].isna(), list(NEEDED)]
    by_model = unknown.assign(model=unknown["model"].astype("str")).groupby("model", dropna=False, sort=True)
    models = by_model.sum(min_count=1)
    models.insert(0, "n_calls", by_model.size())
    models = models.astype("Int64").sort_values("n_calls", ascending=False, kind="stable").reset_index()
    return models.assign(share=models["n_calls"].to_numpy(np.float64) / max(len(calls), 1))


# -- columns -> arrays ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PricedCalls:
    """What a price book says of calls. The arrays have an entry a call.

    ``level`` is its position in the rate table, ``name`` and ``tier`` are positions in ``names`` (each name with what
    it means) and ``tiers``, -1 for null.
    """

    cost: np.ndarray
    level: np.ndarray
    name: np.ndarray
    names: Mapping[str, Resolution | None]
    tier: np.ndarray
    tiers: Sequence[str]


def price_calls(calls: pd.DataFrame, book: PriceBook) -> PricedCalls:
    """Price all calls, whatever is known of their cost."""
    name, found = _checked_codes(calls, "model")
    names = {text: book.find(text) for text in found}
    tier, tiers = _checked_codes(calls, "service_tier")
    tokens = [_tokens(calls, name) for name in _COUNTS]
    level = book.table.levels(
        _taken([book.place[one.model] if one else -1 for one in names.values()], name),
        _taken([book.table.variant(one) for one in tiers], tier),
        _times(calls),
        tokens[0],
    )
    return PricedCalls(book.table.cost(level, *tokens), level, name, names, tier, tiers)


def label_codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Give each label of a column a number, -1 for null, and the labels in the order of their numbers."""
    label_codes = values.astype("category").cat
    return label_codes.codes.to_numpy(np.int64), [str(label) for label in label_codes.categories]


def _checked_codes(calls: pd.DataFrame, name: str) -> tuple[np.ndarray, list[str]]:
    """Return what ``label_codes`` does of a column that may hold only texts, or be missing."""
    if name not in calls.columns:
        return np.full(len(calls), -1), []
    values = calls[name]
    return label_codes(values if _holds_texts(values) else _converted(calls, name).cast(TEXT).to_pandas())


def _taken(values: Sequence[int], code: np.ndarray) -> np.ndarray:
    """Give each call the value of its label; -1 where it has none."""
    return np.array([*values, -1])[code]


def categorical(values: Sequence[str | None], code: np.ndarray) -> pd.Categorical:
    """Give each call the text of its label, null where it has none; the categories are the texts that occur."""
    used = np.bincount(code + 1, minlength=len(values) + 1)[1:] > 0
    values = [value if used[place] else None for place, value in enumerate(values)]
    texts = sorted({value for value in values if value is not None})
    places = [-1 if value is None else texts.index(value) for value in values]
    return pd.Categorical.from_codes(_taken(places, code), categories=pd.Index(texts, dtype="str"))


def _tokens(calls: pd.DataFrame, name: str) -> np.ndarray:
    """Give a column of numbers of tokens. Of a part of the input that is not known there is none."""
    whole = name in NEEDED
    if name not in calls.columns:
        return np.zeros(len(calls))
    return _numbers(calls, name, np.nan if whole else 0.0)


def _times(calls: pd.DataFrame) -> np.ndarray:
    """Return the times of calls in microseconds since 1970, now where they are unknown."""
    if "timestamp" not in calls.columns:
        return np.full(len(calls), now_us())
    return pc.fill_null(_converted(calls, "timestamp").cast(COUNT), now_us()).to_numpy()


def known_cost(calls: pd.DataFrame) -> np.ndarray:
    """Return the costs that the calls have; NaN where they have none."""
    if "cost" not in calls.columns:
        return np.full(len(calls), np.nan)
    return _numbers(calls, "cost", np.nan)


def _numbers(calls: pd.DataFrame, name: str, null: float) -> np.ndarray:
    """Return a column of numbers as floats, each value checked."""
    values = calls[name]
    if str(values.dtype) == _COLUMNS[name].dtype:  # of the type of the column, only the bounds are to be checked
        numbers = values.to_numpy(dtype=np.float64, na_value=null)
        if not ((numbers < 0) | np.isinf(numbers)).any():
            return numbers
    return pc.fill_null(pc.cast(_converted(calls, name), pa.float64(), safe=False), null).to_numpy()


def _holds_texts(values: pd.Series) -> bool:
    """Whether the type of a column, or of its labels, is that of texts."""
    dtype = values.dtype.categories.dtype if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype
    return isinstance(dtype, pd.StringDtype)


def _converted(calls: pd.DataFrame, name: str) -> pa.ChunkedArray:
    """Return a column of a frame that may be the user's own, each value checked and converted."""
    values = convert_column(calls[name], _COLUMNS[name])
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


# -- arrays -> columns ------------------------------------------------------------------------------------------------


def _sources(calls: pd.DataFrame, kept: np.ndarray, unknown: np.ndarray) -> pd.Categorical:
    """Say of each cost how it came about; what is known of a cost that was there stays."""
    reported, priced, none = range(len(COST_SOURCES))
    if "cost_source" in calls.columns:
        _converted(calls, "cost_source")  # refuses other words
        said = np.where(calls["cost_source"].eq("priced").fillna(False).to_numpy(bool), priced, reported)
    else:
        said = np.full(len(calls), reported)
    code = np.where(kept, said, np.where(unknown, none, priced))
    return pd.Categorical.from_codes(code, categories=pd.Index(COST_SOURCES, dtype="str"), ordered=True)


def _refuse_unknown(priced: PricedCalls, asked: np.ndarray, book: PriceBook) -> None:
    used = np.unique(priced.name[asked & (priced.name >= 0)])
    names = list(priced.names)
    unknown = [names[place] for place in used if priced.names[names[place]] is None]
    if not unknown:
        return
    try:
        book.resolve(unknown[0])
    except UnknownModelError as error:
        others = f"\nalso without a price: {', '.join(unknown[1:])}" if unknown[1:] else ""
        raise UnknownModelError(f"{error}{others}") from None


def _explained(priced: PricedCalls, book: PriceBook) -> dict[str, Any]:
    """Lay out how each price came about."""
    table, level = book.table, priced.level
    found = list(priced.names.values())
    since = np.where(table.since[level] == EVER, np.iinfo(np.int64).min, table.since[level])
    return {
        "price_model": categorical([one.model if one else None for one in found], priced.name),
        "price_rule": categorical([one.rule if one else None for one in found], priced.name),
        "price_variant": _variants(priced, book),
        "price_from": pd.DatetimeIndex(since.view("M8[us]")).tz_localize("UTC"),
        "price_above": pd.array(table.above[level], dtype="Int64"),
        **{f"{kind}_price_per_1m": table.rates[level, place] for place, kind in enumerate(METERS)},
    }


def _variants(priced: PricedCalls, book: PriceBook) -> pd.Categorical:
    """Say which variant was priced; a tier of service that the model has no prices for is said to be at base prices."""
    models = [one.model if one else None for one in priced.names.values()]
    said: list[str | None] = []
    for model in models:
        for tier in priced.tiers:
            variant = book.table.variant(tier)
            if model is None or tier.lower() in _STANDARD:
                said.append(None)
            elif variant >= 0 and book.table.has_variant(book.place[model], variant):
                said.append(book.table.variants[variant])
            else:
                said.append(f"base: no prices for {tier}")
    pair = np.where((priced.name < 0) | (priced.tier < 0), -1, priced.name * len(priced.tiers) + priced.tier)
    return categorical(said, pair)
