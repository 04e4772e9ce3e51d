"""Which detector counts a dollar: each call and meter is paid once, and so it is wasted once."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..pricing import Prices
from ..schema import DETECTORS
from .evidence import TOKEN_METERS, Evidence
from .facts import Facts


class Counted(NamedTuple):
    """What a detector found, and what of it is counted.

    ``owner`` holds for each finding the place in DETECTORS of the one that has counted all of it already, -1 where
    there is none. ``counted`` holds the counted US dollars of each call of the evidence, NaN where the cost is unknown.
    """

    evidence: Evidence
    owner: np.ndarray
    counted: np.ndarray

    @property
    def counted_cost(self) -> np.ndarray:
        """The counted US dollars of each finding; NaN where none is known."""
        finding, size, wasted = self.evidence.finding, len(self.owner), self.evidence.wasted
        known = wasted & ~np.isnan(self.counted)
        sums = np.bincount(finding[known], self.counted[known], minlength=size)
        is_known = np.bincount(finding[known], minlength=size) > 0
        nothing = np.bincount(finding[wasted], minlength=size) == 0
        return np.where(is_known | nothing | (self.owner >= 0), sums, np.nan)


def count_by_call(found: Iterable[Evidence], prices: Prices | None) -> list[Counted]:
    """Count the dollars of each call and meter once: the earlier detector keeps them, the later keeps what is left."""
    found = list(found)
    if not found:
        return []
    facts = found[0].calls.columns.facts
    entry_of = np.zeros(len(facts.calls), np.int64)
    for evidence in found:
        entry_of[evidence.calls.row[evidence.wasted]] = 1
    rows = np.flatnonzero(entry_of)
    entry_of[rows] = np.arange(len(rows))
    left = cost_by_meter(facts, rows, prices)
    taken_by = np.full(len(rows), -1)
    counted = []
    for evidence in found:
        place = np.flatnonzero(evidence.wasted)
        entry = entry_of[evidence.calls.row[place]]
        columns = np.array([TOKEN_METERS.index(meter) for meter in evidence.meters])
        part = left[np.ix_(entry, columns)]
        rest = part.sum(axis=1)
        claim = evidence.saved[place]
        unknown = np.isnan(claim) | np.isnan(rest)
        amount = np.where(unknown, np.where(taken_by[entry] < 0, np.nan, 0.0), np.minimum(claim, rest))
        share = np.divide(amount, rest, out=np.zeros(len(rest)), where=~unknown & (rest > 0))
        left[np.ix_(entry, columns)] = part * (1 - share)[:, None]
        dollars = np.zeros(len(evidence.wasted))
        dollars[place] = amount
        owner = _owners(evidence, place, amount, claim, taken_by[entry])
        is_new = (taken_by[entry] < 0) & ~(amount == 0)
        taken_by[entry[is_new]] = DETECTORS.index(evidence.detector)
        counted.append(Counted(evidence, owner, dollars))
    return counted


def _owners(
    evidence: Evidence, place: np.ndarray, amount: np.ndarray, claim: np.ndarray, taken_by: np.ndarray
) -> np.ndarray:
    """Return for each finding who has counted all of it already; -1 where something is left, or it claims nothing."""
    finding, size = evidence.finding[place], len(evidence.sizes)
    something = np.bincount(finding, ~(amount == 0), minlength=size) > 0
    claims = np.bincount(finding, ~(claim == 0), minlength=size) > 0
    owner = np.full(size, -1)
    has_owner = taken_by >= 0
    owner[finding[has_owner][::-1]] = taken_by[has_owner][::-1]  # written backwards, so the first one stays
    return np.where(claims & ~something, owner, -1)


def count_by_trace(found: Iterable[Evidence]) -> list[Counted]:
    """Count as CrashLens does: the first detector with a finding on a trace owns the trace."""
    counted: list[Counted] = []
    owners: np.ndarray | None = None
    for evidence in found:
        trace = evidence.first.trace
        owners = np.full(len(evidence.calls.traces), -1) if owners is None else owners
        owner = owners[trace]
        active = (owner < 0)[evidence.finding]
        counted.append(Counted(evidence, owner, np.where(active & evidence.wasted, evidence.saved, 0.0)))
        owners[trace[owner < 0]] = DETECTORS.index(evidence.detector)
    return counted


def cost_by_meter(facts: Facts, rows: np.ndarray, prices: Prices | None) -> np.ndarray:
    """Return what some calls cost by meter, in US dollars; all of it is output where no price is known.

    The parts add up to the cost that was logged: the prices only say how it is divided.
    """
    paid = facts.paid[rows]
    if not len(rows):
        return np.zeros((0, len(TOKEN_METERS)))
    rate = facts.rates(prices, rows)
    read, written, long = facts.read[rows], facts.written[rows], facts.written_1h[rows]
    fresh = np.maximum(np.nan_to_num(facts.input[rows]) - read - written, 0.0)
    parts = np.column_stack(
        (
            fresh * rate["input"],
            read * rate["cached_input"],
            (written - long) * rate["cache_write"] + long * rate["cache_write_1h"],
            np.nan_to_num(facts.output[rows]) * rate["output"],
        )
    )
    whole = parts.sum(axis=1)
    unknown = ~(whole > 0)
    parts[unknown] = 0.0
    parts[unknown, TOKEN_METERS.index("output")] = 1.0
    whole[unknown] = 1.0
    return parts / whole[:, None] * paid[:, None]
