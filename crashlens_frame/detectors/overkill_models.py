"""Overkill models: an expensive model for a short and simple prompt."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..pricing import PRICE_COLUMNS, Prices, add_cost, cheaper_alternatives
from ..schema import TEXT
from .detector import Detector
from .evidence import MEDIUM, Evidence, concat_text
from .traces import (
    SHARED_COLUMNS,
    WHITESPACE,
    OrderedCalls,
    check_at_least_one,
    check_rules,
    known_texts,
    order_calls,
    trim_texts,
)

_STARTS = (
    "summarize", "fix grammar", "translate", "explain", "what is", "hello", "hi", "thanks", "thank you", "yes", "no",
    "ok", "what are", "how to", "define", "definition", "list", "show me",
)  # fmt: skip
_COMPLEX = r'\{"task":|"context":|"instructions":|(?s:\n.*){4}|```|def |class |import |function'
_WORD = f"[^{WHITESPACE}]+"

# how CrashLens 2.20.0 recognises an expensive model, and what it suggests instead
_EXPENSIVE = "gpt-4|claude-2|claude-3-opus|claude-3-sonnet"
_SUGGESTED = {"claude-3-opus": "claude-3-haiku", "claude-3-sonnet": "claude-3-haiku", "claude-2.1": "claude-instant-1"}
_OTHERWISE = "gpt-3.5-turbo"
_SAVED = 0.7


def find_overkill_models(
    calls: pd.DataFrame,
    *,
    max_prompt_tokens: int = 20,
    max_prompt_chars: int = 150,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Find overkill: calls that answered a short and simple prompt on an expensive model.

    A prompt is simple if it begins with words such as *summarize*, *translate*, *what is* or *hello*, or has fewer than
    ``max_prompt_chars`` characters; and if it contains no code, no JSON task and at most 3 line breaks. Calls without a
    prompt or a token count are left out.

    Parameters
    ----------
    calls
        Frame of calls.
    max_prompt_tokens
        Largest number of input tokens of a short prompt.
    max_prompt_chars
        Number of characters from which a prompt is not simple just because it is short.
    prices
        Prices that name a ``cheaper_alternative`` for each expensive model: the path of a YAML file, a PriceBook or a
        mapping; the shipped ones when not given.
    rules
        ``"default"``: as above. ``"crashlens"``: what ``crashlens scan`` 2.20.0 finds, which recognises expensive
        models by parts of their names, counts three quarters of the words as tokens, and takes every call for answered.

    Returns
    -------
    DataFrame
        FINDINGS, one row per call, all of medium severity. ``waste_cost`` is the cost of the call minus the cost of the
        same tokens on ``suggested_model`` at that time (with the rules of CrashLens: 70 % of the cost).

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        A threshold or the name of the rules is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Notes
    -----
    The words and the thresholds are those of CrashLens 2.20.0.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_overkill("gpt-4", "Hi", "Hello!", seed=1)
    >>> cf.find_overkill_models(book.df)[["model", "severity"]]
       model severity
    0  gpt-4   medium
    """
    return evidence(
        calls, max_prompt_tokens=max_prompt_tokens, max_prompt_chars=max_prompt_chars, prices=prices, rules=rules
    ).frame()


