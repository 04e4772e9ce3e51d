"""The waste of a log in parts: calls are searched by whole traces, and spread again for what goes across traces."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..detectors import (
    BEGINNING,
    CALL_NUMBER,
    KEY,
    MARKS,
    Known,
    PartOfFindings,
    Thresholds,
    join_parts,
    mark_calls,
    needed_spreads,
    search_spread,
    search_traces,
    spread_calls,
)
from ..frame import frame_from_table, selected_columns, table_from_frame
from ..pricing import PriceBook
from .parts import SCAN_COLUMNS
from .spill import Spread, whole_groups

_WRITTEN = 4  # parts of the largest size that are held until they are written


class DividedSearch:
    """A search for waste in parts of a log, each with whole traces; a context manager.

    ``most`` is the largest size of a part in bytes.
    """

    def __init__(self, folder: Path, most: int, thresholds: Thresholds | None, prices: PriceBook | None) -> None:
        self._most, self._thresholds, self._prices = most, thresholds or {}, prices
        self._spreads = {name: Spread(folder / name, most=most // _WRITTEN, by=KEY) for name in needed_spreads(None)}
        self._found: list[PartOfFindings] = []
        self._known: list[Known] = []
        self._cost = 0.0

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        for spread in self._spreads.values():
            self._stack.enter_context(spread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, calls: pd.DataFrame, numbers: np.ndarray) -> None:
        """Search the calls of some traces, and write down what is needed of them for what goes across traces.

        ``numbers`` are the places of the calls in the log.
        """
        marked = mark_calls(calls[[name for name in SCAN_COLUMNS if name in calls.columns]], numbers)
        result, ordered = search_traces(marked, self._thresholds, self._prices)
        self._found += result.found
        self._known.append(result.known)
        self._cost += ordered.columns.cost
        for name, some in spread_calls(ordered, self._thresholds, self._spreads).items():
            if len(some):
                self._spreads[name].write(_table(some))

    def findings(self) -> pd.DataFrame:
        """Return the findings of the whole log, as ``find_waste`` returns them."""
        for name, spread in self._spreads.items():
            known = Known.joined(self._known)
            search = partial(
                search_spread, together=name, known=known, thresholds=self._thresholds, prices=self._prices
            )
            # map keeps no reference to a part while the next one is read
            for result in map(search, map(_frame, whole_groups(spread.buckets(), most=self._most, by=KEY))):
                self._found += result.found
                self._known.append(result.known)
                pa.default_memory_pool().release_unused()
        return join_parts(self._found, Known.joined(self._known), self._cost).findings


def _table(marked: pd.DataFrame) -> pa.Table:
    """Return calls with marks and a key as a table."""
    more = [name for name in (*MARKS, KEY, BEGINNING) if name in marked.columns]
    names = [name for name in marked.columns if name not in more]
    table = table_from_frame(marked[names], selected_columns(names))
    for name in more:
        table = table.append_column(name, pa.array(marked[name]))
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return the calls of a table with their marks, in the order of the log."""
    table = table.take(pc.sort_indices(table[CALL_NUMBER]))  # those of equal times are searched in this order
    more = [name for name in (*MARKS, BEGINNING) if name in table.column_names]
    names = [name for name in table.column_names if name not in (*more, KEY)]
    calls = frame_from_table(table.select(names), selected_columns(names))
    return calls.assign(**{name: table[name].to_pandas() for name in more})
