"""Retry loops as CrashLens 2.20.0 finds them: the same prompt sent to the same model again and again."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..evidence import HIGH, LOW, MEDIUM, Evidence, RuleTable, concat_text, first_that_holds, last_answer, seconds_text
from ..traces import (
    SHARED_COLUMNS,
    OrderedCalls,
    check_at_least_one,
    duration_us,
    find_runs,
    order_calls,
    select_groups,
    text_codes,
)

_COLUMNS = (*SHARED_COLUMNS, "retry_count")
_SMALL = 50  # tokens
_SECOND = 1_000_000
# CrashLens rounds spans to hundredths of a second before it compares them, half to even in binary
_QUICK = (29_995_000, 59_995_001)


class _Loops(NamedTuple):
    """What the score of a loop depends on, one entry per loop."""

    backoff: np.ndarray
    small_answers: np.ndarray
    n_calls: np.ndarray
    span: np.ndarray
    half_minute: int  # microseconds, as span
    minute: int


# the score is the sum of the points of each part; in a part only the first condition that holds counts
_POINTS: dict[str, RuleTable[_Loops]] = {
    "waiting": ((lambda loop: loop.backoff, 15), (lambda loop: ~loop.backoff, 30)),
    "answers": ((lambda loop: loop.small_answers, 25),),
    "number": ((lambda loop: loop.n_calls > 7, 25), (lambda loop: loop.n_calls > 5, 15)),
    "speed": ((lambda loop: loop.span < loop.half_minute, 20), (lambda loop: loop.span < loop.minute, 15)),
}
_SEVERITIES: RuleTable[np.ndarray] = ((lambda score: score >= 70, HIGH), (lambda score: score >= 40, MEDIUM))


def evidence(calls: pd.DataFrame | OrderedCalls, *, max_retries: int = 3, max_gap: str = "2min") -> Evidence:
    """Find more than ``max_retries`` consecutive calls with equal prompt and model that show a sign of retrying."""
    check_at_least_one(max_retries=max_retries)
    ordered = order_calls(calls, needs=_COLUMNS, least=max_retries + 1, alike=True)
    tries, run = _runs(ordered.timed(), max_retries, duration_us("max_gap", max_gap))
    answered = tries.answered()
    small = _small_answers(tries, run)
    backoff, patient = _waiting(tries, run)
    loop = small | backoff | patient
    answered = answered[loop[run]]
    tries, run = select_groups(tries, run, loop)

    sizes = np.bincount(run)
    ends = sizes.cumsum()
    span = tries.only(ends - 1).time - tries.only(ends - sizes).time
    loops = _Loops(backoff[loop], small[loop], sizes, span, *_QUICK)
    score = np.sum([first_that_holds(points, loops, 0) for points in _POINTS.values()], axis=0)
    first = tries.only(ends - sizes)
    code, names = first.models()
    how = pc.if_else(pa.array(backoff[loop]), "with exponential backoff", "without exponential backoff")
    return Evidence(
        "retry_loops",
        calls=tries,
        sizes=sizes,
        counted=np.ones(len(tries), bool),
        wasted=~last_answer(answered, run),
        saved=tries.numbers("cost"),
        severity=first_that_holds(_SEVERITIES, score, LOW),
        description=concat_text(
            sizes, " calls to ", names.take(pa.array(code, mask=code < 0)), " with the same prompt in ",
            seconds_text(span), " s, ", how,
        ),
        score=pa.array(score),
    )  # fmt: skip


def _runs(traced: OrderedCalls, max_retries: int, max_gap: int) -> tuple[OrderedCalls, np.ndarray]:
    """Place the calls of each run of more than ``max_retries`` calls side by side, and number the runs."""
    rule: dict[str, Any] = {"max_gap": max_gap, "least": max_retries + 1, "consecutive": True}
    traced = traced.in_traces_of(max_retries + 1)
    # prompts are slow to compare, so only those of runs of equal model and length of prompt are compared
    traced, run = find_runs(
        traced, [traced.trace, traced.models()[0], traced.columns.prompt_lengths[traced.row]], **rule
    )
    return find_runs(traced, [run, text_codes(pc.fill_null(traced.column("prompt"), ""), run)], **rule)


def _small_answers(tries: OrderedCalls, run: np.ndarray) -> np.ndarray:
    """Return in which runs every answer is short, and about as long as the others."""
    tokens = tries.numbers("output_tokens")
    judged = ~np.isnan(tokens)
    tokens, run, size = tokens[judged], run[judged], _size(run)
    number, total = np.bincount(run, minlength=size), np.bincount(run, tokens, size)
    large = np.bincount(run, tokens > _SMALL, size) > 0
    # a standard deviation under 0.4 of the mean, both times number and squared: whole numbers, so nothing is rounded
    spread = number * np.bincount(run, np.where(tokens > _SMALL, 0, tokens) ** 2, size) - total**2
    return (number > 0) & ~large & ((total == 0) | (25 * spread < 4 * total**2))


def _waiting(tries: OrderedCalls, run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return in which runs the gaps about double, and in which they at least do not shrink."""
    size = _size(run)
    gap = np.diff(tries.time) / _SECOND
    pair = (run[2:] == run[:-2]) if len(run) > 2 else np.empty(0, bool)
    before, after, owner = gap[:-1][pair], gap[1:][pair], run[2:][pair]

    pairs = np.bincount(owner, minlength=size)
    kept = np.bincount(owner, after >= before * 0.9, size)
    patient = (pairs == 0) | (kept >= 0.6 * pairs)

    moved = before > 0
    ratio, owner = after[moved] / before[moved], owner[moved]
    ratios = np.bincount(owner, minlength=size)
    doubled = np.bincount(owner, (ratio >= 1.5) & (ratio <= 3), size)
    steady = np.bincount(owner, ratio >= 0.95, size)
    backoff = (ratios > 0) & (doubled >= np.maximum(1, 0.7 * ratios)) & (steady >= 0.7 * ratios)
    return backoff, patient


def _size(run: np.ndarray) -> int:
    return int(run.max(initial=-1)) + 1
