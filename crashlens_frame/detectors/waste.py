"""All the waste of a log: run every detector, and count each dollar once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import parallel_map, run_together
from ..errors import InvalidOptionError, check_choice
from ..frame import frame_from_table
from ..pricing import Prices
from ..schema import DETECTORS, FINDINGS, TEXT
from .counting import FLAGS, Counted, Membership, count_by_call, count_by_trace, flag_entries
from .detector import Detector
from .evidence import Evidence
from .roster import ROSTER
from .traces import OrderedCalls, check_rules, order_calls, order_for_all

Thresholds = Mapping[str, Mapping[str, Any]]
Found = list[Counted]
# detectors that are started first, because they take longest
_LONGEST = ("retry_loops", "repeated_calls", "cache_misses")
# what is needed of the evidence of each detector beside its calls: the rows of FINDINGS, the ids, or no more than those
_ROWS, _IDS, _NOTHING = (attrgetter(name) for name in ("unsorted", "ids", "detector"))
Function = TypeVar("Function", bound=Callable[..., Any])


def _with_roster(function: Function) -> Function:
    """Write the list of detectors into the docstring of a function."""
    lines = "\n    ".join(f"- ``{detector.name}``: {detector.summary}" for detector in ROSTER)
    function.__doc__ = (function.__doc__ or "").replace("{detectors}", lines)
    return function


@_with_roster
def find_waste(
    calls: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Run all detectors, and count each dollar once.

    Of two findings that claim the same dollars of a call, the earlier detector in this order keeps them:

    {detectors}

    The later one keeps what is left: ``counted_cost``. Where nothing is left, ``suppressed_by`` names the owner.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds
        Thresholds by detector, such as ``{"retry_loops": {"max_retries": 5}}``; those not given keep their defaults.
    prices
        Prices for the detectors that compare models: the path of a YAML file, a PriceBook or a mapping; the shipped
        ones when not given.
    rules
        ``"default"``, or ``"crashlens"`` for what ``crashlens scan`` 2.20.0 finds, with its detectors alone.

    Returns
    -------
    DataFrame
        FINDINGS of all detectors, in the order of precedence. The total waste is the sum of ``counted_cost``, of
        certain and likely findings; that of candidates is what could be saved if somebody agrees.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        A threshold or the name of the rules is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Hello!", retries=3, seed=1)
    >>> cf.find_waste(book.df)[["detector", "n_calls", "suppressed_by"]]
          detector  n_calls suppressed_by
    0  retry_loops        4           NaN
    """
    return _findings(_find_all(calls, thresholds, prices, rules, show=_ROWS)[1])


