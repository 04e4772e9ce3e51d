"""All the waste of a log: run every detector, and count each dollar once."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from .._core import parallel_map
from ..errors import InvalidOptionError, check_choice
from ..frame import frame_from_table
from ..pricing import Prices
from ..schema import DETECTORS, FINDINGS, TEXT
from .detector import Detector
from .evidence import Evidence
from .roster import ROSTER
from .traces import OrderedCalls, check_rules, order_calls

_AMOUNTS = tuple(
    column for column in FINDINGS if column.name in ("detector", "cost", "waste_cost", "waste_tokens", "suppressed_by")
)

Thresholds = Mapping[str, Mapping[str, Any]]
# what each detector found, and for each of its findings the place in DETECTORS of the one that owns its trace instead,
# or -1 where it owns the trace itself
Found = list[tuple[Evidence, np.ndarray]]
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

    The first detector with a finding on a trace owns the trace, in this order:

    {detectors}

    What later detectors found there stays in the frame, with ``suppressed_by`` set.

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
        FINDINGS of all detectors, in the order of precedence. The total waste is the sum of ``waste_cost`` where
        ``suppressed_by`` is null.

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
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> cf.find_waste(book.df)[["detector", "n_calls", "suppressed_by"]]
              detector  n_calls suppressed_by
    0      retry_loops        4           NaN
    1  overkill_models        1   retry_loops
    """
    return _findings(_find_all(calls, thresholds, prices, rules)[1])


def waste_amounts(calls: pd.DataFrame, *, prices: Prices | None = None) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the waste as :func:`find_waste` does, but return only what totals by detector need.

    Returns
    -------
    DataFrame
        ``detector``, ``cost``, ``waste_cost``, ``waste_tokens`` and ``suppressed_by`` of FINDINGS, and ``trace_id``,
        here the number of the trace.
    ndarray
        The number of the trace of each call.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors.waste import waste_amounts
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> amounts, trace_numbers = waste_amounts(book.df)
    >>> amounts[["detector", "trace_id", "suppressed_by"]]
              detector  trace_id suppressed_by
    0      retry_loops         0           NaN
    1  overkill_models         0   retry_loops
    """
    ordered, found = _find_all(calls, None, prices, "default")
    tables = [
        pa.table(
            {
                "detector": pa.repeat(evidence.detector, len(owner)),
                **evidence.amounts(),
                "suppressed_by": _labels(owner),
            }
        )
        for evidence, owner in found
    ]
    frame = frame_from_table(pa.concat_tables(tables), _AMOUNTS)
    return frame.assign(trace_id=np.concatenate([evidence.first.trace for evidence, _ in found])), ordered.traces


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
        ``waste_cost`` (USD; 0 for a call that was needed, NaN where the cost is unknown). Suppressed findings are left
        out, so that the sum of ``waste_cost`` is the total waste.

    Raises
    ------
    MissingColumnsError, InvalidOptionError, PriceFileError
        As :func:`crashlens_frame.find_waste`.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> cf.flag(book.df)["finding"].tolist()
    ['retry_loops', 'retry_loops', 'retry_loops', 'retry_loops']
    """
    return _flagged(calls, _find_all(calls, thresholds, prices, rules)[1])


def find_and_flag(
    calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None, rules: str = "default"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the results of :func:`find_waste` and :func:`flag`, in little more than the time of one of them.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors.waste import find_and_flag
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> findings, flagged = find_and_flag(book.df)
    >>> len(findings), len(flagged)
    (2, 4)
    """
    _, found = _find_all(calls, thresholds, prices, rules)
    return _findings(found), _flagged(calls, found)


def _findings(found: Found) -> pd.DataFrame:
    """Return what was found as FINDINGS, detector by detector."""
    tables = parallel_map(lambda each: each[0].table(_labels(each[1])), found)
    return frame_from_table(pa.concat_tables(tables, promote_options="default"), FINDINGS)


def _flagged(calls: pd.DataFrame, found: Found) -> pd.DataFrame:
    """Add to each call what was found about it."""
    size = len(calls)
    finding, number, waste = np.full(size, -1), np.full(size, -1), np.zeros(size)
    ids: list[pa.ChunkedArray] = []
    for evidence, owner in found:
        active = np.repeat(owner < 0, evidence.sizes)
        # a call may be needed in one finding and wasted in another; then the latter gets it
        for members in (active & ~evidence.wasted, active & evidence.wasted):
            row = evidence.calls.row[members]
            finding[row] = DETECTORS.index(evidence.detector)
            number[row] = sum(map(len, ids)) + evidence.finding[members]
            waste[row] = np.where(evidence.wasted, evidence.saved, 0.0)[members]
        ids.append(evidence.ids())
    names = pa.chunked_array([chunk for text in ids for chunk in text.cast(TEXT).chunks], TEXT)
    return calls.assign(
        finding=pd.Categorical.from_codes(finding, categories=pd.Index(DETECTORS, dtype="str"), ordered=True),
        finding_id=pd.array(names.take(pa.array(number, mask=number < 0)).cast(pa.large_string()), dtype="str"),
        waste_cost=waste,
    )


def _find_all(
    calls: pd.DataFrame, thresholds: Thresholds | None, prices: Prices | None, rules: str
) -> tuple[OrderedCalls, Found]:
    """Run the detectors that the rules have, and find out which of them owns each trace."""
    check_rules(rules)
    detectors = [detector for detector in ROSTER if rules == "default" or detector.in_crashlens]
    _check_thresholds(thresholds or {}, {detector.name: detector for detector in detectors})
    ordered = order_calls(calls, needs=set(chain.from_iterable(detector.columns for detector in detectors)))

    def run(detector: Detector) -> Evidence:
        own = (thresholds or {}).get(detector.name, {})
        return detector.evidence(ordered, **detector.options(own, prices=prices, rules=rules))

    owners = np.full(len(ordered.traces), -1)
    found = []
    for evidence in parallel_map(run, detectors):
        trace = evidence.first.trace
        found.append((evidence, owners[trace]))
        owners[trace[owners[trace] < 0]] = DETECTORS.index(evidence.detector)
    return ordered, found


def _check_thresholds(thresholds: Thresholds, detectors: Mapping[str, Detector]) -> None:
    """Refuse names that are no detector, or no threshold of it."""
    for name, own in thresholds.items():
        check_choice("a name in thresholds", name, detectors)
        allowed = detectors[name].thresholds
        if own and not allowed:
            raise InvalidOptionError(f"thresholds[{name!r}] is {own!r}, but {name} has no thresholds; leave it out")
        for threshold in own:
            check_choice(f"a name in thresholds[{name!r}]", threshold, allowed)


def _labels(owner: np.ndarray) -> pa.Array:
    return pa.array(DETECTORS, TEXT).take(pa.array(owner, mask=owner < 0))
