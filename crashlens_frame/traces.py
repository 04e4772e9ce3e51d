"""Calls of one trace after the other, in time order: what every detector starts from, worked out once and shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InvalidCallError
from .frame import check_calls, table_from_frame
from .schema import CALLS
from .totals import trace_codes

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


@dataclass(frozen=True)
class Traced:
    """Calls ordered by trace, then by time, then as logged; calls without a time come last in their trace.

    ``calls`` is the frame as it was given, ``table`` what the detectors read of it, ``labels`` the numbers of its
    models and levels. The arrays have an entry a call, in the order above: ``row`` (where the call stands in the
    frame), ``trace`` (number of its trace), ``place`` (its place in the trace, from 0), ``time`` (microseconds since
    1970; the greatest integer where it is unknown).
    """

    calls: pd.DataFrame
    table: pa.Table
    labels: Mapping[str, tuple[np.ndarray, pa.Array]]
    row: np.ndarray
    trace: np.ndarray
    place: np.ndarray
    time: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def only(self, kept: np.ndarray) -> Self:
        """Keep the calls that a mask or positions tell; each keeps the place that it had in its trace."""
        return replace(self, row=self.row[kept], trace=self.trace[kept], place=self.place[kept], time=self.time[kept])

    def timed(self) -> Self:
        """Keep the calls that have a time."""
        return self.only(self.time != _NEVER) if self.table["timestamp"].null_count else self

    def crowded(self, least: int) -> Self:
        """Keep the calls of traces with at least so many calls."""
        return self.only((np.bincount(self.trace) >= least)[self.trace]) if len(self) else self

    def frame(self) -> pd.DataFrame:
        """Give the calls as a frame, in their order."""
        return self.calls.iloc[self.row]

    def column(self, name: str) -> pa.ChunkedArray:
        """Give a column of the calls, in their order."""
        return self.table[name].take(pa.array(self.row))

    def told(self, name: str) -> np.ndarray:
        """Tell which calls have a value in a column; no text is moved for it."""
        flags: np.ndarray = pc.is_valid(self.table[name]).to_numpy()[self.row]
        return flags

    def numbers(self, name: str) -> np.ndarray:
        """Give a column of numbers as floats, NaN where unknown."""
        values: np.ndarray = pc.cast(self.column(name), pa.float64()).to_numpy()
        return values

    def codes(self, name: str) -> tuple[np.ndarray, pa.Array]:
        """Give each call the number of its label, -1 where it has none, and the label that each number stands for."""
        codes, names = self.labels[name]
        return codes[self.row], names

    def failed(self) -> np.ndarray:
        """Tell which calls failed: those of level "error" and those with the text of an error."""
        level, names = self.codes("level")
        return self.told("error") | ((level >= 0) & (level == pc.index(names, "error").as_py()))

    def answered(self) -> np.ndarray:
        """Tell which calls answered: those with output tokens or a response, and without an error."""
        return (self.told("response") | (self.numbers("output_tokens") > 0)) & ~self.failed()


def in_order(calls: pd.DataFrame | Traced) -> Traced:
    """Order calls by trace and time; calls that are in order already are given back as they are."""
    if isinstance(calls, Traced):
        return calls
    check_calls(calls, needs=_READ)
    table = table_from_frame(calls, tuple(column for column in CALLS if column.name in _READ))
    trace, _ = trace_codes(calls["trace_id"])
    time = pc.fill_null(pc.cast(table["timestamp"], pa.int64()), _NEVER).to_numpy()
    row = np.arange(len(table))
    if np.any(time[1:] < time[:-1]):
        row = np.argsort(time, kind="stable")
    if np.any(trace[row[1:]] < trace[row[:-1]]):
        # numbers that hold trace and position sort faster than an argsort, and as stably
        packed = np.sort(trace[row].astype(np.uint64) << np.uint64(32) | np.arange(len(row), dtype=np.uint64))
        row = row[(packed & np.uint64(0xFFFFFFFF)).astype(np.int64)]
    labels = {name: _coded(table[name]) for name in ("model", "level")}
    trace = trace[row]
    return Traced(calls, table, labels, row, trace, np.arange(len(row)) - first_of(trace), time[row])


def first_of(groups: np.ndarray) -> np.ndarray:
    """Give for each entry where its group begins, equal numbers standing side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.traces import first_of
    >>> first_of(np.array([4, 4, 7, 7, 7])).tolist()
    [0, 0, 2, 2, 2]
    """
    begins = np.ones(len(groups), bool)
    begins[1:] = groups[1:] != groups[:-1]
    starts = np.flatnonzero(begins)
    return np.repeat(starts, np.diff(np.append(starts, len(groups))))


def runs(
    traced: Traced,
    labels: Sequence[np.ndarray],
    *,
    max_gap: int | None = None,
    least: int = 1,
    consecutive: bool = False,
) -> tuple[Traced, np.ndarray]:
    """Keep the runs of at least so many calls with equal labels and no gap above so many microseconds; number them.

    The calls of a run stand side by side in the result. Where they need not be consecutive, those of other labels may
    lie between them.
    """
    if not consecutive:
        order = np.lexsort(labels[::-1])
        traced, labels = traced.only(order), [label[order] for label in labels]
    begins = np.ones(len(traced), bool)
    begins[1:] = False if max_gap is None else np.diff(traced.time) > max_gap
    for label in labels:
        begins[1:] |= label[1:] != label[:-1]
    run = begins.cumsum() - 1
    return chosen(traced, run, np.bincount(run) >= least)


def chosen(traced: Traced, group: np.ndarray, which: np.ndarray) -> tuple[Traced, np.ndarray]:
    """Keep some of the groups of calls, and number them anew."""
    kept = which[group]
    return traced.only(kept), (which.cumsum() - 1)[group[kept]]


def numbered(texts: pa.ChunkedArray) -> np.ndarray:
    """Give equal texts equal numbers."""
    codes, _ = _coded(pc.dictionary_encode(texts))
    return codes


def trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take off the white space at both ends of each text."""
    return pc.utf8_trim(texts, characters=WHITESPACE)


def known(prompts: pa.ChunkedArray) -> np.ndarray:
    """Tell which prompts were logged: one that is null or empty equals no other."""
    flags: np.ndarray = pc.fill_null(pc.not_equal(prompts, ""), False).to_numpy()
    return flags


def microseconds(name: str, duration: str | pd.Timedelta) -> int:
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


def check_least(**thresholds: int) -> None:
    """Refuse a threshold that is no whole number of at least 1."""
    for name, value in thresholds.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InvalidCallError(f"{name} is {value!r}, expected a whole number of at least 1")


def _coded(labels: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    labels = labels.unify_dictionaries().combine_chunks()
    if isinstance(labels, pa.ChunkedArray):  # no chunk at all
        return np.empty(0, np.int64), pa.array([], pa.string())
    return labels.indices.fill_null(-1).to_numpy().astype(np.int64), labels.dictionary
