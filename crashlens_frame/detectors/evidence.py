"""From the calls that a detector picked out to the rows of the FINDINGS frame."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..frame import frame_from_table
from ..schema import FINDINGS, SEVERITIES, TEXT
from .traces import OrderedCalls

LOW, MEDIUM, HIGH = range(3)


@dataclass(frozen=True)
class Evidence:
    """What a detector found: the calls of its findings, one finding after the other, each in time order.

    With an entry a call: ``calls``, ``counted`` (whose cost and tokens are those of the finding), ``wasted`` (what a
    client that behaved would have done without, or cheaper) and ``saved`` (US dollars less for it; NaN where unknown).
    With an entry a finding: ``sizes`` (number of calls) and the columns of FINDINGS that only the detector knows.
    """

    detector: str
    calls: OrderedCalls
    sizes: np.ndarray
    counted: np.ndarray
    wasted: np.ndarray
    saved: np.ndarray
    severity: np.ndarray
    description: pa.Array
    score: pa.Array | None = None
    suggested_model: pa.Array | None = None

    @property
    def finding(self) -> np.ndarray:
        """The number of the finding that each call belongs to."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def first(self) -> OrderedCalls:
        """The first call of each finding."""
        return self.calls.only(self.sizes.cumsum() - self.sizes)

    def ids(self) -> pa.ChunkedArray:
        """Name each finding by its detector, its trace and the place of its first call in the trace."""
        first = self.first
        return concat_text(self.detector, "/", first.column("trace_id"), "/", first.place)

    def frame(self) -> pd.DataFrame:
        """Lay the findings out as FINDINGS."""
        return frame_from_table(self.table(), FINDINGS)

    def table(self, suppressed_by: pa.Array | None = None) -> pa.Table:
        """Lay the findings out as columns of FINDINGS, in the order of their starts, then of their traces."""
        first, last = self.first, self.calls.only(self.sizes.cumsum() - 1)
        code, names = first.models()
        start, end = first.column("timestamp"), last.column("timestamp")
        span = pc.cast(pc.subtract(end, start), pa.int64())
        columns = {
            "finding_id": self.ids(),
            "detector": pa.repeat(self.detector, len(self.sizes)),
            "trace_id": first.column("trace_id"),
            "severity": pa.array(SEVERITIES).take(pa.array(self.severity)),
            "model": names.take(pa.array(code, mask=code < 0)),
            "models": self._models(),
            "n_calls": self.sizes,
            "start": start,
            "end": end,
            "span_s": pc.divide(pc.cast(span, pa.float64()), 1e6),
            **self.amounts(),
            "description": self.description,
        }
        told = {"score": self.score, "suggested_model": self.suggested_model, "suppressed_by": suppressed_by}
        columns |= {name: values for name, values in told.items() if values is not None}
        table = pa.table({**columns, "place": first.place})
        order = pc.sort_indices(table, [(name, "ascending") for name in ("start", "trace_id", "place")])
        return table.take(order).drop_columns("place")

    def amounts(self) -> dict[str, pa.Array]:
        """Sum up what each finding cost, what of it was wasted, and its tokens."""
        sums = {
            "cost": self._sum(self.calls.numbers("cost"), self.counted),
            "waste_cost": self._sum(self.saved, self.wasted),
            "waste_tokens": self._sum(_tokens(self.calls), self.counted),
        }
        return {name: pa.array(values, from_pandas=True) for name, values in sums.items()}

    def _sum(self, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Sum what is known of each finding; NaN where nothing is."""
        mask = mask & ~np.isnan(values)
        finding, size = self.finding[mask], len(self.sizes)
        sums = np.bincount(finding, weights=values[mask], minlength=size)
        return np.where(np.bincount(finding, minlength=size) > 0, sums, np.nan)

    def _models(self) -> pa.Array:
        """Join the distinct models of each finding, in the order of their first use; null where none is known."""
        code, names = self.calls.models()
        told = code >= 0
        pairs = pd.unique(self.finding[told] * max(len(names), 1) + code[told])
        owner, code = np.divmod(pairs, max(len(names), 1))
        ends = np.bincount(owner, minlength=len(self.sizes)).cumsum()
        lists = pa.ListArray.from_arrays(np.append(0, ends).astype(np.int32), names.take(pa.array(code)))
        text = pc.binary_join(lists, " -> ")
        return pc.if_else(pc.equal(pc.list_value_length(lists), 0), pa.scalar(None, TEXT), text)


def last_answer(answered: np.ndarray, finding: np.ndarray) -> np.ndarray:
    """Tell which call of each finding is the last one that answered.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.detectors.evidence import last_answer
    >>> last_answer(np.array([True, True, False, False]), np.array([0, 0, 0, 1])).tolist()
    [False, True, False, False]
    """
    places = np.flatnonzero(answered)
    last = np.full(finding.max(initial=-1) + 1, -1)
    last[finding[places]] = places  # of several places the last one stays
    return np.arange(len(finding)) == last[finding]


def concat_text(*parts: str | np.ndarray | pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Write texts and numbers side by side, one text a row; a null part reads "unknown"."""
    texts = [part if isinstance(part, str) else pc.fill_null(pc.cast(_arrow(part), TEXT), "unknown") for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def seconds_text(microseconds: np.ndarray) -> pa.Array:
    """Write durations in seconds, to a tenth."""
    return pc.cast(pa.array(np.round(microseconds / 1e6, 1)), TEXT)


def _arrow(values: np.ndarray | pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pa.array(values) if isinstance(values, np.ndarray) else values


def _tokens(calls: OrderedCalls) -> np.ndarray:
    """Add up input and output tokens, as far as they are known; NaN where neither is."""
    sent, made = calls.numbers("input_tokens"), calls.numbers("output_tokens")
    return np.where(np.isnan(sent) & np.isnan(made), np.nan, np.nan_to_num(sent) + np.nan_to_num(made))
