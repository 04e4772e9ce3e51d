"""Fallback storms: one prompt of one trace paid on several models without a plan."""

import numpy as np
import pandas as pd

from . import crashlens
from .bursts import FALLBACK_READS, bursts_of_models
from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .facts import NEVER, Facts
from .lanes import Lane
from .traces import SHARED_COLUMNS, OrderedCalls, check_at_least_one, check_rules, duration_us, order_calls

_NOTE = "Ask one model, and the next one only after an error: each of these answers is billed."


def find_fallback_storms(
    calls: pd.DataFrame, *, min_calls: int = 3, min_models: int = 2, window: str = "3min", rules: str = "default"
) -> pd.DataFrame:
    """Find fallback storms: calls of one trace with the same prompt, paid on several models without a plan.

    A storm is ``min_calls`` or more of these calls, or two that overlap in time. No storm is a panel (the same models,
    each once, in five traces or more), an evaluation by its route, name or tags, or a cascade whose fallbacks are
    marked with confidence, quality or escalation. Calls without a time or a prompt, and calls that are not billed, are
    left out.

    Parameters
    ----------
    calls
        Frame of calls.
    min_calls
        Smallest number of calls of a storm whose calls do not overlap.
    min_models
        Smallest number of distinct models.
    window
        Longest time between the starts of two calls of one storm, such as ``"3min"``.
    rules
        ``"default"``: as above. ``"crashlens"``: what ``crashlens scan`` 2.20.0 finds: whole traces that span at most
        the window, even if their prompts differ.

    Returns
    -------
    DataFrame
        FINDINGS, one row per storm. ``waste_cost`` is the cost of all its calls except the last one that answered; of
        calls that overlap, except the first one that ended.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        A threshold or the name of the rules is not allowed.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for second, model in enumerate(("gpt-4", "gpt-4o", "claude-3-opus")):
    ...     trace = book.log(model=model, prompt="Hi", trace_id="t1", timestamp=f"2026-01-01T10:00:0{second}Z")
    >>> cf.find_fallback_storms(book.df)[["trace_id", "models"]]
      trace_id                            models
    0       t1  gpt-4 -> gpt-4o -> claude-3-opus
    """
    return evidence(calls, min_calls=min_calls, min_models=min_models, window=window, rules=rules).frame()


def evidence(
    calls: pd.DataFrame | OrderedCalls,
    *,
    min_calls: int = 3,
    min_models: int = 2,
    window: str = "3min",
    rules: str = "default",
) -> Evidence:
    """Find what :func:`find_fallback_storms` finds, with the calls of each finding."""
    check_rules(rules)
    if rules == "crashlens":
        return crashlens.fallback_storms.evidence(calls, min_calls=min_calls, min_models=min_models, window=window)
    check_at_least_one(min_calls=min_calls, min_models=min_models)
    bursts = bursts_of_models(order_calls(calls), duration_us("window", window))
    lane, facts = bursts.lane, bursts.facts
    large = bursts.models >= max(min_models, 2)
    unplanned = ~bursts.panel & ~bursts.evaluation & ~bursts.planned
    # two calls, the second marked as a fallback, are a failure
    hedged = bursts.overlap & ((lane.size >= min_calls) | ~bursts.marked)
    storm = large & unplanned & (hedged | (lane.size >= min_calls))
    lane = Lane(lane.row[storm], lane.number[storm])

    place = np.arange(len(lane.row))
    # where no call is known to have answered, the last one was needed
    answer = lane.reduce(np.where(bursts.answered[lane.row], place + len(place), place), np.maximum) % len(place)
    needed = np.where(bursts.overlap[storm], _first_to_end(facts, lane, bursts.answered), answer)
    found = bursts.ordered.at(lane.row)
    sizes = lane.counts
    first = sizes.cumsum() - sizes
    span = facts.start[lane.row[first + sizes - 1]] - facts.start[lane.row[first]]
    return Evidence(
        "fallback_storms",
        calls=found,
        sizes=sizes,
        counted=np.ones(len(found), bool),
        wasted=place != needed,
        saved=facts.paid[lane.row],
        description=concat_text(
            sizes, " calls on ", bursts.models[storm][first], " models for one request in ", seconds_text(span), " s"
        ),
        savings_note=_NOTE,
        condition=bursts.panel_key[storm][first],
        shows=bursts.panel_key[~bursts.lane.follows],
    )


def _first_to_end(facts: Facts, lane: Lane, answered: np.ndarray) -> np.ndarray:
    """Return the place of the call of each group that ends first, of those that answered if any did."""
    end = np.where(answered[lane.row], facts.end[lane.row], NEVER)
    place = np.arange(len(lane.row))
    first: np.ndarray = lane.reduce(np.where(end == lane.reduce(end, np.minimum), place, len(place)), np.minimum)
    return first


DETECTOR = Detector(
    "fallback_storms",
    find_fallback_storms,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="certain",
    in_crashlens=True,
    looks_at=(("prompt", "prompt_hash"), ("timestamp",)),
    summary="one prompt of one trace paid on several models without a plan",
    reads=FALLBACK_READS,
)
