"""Calls of one trace after the other, in time order: what every detector starts from, worked out once and shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InvalidCallError
from .frame import arrow_column, check_calls
from .groups import changes, coded, crowds, gathered, keys

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
class Traced:
    """Calls ordered by trace, then by time, then as logged; calls without a time come last in their trace.

    ``calls`` is the frame as it was given, ``labels`` the numbers of its models and levels. The arrays have an entry a
    call, in the order above: ``row`` (where the call stands in the frame), ``trace`` (number of its trace), ``place``
    (its place in the trace, from 0), ``time`` (microseconds since 1970; the greatest integer where it is unknown).

    A column is read when it is asked for, and only of the calls that are left then.
    """

    calls: pd.DataFrame
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
        known = self.time != _NEVER
        return self if known.all() else self.only(known)

    def crowded(self, least: int) -> Self:
        """Keep the calls of traces with at least so many calls."""
        return self.only((np.bincount(self.trace) >= least)[self.trace]) if len(self) else self

    def frame(self) -> pd.DataFrame:
        """Give the calls as a frame, in their order."""
        return self.calls.iloc[self.row]

    def column(self, name: str) -> pa.ChunkedArray:
        """Give a column of the calls, in their order; texts as large strings, which no number of calls is too many for."""
        values = arrow_column(self.calls[name].take(self.row), name)
        return values.cast(pa.large_string()) if name in _TEXTS else values

    def told(self, name: str) -> np.ndarray:
        """Tell which calls have a value in a column; no text is moved for it."""
        return self.calls[name].notna().to_numpy()[self.row]

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


def in_order(calls: pd.DataFrame | Traced, *, least: int = 1) -> Traced:
    """Order calls by trace and time; calls that are in order already are given back as they are.

    Of traces with fewer than so many calls those that are cheap to tell are left out.
    """
    if isinstance(calls, Traced):
        return calls
    check_calls(calls, needs=_READ)
    trace_id = keys(arrow_column(calls["trace_id"], "trace_id"))
    time = pc.fill_null(pc.cast(arrow_column(calls["timestamp"], "timestamp"), pa.int64()), _NEVER).to_numpy()
    if least > 1:
        kept = np.flatnonzero(crowds(trace_id, least))
        row, trace = gathered([key[kept] for key in trace_id])
        row = kept[row]
    else:
        row, trace = gathered(trace_id)
    row, time = _by_time(row, trace, time[row])
    labels = {name: coded(arrow_column(calls[name], name)) for name in ("model", "level")}
    return Traced(calls, labels, row, trace, np.arange(len(row)) - first_of(trace), time)


def _by_time(row: np.ndarray, trace: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the calls of each trace in time order; nothing is sorted of traces that are."""
    late = np.flatnonzero((time[1:] < time[:-1]) & (trace[1:] == trace[:-1]))
    if len(late):
        disordered = np.zeros(trace[-1] + 1, bool)
        disordered[trace[late]] = True
        moved = np.flatnonzero(disordered[trace])
        order = moved[np.lexsort((time[moved], trace[moved]))]
        row[moved], time[moved] = row[order], time[order]
    return row, time


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
        order, _ = gathered(labels)
        traced, labels = traced.only(order), [label[order] for label in labels]
    begins = changes(labels)
    if max_gap is not None:
        begins[1:] |= np.diff(traced.time) > max_gap
    run = begins.cumsum() - 1
    return chosen(traced, run, np.bincount(run) >= least)


def chosen(traced: Traced, group: np.ndarray, which: np.ndarray) -> tuple[Traced, np.ndarray]:
    """Keep some of the groups of calls, and number them anew."""
    kept = which[group]
    return traced.only(kept), (which.cumsum() - 1)[group[kept]]


def numbered(texts: pa.ChunkedArray) -> np.ndarray:
    """Give equal texts equal numbers."""
    codes, _ = coded(pc.dictionary_encode(texts))
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
