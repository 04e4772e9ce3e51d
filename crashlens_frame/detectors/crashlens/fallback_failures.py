"""Fallback failures as CrashLens 2.20.0 finds them: an expensive model asked what a cheap one was asked before."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..evidence import MEDIUM, Evidence, concat_text, seconds_text
from ..texts import known_texts, trim_texts
from ..traces import (
    OrderedCalls,
    duration_us,
    order_calls,
)

# how CrashLens 2.20.0 recognises cheap and expensive models
_CHEAP = "^(gpt-3.5-turbo|claude-3-haiku|claude-instant-1)".replace(".", r"\.")
_EXPENSIVE = "^(gpt-4|claude-3-opus|claude-3-sonnet|claude-2.1|claude-2.0)".replace(".", r"\.")


def evidence(calls: pd.DataFrame | OrderedCalls, *, window: str = "5min") -> Evidence:
    """Find calls to an expensive model right after a cheap one was asked the same, recognised by their names."""
    longest = duration_us("window", window)
    traced = order_calls(calls, least=2).timed()
    # quick checks come first, so that few pairs are left when prompts are compared
    code, names = traced.models()
    near = (np.diff(traced.trace) == 0) & (np.diff(traced.time) <= longest) & (code[1:] != code[:-1])
    first = np.flatnonzero(near & (np.diff(traced.columns.trimmed_lengths[traced.row]) == 0))
    first = first[_same_prompt(traced, first)]
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
        severity=np.full(len(first), MEDIUM),
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
