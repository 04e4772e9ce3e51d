"""Calls of one trace after the other, in time order: what every detector starts from, worked out once and shared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import (
    byte_lengths,
    codes_and_labels,
    first_equal,
    group_starts,
    hash_keys,
    in_large_groups,
    share_bucket,
    stable_order,
    take_texts,
    text_keys,
    trimmed_lengths,
)
from ..errors import InvalidCallError
from ..frame import arrow_column, check_calls, failed_calls

RULES = ("default", "crashlens")

# all that str.strip takes off; Arrow's own idea of white space lacks the four separators of ASCII
WHITESPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_NEVER = np.iinfo(np.int64).max
_READ = (
    "trace_id", "timestamp", "model", "prompt", "response", "input_tokens", "output_tokens", "cost", "retry_count",
    "level", "error",
)  # fmt: skip
_TEXTS = ("trace_id", "prompt")


@dataclass(frozen=True)
class CallColumns:
    """What is read of all calls of a frame whichever of them are left; worked out once, and only if asked for."""

    calls: pd.DataFrame

    @cached_property
    def times(self) -> np.ndarray:
        """The start of each call in microseconds since 1970; the greatest integer where it is unknown."""
        times = arrow_column(self.calls["timestamp"], "timestamp")
        return pc.fill_null(pc.cast(times, pa.int64()), _NEVER).to_numpy()

    @cached_property
    def untimed(self) -> bool:
        """Whether there are calls without a time."""
        return bool(self.times.max(initial=0) == _NEVER)

    @cached_property
    def models(self) -> tuple[np.ndarray, pa.Array]:
        """The number of the model of each call, -1 where it has none, and the name that each number stands for."""
        return codes_and_labels(arrow_column(self.calls["model"], "model"))

    @cached_property
    def failed(self) -> np.ndarray:
        """Which calls failed."""
        return failed_calls(self.calls)

    @cached_property
    def responded(self) -> np.ndarray:
        """Which calls have a response."""
        return self.calls["response"].notna().to_numpy()

    @cached_property
    def answered(self) -> np.ndarray:
        """Which calls answered: those with output tokens or a response, and without an error."""
        wrote = pc.greater(arrow_column(self.calls["output_tokens"], "output_tokens"), 0)
        return (self.responded | pc.fill_null(wrote, False).to_numpy()) & ~self.failed

    @cached_property
    def prompt_lengths(self) -> np.ndarray:
        """The bytes of each prompt: those of different lengths need not be compared."""
        return byte_lengths(arrow_column(self.calls["prompt"], "prompt"))

    @cached_property
    def trimmed_lengths(self) -> np.ndarray:
        """The bytes of each prompt without the white space at its ends."""
        return trimmed_lengths(arrow_column(self.calls["prompt"], "prompt"), WHITESPACE)


@dataclass(frozen=True)
class OrderedCalls:
    """Calls ordered by trace, then by time, then as logged; calls without a time come last in their trace.

    ``row`` tells where each of them stands in the frame; ``traces``, ``sizes`` and ``places`` are, row by row of the
    frame, the number of the trace, how many calls it has, and the place in it, from 0. All else is looked up when it is
    asked for, of the calls that are left then.
    """

    columns: CallColumns
    row: np.ndarray
    traces: np.ndarray
    sizes: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @property
    def trace(self) -> np.ndarray:
        """The number of the trace of each call."""
        return self.traces[self.row]

    @property
    def place(self) -> np.ndarray:
        """The place of each call in its trace, whichever calls are left."""
        return self.places[self.row]

    @property
    def time(self) -> np.ndarray:
        """The start of each call in microseconds since 1970; the greatest integer where it is unknown."""
        return self.columns.times[self.row]

    def only(self, kept: np.ndarray) -> Self:
        """Keep the calls that a mask or positions tell."""
        return replace(self, row=self.row[kept])

    def timed(self) -> Self:
        """Keep the calls that have a time."""
        return self.only(self.time != _NEVER) if self.columns.untimed else self

    def crowded(self, least: int) -> Self:
        """Keep the calls of traces that had so many calls when all were there."""
        return self.only(self.sizes[self.row] >= least)

    def frame(self, names: Iterable[str]) -> pd.DataFrame:
        """Give some columns of the calls as a frame, in their order, so far as there are such columns."""
        calls = self.columns.calls
        return calls[[name for name in names if name in calls.columns]].take(self.row)

    def column(self, name: str) -> pa.ChunkedArray:
        """Give a column of the calls, in their order; texts as large strings, of which there may be any number."""
        if name in _TEXTS:
            texts = take_texts(arrow_column(self.columns.calls[name], name), self.row)
            return texts.cast(pa.large_string())
        return arrow_column(self.columns.calls[name].take(self.row), name)

    def numbers(self, name: str) -> np.ndarray:
        """Give a column of numbers as floats, NaN where unknown."""
        values: np.ndarray = pc.cast(self.column(name), pa.float64()).to_numpy()
        return values

    def models(self) -> tuple[np.ndarray, pa.Array]:
        """Give each call the number of its model, -1 where it has none, and the name that each number stands for."""
        codes, names = self.columns.models
        return codes[self.row], names

    def failed(self) -> np.ndarray:
        """Tell which calls failed."""
        return self.columns.failed[self.row]

    def answered(self) -> np.ndarray:
        """Tell which calls answered."""
        return self.columns.answered[self.row]


def order_calls(calls: pd.DataFrame | OrderedCalls, *, least: int = 1, alike: bool = False) -> OrderedCalls:
    """Order calls by trace and time; calls that are in order already are given back as they are.

    Of the traces with fewer calls than are asked for, or fewer that are alike in model and length of prompt, most are
    left out before anything is compared.
    """
    if isinstance(calls, OrderedCalls):
        return calls
    check_calls(calls, needs=_READ)
    columns = CallColumns(calls)
    trace_id = text_keys(arrow_column(calls["trace_id"], "trace_id"))
    asked: slice | np.ndarray = slice(None)
    if least > 1:
        code = hash_keys(trace_id)
        crowd = in_large_groups([code, columns.models[0], columns.prompt_lengths] if alike else [code], least)
        asked = np.flatnonzero(share_bucket(code, crowd))
    row = np.arange(len(calls))[asked]
    trace = first_equal([key[asked] for key in trace_id])
    size = np.bincount(trace)[trace]
    traces, sizes, places = (np.zeros(len(calls), np.intp) for _ in range(3))
    traces[asked], sizes[asked] = trace, size
    several = row[size > 1]
    several = several[stable_order(traces[several])]
    several = _by_time(several, traces[several], columns.times)
    places[several] = np.arange(len(several)) - first_of(traces[several])
    return OrderedCalls(columns, np.concatenate((several, row[size == 1])), traces, sizes, places)


def _by_time(row: np.ndarray, trace: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Put the calls of each trace in time order; nothing is sorted of traces that are."""
    time = times[row]
    late = np.flatnonzero((time[1:] < time[:-1]) & (trace[1:] == trace[:-1]))
    if len(late):
        disordered = np.zeros(trace.max() + 1, bool)
        disordered[trace[late]] = True
        moved = np.flatnonzero(disordered[trace])
        row[moved] = row[moved[np.lexsort((time[moved], trace[moved]))]]
    return row


