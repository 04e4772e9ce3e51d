"""Calls that a log holds several times: lines of one event_id become one call, and of nested spans one is kept."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import USAGE_COLUMNS
from ..schema import CALLS, COUNT, TEXT

# columns that show which calls are repeated, beside those that are read
REPEAT_COLUMNS = ("trace_id", "event_id", "parent_id", "model", "name", "input_tokens", "output_tokens")

LINE = "crashlens_line"  # where a call is in its log, if that is asked for
# of the lines of a call each column has the last value of the fullest line that has one, but for these
_COUNTS = (USAGE_COLUMNS | {"web_searches"}).intersection(column.name for column in CALLS if column.arrow == COUNT)
_LARGEST = _COUNTS | {LINE}
_OF_FULLEST = ("level", "error", "billed")  # also where that is null
_COLUMN_OF_SOURCE = {"cost_source": "cost", "token_source": "output_tokens"}
# a span of the Vercel AI SDK around the one that asks the provider: ai.generateText, ai.generateText.doGenerate
_OUTER_NAME = r"^ai\.(generate|stream)(Text|Object)$|^ai\.embed(Many)?$"


class Once(NamedTuple):
    """Each call once; and how many lines were merged into another, and how many spans were dropped for an inner one."""

    calls: pa.Table
    duplicates: int
    nested: int


def keep_once(calls: pa.Table, *, by_trace: bool = False) -> Once:
    """Return each call once.

    Parameters
    ----------
    calls
        Table of calls with REPEAT_COLUMNS.
    by_trace
        Whether calls with the same event_id in different traces are different calls.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.frame import table_from_rows
    >>> from crashlens_frame.io.repeats import keep_once
    >>> rows = [{"trace_id": "t", "event_id": "e", "output_tokens": count} for count in (8, 108, 8)]
    >>> keep_once(table_from_rows(rows)).calls["output_tokens"].to_pylist()
    [108]
    """
    ids = event_ids(calls)
    if ids.null_count == len(ids):
        return Once(calls, 0, 0)
    merged = _merge_lines(calls, _joined(calls["trace_id"], ids) if by_trace else ids)
    outer = _outer_spans(merged)
    kept = merged.filter(pa.array(~outer)) if outer.any() else merged
    return Once(kept, len(calls) - len(merged), int(outer.sum()))


def event_ids(calls: pa.Table) -> pa.ChunkedArray:
    """Return the ids of the calls; an empty one, as some servers give, identifies nothing and is null."""
    ids = calls["event_id"]
    return pc.if_else(pc.equal(ids, ""), pa.scalar(None, ids.type), ids)


def _joined(first: pa.ChunkedArray, second: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(first, second, "\0")


# -- lines of one event_id --------------------------------------------------------------------------------------------


def _merge_lines(calls: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    code = ids.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    repeated = (code >= 0) & (np.bincount(code[code >= 0])[code] > 1)
    if not repeated.any():
        return calls
    place = np.flatnonzero(repeated)
    calls = calls.unify_dictionaries()
    order = np.lexsort((place, _count(calls, "output_tokens")[place], code[place]))
    sorted_place = place[order]
    starts = np.flatnonzero(np.r_[True, np.diff(code[sorted_place]) != 0])
    lines = calls.take(sorted_place)
    columns = {name: _merged_column(lines, name, starts) for name in calls.column_names}
    for name, join in _JOINS.items():
        if name in columns:
            columns[name] = _joined_texts(lines[name], sorted_place, starts, join)
    merged = pa.Table.from_pydict(columns, schema=calls.schema)
    single = np.flatnonzero(~repeated)
    at = np.r_[single, np.maximum.reduceat(sorted_place, starts)]
    return pa.concat_tables([calls.take(single), merged]).unify_dictionaries().take(np.argsort(at))


def _merged_column(lines: pa.Table, name: str, starts: np.ndarray) -> pa.ChunkedArray:
    """Return a column with one value per call; the lines of a call are neighbours, its fullest line is the last."""
    values = lines[name]
    rows = np.arange(len(values))
    if name in _OF_FULLEST:
        return values.take(np.r_[starts[1:], len(values)] - 1)
    decides = lines[_COLUMN_OF_SOURCE[name]] if _COLUMN_OF_SOURCE.get(name) in lines.column_names else values
    valid = decides.is_valid().to_numpy() & values.is_valid().to_numpy()
    if name == "timestamp":
        rank = -values.cast(pa.int64()).fill_null(0).to_numpy()
    elif name in _LARGEST:
        rank = values.fill_null(0).to_numpy()
    else:
        rank = np.zeros(len(values), np.int64)
    # the last row of the highest rank among those with a value; where none has one, the last row
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    best = np.lexsort((rows, rank, valid, group))
    return values.take(best[np.r_[starts[1:], len(values)] - 1])


def _joined_texts(
    texts: pa.ChunkedArray, place: np.ndarray, starts: np.ndarray, join: Callable[[list[str]], str]
) -> pa.Array:
    """Join the texts of each call in the order of its lines; a text that another holds is not repeated."""
    joined = []
    for begin, end in pairwise([*starts, len(texts)]):
        ordered = texts.take(begin + np.argsort(place[begin:end])).to_pylist()
        distinct = list(dict.fromkeys(text for text in ordered if text))
        whole = [text for text in distinct if not any(text in other for other in distinct if other != text)]
        empty = next((text for text in ordered if text is not None), None)
        joined.append(join(whole) if whole else empty)
    return pa.array(joined, TEXT)


def _join_arrays(arrays: list[str]) -> str:
    return "[" + ",".join(array[1:-1] for array in arrays) + "]" if len(arrays) > 1 else arrays[0]


_JOINS: dict[str, Callable[[list[str]], str]] = {"response": "\n".join, "tool_calls": _join_arrays}


# -- nested spans -----------------------------------------------------------------------------------------------------


def _outer_spans(calls: pa.Table) -> np.ndarray:
    """Return which calls are spans around spans of the same call: of one model and equal counts, or by their names."""
    outer = np.zeros(len(calls), bool)
    parents = calls["parent_id"]
    if parents.null_count == len(parents):
        return outer
    place = pc.index_in(_joined(calls["trace_id"], parents), _joined(calls["trace_id"], calls["event_id"]))
    inner = np.flatnonzero(place.is_valid().to_numpy())
    parent = place.drop_null().to_numpy()
    inner, parent = inner[inner != parent], parent[inner != parent]
    if not len(inner):
        return outer
    around = np.unique(parent)
    alike = np.ones(len(calls), bool)
    for name in ("input_tokens", "output_tokens"):
        counts = _count(calls, name)
        sums = np.bincount(parent, np.maximum(counts[inner], 0), minlength=len(calls))
        alike &= (counts == sums) & (counts >= 0)
    models = calls["model"].cast(TEXT)
    pairs = zip(models.take(inner).to_pylist(), models.take(parent).to_pylist(), strict=True)
    alike[parent[~np.array([_one_model(first, second) for first, second in pairs])]] = False
    named = pc.match_substring_regex(calls["name"].cast(TEXT).take(around), _OUTER_NAME).fill_null(False)
    inner_names = pc.match_substring(calls["name"].cast(TEXT).take(inner), ".do").fill_null(False).to_numpy()
    asks = np.isin(around, parent[inner_names])
    outer[around] = alike[around] | (named.to_numpy() & asks)
    return outer


def _one_model(first: str | None, second: str | None) -> bool:
    """Whether two names may mean one model: a name may lack the provider before it or the date behind it."""
    if first is None or second is None:
        return True
    short, long = sorted((first.rpartition("/")[2], second.rpartition("/")[2]), key=len)
    return long.startswith(short)


def _count(calls: pa.Table, name: str) -> np.ndarray:
    """Return a column of counts; -1 where null."""
    if name not in calls.column_names:
        return np.full(len(calls), -1)
    return calls[name].fill_null(-1).to_numpy()
