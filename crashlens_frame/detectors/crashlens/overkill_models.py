"""Overkill as CrashLens 2.20.0 finds it: a model with an expensive name for a short and simple prompt."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ...schema import TEXT
from ..evidence import MEDIUM, Evidence, concat_text
from ..texts import WHITESPACE, known_texts, trim_texts
from ..traces import (
    OrderedCalls,
    check_at_least_one,
    order_calls,
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


def evidence(
    calls: pd.DataFrame | OrderedCalls, *, max_prompt_tokens: int = 20, max_prompt_chars: int = 150
) -> Evidence:
    """Find calls to a model with the name of an expensive one whose prompt is short and simple."""
    check_at_least_one(max_prompt_tokens=max_prompt_tokens, max_prompt_chars=max_prompt_chars)
    traced = order_calls(calls)
    code, names = traced.models()
    cheaper = _suggestions(names)
    expensive = traced.only((np.append(pc.is_valid(cheaper), False))[code])
    prompts = pc.fill_null(expensive.column("prompt"), "")
    kept = _estimated_tokens(prompts) <= max_prompt_tokens
    overkill = expensive.only(kept)
    overkill = overkill.only(_simple(prompts.filter(pa.array(kept)), max_prompt_chars))

    code, _ = overkill.models()
    suggested = cheaper.take(pa.array(code))
    return Evidence(
        "overkill_models",
        calls=overkill,
        sizes=np.ones(len(overkill), np.int64),
        counted=np.ones(len(overkill), bool),
        wasted=np.ones(len(overkill), bool),
        saved=_SAVED * overkill.numbers("cost"),
        severity=np.full(len(overkill), MEDIUM),
        description=concat_text(names.take(pa.array(code)), " for a short and simple prompt; ", suggested, " would do"),
        suggested_model=suggested,
    )


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


def _simple(prompts: pa.ChunkedArray, max_chars: int) -> np.ndarray:
    """Return which prompts are simple."""
    begins = pc.match_substring_regex(
        pc.utf8_lower(pc.utf8_slice_codeunits(trim_texts(prompts), 0, 40)), f"^(?:{'|'.join(_STARTS)})"
    )
    brief = pc.less(pc.utf8_length(prompts), max_chars)
    simple: np.ndarray = pc.and_not(pc.or_(begins, brief), pc.match_substring_regex(prompts, _COMPLEX)).to_numpy()
    return simple