def evidence(
    calls: pd.DataFrame | OrderedCalls,
    *,
    max_prompt_tokens: int = 20,
    max_prompt_chars: int = 150,
    prices: Prices | None = None,
    rules: str = "default",
) -> Evidence:
    """Find what :func:`find_overkill_models` finds, with the calls of each finding."""
    check_rules(rules)
    check_at_least_one(max_prompt_tokens=max_prompt_tokens, max_prompt_chars=max_prompt_chars)
    traced = order_calls(calls)
    code, names = traced.models()
    cheaper = _alternatives(names, prices) if rules == "default" else _suggestions(names)
    expensive = traced.only((np.append(pc.is_valid(cheaper), False))[code])
    if rules == "default":
        short = expensive.only(expensive.numbers("input_tokens") <= max_prompt_tokens)
        prompts = short.column("prompt")
        kept = known_texts(prompts) & short.answered()
        short, prompts = short.only(kept), trim_texts(prompts.filter(pa.array(kept)))
    else:
        prompts = pc.fill_null(expensive.column("prompt"), "")
        kept = _estimated_tokens(prompts) <= max_prompt_tokens
        short, prompts = expensive.only(kept), prompts.filter(pa.array(kept))
    overkill = short.only(_simple(prompts, max_prompt_chars, rules))

    code, _ = overkill.models()
    suggested = cheaper.take(pa.array(code))
    return Evidence(
        "overkill_models",
        calls=overkill,
        sizes=np.ones(len(overkill), np.int64),
        counted=np.ones(len(overkill), bool),
        wasted=np.ones(len(overkill), bool),
        saved=_saved(overkill, suggested, prices) if rules == "default" else _SAVED * overkill.numbers("cost"),
        severity=np.full(len(overkill), MEDIUM),
        description=concat_text(names.take(pa.array(code)), " for a short and simple prompt; ", suggested, " would do"),
        suggested_model=suggested,
    )


def _alternatives(names: pa.Array, prices: Prices | None) -> pa.Array:
    """Return the cheaper model that the prices name for each model; null where they name none."""
    cheaper = cheaper_alternatives(pd.Series(names.to_pylist(), dtype="str"), prices)
    return pa.array(cheaper.to_numpy(object), TEXT, from_pandas=True)


def _suggestions(names: pa.Array) -> pa.Array:
    """Return the model that CrashLens suggests for each expensive model; null for the others."""
    lowered = pc.utf8_lower(names)
    place = pc.index_in(lowered, pa.array(list(_SUGGESTED)))
    suggested = pc.fill_null(pa.array(list(_SUGGESTED.values())).take(place), _OTHERWISE)
    return pc.if_else(pc.match_substring_regex(lowered, _EXPENSIVE), suggested, pa.scalar(None, TEXT))


def _estimated_tokens(prompts: pa.ChunkedArray) -> np.ndarray:
    """Estimate tokens as CrashLens does: three quarters of the words, and at least 1 if there is a text."""
    words = pc.count_substring_regex(prompts, _WORD).to_numpy()
    return np.where(known_texts(prompts), np.maximum(1, (words * 0.75).astype(np.int64)), 0)


def _simple(prompts: pa.ChunkedArray, max_chars: int, rules: str) -> np.ndarray:
    """Return which prompts are simple."""
    whole_word = r"(?:$|[^\pL\pN_])" if rules == "default" else ""
    begins = pc.match_substring_regex(
        pc.utf8_lower(pc.utf8_slice_codeunits(trim_texts(prompts), 0, 40)), f"^(?:{'|'.join(_STARTS)}){whole_word}"
    )
    brief = pc.less(pc.utf8_length(prompts), max_chars)
    simple: np.ndarray = pc.and_not(pc.or_(begins, brief), pc.match_substring_regex(prompts, _COMPLEX)).to_numpy()
    return simple


def _saved(calls: OrderedCalls, suggested: pa.Array, prices: Prices | None) -> np.ndarray:
    """Return how much more each call cost than the same tokens on the suggested model."""
    # as an array: a Series would be aligned with the index of the calls
    elsewhere = calls.frame(PRICE_COLUMNS).assign(model=suggested.to_numpy(zero_copy_only=False))
    instead = add_cost(elsewhere, prices, reprice=True)["cost"].to_numpy()
    return np.maximum(calls.numbers("cost") - instead, 0.0)


DETECTOR = Detector(
    "overkill_models",
    find_overkill_models,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="candidate",
    in_crashlens=True,
    summary="an expensive model for a short and simple prompt",
)
