"""What calls cost: whole columns priced by a price book."""

import warnings
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..errors import UnknownModelError, UnpricedWarning, check_choice
from ..frame import check_calls
from ..schema import COST_SOURCES
from ..words import quantity
from .book import PriceBook, Prices
from .columns import converted, cost_array, costs_elsewhere, label_codes, labels_from_codes
from .explain import explanation
from .price_file import METERS
from .priced import PricedCalls, levels_of_calls, price_calls
from .tiers import CHEAPER

NEEDED_FOR_COST = ("model", *(meter.column for meter in METERS if meter.column and meter.is_required))
# all columns that a price depends on
PRICE_COLUMNS = (
    "model", "timestamp", "service_tier", "region", "provider", "billed",
    *(meter.column for meter in METERS if meter.column),
)  # fmt: skip
# those of them that the rates of a call depend on
RATE_COLUMNS = ("model", "timestamp", "service_tier", "region", "provider", "billed", "input_tokens")
ON_UNKNOWN = ("na", "raise")


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
    of input tokens, all tokens have the tier's rates. The cost is unknown, never too small, if the model has no price,
    if something that is billed has no rate (a web search, a service tier, a region), if the numbers of tokens are
    unknown, if a part is larger than its whole, or if the cost was reported in another currency.

    Parameters
    ----------
    calls
        Frame with ``model``, ``input_tokens`` and ``output_tokens``. These columns are read too if the frame has them:
        ``timestamp``, ``service_tier``, ``region``, ``provider``, ``billed`` ("no": the call costs 0 at any price),
        ``cached_input_tokens``, ``cache_write_tokens``, ``audio_input_tokens`` (parts of ``input_tokens``),
        ``cache_write_1h_tokens`` (part of ``cache_write_tokens``), ``reasoning_tokens``, ``audio_output_tokens``
        (parts of ``output_tokens``) and ``web_searches``.
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
        (the service tier whose prices were in force; null: base prices), ``price_derived`` (whether these are a ratio
        to the base prices, as no price of the tier is known for that time), ``price_from`` (start of the rates; null:
        no date is known), ``price_above`` (number of input tokens above which they hold), ``price_region_factor`` and
        ``price_discount`` (both are in the rates), the rate of each meter, such as ``input_price_per_1m`` and
        ``web_search_price_per_1k``, and ``unknown_because`` (why the cost is unknown; null: it is known). These are
        the prices of the price book, also for calls whose cost was reported.

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

    Warns
    -----
    UnpricedWarning
        Calls of a service tier with a discount, batch or flex, are priced at the base prices, as there are no others.

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
    is_foreign = costs_elsewhere(calls) & (not reprice)
    keep = ~np.isnan(old_cost) & (not reprice) | is_foreign
    if on_unknown == "raise":
        _check_models(priced, ~keep, book)
    _warn_of_base_prices(priced, ~keep)
    cost = np.where(keep, old_cost, priced.cost)
    return calls.assign(
        cost=cost,
        cost_source=_cost_sources(calls, keep, np.isnan(cost)),
        **(explanation(calls, priced, book, np.isnan(cost)) if explain else {}),
    )


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


def meter_rates(calls: pd.DataFrame, prices: Prices | None = None, *, meters: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the rates of some meters for each call, in US dollars per token; NaN where no price is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.pricing.cost import meter_rates
    >>> calls = pd.DataFrame({"model": ["gpt-4o"], "input_tokens": [9], "output_tokens": [9]})
    >>> rates = meter_rates(calls, meters=["cached_input"])
    >>> round(float(rates["cached_input"][0]) * 1e6, 2)
    1.25
    """
    book = PriceBook.load(prices)
    level, table = levels_of_calls(calls, book), book.table.rates
    return {name: (table[name] / 1_000_000).take(level) for name in meters}


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


def _cost_sources(calls: pd.DataFrame, keep: np.ndarray, unknown: np.ndarray) -> pd.Categorical:
    """Return the source of each cost; a cost that is kept keeps its source."""
    reported, priced, none = range(len(COST_SOURCES))
    code = np.where(unknown, np.int8(none), np.int8(priced))
    if "cost_source" in calls.columns:
        converted(calls, "cost_source")  # refuses other words
        keep = keep & ~calls["cost_source"].eq("priced").fillna(False).to_numpy(bool)
    code[keep] = reported
    return pd.Categorical.from_codes(code, categories=pd.Index(COST_SOURCES, dtype="str"), ordered=True)


def _check_models(priced: PricedCalls, to_price: np.ndarray, book: PriceBook) -> None:
    """Raise an error if a call to price has a model without a price."""
    groups = priced.groups
    used = groups.name[np.bincount(priced.group[to_price], minlength=len(groups.name)) > 0]
    names = list(groups.names)
    unknown = [names[position] for position in np.unique(used[used >= 0]) if groups.names[names[position]] is None]
    if not unknown:
        return
    try:
        book.resolve(unknown[0])
    except UnknownModelError as error:
        others = f"\nalso without a price: {', '.join(unknown[1:])}" if unknown[1:] else ""
        raise UnknownModelError(f"{error}{others}") from None


def _warn_of_base_prices(priced: PricedCalls, to_price: np.ndarray) -> None:
    """Warn of calls whose service tier has a discount that no price is known of."""
    groups = priced.groups
    if not (groups.kind == CHEAPER).any():
        return
    is_base = priced.is_base_instead & to_price & ~np.isnan(priced.cost)
    counts = np.bincount(priced.group[is_base], minlength=len(groups.kind)) * groups.is_billed
    if not counts.any():
        return
    tiers = sorted({groups.tiers[position].lower() for position in groups.tier[counts > 0]})
    names = list(groups.names)
    models = sorted({names[position] for position in groups.name[counts > 0]})
    n_calls = quantity(int(counts.sum()), "call")
    warnings.warn(
        f"{n_calls} priced at base prices, as there are no prices for {' and '.join(tiers)}: {', '.join(models)}",
        UnpricedWarning,
        stacklevel=3,
    )
