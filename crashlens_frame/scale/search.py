"""The waste of a log in parts: calls are spread anew for each way in which detectors want them together."""

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..detectors import (
    MARKS,
    TOGETHER,
    Known,
    PartOfFindings,
    Thresholds,
    detectors_of,
    join_parts,
    part_keys,
    search_part,
    slim_calls,
)
from ..frame import frame_from_table, selected_columns, table_from_frame
from ..pricing import PriceBook
from .spill import read_stream, spread_calls, whole_groups

_KEY = "crashlens_key"


def marked_table(calls: pd.DataFrame) -> pa.Table:
    """Return marked calls as a table, their marks included."""
    names = [name for name in calls.columns if name not in MARKS]
    table = table_from_frame(calls[names], selected_columns(names))
    for name in MARKS:
        table = table.append_column(name, pa.array(calls[name].to_numpy()))
    return table


def marked_frame(table: pa.Table) -> pd.DataFrame:
    """Return marked calls of a table as a frame."""
    names = [name for name in table.column_names if name not in (*MARKS, _KEY)]
    calls = frame_from_table(table.select(names), selected_columns(names))
    return calls.assign(**{name: table[name].to_numpy() for name in MARKS})


def search_spread(
    path: Path,
    found: Iterable[PartOfFindings],
    cost: float,
    *,
    most: int,
    thresholds: Thresholds | None,
    prices: PriceBook | None,
) -> pd.DataFrame:
    """Search marked calls of a file, given what was found in whole traces, and return the findings of the whole log.

    ``cost`` is what the log cost in US dollars, ``most`` the largest size of a part in bytes.
    """
    parts, known = list(found), Known()
    for together in TOGETHER[1:]:
        if not detectors_of(together):
            continue
        more = [Known()]
        for calls in _spread(path, together, most):
            findings, shown = search_part(calls, together, known, thresholds=thresholds, prices=prices)
            parts += findings
            more.append(shown)
        known = reduce(add, more, known)
    return join_parts(parts, cost).findings


def _spread(path: Path, together: str, most: int) -> Iterator[pd.DataFrame]:
    """Yield the calls of a file in parts that hold together what belongs together."""

    def keyed(table: pa.Table) -> pa.Table:
        calls = marked_frame(table)
        keys = pd.Series(part_keys(calls, together), calls.index)
        slim = slim_calls(calls, together)
        return marked_table(slim).append_column(_KEY, pa.array(keys.loc[slim.index].to_numpy(np.int64)))

    buckets = spread_calls(map(keyed, read_stream(path)), path.parent / together, most=most // 2, by=_KEY)
    return map(marked_frame, whole_groups(buckets, most=most, by=_KEY))
