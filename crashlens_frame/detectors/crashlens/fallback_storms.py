"""Fallback storms as CrashLens 2.20.0 finds them: several models within one short trace."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from ..evidence import HIGH, MEDIUM, Evidence, RuleTable, concat_text, first_that_holds, last_answer, seconds_text
from ..traces import (
    OrderedCalls,
    check_at_least_one,
    duration_us,
    find_runs,
    order_calls,
    select_groups,
)

_SEVERITIES: RuleTable[np.ndarray] = ((lambda n_calls: n_calls > 5, HIGH),)


def evidence(
    calls: pd.DataFrame | OrderedCalls, *, min_calls: int = 3, min_models: int = 2, window: str = "3min"
) -> Evidence:
    """Find whole traces that span at most the window, with enough calls and models, even if their prompts differ."""
    check_at_least_one(min_calls=min_calls, min_models=min_models)
    longest = duration_us("window", window)
    traced = order_calls(calls, least=min_calls).timed().in_traces_of(min_calls)
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
