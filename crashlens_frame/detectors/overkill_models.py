"""Overkill models: a dear model for a short and simple prompt."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..pricing import PRICE_COLUMNS, Prices, add_cost, cheaper_alternatives
from ..schema import TEXT
from .evidence import MEDIUM, Evidence, concat_text
from .traces import WHITESPACE, OrderedCalls, check_at_least_one, check_rules, known_texts, order_calls, trim_texts

_STARTS = (
    "summarize", "fix grammar", "translate", "explain", "what is", "hello", "hi", "thanks", "thank you", "yes", "no",
    "ok", "what are", "how to", "define", "definition", "list", "show me",
)  # fmt: skip
_COMPLEX = r'\{"task":|"context":|"instructions":|(?s:\n.*){4}|```|def |class |import |function'
_WORD = f"[^{WHITESPACE}]+"

# how CrashLens 2.20.0 knows a dear model, and what it suggests instead
_DEAR = "gpt-4|claude-2|claude-3-opus|claude-3-sonnet"
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
    """Find overkill: calls that answered a short and simple prompt on a dear model.

    A prompt is simple if it begins with words such as *summarize*, *translate*, *what is* or *hello*, or has fewer than
    ``max_prompt_chars`` characters; and if it holds no code, no JSON task and at most 3 line breaks. Calls without a
    prompt or a token count are left out.

    Parameters
    ----------
    calls
        Frame of calls.
    max_prompt_tokens
        Most input tokens of a short prompt.
    max_prompt_chars
        Number of characters from which a prompt is not simple for its length alone.
    prices
        Prices that name a ``cheaper_alternative`` for each dear model: the path of a YAML file, a PriceBook or a
        mapping; the shipped ones when not given.
    rules
        ``"default"``: as above. ``"crashlens"``: what ``crashlens scan`` 2.20.0 finds, which knows dear models by parts
        of their names, takes three quarters of the words for the tokens, and every call for answered.

    Returns
    -------
    DataFrame
        FINDINGS, a row a call, all of medium severity. ``waste_cost`` is the cost of the call less that of the same
        tokens on ``suggested_model`` at that time (with the rules of CrashLens: 70 % of the cost).

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidCallError
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
    dear = traced.only((np.append(pc.is_valid(cheaper), False))[code])
    if rules == "default":
        short = dear.only(dear.numbers("input_tokens") <= max_prompt_tokens)
        prompts = short.column("prompt")
        kept = known_texts(prompts) & short.answered()
        short, prompts = short.only(kept), trim_texts(prompts.filter(pa.array(kept)))
    else:
        prompts = pc.fill_null(dear.column("prompt"), "")
        kept = _estimated_tokens(prompts) <= max_prompt_tokens
        short, prompts = dear.only(kept), prompts.filter(pa.array(kept))
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
    """Give the cheaper model that the prices name for each model; null where they name none."""
    cheaper = cheaper_alternatives(pd.Series(names.to_pylist(), dtype="str"), prices)
    return pa.array(cheaper.to_numpy(object), TEXT, from_pandas=True)


def _suggestions(names: pa.Array) -> pa.Array:
    """Give the model that CrashLens suggests for each dear model; null for the others."""
    lowered = pc.utf8_lower(names)
    place = pc.index_in(lowered, pa.array(list(_SUGGESTED)))
    suggested = pc.fill_null(pa.array(list(_SUGGESTED.values())).take(place), _OTHERWISE)
    return pc.if_else(pc.match_substring_regex(lowered, _DEAR), suggested, pa.scalar(None, TEXT))


def _estimated_tokens(prompts: pa.ChunkedArray) -> np.ndarray:
    """Estimate tokens as CrashLens does: three quarters of the words, at least 1 where there is a text."""
    words = pc.count_substring_regex(prompts, _WORD).to_numpy()
    return np.where(known_texts(prompts), np.maximum(1, (words * 0.75).astype(np.int64)), 0)


def _simple(prompts: pa.ChunkedArray, max_chars: int, rules: str) -> np.ndarray:
    """Tell which prompts ask for little."""
    whole_word = r"(?:$|[^\pL\pN_])" if rules == "default" else ""
    begins = pc.match_substring_regex(
        pc.utf8_lower(pc.utf8_slice_codeunits(trim_texts(prompts), 0, 40)), f"^(?:{'|'.join(_STARTS)}){whole_word}"
    )
    brief = pc.less(pc.utf8_length(prompts), max_chars)
    simple: np.ndarray = pc.and_not(pc.or_(begins, brief), pc.match_substring_regex(prompts, _COMPLEX)).to_numpy()
    return simple


def _saved(calls: OrderedCalls, suggested: pa.Array, prices: Prices | None) -> np.ndarray:
    """Give what each call cost more than the same tokens would have cost on the suggested model."""
    # as an array: a Series would be aligned with the index of the calls
    elsewhere = calls.frame(PRICE_COLUMNS).assign(model=suggested.to_numpy(zero_copy_only=False))
    instead = add_cost(elsewhere, prices, reprice=True)["cost"].to_numpy()
    return np.maximum(calls.numbers("cost") - instead, 0.0)
