"""Tables of calls -> the same with tokens and costs where the log did not report them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import READING
from ..frame import frame_from_table, selected_columns, table_from_frame
from ..pricing import PRICE_COLUMNS, PriceBook, Prices, add_cost
from ..tokens import add_tokens

# what prices= is where the prices of the package are meant: None leaves the calls as they were logged
SHIPPED = "shipped"
# what counting and pricing read and fill
_COUNTED = ("input_tokens", "output_tokens", "token_source")
_FILLED = (*_COUNTED, "cost", "cost_source")
NEEDED_TO_FILL = tuple(dict.fromkeys(("prompt", "prompt_hash", "response", "level", READING, *_FILLED, *PRICE_COLUMNS)))


def price_book(prices: Prices | None) -> PriceBook | None:
    """Return the price book that ``prices=`` means; None: calls are not priced."""
    if prices is None:
        return None
    return PriceBook.default() if isinstance(prices, str) and prices == SHIPPED else PriceBook.load(prices)


def priced_table(calls: pa.Table, prices: PriceBook | None) -> pa.Table:
    """Return a CALLS table, or some of its columns, counted and priced as every door of the package does it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.frame import empty_frame, table_from_frame
    >>> from crashlens_frame.io.price_tables import priced_table
    >>> from crashlens_frame.pricing import PriceBook
    >>> priced_table(table_from_frame(empty_frame()), PriceBook.default()).num_rows
    0
    """
    if prices is None:
        return calls
    lacks = [*map(_are_missing, (calls[name] for name in _FILLED)), _are_unknown(calls["cost_source"])]
    return _filled(calls, lacks, lambda some: add_cost(add_tokens(some), prices))


def counted_table(calls: pa.Table) -> pa.Table:
    """Return a CALLS table, or some of its columns, with the tokens counted that the log did not report."""
    return _filled(calls, [_are_missing(calls[name]) for name in _COUNTED], add_tokens)


def _filled(calls: pa.Table, lacks: list[np.ndarray], fill: Callable[[pd.DataFrame], pd.DataFrame]) -> pa.Table:
    """Fill the calls that lack something; the others, mostly nearly all, are not turned into a frame and back."""
    rows = np.flatnonzero(np.logical_or.reduce(lacks))
    if not len(rows):
        return calls
    columns = selected_columns(calls.column_names)
    if len(rows) == len(calls):
        return table_from_frame(fill(frame_from_table(calls, columns)), columns)
    filled = table_from_frame(fill(frame_from_table(calls.take(rows), columns)), columns)
    place = np.arange(len(calls))
    place[rows] = len(calls) + np.arange(len(rows))
    for name in _FILLED:
        both = pa.chunked_array([*calls[name].chunks, *filled[name].chunks], filled[name].type)
        column = both.unify_dictionaries().take(pa.array(place))
        calls = calls.set_column(calls.column_names.index(name), name, column)
    return calls


def _are_missing(values: pa.ChunkedArray) -> np.ndarray:
    missing: np.ndarray = pc.is_null(values, nan_is_null=True).to_numpy()
    return missing


def _are_unknown(sources: pa.ChunkedArray) -> np.ndarray:
    unknown: np.ndarray = pc.equal(sources.cast("string"), "unknown").fill_null(True).to_numpy()
    return unknown
