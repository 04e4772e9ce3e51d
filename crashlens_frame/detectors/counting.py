"""Which detector counts a dollar: each call and meter is paid once, and so it is wasted once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from ..pricing import Prices
from ..schema import DETECTORS, TEXT
from .evidence import TOKEN_METERS, Evidence
from .facts import CACHE_METERS, Facts

# of a call, the claim of the first holds what the second has counted: both would read the same tokens from a cache
_HOLDS = {"growing_context": "cache_misses"}
FLAGS = ("finding", "finding_id", "waste_cost")  # the columns that ``flag`` adds


class Claimed(NamedTuple):
    """What a detector claims: for each wasted call its entry, its finding and the US dollars; NaN where unknown.

    ``entry`` is the place of a call among all calls that something is claimed of. ``meters`` are the parts of the cost
    that the dollars are saved on.
    """

    detector: str
    meters: tuple[str, ...]
    entry: np.ndarray
    finding: np.ndarray
    saved: np.ndarray
    n_findings: int


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
        wasted = self.evidence.wasted
        return sum_counted(self.evidence.finding[wasted], self.counted[wasted], self.owner)


def sum_counted(finding: np.ndarray, counted: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return the counted US dollars of each finding, given those of its wasted calls; NaN where none is known."""
    size, known = len(owner), ~np.isnan(counted)
    sums = np.bincount(finding[known], counted[known], minlength=size)
    is_known = np.bincount(finding[known], minlength=size) > 0
    nothing = np.bincount(finding, minlength=size) == 0
    return np.where(is_known | nothing | (owner >= 0), sums, np.nan)


class Membership(NamedTuple):
    """The calls of the findings of a detector.

    One entry per call: ``entry`` (its place among all calls), ``finding``, ``wasted``, ``dollars`` (counted). One entry
    per finding: ``owner`` (as in Counted) and ``ids``.
    """

    detector: str
    entry: np.ndarray
    finding: np.ndarray
    wasted: np.ndarray
    dollars: np.ndarray
    owner: np.ndarray
    ids: pa.ChunkedArray


def flag_entries(members: Sequence[Membership], size: int) -> pd.DataFrame:
    """Return FLAGS of each of ``size`` calls."""
    finding, number, waste = np.full(size, -1), np.full(size, -1), np.zeros(size)
    begins = np.cumsum([0, *(len(each.owner) for each in members)])
    # the call is shown with the first detector that counts its dollars, else with the first that it belongs to
    for claims in (False, True):
        for each, begin in zip(reversed(members), reversed(begins[:-1]), strict=True):
            active = (each.owner < 0)[each.finding]
            counts = each.wasted & ~(each.dollars == 0)
            chosen = active & (counts if claims else np.ones(len(counts), bool))
            entry = each.entry[chosen]
            finding[entry] = DETECTORS.index(each.detector)
            number[entry] = begin + each.finding[chosen]
    for each in members:
        waste += np.bincount(each.entry, each.dollars, minlength=size)
    names = pa.chunked_array([chunk for each in members for chunk in each.ids.cast(TEXT).chunks], TEXT)
    return pd.DataFrame(
        {
            "finding": pd.Categorical.from_codes(finding, categories=pd.Index(DETECTORS, dtype="str"), ordered=True),
            "finding_id": pd.array(names.take(pa.array(number, mask=number < 0)).cast(pa.large_string()), dtype="str"),
            "waste_cost": waste,
        }
    )


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
    claims = [_claims_of(evidence, entry_of) for evidence in found]
    counted = []
    for evidence, (owner, amount) in zip(found, count_claims(claims, cost_by_meter(facts, rows, prices)), strict=True):
        dollars = np.zeros(len(evidence.wasted))
        dollars[evidence.wasted] = amount
        counted.append(Counted(evidence, owner, dollars))
    return counted


def _claims_of(evidence: Evidence, entry_of: np.ndarray) -> Claimed:
    """Return what a detector claims, given the entry of each row of the frame."""
    wasted = evidence.wasted
    return Claimed(
        evidence.detector,
        evidence.meters,
        entry_of[evidence.calls.row[wasted]],
        evidence.finding[wasted],
        evidence.saved[wasted],
        len(evidence.sizes),
    )


def count_claims(claims: Iterable[Claimed], costs: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each detector, in the order of precedence, the owners of its findings, and what of its claims counts.

    ``costs`` holds what each entry cost by meter.
    """
    left, taken_by = costs.copy(), np.full(len(costs), -1)
    counted_by: dict[str, np.ndarray] = {}
    for each in claims:
        entry, claim = each.entry, each.saved
        if _HOLDS.get(each.detector) in counted_by:
            claim = np.maximum(claim - counted_by[_HOLDS[each.detector]][entry], 0.0)
        columns = np.array([TOKEN_METERS.index(meter) for meter in each.meters])
        part = left[np.ix_(entry, columns)]
        rest = part.sum(axis=1)
        unknown = np.isnan(claim) | np.isnan(rest)
        amount = np.where(unknown, np.where(taken_by[entry] < 0, np.nan, 0.0), np.minimum(claim, rest))
        share = np.divide(amount, rest, out=np.zeros(len(rest)), where=~unknown & (rest > 0))
        left[np.ix_(entry, columns)] = part * (1 - share)[:, None]
        owner = _owners(each, amount, taken_by[entry])
        is_new = (taken_by[entry] < 0) & ~(amount == 0)
        taken_by[entry[is_new]] = DETECTORS.index(each.detector)
        if each.detector in _HOLDS.values():
            counted_by[each.detector] = np.bincount(entry, np.nan_to_num(amount), minlength=len(costs))
        yield owner, amount


def _owners(claims: Claimed, amount: np.ndarray, taken_by: np.ndarray) -> np.ndarray:
    """Return for each finding who has counted all of it already; -1 where something is left, or it claims nothing."""
    finding, size = claims.finding, claims.n_findings
    something = np.bincount(finding, ~(amount == 0), minlength=size) > 0
    has_claim = np.bincount(finding, ~(claims.saved == 0), minlength=size) > 0
    owner = np.full(size, -1)
    has_owner = taken_by >= 0
    owner[finding[has_owner][::-1]] = taken_by[has_owner][::-1]  # written backwards, so the first one stays
    return np.where(has_claim & ~something, owner, -1)


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
    rate = facts.rates(prices, rows, (*CACHE_METERS, "output"))
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
