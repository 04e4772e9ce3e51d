"""Fallback failures: a more expensive model asked what a cheaper one had answered."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..pricing import PRICE_COLUMNS, Prices, mean_rate
from .detector import Detector
from .evidence import HIGH, MEDIUM, Evidence, RuleTable, concat_text, first_that_holds, seconds_text
from .traces import (
    SHARED_COLUMNS,
    OrderedCalls,
    check_rules,
    duration_us,
    known_texts,
    order_calls,
    trim_texts,
)

_SEVERITIES: RuleTable[np.ndarray] = ((lambda cost: cost > 0.01, HIGH),)  # US dollars of the unnecessary call

# how CrashLens 2.20.0 recognises cheap and expensive models
_CHEAP = "^(gpt-3.5-turbo|claude-3-haiku|claude-instant-1)".replace(".", r"\.")
_EXPENSIVE = "^(gpt-4|claude-3-opus|claude-3-sonnet|claude-2.1|claude-2.0)".replace(".", r"\.")


def find_fallback_failures(
    calls: pd.DataFrame, *, window: str = "5min", prices: Prices | None = None, rules: str = "default"
) -> pd.DataFrame:
    """Find fallback failures: a more expensive model is asked what a cheaper one has answered.

    A finding is two consecutive calls of one trace with equal prompts; the white space around them does not matter.
    Calls without a time or a prompt are left out.

    Parameters
    ----------
    calls
        Frame of calls.
    window
        Longest time between the starts of the two calls, such as ``"5min"``.
    prices
        Prices that decide which model is more expensive: the path of a YAML file, a PriceBook or a mapping; the shipped
        ones when not given. A model without a price is neither cheaper nor more expensive.
    rules
        ``"default"``: the first call answered, and the mean of the second model's input and output price is higher at
        that time. ``"crashlens"``: what ``crashlens scan`` 2.20.0 finds, which takes every first call for answered and
        recognises cheap and expensive models by how their names begin.

    Returns
    -------
    DataFrame
        FINDINGS, one row per pair of calls. ``cost``, ``waste_cost`` and ``waste_tokens`` are those of the second call;
        severity is high where it cost more than 0.01 USD, else medium (always medium with the rules of CrashLens,
        whose scan does not price these calls).

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        The window or the name of the rules is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Notes
    -----
    The window is that of CrashLens 2.20.0.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for second, model in enumerate(("gpt-3.5-turbo", "gpt-4")):
    ...     trace = book.log(
    ...         model=model, prompt="Hi", response="Hello!", trace_id="t1", timestamp=f"2026-01-01T10:00:0{second}Z"
    ...     )
    >>> cf.find_fallback_failures(book.df)[["trace_id", "models"]]
      trace_id                  models
    0       t1  gpt-3.5-turbo -> gpt-4
    """
    return evidence(calls, window=window, prices=prices, rules=rules).frame()


def evidence(
    calls: pd.DataFrame | OrderedCalls, *, window: str = "5min", prices: Prices | None = None, rules: str = "default"
) -> Evidence:
    """Find what :func:`find_fallback_failures` finds, with the calls of each finding."""
    check_rules(rules)
    longest = duration_us("window", window)
    traced = order_calls(calls, least=2).timed()
    # quick checks come first, so that few pairs are left when prompts are compared
    code, names = traced.models()
    near = (np.diff(traced.trace) == 0) & (np.diff(traced.time) <= longest) & (code[1:] != code[:-1])
    first = np.flatnonzero(near & (np.diff(traced.columns.trimmed_lengths[traced.row]) == 0))
    first = first[_same_prompt(traced, first)]
    if rules == "default":
        first = first[traced.only(first).answered()]
        first = first[_rate(traced.only(first + 1), prices) > _rate(traced.only(first), prices)]
    else:
        cheap, expensive = (np.append(pc.match_substring_regex(names, kind), False) for kind in (_CHEAP, _EXPENSIVE))
        first = first[cheap[code[first]] & expensive[code[first + 1]]]

    pairs = traced.only(np.column_stack((first, first + 1)).ravel())
    second = np.arange(len(pairs)) % 2 == 1
    cost = pairs.numbers("cost")
    code, names = pairs.models()
    model = names.take(pa.array(code, mask=code < 0))
    return Evidence(
        "fallback_failures",
        calls=pairs,
        sizes=np.full(len(first), 2),
        counted=second,
        wasted=second,
        saved=cost,
        severity=(
            first_that_holds(_SEVERITIES, cost[second], MEDIUM) if rules == "default" else np.full(len(first), MEDIUM)
        ),
        description=concat_text(
            model.filter(pa.array(~second)), " answered, and ", model.filter(pa.array(second)), " was asked the same ",
            seconds_text(np.diff(pairs.time)[::2]), " s later",
        ),
    )  # fmt: skip


def _same_prompt(traced: OrderedCalls, first: np.ndarray) -> np.ndarray:
    """Return which of the calls have the same prompt as the next call; an unknown prompt equals none."""
    prompt, following = traced.only(first).column("prompt"), traced.only(first + 1).column("prompt")
    same: np.ndarray = pc.fill_null(pc.equal(trim_texts(prompt), trim_texts(following)), False).to_numpy()
    return same & known_texts(prompt) & known_texts(following)


def _rate(calls: OrderedCalls, prices: Prices | None) -> np.ndarray:
    return mean_rate(calls.frame(PRICE_COLUMNS), prices)


DETECTOR = Detector(
    "fallback_failures",
    find_fallback_failures,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="certain",
    in_crashlens=True,
    summary="a more expensive model asked what a cheaper one had answered",
)
