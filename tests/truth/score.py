"""Hold what detectors claim against the labels, in dollars: true, false and missed, by detector, scenario, incident.

A claim is about one call, and about one meter where the detector knows it. It is true up to the dollars that a sound
client would have saved by that call (by that meter); the rest of it is false. Of several claims on one call the earlier
ones are served first, so that no dollar is found twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .prices import METERS
from .registry import CANDIDATES
from .world import Label

CENT = 0.005  # an incident of less counts as money in the sums, and not as an incident


class Claim(NamedTuple):
    """What a detector claims: these US dollars of this call were wasted. Calls are numbered as their labels."""

    call: int
    detector: str
    dollars: float
    meter: str | None = None


@dataclass
class Row:
    """US dollars of one line: wasted by the labels, found of that by anybody; claimed, and true of what was claimed."""

    wasted: float = 0.0
    found: float = 0.0
    claimed: float = 0.0
    true: float = 0.0

    @property
    def false(self) -> float:
        return self.claimed - self.true

    @property
    def missed(self) -> float:
        return self.wasted - self.found

    @property
    def precision(self) -> float | None:
        return self.true / self.claimed if self.claimed else None

    @property
    def recall(self) -> float | None:
        return self.found / self.wasted if self.wasted else None

    def __iadd__(self, other: "Row") -> "Row":
        self.wasted += other.wasted
        self.found += other.found
        self.claimed += other.claimed
        self.true += other.true
        return self


def _rows() -> defaultdict[str, Row]:
    return defaultdict(Row)


@dataclass
class Score:
    """All sums. ``sure`` leaves the candidates out; a detector's row is of its claims, and of the waste of its kind."""

    calls: int = 0
    billed: float = 0.0
    total: Row = field(default_factory=Row)
    sure: Row = field(default_factory=Row)
    detectors: dict[str, Row] = field(default_factory=_rows)
    scenarios: dict[str, Row] = field(default_factory=_rows)
    incidents: dict[str, Row] = field(default_factory=_rows)

    def __add__(self, other: "Score") -> "Score":
        made = Score(self.calls + other.calls, self.billed + other.billed)
        for score in (self, other):
            made.total += score.total
            made.sure += score.sure
            for name in ("detectors", "scenarios", "incidents"):
                rows = getattr(made, name)
                for key, row in getattr(score, name).items():
                    rows[key] += row
        return made

    def incidents_found(self) -> tuple[int, int]:
        """Return how many incidents had at least half of their dollars found, and how many there are."""
        worth = [row for row in self.incidents.values() if row.wasted >= CENT]
        return sum(row.found >= row.wasted / 2 for row in worth), len(worth)


def score(labels: Sequence[Label], claims: Iterable[Claim], *, log: str = "") -> Score:
    """Hold claims against the labels of one log; ``log`` is a prefix that keeps the incidents of several logs apart."""
    result = Score(calls=len(labels), billed=sum(sum(label.paid.values()) for label in labels))
    left = [dict(label.saved) for label in labels]
    for label in labels:
        saved = sum(label.saved.values())
        for row in _rows_of(result, label, log):
            row.wasted += saved
    for claim in claims:
        label = labels[claim.call]
        true = _take(left[claim.call], claim)
        made = Row(claimed=claim.dollars, true=true)
        result.detectors[claim.detector] += made
        result.total += made
        result.scenarios[label.scenario] += made
        if claim.detector not in CANDIDATES:
            result.sure += made
        if label.incident:
            result.incidents[f"{log}{label.incident}"] += made
        for row in _rows_of(result, label, log, sure=claim.detector not in CANDIDATES):
            row.found += true
    return result


def _rows_of(result: Score, label: Label, log: str, *, sure: bool = True) -> list[Row]:
    """Return the rows in which the waste of a call counts as wasted or found."""
    rows = [result.total, result.scenarios[label.scenario]]
    if label.incident and label.kind:
        rows += [result.detectors[label.kind], result.incidents[f"{log}{label.incident}"]]
        if sure and label.kind not in CANDIDATES:
            rows.append(result.sure)
    return rows


def _take(left: dict[str, float], claim: Claim) -> float:
    """Take the claim out of what is left of the call, and return how much of it was there."""
    meters = METERS if claim.meter is None else (claim.meter,)
    true = 0.0
    for meter in meters:
        part = min(left[meter], claim.dollars - true)
        left[meter] -= part
        true += part
    return true
