"""What calls cost: whole columns priced by a price book."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UnknownModelError, check_choice
from ..formats import convert_column
from ..frame import check_calls
from ..schema import CALLS, COST_SOURCES, COUNT, TEXT, Column
from ..times import now_us
from .book import PriceBook, Prices
from .names import Resolution
from .price_file import METERS, Meter

# service tiers that mean the base prices: that a model has no variant for them is no news
_STANDARD_TIERS = ("auto", "default", "on_demand", "standard", "standard_only")
_REQUIRED = tuple(meter.column for meter in METERS if meter.is_required)
NEEDED_FOR_COST = ("model", *_REQUIRED)
# all columns that a price depends on
PRICE_COLUMNS = ("model", "timestamp", "service_tier", *(meter.column for meter in METERS))
ON_UNKNOWN = ("na", "raise")
# a frame of the user's may have the tokens of a meter for which CALLS has no column
_METERED = (Column(meter.column, COUNT, "Int64", f"tokens at the {meter.name} rate") for meter in METERS)
_COLUMNS = {column.name: column for column in (*_METERED, *CALLS)}


def add_cost(
    calls: pd.DataFrame,
    prices: Prices | None = None,
    *,
    reprice: bool = False,
    on_unknown: str = "na",
    explain: bool = False,
) -> pd.DataFrame:
    """Price the calls whose cost is not known.

    A call is priced at the prices in force at its time, or at today's prices if it has no time. Above a tier's number
    of input tokens, all tokens have the tier's rates. If the model has no price, or the numbers of tokens are unknown,
    the cost is unknown.

    Parameters
    ----------
    calls
        Frame with ``model``, ``input_tokens`` and ``output_tokens``. These columns are read too if the frame has them:
        ``timestamp``, ``service_tier``, ``cached_input_tokens``, ``cache_write_tokens`` (both part of
        ``input_tokens``) and ``cache_write_1h_tokens`` (the part of ``cache_write_tokens`` that is kept for an hour).
    prices
        The path of a YAML file, a PriceBook or a mapping of the same form as the file; None: the shipped prices.
    reprice
        Whether to price calls with a known cost as well.
    on_unknown
        ``"na"``: the cost of a call without a price is NaN; ``"raise"``: it is an error.
    explain
        Whether to add the columns that explain each cost.

    Returns
    -------
    DataFrame
        The calls with ``cost`` (US dollars) and ``cost_source`` (reported, priced, unknown). With ``explain`` also
        ``price_model`` (entry of the price book), ``price_rule`` (by which rule the name means it), ``price_variant``
        (null: base prices), ``price_from`` (start of the rates; null: no date is known), ``price_above`` (number of
        input tokens above which they hold) and the rates ``input_price_per_1m``, ``output_price_per_1m``,
        ``cached_input_price_per_1m``, ``cache_write_price_per_1m``, ``cache_write_1h_price_per_1m``. These are the
        prices of the price book, also for calls whose cost was reported.

    Raises
    ------
    MissingColumnsError
        A needed column is missing.
    InvalidCallError
        A value does not fit its column. The text names column, row and value.
    PriceFileError
        The prices are not of the right form.
    UnknownModelError
        A model has no price, and ``on_unknown`` is ``"raise"``.
    InvalidOptionError
        ``on_unknown`` is another value.

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
    check_choice("on_unknown", on_unknown, ON_UNKNOWN)
    check_calls(calls, needs=NEEDED_FOR_COST)
    book = PriceBook.load(prices)
    priced = price_calls(calls, book)
    old_cost = cost_array(calls)
    keep = ~np.isnan(old_cost) & (not reprice)
    if on_unknown == "raise":
        _check_models(priced, ~keep, book)
    cost = np.where(keep, old_cost, priced.cost)
    return calls.assign(
        cost=cost,
        cost_source=_cost_sources(calls, keep, np.isnan(cost)),
        **(_explanation(priced, book) if explain else {}),
    )


