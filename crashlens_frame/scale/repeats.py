"""Calls that a log holds in several traces, which no part of whole traces shows."""

import numpy as np
import pandas as pd
import pyarrow as pa

from ..io import event_ids


class IdsElsewhere:
    """The event ids that occur in several traces: the call counts in the trace in which it is last.

    Of each id two hashes of eight bytes are kept while the log is read, and then only those that occur in several.
    """

    def __init__(self) -> None:
        self._ids: list[np.ndarray] = []
        self._traces: list[np.ndarray] = []

    def add(self, calls: pa.Table) -> None:
        """Take note of the ids of calls, in the order of the log."""
        with_id = calls.select(["event_id", "trace_id"]).filter(event_ids(calls).is_valid())
        if len(with_id):
            self._ids.append(_hashes(with_id["event_id"]))
            self._traces.append(_hashes(with_id["trace_id"]))

    def settle(self) -> None:
        """Keep the ids of several traces, sorted, each with its last trace."""
        ids = np.concatenate([np.empty(0, np.uint64), *self._ids])
        traces = np.concatenate([np.empty(0, np.uint64), *self._traces])
        order = np.argsort(ids, kind="stable")
        ids, traces = ids[order], traces[order]
        starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.empty(0, np.int64)
        lasts = np.r_[starts[1:], len(ids)] - 1
        several = np.minimum.reduceat(traces, starts) != np.maximum.reduceat(traces, starts) if len(ids) else starts
        chosen = lasts[several] if len(ids) else starts
        self._ids, self._traces = [ids[chosen]], [traces[chosen]]

    def drop(self, calls: pa.Table) -> pa.Table:
        """Return the calls but for those that are later in another trace."""
        (ids,), (traces,) = self._ids, self._traces
        if not len(ids):
            return calls
        given = event_ids(calls)
        own = _hashes(given)
        place = np.minimum(np.searchsorted(ids, own), len(ids) - 1)
        is_later = (ids[place] == own) & (traces[place] != _hashes(calls["trace_id"]))
        later = is_later & given.is_valid().to_numpy()
        return calls.filter(pa.array(~later)) if later.any() else calls


def _hashes(texts: pa.ChunkedArray) -> np.ndarray:
    code, distinct = pd.factorize(texts.to_pandas(), use_na_sentinel=False)
    hashes: np.ndarray = pd.util.hash_array(np.asarray(distinct, dtype=object), categorize=False)
    return hashes[code]
