"""Tables of calls -> the same with tokens and costs where the log did not report them."""

import pyarrow as pa
import pyarrow.compute as pc

from ..formats import READING
from ..frame import frame_from_table, selected_columns, table_from_frame
from ..pricing import PRICE_COLUMNS, PriceBook, Prices, add_cost
from ..tokens import add_tokens

# what prices= is where the prices of the package are meant: None leaves the calls as they were logged
SHIPPED = "shipped"
# what counting and pricing read and fill
_FILLED = ("input_tokens", "output_tokens", "token_source", "cost", "cost_source")
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
    if prices is None or not _lacks_some(calls):
        return calls
    columns = selected_columns(calls.column_names)
    frame = frame_from_table(calls, columns)
    return table_from_frame(add_cost(add_tokens(frame), prices), columns)


def counted_table(calls: pa.Table) -> pa.Table:
    """Return a CALLS table, or some of its columns, with the tokens counted that the log did not report."""
    if not any(calls[name].null_count for name in ("input_tokens", "output_tokens", "token_source")):
        return calls
    columns = selected_columns(calls.column_names)
    return table_from_frame(add_tokens(frame_from_table(calls, columns)), columns)


def _lacks_some(calls: pa.Table) -> bool:
    """Whether anything is to be filled; else nothing is computed."""
    if any(calls[name].null_count for name in _FILLED):
        return True
    return bool(pc.any(pc.equal(calls["cost_source"].cast("string"), "unknown")).as_py())