def fill_cost(row: dict[str, Any], book: PriceBook) -> None:
    """Price one call, a dict of values by column, as ``add_cost`` does many."""
    if row.get("cost") is not None:
        if row.get("cost_source") != "priced":
            row["cost_source"] = "reported"
        return
    found = book.find(row["model"]) if row.get("model") else None
    cost = math.nan
    if found is not None and all(row.get(column) is not None for column in _REQUIRED):
        tokens = {meter.column: row.get(meter.column) or 0 for meter in METERS}
        model, variant = book.position[found.model], book.table.variant(row.get("service_tier"))
        cost = book.table.cost_of_one(model, variant, row["timestamp"], tokens)
    row["cost_source"] = "unknown" if math.isnan(cost) else "priced"
    row["cost"] = None if math.isnan(cost) else cost


def mean_rate(calls: pd.DataFrame, prices: Prices | None = None) -> np.ndarray:
    """Return the mean of input and output rate for each call, in US dollars per token; NaN where no price is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.pricing.cost import mean_rate
    >>> mean_rate(pd.DataFrame({"model": ["gpt-4"], "input_tokens": [9], "output_tokens": [9]})).tolist()
    [4.5e-05]
    """
    book = PriceBook.load(prices)
    level, rates = price_calls(calls, book).level, book.table.rates
    mean: np.ndarray = (rates["input"] + rates["output"])[level] / 2 / 1_000_000
    return mean


def cheaper_alternatives(models: pd.Series, prices: Prices | None = None) -> pd.Series:
    """Return the cheaper alternative of each model; null where the prices name none.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.pricing.cost import cheaper_alternatives
    >>> cheaper_alternatives(pd.Series(["gpt-4", "gpt-9"])).tolist()
    ['gpt-4o-mini', nan]
    """
    book = PriceBook.load(prices)
    code, names = label_codes(models)
    return pd.Series(labels_from_codes([book.cheaper_alternative(name) for name in names], code), index=models.index)


