"""All the waste of a log: run every detector, and count each dollar once."""

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .._core import parallel_map
from ..errors import InvalidCallError
from ..frame import frame_from_table
from ..pricing import Prices
from ..schema import DETECTORS, FINDINGS, TEXT
from .evidence import Evidence
from .roster import ALL
from .traces import OrderedCalls, order_calls

_AMOUNTS = tuple(
    column for column in FINDINGS if column.name in ("detector", "cost", "waste_cost", "waste_tokens", "suppressed_by")
)

Thresholds = Mapping[str, Mapping[str, Any]]
Found = list[tuple[Evidence, np.ndarray]]  # with the place in ALL of the detector that owns a trace instead, or -1


def find_waste(
    calls: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Run the four detectors, each dollar counted once.

    The first detector with a finding on a trace owns the trace: retry loops before fallback storms before fallback
    failures before overkill models. What later ones found there stays in the frame, with ``suppressed_by`` set.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds
        Parameters of single detectors, such as ``{"retry_loops": {"max_retries": 5}}``; theirs where none are given.
    prices
        Prices for the detectors that compare models: the path of a YAML file, a PriceBook or a mapping; the shipped
        ones when not given.
    rules
        ``"default"``, or ``"crashlens"`` for what ``crashlens scan`` 2.20.0 finds.

    Returns
    -------
    DataFrame
        FINDINGS of all detectors, in the order of precedence. What was wasted in all is the sum of ``waste_cost`` where
        ``suppressed_by`` is null.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidCallError
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
    return _findings(_evidence(calls, thresholds, prices, rules))


def waste_amounts(traced: OrderedCalls, *, prices: Prices | None = None) -> pd.DataFrame:
    """Find the waste as :func:`find_waste` does, and give no more of it than a sum by detector needs.

    Returns
    -------
    DataFrame
        ``detector``, ``cost``, ``waste_cost``, ``waste_tokens`` and ``suppressed_by`` of FINDINGS, and ``trace_id``, a
        number of the trace.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors.waste import waste_amounts
    >>> from crashlens_frame.detectors.traces import order_calls
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> waste_amounts(order_calls(book.df))[["detector", "trace_id", "suppressed_by"]]
              detector  trace_id suppressed_by
    0      retry_loops         0           NaN
    1  overkill_models         0   retry_loops
    """
    found = _evidence(traced, None, prices, "default")
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
    return frame.assign(trace_id=np.concatenate([evidence.first.trace for evidence, _ in found]))


def flag(
    calls: pd.DataFrame,
    *,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Tell of each call which finding it belongs to, and what of its cost was wasted.

    Parameters
    ----------
    calls
        Frame of calls.
    thresholds, prices, rules
        See :func:`crashlens_frame.find_waste`.

    Returns
    -------
    DataFrame
        The calls, with ``finding`` (detector; null for calls of no finding), ``finding_id`` (that of the FINDINGS
        frame) and ``waste_cost`` (USD; 0 for a call that was needed, NaN where the cost is unknown). Suppressed
        findings are left out, so that the sum of ``waste_cost`` is what was wasted in all.

    Raises
    ------
    MissingColumnsError, InvalidCallError, PriceFileError
        As :func:`crashlens_frame.find_waste`.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Hi", "Hello!", retries=3, seed=1)
    >>> cf.flag(book.df)["finding"].tolist()
    ['retry_loops', 'retry_loops', 'retry_loops', 'retry_loops']
    """
    return _flagged(calls, _evidence(calls, thresholds, prices, rules))


def find_and_flag(
    calls: pd.DataFrame, *, thresholds: Thresholds | None = None, prices: Prices | None = None, rules: str = "default"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give what :func:`find_waste` and what :func:`flag` give, for little more than the time of one of them.

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
    found = _evidence(calls, thresholds, prices, rules)
    return _findings(found), _flagged(calls, found)


def _findings(found: Found) -> pd.DataFrame:
    """Lay out what was found as FINDINGS, detector by detector."""
    tables = parallel_map(lambda each: each[0].table(_labels(each[1])), found)
    return frame_from_table(pa.concat_tables(tables, promote_options="default"), FINDINGS)


def _flagged(calls: pd.DataFrame, found: Found) -> pd.DataFrame:
    """Tell of each call what was found of it."""
    size = len(calls)
    finding, number, waste = np.full(size, -1), np.full(size, -1), np.zeros(size)
    ids: list[pa.ChunkedArray] = []
    for evidence, owner in found:
        active = np.repeat(owner < 0, evidence.sizes)
        # a call may be needed in one finding and wasted in another, which then has it
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


def _evidence(
    calls: pd.DataFrame | OrderedCalls, thresholds: Thresholds | None, prices: Prices | None, rules: str
) -> Found:
    """Run the detectors; give for each finding the place in ALL of the detector that owns its trace instead, or -1."""
    options = _options(thresholds or {}, rules=rules, prices=prices)
    traced = order_calls(calls)
    owners = np.full(len(traced.traces), -1)
    found = []
    for place, evidence in enumerate(parallel_map(lambda name: ALL[name](traced, **options[name]), ALL)):
        trace = evidence.first.trace
        found.append((evidence, owners[trace]))
        owners[trace[owners[trace] < 0]] = place
    return found


def _options(thresholds: Thresholds, **shared: Any) -> dict[str, dict[str, Any]]:
    """Give each detector its thresholds and what it knows of the shared options; refuse names that there are not."""
    _check_names("thresholds", thresholds, ALL)
    options = {}
    for name, detect in ALL.items():
        known = set(signature(detect).parameters) - {"calls"}
        own = thresholds.get(name, {})
        _check_names(f"thresholds of {name}", own, known - shared.keys())
        options[name] = {**{option: value for option, value in shared.items() if option in known}, **own}
    return options


def _check_names(where: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise InvalidCallError(f"{where} name {unknown[0]!r}, expected one of {', '.join(sorted(allowed))}")


def _labels(owner: np.ndarray) -> pa.Array:
    return pa.array(DETECTORS).take(pa.array(owner, mask=owner < 0))
