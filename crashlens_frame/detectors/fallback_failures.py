"""Fallback failures: a model had answered, and a second one was asked the same."""

import numpy as np
import pandas as pd
import pyarrow as pa

from ..pricing import PRICE_COLUMNS, Prices, mean_rate
from . import crashlens
from .bursts import FALLBACK_READS, bursts_of_models
from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .traces import SHARED_COLUMNS, OrderedCalls, check_rules, duration_us, order_calls

_NOTE = "Fall back only after an error: the first model had answered, and both answers are billed."


def find_fallback_failures(
    calls: pd.DataFrame,
    *,
    window: str = "5min",
    cascades: bool = False,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Find fallback failures: a model has answered, and the client falls back to another one all the same.

    A finding is two paid calls of one trace with equal prompts; the first answered, and the second is marked as a
    fallback, for another reason than confidence, quality or escalation. Calls without a time or prompt are left out.

    Parameters
    ----------
    calls
        Frame of calls.
    window
        Longest time between the starts of the two calls, such as ``"5min"``.
    cascades
        Whether a more expensive model asked after a cheaper one, and not marked as a fallback, is a finding too: it
        may be a cascade as planned, so that its certainty is "candidate".
    prices
        Prices that decide which model is more expensive: the path of a YAML file, a PriceBook or a mapping; the shipped
        ones when not given. A model without a price is neither cheaper nor more expensive.
    rules
        ``"default"``: as above. ``"crashlens"``: what ``crashlens scan`` 2.20.0 finds, which takes every first call for
        answered and recognises cheap and expensive models by how their names begin.

    Returns
    -------
    DataFrame
        FINDINGS, one row per pair of calls. ``cost``, ``waste_cost`` and ``waste_tokens`` are those of the second call.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        The window or the name of the rules is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for second, model in enumerate(("gpt-3.5-turbo", "gpt-4")):
    ...     trace = book.log(
    ...         model=model, prompt="Hi", response="Hello!", trace_id="t1", timestamp=f"2026-01-01T10:00:0{second}Z",
    ...         fallback_reason="timeout" if second else None,
    ...     )
    >>> cf.find_fallback_failures(book.df)[["trace_id", "models"]]
      trace_id                  models
    0       t1  gpt-3.5-turbo -> gpt-4
    """
    return evidence(calls, window=window, cascades=cascades, prices=prices, rules=rules).frame()


def evidence(
    calls: pd.DataFrame | OrderedCalls,
    *,
    window: str = "5min",
    cascades: bool = False,
    prices: Prices | None = None,
    rules: str = "default",
) -> Evidence:
    """Find what :func:`find_fallback_failures` finds, with the calls of each finding."""
    check_rules(rules)
    if rules == "crashlens":
        return crashlens.fallback_failures.evidence(calls, window=window)
    bursts = bursts_of_models(order_calls(calls), duration_us("window", window))
    lane, facts = bursts.lane, bursts.facts
    pair = (lane.size == 2) & (bursts.models == 2) & ~bursts.evaluation
    second = np.flatnonzero(pair & lane.follows & bursts.answered[lane.previous(np.arange(len(facts.start)))])
    first = second - 1
    failure = bursts.marked[second] & ~bursts.planned[second]
    if cascades:
        rate = [mean_rate(bursts.ordered.at(lane.row[part]).frame(PRICE_COLUMNS), prices) for part in (first, second)]
        failure |= ~bursts.marked[second] & ~bursts.overlap[second] & (rate[1] > rate[0])
    first, second = first[failure], second[failure]
    certain = np.where(bursts.marked[second], "certain", "candidate")

    pairs = bursts.ordered.at(lane.row[np.column_stack((first, second)).ravel()])
    is_second = np.arange(len(pairs)) % 2 == 1
    code, names = pairs.models()
    model = names.take(pa.array(code, mask=code < 0))
    return Evidence(
        "fallback_failures",
        calls=pairs,
        sizes=np.full(len(first), 2),
        counted=is_second,
        wasted=is_second,
        saved=facts.paid[pairs.row],
        description=concat_text(
            model.filter(pa.array(~is_second)), " answered, and ", model.filter(pa.array(is_second)),
            " was asked the same ", seconds_text(np.diff(pairs.time)[::2]), " s later",
        ),
        certainty=pa.array(certain.astype(object), pa.string()),
        savings_note=_NOTE,
    )  # fmt: skip


DETECTOR = Detector(
    "fallback_failures",
    find_fallback_failures,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="certain",
    in_crashlens=True,
    together=("home",),
    looks_at=(("prompt", "prompt_hash"), ("timestamp",)),
    summary="a model had answered, and a second one was asked the same",
    reads=FALLBACK_READS,
)