def unpriced(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the models that have calls of unknown cost.

    Parameters
    ----------
    calls
        Frame of calls with ``model``, ``cost``, ``input_tokens`` and ``output_tokens``.

    Returns
    -------
    DataFrame
        One row per model, most calls first: ``model`` (null: none was logged), ``n_calls``, ``input_tokens``,
        ``output_tokens`` (sums of the known numbers; null: none is known), ``share`` (of all calls, 0 to 1).

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
    check_calls(calls, needs=(*NEEDED_FOR_COST, "cost"))
    unknown = calls.loc[calls["cost"].isna(), list(NEEDED_FOR_COST)]
    by_model = unknown.assign(model=unknown["model"].astype("str")).groupby("model", dropna=False, sort=True)
    models = by_model.sum(min_count=1)
    models.insert(0, "n_calls", by_model.size())
    models = models.astype("Int64").sort_values("n_calls", ascending=False, kind="stable").reset_index()
    return models.assign(share=models["n_calls"].to_numpy(np.float64) / max(len(calls), 1))


# -- columns -> arrays ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PricedCalls:
    """Calls with their prices. Each array has one item per call.

    ``level`` is a position in the rate table. ``name`` and ``tier`` are positions in ``names`` (each logged name with
    the model that it means) and ``tiers``; -1 is null.
    """

    cost: np.ndarray
    level: np.ndarray
    name: np.ndarray
    names: Mapping[str, Resolution | None]
    tier: np.ndarray
    tiers: Sequence[str]


def price_calls(calls: pd.DataFrame, book: PriceBook) -> PricedCalls:
    """Price all calls, also those whose cost is known."""
    name, texts = _checked_codes(calls, "model")
    names = {text: book.find(text) for text in texts}
    tier, tiers = _checked_codes(calls, "service_tier")
    tokens = {meter.column: _tokens(calls, meter) for meter in METERS}
    level = book.table.levels(
        _take([book.position[found.model] if found else -1 for found in names.values()], name),
        _take([book.table.variant(label) for label in tiers], tier),
        _times(calls),
        tokens["input_tokens"],
    )
    return PricedCalls(book.table.cost(level, tokens), level, name, names, tier, tiers)


def label_codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the code of each value of a column, -1 for null, and the label of each code."""
    column = values.astype("category").cat
    return column.codes.to_numpy(np.int64), [str(label) for label in column.categories]


def _checked_codes(calls: pd.DataFrame, name: str) -> tuple[np.ndarray, list[str]]:
    """Return the codes and labels of a column that may be missing, and that may hold nothing but texts."""
    if name not in calls.columns:
        return np.full(len(calls), -1), []
    values = calls[name]
    return label_codes(values if _holds_texts(values) else _converted(calls, name).cast(TEXT).to_pandas())


def _take(values: Sequence[int], code: np.ndarray) -> np.ndarray:
    """Return the value of each code; -1 for the code -1."""
    return np.array([*values, -1])[code]


def labels_from_codes(labels: Sequence[str | None], code: np.ndarray) -> pd.Categorical:
    """Return the label of each code, null for the code -1; the categories are the labels that occur, sorted."""
    used = np.bincount(code + 1, minlength=len(labels) + 1)[1:] > 0
    labels = [label if used[position] else None for position, label in enumerate(labels)]
    texts = sorted({label for label in labels if label is not None})
    new_codes = [-1 if label is None else texts.index(label) for label in labels]
    return pd.Categorical.from_codes(_take(new_codes, code), categories=pd.Index(texts, dtype="str"))


def _tokens(calls: pd.DataFrame, meter: Meter) -> np.ndarray:
    """Return the numbers of tokens of a meter. An unknown number is NaN if the meter is required, otherwise 0."""
    if meter.column not in calls.columns:
        return np.zeros(len(calls))
    return _numbers(calls, meter.column, np.nan if meter.is_required else 0.0)


def _times(calls: pd.DataFrame) -> np.ndarray:
    """Return the times of calls in microseconds since 1970, now where they are unknown."""
    if "timestamp" not in calls.columns:
        return np.full(len(calls), now_us())
    return pc.fill_null(_converted(calls, "timestamp").cast(COUNT), now_us()).to_numpy()


def cost_array(calls: pd.DataFrame) -> np.ndarray:
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


def _cost_sources(calls: pd.DataFrame, keep: np.ndarray, unknown: np.ndarray) -> pd.Categorical:
    """Return the source of each cost; a cost that is kept keeps its source."""
    reported, priced, none = range(len(COST_SOURCES))
    if "cost_source" in calls.columns:
        _converted(calls, "cost_source")  # refuses other words
        old = np.where(calls["cost_source"].eq("priced").fillna(False).to_numpy(bool), priced, reported)
    else:
        old = np.full(len(calls), reported)
    code = np.where(keep, old, np.where(unknown, none, priced))
    return pd.Categorical.from_codes(code, categories=pd.Index(COST_SOURCES, dtype="str"), ordered=True)


def _check_models(priced: PricedCalls, to_price: np.ndarray, book: PriceBook) -> None:
    """Raise an error if a call to price has a model without a price."""
    used = np.unique(priced.name[to_price & (priced.name >= 0)])
    names = list(priced.names)
    unknown = [names[position] for position in used if priced.names[names[position]] is None]
    if not unknown:
        return
    try:
        book.resolve(unknown[0])
    except UnknownModelError as error:
        others = f"\nalso without a price: {', '.join(unknown[1:])}" if unknown[1:] else ""
        raise UnknownModelError(f"{error}{others}") from None


def _explanation(priced: PricedCalls, book: PriceBook) -> dict[str, Any]:
    """Return the columns that explain each price."""
    table, level = book.table, priced.level
    found = priced.names.values()
    return {
        "price_model": labels_from_codes([each.model if each else None for each in found], priced.name),
        "price_rule": labels_from_codes([each.rule if each else None for each in found], priced.name),
        "price_variant": _price_variants(priced, book),
        "price_from": pd.DatetimeIndex(table.since[level].view("M8[us]")).tz_localize("UTC"),  # ALWAYS is NaT
        "price_above": pd.array(table.above[level], dtype="Int64"),
        **{meter.rate_key: table.rates[meter.name][level] for meter in METERS},
    }


def _price_variants(priced: PricedCalls, book: PriceBook) -> pd.Categorical:
    """Return the variant that was priced, with a note where the model has no prices for the service tier."""
    labels: list[str | None] = []
    for found in priced.names.values():
        for tier in priced.tiers:
            variant = book.table.variant(tier)
            if found is None or tier.lower() in _STANDARD_TIERS:
                labels.append(None)
            elif variant >= 0 and book.table.has_variant(book.position[found.model], variant):
                labels.append(book.table.variants[variant])
            else:
                labels.append(f"base: no prices for {tier}")
    pair = np.where((priced.name < 0) | (priced.tier < 0), -1, priced.name * len(priced.tiers) + priced.tier)
    return labels_from_codes(labels, pair)