def flag(
    calls: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Return the calls with the finding that each belongs to, and how much of its cost was wasted.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds, prices, rules
        See :func:`crashlens_frame.find_waste`.

    Returns
    -------
    DataFrame
        The calls, with ``finding`` (detector; null for calls of no finding), ``finding_id`` (as in FINDINGS) and
        ``waste_cost`` (USD; 0 for a call that was needed, NaN where the cost is unknown): its counted waste, so that
        the sum is the total waste, that of candidates included.

    Raises
    ------
    MissingColumnsError, InvalidOptionError, PriceFileError
        As :func:`crashlens_frame.find_waste`.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Hello!", retries=3, seed=1)
    >>> cf.flag(book.df)["finding"].tolist()
    ['retry_loops', 'retry_loops', 'retry_loops', 'retry_loops']
    """
    return _flagged(calls, _find_all(calls, thresholds, prices, rules, show=_IDS)[1])


def waste_of_calls(calls: pd.DataFrame, *, prices: Prices | None = None) -> pd.DataFrame:
    """Return the counted waste of each call in US dollars; NaN where its cost is unknown.

    Returns
    -------
    DataFrame
        One row per call, with a new index: ``waste_cost`` (of certain and likely findings), ``could_save`` (of
        candidates).

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors import waste_of_calls
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Hello!", retries=1, seed=1)
    >>> (waste_of_calls(book.df)["waste_cost"] > 0).tolist()
    [True, False]
    """
    return _waste_of(calls, _find_all(calls, None, prices, "default", show=_NOTHING)[1])


@dataclass(frozen=True)
class Search:
    """What a single search has found; each result is computed when it is used."""

    calls: pd.DataFrame
    ordered: OrderedCalls
    found: Found

    @property
    def findings(self) -> pd.DataFrame:
        """What :func:`find_waste` returns."""
        return _findings(self.found)

    @property
    def wasted(self) -> pd.DataFrame:
        """What :func:`waste_of_calls` returns."""
        return _waste_of(self.calls, self.found)

    @property
    def trace(self) -> np.ndarray:
        """A number for the trace of each call."""
        return self.ordered.traces


def search(calls: pd.DataFrame, *, prices: Prices | None = None) -> Search:
    """Search for what :func:`find_waste` and :func:`waste_of_calls` return, once for both.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors import search
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Hello!", retries=1, seed=1)
    >>> found = search(book.df)
    >>> float(found.findings["counted_cost"].sum()) == float(found.wasted["waste_cost"].sum())
    True
    """
    return Search(calls, *_find_all(calls, None, prices, "default", show=_ROWS))


def _waste_of(calls: pd.DataFrame, found: Found) -> pd.DataFrame:
    wasted, could_save = np.zeros(len(calls)), np.zeros(len(calls))
    for each in found:
        is_candidate = pc.equal(each.evidence.certainties(), "candidate").to_numpy(zero_copy_only=False)
        chosen = is_candidate[each.evidence.finding]
        row = each.evidence.calls.row
        for sums, of_these in ((wasted, ~chosen), (could_save, chosen)):
            if of_these.any():
                sums += np.bincount(row[of_these], each.counted[of_these], minlength=len(calls))
    return pd.DataFrame({"waste_cost": wasted, "could_save": could_save})


def find_and_flag(
    calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None, rules: str = "default"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the results of :func:`find_waste` and :func:`flag`, in little more than the time of one of them.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors.waste import find_and_flag
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Hello!", retries=3, seed=1)
    >>> findings, flagged = find_and_flag(book.df)
    >>> len(findings), len(flagged)
    (1, 4)
    """
    _, found = _find_all(calls, thresholds, prices, rules, show=_ROWS)
    return _findings(found), _flagged(calls, found)


def _findings(found: Found) -> pd.DataFrame:
    """Return what was found as FINDINGS, detector by detector."""
    tables = parallel_map(lambda each: each.evidence.table(_labels(each.owner), each.counted_cost), found)
    return frame_from_table(pa.concat_tables(tables, promote_options="default"), FINDINGS)


def _flagged(calls: pd.DataFrame, found: Found) -> pd.DataFrame:
    """Add to each call what was found about it."""
    members = [
        Membership(
            each.evidence.detector,
            each.evidence.calls.row,
            each.evidence.finding,
            each.evidence.wasted,
            each.counted,
            each.owner,
            each.evidence.ids,
        )
        for each in found
    ]
    flags = flag_entries(members, len(calls))
    return calls.assign(**{name: flags[name].array for name in FLAGS})


def _find_all(
    calls: pd.DataFrame,
    thresholds: Thresholds | None,
    prices: Prices | None,
    rules: str,
    *,
    show: Callable[[Evidence], object],
) -> tuple[OrderedCalls, Found]:
    """Run the detectors that the rules have, and count each dollar that they claim once.

    ``show`` computes what is needed of each evidence afterwards, while other detectors are still running.
    """
    check_rules(rules)
    detectors = [detector for detector in ROSTER if rules == "default" or detector.in_crashlens]
    _check_thresholds(thresholds or {}, {detector.name: detector for detector in detectors})
    needs = set(chain.from_iterable(detector.columns for detector in detectors))
    ordered = order_for_all(calls, needs=needs) if rules == "default" else order_calls(calls, needs=needs)

    def run(detector: Detector) -> Evidence:
        own = (thresholds or {}).get(detector.name, {})
        evidence = detector.evidence(ordered, **detector.options(own, prices=prices, rules=rules))
        show(evidence)
        return evidence

    first = sorted(detectors, key=lambda detector: detector.name not in _LONGEST)
    evidence = dict(zip(first, run_together([partial(run, detector) for detector in first]), strict=True))
    found = [evidence[detector] for detector in detectors]
    return ordered, count_by_trace(found) if rules == "crashlens" else count_by_call(found, prices)


def _check_thresholds(thresholds: Thresholds, detectors: Mapping[str, Detector]) -> None:
    """Refuse names that are no detector, or no threshold of it."""
    if not isinstance(thresholds, Mapping):
        raise InvalidOptionError(f"thresholds is {thresholds!r}, expected thresholds by the name of a detector")
    for name, own in thresholds.items():
        check_choice("a name in thresholds", name, detectors)
        allowed = detectors[name].thresholds
        if own is not None and not isinstance(own, Mapping):
            raise InvalidOptionError(f"thresholds[{name!r}] is {own!r}, expected values by the name of a threshold")
        if own and not allowed:
            raise InvalidOptionError(f"thresholds[{name!r}] is {own!r}, but {name} has no thresholds; leave it out")
        for threshold in own:
            check_choice(f"a name in thresholds[{name!r}]", threshold, allowed)


def _labels(owner: np.ndarray) -> pa.Array:
    return pa.array(DETECTORS, TEXT).take(pa.array(owner, mask=owner < 0))
