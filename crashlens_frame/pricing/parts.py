"""What calls cost, taken apart: one row per call and meter."""

import numpy as np
import pandas as pd

from ..frame import checked_calls
from .book import PriceBook, Prices
from .columns import cost_array, costs_elsewhere
from .cost import NEEDED_FOR_COST
from .price_file import METERS
from .priced import CALLS_AT_A_TIME, PricedCalls, price_calls
from .rate_lists import part_cost
from .rates import RateTable, where_any
from .timeline import ALWAYS

# what is in ``meter`` for a cost that the prices do not take apart
WHOLE_COSTS = ("reported", "not billed", "unknown")
PART_METERS = (*(meter.name for meter in METERS), *WHOLE_COSTS)
_SAME = 1e-9  # relative difference up to which a known cost is that of the prices


def cost_parts(calls: pd.DataFrame, prices: Prices | None = None) -> pd.DataFrame:
    """Take costs apart by meter.

    Parameters
    ----------
    calls
        Frame as ``add_cost`` takes it. A call with a known cost keeps it.
    prices
        Prices, in any form that ``PriceBook.load`` takes; None: the shipped prices.

    Returns
    -------
    DataFrame
        One row per call and meter, in the order of the calls, with the index of its call: ``model``, ``meter`` (input:
        neither cached, written nor audio; cache_write: for five minutes), ``units`` (tokens or uses billed by this
        meter), ``rate`` (US dollars per million tokens, or per thousand web searches or requests; region and discounts
        included), ``price_from`` (start of the rate; null: no date is known) and ``cost`` (US dollars). The rows of a
        call add up to its cost. A call that the prices cannot take apart has one row, with the meter "reported" (its
        cost is not that of the prices), "not billed" (it costs 0) or "unknown" (its cost is NaN).

    Raises
    ------
    MissingColumnsError
        A needed column is missing.
    InvalidCallError
        A value does not fit its column. The text names column, row and value.
    PriceFileError
        The prices are not of the right form.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> usage = {"input_tokens": [1000], "cached_input_tokens": [640], "output_tokens": [500], "web_searches": [2]}
    >>> cf.cost_parts(pd.DataFrame({"model": ["gpt-4o"], **usage}))[["meter", "units", "rate", "cost"]]
              meter  units   rate    cost
    0         input  360.0   2.50  0.0009
    0        output  500.0  10.00  0.0050
    0  cached_input  640.0   1.25  0.0008
    0    web_search    2.0  10.00  0.0200
    """
    calls = checked_calls(calls, needs=NEEDED_FOR_COST)
    book = PriceBook.load(prices)
    priced, known, is_foreign = price_calls(calls, book), cost_array(calls), costs_elsewhere(calls)
    priced.cost[is_foreign] = np.nan
    blocks = [_parts_of(priced, known, book.table, begin) for begin in range(0, max(len(calls), 1), CALLS_AT_A_TIME)]
    call, meter, units, rate, since, cost = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return pd.DataFrame(
        {
            "model": calls["model"].astype("category").array.take(call),
            "meter": pd.Categorical.from_codes(meter, categories=pd.Index(PART_METERS, dtype="str"), ordered=True),
            "units": units,
            "rate": rate,
            "price_from": pd.DatetimeIndex(since.view("M8[us]")).tz_localize("UTC"),
            "cost": cost,
        },
        index=calls.index.take(call),
        copy=False,
    )


def _parts_of(priced: PricedCalls, known: np.ndarray, table: RateTable, begin: int) -> tuple[np.ndarray, ...]:
    """Return call, meter, units, rate, start of the rate and cost of each part of the calls of a block."""
    rows = slice(begin, begin + CALLS_AT_A_TIME)
    group, level, cost_of_prices = priced.group[rows], priced.level[rows].astype(np.intp), priced.cost[rows]
    known, is_billed, factor = known[rows], priced.groups.is_billed.take(group), priced.groups.factor.take(group)
    is_apart = np.isnan(known) | (np.abs(known - cost_of_prices) <= _SAME * np.abs(known))
    is_apart &= ~np.isnan(cost_of_prices) & is_billed
    rates = {meter.name: table.rates[meter.name].take(level) for meter in table.lists.meters}
    units = {column: numbers[rows] for column, numbers in priced.units.items()}
    parts = list(table.lists.parts(rates, units, where_any))
    is_row = [is_apart & (n_units != 0) & ((rate != 0) | (meter.column is not None)) for meter, n_units, rate in parts]
    # a call without anything billed still has a row
    is_row[0] = is_apart & (is_row[0] | ~np.any(is_row, axis=0))
    n_rows = np.where(is_apart, np.sum(is_row, axis=0), 1)
    place = n_rows.cumsum() - n_rows
    call = np.repeat(np.arange(len(n_rows)), n_rows)
    meter_code = np.empty(len(call), np.int8)
    units_of_row, rate_of_row, cost = (np.full(len(call), np.nan) for _ in range(3))
    since = np.full(len(call), ALWAYS)
    for (meter, n_units, rate), has_row in zip(parts, is_row, strict=True):
        of = np.flatnonzero(has_row)
        at = place[of]
        place[of] += 1
        of_factor = factor[of] if meter.per == 1_000_000 else 1.0
        meter_code[at] = PART_METERS.index(meter.name)
        units_of_row[at], rate_of_row[at] = n_units[of], rate[of] * of_factor
        since[at] = table.since[level[of]]
        cost[at] = part_cost(meter, n_units[of], rate[of], of_factor, np.where)
    whole = np.flatnonzero(~is_apart)
    whole_cost = np.where(np.isnan(known), cost_of_prices, known)[whole]
    reported, not_billed, unknown = (PART_METERS.index(name) for name in WHOLE_COSTS)
    is_free = ~is_billed[whole] & (whole_cost == 0)
    meter_code[place[whole]] = np.where(np.isnan(whole_cost), unknown, np.where(is_free, not_billed, reported))
    cost[place[whole]] = whole_cost
    return call + begin, meter_code, units_of_row, rate_of_row, since, cost
