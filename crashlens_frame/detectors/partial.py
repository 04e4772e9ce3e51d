"""The waste of a log in parts: what each part shows, and all of it together with each dollar counted once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from ..frame import frame_from_table
from ..pricing import Prices
from ..schema import DETECTORS, FINDINGS, SEVERITIES, TEXT
from .cache_misses import find_misses
from .counting import Claims, claims_of, cost_by_meter, count_claims, sum_by_finding
from .detector import Detector
from .evidence import Evidence, severity_by_cost, sorted_findings
from .repeated_calls import restarted
from .roster import ROSTER
from .together import CALL
from .traces import Part, order_calls
from .waste import Thresholds, check_thresholds

_MEMBER = ("call", "order", "finding_id", "active", "counts")


class PartOfFindings(NamedTuple):
    """What a detector found in a part: findings, claims by the numbers of the calls, the calls and what they cost."""

    findings: pa.Table
    claims: Claims
    has_severity: bool
    calls: np.ndarray
    finding: np.ndarray
    wasted: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class Known:
    """Numbers of calls that parts have shown, and that other parts ask for."""

    taken: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    restarted: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __add__(self, other: "Known") -> "Known":
        return Known(np.union1d(self.taken, other.taken), np.union1d(self.restarted, other.restarted))


def detectors_of(together: str, names: Iterable[str] | None = None) -> list[Detector]:
    """Return the detectors that look at calls that belong together in this way."""
    chosen = [detector.name for detector in ROSTER] if names is None else names
    return [detector for detector in ROSTER if together in detector.together and detector.name in chosen]


def search_part(
    calls: pd.DataFrame,
    together: str,
    known: Known,
    *,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    names: Iterable[str] | None = None,
) -> tuple[list[PartOfFindings], Known]:
    """Search marked calls, all of what belongs together, with the detectors that need them so.

    Returns what each of them found, and what parts that hold other calls together must know.
    """
    check_thresholds(thresholds or {}, {detector.name: detector for detector in ROSTER})
    number = calls[CALL].to_numpy()
    part = Part(together, np.isin(number, known.taken), np.flatnonzero(np.isin(number, known.restarted)))
    ordered = order_calls(calls, part=part)
    found = [
        detector.evidence(ordered, **detector.options((thresholds or {}).get(detector.name, {}), prices=prices))
        for detector in detectors_of(together, names)
    ]
    more = Known()
    if together == "session" and any(each.detector == "cache_misses" for each in found):
        more = Known(taken=number[find_misses(ordered, prices).row])
    if together == "place":
        more = Known(restarted=number[restarted(ordered)])
    return [_part_of(evidence, number, prices) for evidence in found], more


def _part_of(evidence: Evidence, number: np.ndarray, prices: Prices | None) -> PartOfFindings:
    claims, facts = claims_of(evidence), evidence.calls.columns.facts
    cost = cost_by_meter(facts, claims.call, prices)
    claims = claims._replace(call=number[claims.call])
    calls = number[evidence.calls.row]
    return PartOfFindings(
        evidence.unsorted(), claims, evidence.severity is not None, calls, evidence.finding, evidence.wasted, cost
    )


class JoinedFindings(NamedTuple):
    """The findings of all parts, and by the numbers of the calls how each is flagged."""

    findings: pd.DataFrame
    flags: pd.DataFrame


def join_parts(parts: Iterable[PartOfFindings], cost: float, *, count: bool = True) -> JoinedFindings:
    """Join what parts of a log have shown, as ``find_waste`` returns it for all calls at once.

    ``cost`` is what the whole log cost in US dollars. Each dollar is counted once, unless not ``count``.
    """
    by_detector: dict[str, list[PartOfFindings]] = {name: [] for name in DETECTORS}
    for part in parts:
        by_detector[part.claims.detector].append(part)
    found = [_joined(each) for each in by_detector.values() if each]
    calls, place = np.unique(
        np.concatenate([np.zeros(0, np.int64), *(each.claims.call for each in found)]), return_index=True
    )
    meters = np.concatenate([np.zeros((0, 4)), *(each.cost for each in found)])[place]
    claims = [each.claims for each in found]
    own = [(np.full(each.size, -1), each.saved) for each in claims]
    counts = count_claims(claims, calls, meters) if count else own
    tables, flags = [], []
    for each, (owner, amount) in zip(found, counts, strict=True):
        tables.append(_completed(each, owner, amount, cost))
        flags.append(_flags(each, owner, amount))
    table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
    findings = frame_from_table(table, FINDINGS)
    return JoinedFindings(findings, _first_flags(flags))


def _joined(parts: list[PartOfFindings]) -> PartOfFindings:
    """Join the findings of one detector, numbered anew."""
    ends = np.cumsum([part.claims.size for part in parts])
    begins = [0, *ends[:-1].tolist()]
    claims = parts[0].claims._replace(
        call=np.concatenate([part.claims.call for part in parts]),
        finding=np.concatenate([part.claims.finding + begin for part, begin in zip(parts, begins, strict=True)]),
        saved=np.concatenate([part.claims.saved for part in parts]),
        size=int(ends[-1]),
    )
    return PartOfFindings(
        pa.concat_tables([part.findings for part in parts], promote_options="permissive"),
        claims,
        parts[0].has_severity,
        np.concatenate([part.calls for part in parts]),
        np.concatenate([part.finding + begin for part, begin in zip(parts, begins, strict=True)]),
        np.concatenate([part.wasted for part in parts]),
        np.concatenate([part.cost for part in parts]),
    )


def _completed(part: PartOfFindings, owner: np.ndarray, amount: np.ndarray, cost: float) -> pa.Table:
    """Return the findings of a detector, sorted, with what only the whole log shows."""
    table = part.findings
    columns = {
        "counted_cost": pa.array(sum_by_finding(part.claims.finding, amount, owner), from_pandas=True),
        "suppressed_by": pa.array(DETECTORS, TEXT).take(pa.array(owner, mask=owner < 0)),
    }
    if not part.has_severity:
        waste = table["waste_cost"].to_numpy()
        columns["severity"] = pa.array(SEVERITIES).take(pa.array(severity_by_cost(waste, cost)))
    for name, values in columns.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, values)
    return sorted_findings(table)


def _flags(part: PartOfFindings, owner: np.ndarray, amount: np.ndarray) -> pd.DataFrame:
    """Return the calls of the findings of a detector, with what of each is counted."""
    dollars = np.zeros(len(part.calls))
    dollars[part.wasted] = amount
    return pd.DataFrame(
        {
            "call": part.calls,
            "order": DETECTORS.index(part.claims.detector),
            "finding_id": part.findings["finding_id"].take(pa.array(part.finding)).to_pandas().astype("str"),
            "active": owner[part.finding] < 0,
            "counts": part.wasted & ~(dollars == 0),
            "waste_cost": dollars,
        }
    )


def _first_flags(flags: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per call of a finding: the first detector that counts its dollars, or that it belongs to."""
    members = pd.concat(flags, ignore_index=True) if flags else pd.DataFrame(columns=[*_MEMBER, "waste_cost"])
    waste = members.groupby("call")["waste_cost"].agg(lambda dollars: dollars.sum(skipna=False))
    chosen = members[members["active"].astype(bool)].assign(needed=lambda each: ~each["counts"].astype(bool))
    chosen = chosen.sort_values(["call", "needed", "order"], kind="stable").drop_duplicates("call").set_index("call")
    return pd.DataFrame({"waste_cost": waste}).join(chosen[["order", "finding_id"]])


def flag_marked(marked: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Return marked calls as ``flag`` does, given the flags of all calls of findings."""
    own = flags.reindex(marked[CALL].to_numpy())
    detector = own["order"].fillna(-1).to_numpy(np.int64)
    return marked.assign(
        finding=pd.Categorical.from_codes(detector, categories=pd.Index(DETECTORS, dtype="str"), ordered=True),
        finding_id=pd.array(own["finding_id"].to_numpy(object), dtype="str"),
        waste_cost=np.where(own.index.isin(flags.index), own["waste_cost"].to_numpy(np.float64), 0.0),
    )
