"""Fallback storms: one prompt sent from model to model."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from .detector import Detector
from .evidence import HIGH, MEDIUM, Evidence, RuleTable, concat_text, first_that_holds, last_answer, seconds_text
from .traces import (
    SHARED_COLUMNS,
    OrderedCalls,
    check_at_least_one,
    check_rules,
    duration_us,
    find_runs,
    order_calls,
    select_groups,
    text_codes,
    trim_texts,
)

_SEVERITIES: RuleTable[np.ndarray] = ((lambda n_calls: n_calls > 5, HIGH),)


def find_fallback_storms(
    calls: pd.DataFrame, *, min_calls: int = 3, min_models: int = 2, window: str = "3min", rules: str = "default"
) -> pd.DataFrame:
    """Find fallback storms: calls of one trace with the same prompt on several models, one soon after the other.

    Calls without a time or a prompt are left out. The case of model names and the white space around prompts do not
    matter.

    Parameters
    ----------
    calls
        Frame of calls.
    min_calls
        Smallest number of calls of a storm.
    min_models
        Smallest number of distinct models.
    window
        Longest time between the starts of two calls of one storm, such as ``"3min"``.
    rules
        ``"default"``: as above, so that an agent whose steps use several models is no storm. ``"crashlens"``: what
        ``crashlens scan`` 2.20.0 finds: whole traces that span at most the window, even if their prompts differ.

    Returns
    -------
    DataFrame
        FINDINGS, one row per storm; severity is high above 5 calls, else medium. ``waste_cost`` is the cost of all its
        calls except the last one that answered.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        A threshold or the name of the rules is not allowed.

    Notes
    -----
    The thresholds are those of CrashLens 2.20.0.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for second, model in enumerate(("gpt-4", "gpt-4o", "claude-3-opus")):
    ...     trace = book.log(model=model, prompt="Hi", trace_id="t1", timestamp=f"2026-01-01T10:00:0{second}Z")
    >>> cf.find_fallback_storms(book.df)[["trace_id", "models", "severity"]]
      trace_id                            models severity
    0       t1  gpt-4 -> gpt-4o -> claude-3-opus   medium
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
    check_at_least_one(min_calls=min_calls, min_models=min_models)
    longest = duration_us("window", window)
    traced = order_calls(calls, least=min_calls).timed().in_traces_of(min_calls)
    if rules == "default":
        bursts, burst = _same_prompt(traced, longest, min_calls, min_models)
    else:
        bursts, burst = _short_traces(traced, longest, min_calls)
    models = _distinct_models(bursts, burst)
    storm = models >= min_models
    bursts, burst = select_groups(bursts, burst, storm)

    sizes = np.bincount(burst)
    ends = sizes.cumsum()
    span = bursts.only(ends - 1).time - bursts.only(ends - sizes).time
    return Evidence(
        "fallback_storms",
        calls=bursts,
        sizes=sizes,
        counted=np.ones(len(bursts), bool),
        wasted=~last_answer(bursts.answered(), burst),
        saved=bursts.numbers("cost"),
        severity=first_that_holds(_SEVERITIES, sizes, MEDIUM),
        description=concat_text(
            sizes, " calls on ", models[storm], " models for one request in ", seconds_text(span), " s"
        ),
    )


def _same_prompt(traced: OrderedCalls, window: int, min_calls: int, min_models: int) -> tuple[OrderedCalls, np.ndarray]:
    """Sort the calls of one trace and prompt side by side, and number those that follow each other in time."""
    # prompts are slow to compare, so only those of runs of equal length and several models are compared
    logged = traced.only(traced.columns.trimmed_lengths[traced.row] > 0)
    length = logged.columns.trimmed_lengths[logged.row]
    traced, burst = find_runs(logged, [logged.trace, length], max_gap=window, least=min_calls)
    traced, burst = select_groups(traced, burst, _distinct_models(traced, burst) >= min_models)
    prompt = text_codes(trim_texts(traced.column("prompt")), burst)
    return find_runs(traced, [burst, prompt], max_gap=window, least=min_calls)


def _short_traces(traced: OrderedCalls, window: int, min_calls: int) -> tuple[OrderedCalls, np.ndarray]:
    """Keep the traces of at least ``min_calls`` calls that span at most the window, and number them."""
    traced, trace = find_runs(traced, [traced.trace], least=min_calls, consecutive=True)
    whole = np.bincount(trace)
    ends = whole.cumsum()
    return select_groups(traced, trace, traced.only(ends - 1).time - traced.only(ends - whole).time <= window)


def _distinct_models(traced: OrderedCalls, group: np.ndarray) -> np.ndarray:
    """Count the distinct models of each group, ignoring case; a call without a name has no model."""
    code, names = traced.models()
    lowered = pc.dictionary_encode(pc.utf8_lower(names)).indices.to_numpy()
    named = (code >= 0) & np.append(pc.not_equal(names, "").to_numpy(zero_copy_only=False), False)[code]
    base = len(names) + 1
    # a sort of whole numbers is several times as fast as the hashes of np.unique
    pairs = np.sort(group[named] * base + np.append(lowered, 0)[code[named]])
    distinct = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]
    return np.bincount(distinct // base, minlength=int(group.max(initial=-1)) + 1)


DETECTOR = Detector(
    "fallback_storms",
    find_fallback_storms,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="certain",
    in_crashlens=True,
    summary="one prompt sent to several models, one soon after the other",
)
