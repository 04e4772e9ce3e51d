"""From the calls that a detector found to the rows of the FINDINGS frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..frame import frame_from_table
from ..schema import FINDINGS, SEVERITIES, TEXT
from .facts import Facts
from .traces import OrderedCalls

LOW, MEDIUM, HIGH = range(3)
# the parts of the cost of a call: input paid in full, read from a cache, written to a cache, and what came back
TOKEN_METERS = ("fresh", "read", "written", "output")
# a finding is of high severity from this amount of US dollars or this share of the cost of the log on, and of medium
# severity from a tenth of that on
_HIGH_COST, _HIGH_SHARE, _MEDIUM_PART = 1.0, 0.01, 0.1

Subject = TypeVar("Subject")
# conditions and values, such as points or severities
RuleTable = Sequence[tuple[Callable[[Subject], np.ndarray], int]]


@dataclass(frozen=True)
class Evidence:
    """What a detector found: the calls of its findings, one finding after the other, each in time order.

    One entry per call: ``calls``, ``counted`` (whether its cost is part of the cost of the finding), ``wasted``
    (whether it was unnecessary, or too expensive) and ``saved`` (US dollars that would have been saved on it; NaN where
    unknown). One entry per finding: ``sizes`` (number of calls) and the columns of FINDINGS that only the detector can
    fill. ``certainty``, ``cause`` and ``savings_note`` are of all findings, or one per finding. ``meters``: the
    parts of the cost of a call that the dollars are saved on, of "fresh", "read", "written" and "output".

    Where the calls are a part of a log, the rest of it may decide whether a finding holds: ``condition`` has 0 for
    those that hold anyway, and ``shows`` is what is to be known of this part for such decisions about others.
    """

    detector: str
    calls: OrderedCalls
    sizes: np.ndarray
    counted: np.ndarray
    wasted: np.ndarray
    saved: np.ndarray
    description: pa.Array
    severity: np.ndarray | None = None
    score: pa.Array | None = None
    suggested_model: pa.Array | None = None
    certainty: str | pa.Array = "certain"
    cause: str | pa.Array | None = None
    savings_note: str | pa.Array | None = None
    meters: tuple[str, ...] = TOKEN_METERS
    condition: np.ndarray | None = None
    shows: np.ndarray | None = None

    @cached_property
    def finding(self) -> np.ndarray:
        """The number of the finding of each call."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def first(self) -> OrderedCalls:
        """The first call of each finding."""
        return self.calls.only(self.sizes.cumsum() - self.sizes)

    @cached_property
    def trace_id(self) -> pa.ChunkedArray:
        """The trace of each finding."""
        return self.first.column("trace_id")

    @cached_property
    def ids(self) -> pa.ChunkedArray:
        """The id of each finding: its detector, its trace and the position of its first call in the trace."""
        return concat_text(self.detector, "/", self.trace_id, "/", self.first.place)

    def frame(self) -> pd.DataFrame:
        """Return the findings as FINDINGS."""
        return frame_from_table(self.table(), FINDINGS)

    def severities(self) -> np.ndarray:
        """Return the severity of each finding: by its money, where the detector does not say."""
        if self.severity is not None:
            return self.severity
        return severity_by_cost(self.waste, self.calls.columns.cost)

    def table(self, suppressed_by: pa.Array | None = None, counted_cost: np.ndarray | None = None) -> pa.Table:
        """Return the findings as columns of FINDINGS, sorted by their start, then by their trace.

        ``counted_cost`` is what of the waste of each finding is counted; all of it when not given.
        """
        counted = self.waste if counted_cost is None else counted_cost
        table = self.unsorted.append_column("counted_cost", pa.array(counted, from_pandas=True))
        table = table.append_column("severity", pa.array(SEVERITIES).take(pa.array(self.severities())))
        return sort_findings(table if suppressed_by is None else table.append_column("suppressed_by", suppressed_by))

    @cached_property
    def unsorted(self) -> pa.Table:
        """What the calls of each finding show, as columns of FINDINGS, and the place of the first call."""
        first, last = self.first, self.calls.only(self.sizes.cumsum() - 1)
        code, names = first.models()
        start, end = first.column("timestamp"), last.column("timestamp")
        span = pc.cast(pc.subtract(end, start), pa.int64())
        columns = {
            "finding_id": self.ids,
            "detector": pa.repeat(self.detector, len(self.sizes)),
            "trace_id": self.trace_id,
            "certainty": self.certainties(),
            "model": names.take(pa.array(code, mask=code < 0)),
            "models": self._models(),
            "n_calls": self.sizes,
            "start": start,
            "end": end,
            "span_s": pc.divide(pc.cast(span, pa.float64(), safe=False), 1e6),  # of centuries, to a few microseconds
            **self.amounts(),
            "description": self.description,
            "cause": self._text(self.cause),
            "route": self._label("route"),
            "team": self._label("team"),
            "savings_note": self._text(self.savings_note),
        }
        optional = {"score": self.score, "suggested_model": self.suggested_model}
        columns |= {name: values for name, values in optional.items() if values is not None}
        return pa.table({**columns, "place": first.place})

    def amounts(self) -> dict[str, pa.Array]:
        """Sum up what each finding cost and wasted, and the tokens of its wasted calls."""
        facts, row = self.calls.columns.facts, self.calls.row
        tokens = self._sum(_tokens(facts, row), self.wasted)
        sums = {
            "cost": self._sum(facts.cost[row], self.counted),
            "waste_cost": self.waste,
            "waste_tokens": np.where(tokens < 2.0**62, tokens, np.nan),  # of a call that no model can have answered
        }
        return {name: pa.array(values, from_pandas=True) for name, values in sums.items()}

    @cached_property
    def waste(self) -> np.ndarray:
        """The US dollars that each finding claims; NaN where unknown."""
        return self._sum(self.saved, self.wasted)

    def certainties(self) -> pa.Array:
        """Return how sure each finding is."""
        return self._text(self.certainty)

    def _text(self, value: str | pa.Array | None) -> pa.Array:
        """Return a text for each finding."""
        if value is None or isinstance(value, str):
            return pa.array([value], TEXT).take(pa.array(np.zeros(len(self.sizes), np.int64)))
        return value

    def _label(self, name: str) -> pa.Array:
        """Return a label of the first call of each finding."""
        code, names = self.calls.columns.facts.labels(name)
        first = code[self.first.row]
        return names.take(pa.array(first, mask=first < 0)).cast(TEXT)

    def _sum(self, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Sum the known values of each finding; NaN where none is known, 0 where there is nothing to sum."""
        finding, size = self.finding, len(self.sizes)
        known = mask & ~np.isnan(values)
        sums = np.bincount(finding[known], weights=values[known], minlength=size)
        is_known = np.bincount(finding[known], minlength=size) > 0
        return np.where(is_known | (np.bincount(finding[mask], minlength=size) == 0), sums, np.nan)

    def _models(self) -> pa.Array:
        """Join the distinct models of each finding, in the order of their first use; null where it has none."""
        code, names = self.calls.models()
        named = code >= 0
        pairs = pd.unique(self.finding[named] * max(len(names), 1) + code[named])
        owner, code = np.divmod(pairs, max(len(names), 1))
        ends = np.bincount(owner, minlength=len(self.sizes)).cumsum()
        lists = pa.ListArray.from_arrays(np.append(0, ends).astype(np.int32), names.take(pa.array(code)))
        text = pc.binary_join(lists, " -> ")
        return pc.if_else(pc.equal(pc.list_value_length(lists), 0), pa.scalar(None, TEXT), text)


def sort_findings(table: pa.Table) -> pa.Table:
    """Sort findings by their start, then by their trace and the place in it."""
    order = pc.sort_indices(table, [(name, "ascending") for name in ("start", "trace_id", "place")])
    return table.take(order).drop_columns("place")


def severity_by_cost(waste: np.ndarray, cost: float) -> np.ndarray:
    """Return the severity of findings by the US dollars that they waste, and the cost of the log."""
    high = min(_HIGH_COST, _HIGH_SHARE * cost)
    table: RuleTable[np.ndarray] = (
        (lambda dollars: (dollars > 0) & (dollars >= high), HIGH),
        (lambda dollars: (dollars > 0) & (dollars >= _MEDIUM_PART * high), MEDIUM),
    )
    return first_that_holds(table, waste, LOW)


def first_that_holds(table: RuleTable[Subject], subject: Subject, otherwise: int) -> np.ndarray:
    """Return for each entry the value of the first row of a table whose condition holds.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.detectors.evidence import first_that_holds
    >>> first_that_holds([(lambda n: n > 7, 25), (lambda n: n > 5, 15)], np.array([5, 6, 9]), otherwise=0).tolist()
    [0, 15, 25]
    """
    return np.select([holds(subject) for holds, _ in table], [value for _, value in table], otherwise)


def last_answer(answered: np.ndarray, finding: np.ndarray) -> np.ndarray:
    """Return which call of each finding is the last one that answered.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.detectors.evidence import last_answer
    >>> last_answer(np.array([True, True, False, False]), np.array([0, 0, 0, 1])).tolist()
    [False, True, False, False]
    """
    places = np.flatnonzero(answered)
    last = np.full(finding.max(initial=-1) + 1, -1)
    last[finding[places]] = places  # of several places the last one is kept
    return np.arange(len(finding)) == last[finding]


def concat_text(*parts: str | np.ndarray | pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Write texts and numbers side by side, one text per row; a null is written as "unknown"."""
    texts = [part if isinstance(part, str) else pc.fill_null(pc.cast(_arrow(part), TEXT), "unknown") for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def seconds_text(microseconds: np.ndarray) -> pa.Array:
    """Write durations in seconds, rounded to tenths."""
    return pc.cast(pa.array(np.round(microseconds / 1e6, 1)), TEXT)


def _arrow(values: np.ndarray | pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pa.array(values) if isinstance(values, np.ndarray) else values


def _tokens(facts: Facts, row: np.ndarray) -> np.ndarray:
    """Add up the known input and output tokens of some calls; NaN where neither is known."""
    sent, received = facts.input[row], facts.output[row]
    return np.where(np.isnan(sent) & np.isnan(received), np.nan, np.nan_to_num(sent) + np.nan_to_num(received))