def first_of(groups: np.ndarray) -> np.ndarray:
    """Give for each entry where its group begins, equal numbers standing side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.detectors.traces import first_of
    >>> first_of(np.array([4, 4, 7, 7, 7])).tolist()
    [0, 0, 2, 2, 2]
    """
    begins = np.ones(len(groups), bool)
    begins[1:] = groups[1:] != groups[:-1]
    starts = np.flatnonzero(begins)
    return np.repeat(starts, np.diff(np.append(starts, len(groups))))


def find_runs(
    traced: OrderedCalls,
    labels: Sequence[np.ndarray],
    *,
    max_gap: int | None = None,
    least: int = 1,
    consecutive: bool = False,
) -> tuple[OrderedCalls, np.ndarray]:
    """Keep the runs of at least so many calls with equal labels and no gap above so many microseconds; number them.

    The calls of a run stand side by side in the result. Where they need not be consecutive, those of other labels may
    lie between them.
    """
    if not consecutive:
        kept = np.flatnonzero(in_large_groups(labels, least))
        order = kept[stable_order(first_equal([label[kept] for label in labels]))]
        traced, labels = traced.only(order), [label[order] for label in labels]
    begins = group_starts(labels)
    if max_gap is not None:
        begins[1:] |= np.diff(traced.time) > max_gap
    run = begins.cumsum() - 1
    return select_groups(traced, run, np.bincount(run) >= least)


def select_groups(traced: OrderedCalls, group: np.ndarray, which: np.ndarray) -> tuple[OrderedCalls, np.ndarray]:
    """Keep some of the groups of calls, and number them anew."""
    kept = which[group]
    return traced.only(kept), (which.cumsum() - 1)[group[kept]]


def text_codes(texts: pa.ChunkedArray, group: np.ndarray) -> np.ndarray:
    """Give equal texts of a group equal numbers; where a group has but one text, that is seen without a table."""
    number = np.zeros(len(texts), np.int64)
    unlike = pc.not_equal(texts.slice(1), texts.slice(0, max(len(texts) - 1, 0))).to_numpy()
    mixed = np.zeros(group.max(initial=-1) + 1, bool)
    mixed[group[1:][unlike & (group[1:] == group[:-1])]] = True
    rows = mixed[group]
    number[rows], _ = codes_and_labels(pc.dictionary_encode(texts.filter(pa.array(rows))))
    return number


def trim_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take off the white space at both ends of each text."""
    return pc.utf8_trim(texts, characters=WHITESPACE)


def known_texts(prompts: pa.ChunkedArray) -> np.ndarray:
    """Tell which prompts were logged: one that is null or empty equals no other."""
    flags: np.ndarray = pc.fill_null(pc.not_equal(prompts, ""), False).to_numpy()
    return flags


def duration_us(name: str, duration: str | pd.Timedelta) -> int:
    """Read a duration such as "2min" as whole microseconds."""
    try:
        length: Any = pd.Timedelta(duration)
    except (ValueError, TypeError):
        length = pd.NaT
    if length is pd.NaT or length < pd.Timedelta(0):
        raise InvalidCallError(f'{name} is {duration!r}, expected a duration such as "2min" or "90s"')
    return int(length // pd.Timedelta("1us"))


def check_rules(rules: str) -> None:
    """Refuse a name of rules that there is not."""
    if rules not in RULES:
        raise InvalidCallError(f"rules is {rules!r}, expected one of {', '.join(RULES)}")


def check_at_least_one(**thresholds: int) -> None:
    """Refuse a threshold that is no whole number of at least 1."""
    for name, value in thresholds.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InvalidCallError(f"{name} is {value!r}, expected a whole number of at least 1")
