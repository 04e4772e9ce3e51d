"""Repeated calls: the same question paid by another trace within the hour."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .facts import HOUR, NEVER, SAME_COUNT, SECOND, Facts, Lane, is_periodic, joint, lanes
from .traces import SHARED_COLUMNS, OrderedCalls, duration_us, order_calls

_COLD = 0.2  # up to this temperature the same question has the same answer
_LEAST_CHARS = 20
_TWICE = 3 * SECOND  # one user who asks the same within this time clicked twice
_FLOOD, _FLOOD_GAP = 50, 6 * SECOND  # more calls than this, at less than this on average, are a load test
_RUN, _RESTART = 10, 12 * HOUR  # a job that starts again repeats this number of calls in order, within this time
_SIZES = 0.5  # share of different input counts from which on what the log does not show differs
# tags that name one piece of work
_JOB = r'(?i)"(?:job|task|message|msg|request|delivery|document|doc|item|event|run|order|ticket)(?:_?id)?"\s*:'
_NOTE = "Keep the answer for an hour, or make the work idempotent: the same question was paid again."


def find_repeated_calls(calls: pd.DataFrame, *, ttl: str = "1h") -> pd.DataFrame:
    """Find repeated calls: the same question paid by another trace.

    Two calls of one model are the same question if prompts and input counts are equal. The second one is waste if it
    comes within ``ttl`` and both temperatures are at most 0.2 (0 where the users differ), or the answers are equal, or
    the tags name the same job, or one user asks twice within 3 seconds or before the first answer has come; or if it is
    part of a job that repeats at least 10 calls in the same order within 12 hours. Calls at regular times, floods such
    as load tests, tool calls, evaluations, and prompts whose input counts vary (the log does not show all of them) are
    left out.

    Parameters
    ----------
    calls
        Frame of calls.
    ttl
        Longest time between the starts of two calls, such as ``"1h"``.

    Returns
    -------
    DataFrame
        FINDINGS, one row per question and series of calls; ``waste_cost`` is the cost of all but the first.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``ttl`` is no duration.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for minute in (0, 5):
    ...     trace = book.log(model="gpt-4o", prompt="Sum up the page about tides.", response="So.", temperature=0.0,
    ...                      timestamp=f"2026-03-01T10:0{minute}:00Z", cost=0.25)
    >>> cf.find_repeated_calls(book.df)["waste_cost"].tolist()
    [0.25]
    """
    return evidence(calls, ttl=ttl).frame()


def evidence(calls: pd.DataFrame | OrderedCalls, *, ttl: str = "1h") -> Evidence:
    """Find what :func:`find_repeated_calls` finds, with the calls of each finding."""
    longest = duration_us("ttl", ttl)
    ordered = order_calls(calls)
    facts = ordered.columns.facts
    lane = _questions(ordered)
    row = lane.row
    gap = facts.start[row] - lane.previous(facts.start)
    near = lane.follows & (np.abs(facts.input[row] - lane.previous(facts.input)) <= SAME_COUNT)
    other = near & (ordered.traces[row] != lane.previous(ordered.traces))
    again = other & (gap <= longest) & _same_on_purpose(facts, lane, gap) & ~_flood(lane, gap)
    again |= near & np.isin(row, _restarted(facts, lane))

    # the calls of a finding: those that repeat, and the one before the first of them
    begins = ~again
    lane = lane.split(begins)
    kept = lane.size > 1
    lane, again = lane.only(kept), again[kept]
    found = ordered.at(lane.row)
    sizes = np.bincount(lane.number) if len(lane.row) else np.zeros(0, np.int64)
    first = sizes.cumsum() - sizes
    code, names = found.only(first).models()
    span = facts.start[lane.row[first + sizes - 1]] - facts.start[lane.row[first]]
    return Evidence(
        "repeated_calls",
        calls=found,
        sizes=sizes,
        counted=np.ones(len(found), bool),
        wasted=again,
        saved=facts.paid[lane.row],
        description=concat_text(
            "the same question asked of ", names.take(pa.array(code, mask=code < 0)), " ", sizes, " times in ",
            seconds_text(span), " s",
        ),
        certainty="likely",
        savings_note=_NOTE,
    )  # fmt: skip


def _questions(ordered: OrderedCalls) -> Lane:
    """Return the calls that ask the same of the same model, in groups of two or more."""
    facts = ordered.columns.facts
    known = (facts.question >= 0) & (facts.start != NEVER) & (facts.paid != 0) & (facts.tools < 0)
    known &= ~facts.is_evaluation & ordered.columns.answered
    group = joint([facts.model, facts.question])
    text = joint([facts.model, facts.prompt])
    rows = np.flatnonzero(known)
    rows = rows[np.bincount(group[rows], minlength=group.max(initial=0) + 1)[group[rows]] > 1]
    if len(rows):
        length = pc.fill_null(pc.utf8_length(facts.texts("prompt", rows)), _LEAST_CHARS)
        rows = rows[length.to_numpy(zero_copy_only=False) >= _LEAST_CHARS]
    # what is asked at regular times, and prompts with more in them than the log shows, whatever their hashes
    by_text = lanes(facts, text, np.flatnonzero(known & (facts.prompt >= 0)))
    left_out = is_periodic(facts, by_text) | _vary(facts, by_text)
    return lanes(facts, group, np.setdiff1d(rows, by_text.row[left_out]))


def _vary(facts: Facts, lane: Lane) -> np.ndarray:
    """Return the calls of prompts whose input counts mostly differ, where no hash says how the prompts differ."""
    if not len(lane.row):
        return np.zeros(0, bool)
    new = np.zeros(len(lane.row), bool)
    new[
        np.unique(joint([lane.number, np.nan_to_num(facts.input[lane.row]).astype(np.int64)]), return_index=True)[1]
    ] = 1
    hashed = facts.prompt_hash[lane.row] >= 0
    return (lane.sum(new.astype(float)) > np.maximum(2, _SIZES * lane.size)) & ~hashed


def _same_on_purpose(facts: Facts, lane: Lane, gap: np.ndarray) -> np.ndarray:
    """Return which calls show that the answer of the call before would have done."""
    row = lane.row

    def same(code: np.ndarray) -> np.ndarray:
        return (code[row] >= 0) & (code[row] == lane.previous(code))

    hottest = np.maximum(facts.temperature[row], lane.previous(facts.temperature))
    others = (facts.user[row] >= 0) & (lane.previous(facts.user) >= 0) & ~same(facts.user)
    cold = (hottest <= _COLD) & ((hottest == 0) | ~others)
    tags = facts.code("tags")
    job = same(tags) & facts.matches("tags", _JOB)[row]
    pending = facts.start[row] < lane.previous(facts.end)
    twice = same(facts.user) & ((gap <= _TWICE) | pending)
    return cold | same(facts.response) | job | twice


def _flood(lane: Lane, gap: np.ndarray) -> np.ndarray:
    """Return the calls of questions that are asked very often in a short time."""
    if not len(lane.row):
        return np.zeros(0, bool)
    return (lane.size > _FLOOD) & (lane.median(np.where(lane.follows, gap, 0)) < _FLOOD_GAP)


def _restarted(facts: Facts, lane: Lane) -> np.ndarray:
    """Return the rows of jobs that were started again from their beginning: many calls repeated in the same order."""
    place = joint([facts.place, facts.model])
    jobs = lanes(facts, place, np.flatnonzero(facts.start != NEVER))
    position = np.zeros(len(place), np.int64)
    position[jobs.row] = np.arange(len(jobs.row))
    lag = np.full(len(place), 0)
    gap = facts.start[lane.row] - lane.previous(facts.start)
    second = lane.follows & (lane.size == 2) & (gap <= _RESTART) & (place[lane.row] == lane.previous(place))
    lag[lane.row[second]] = (position[lane.row] - lane.previous(position))[second]
    along = lag[jobs.row]
    changes = np.ones(len(along), bool)
    changes[1:] = along[1:] != along[:-1]
    runs = jobs.split(changes)
    return runs.row[(along >= _RUN) & (runs.size >= _RUN)]


DETECTOR = Detector(
    "repeated_calls",
    find_repeated_calls,
    evidence,
    columns=SHARED_COLUMNS,
    certainty="likely",
    in_crashlens=False,
    looks_at=(("prompt", "prompt_hash"), ("timestamp",)),
    summary="the same question paid by another trace within the hour",
    texts=("prompt", "response"),
    reads=(
        "temperature", "user_id", "tags", "prompt_hash", "tool_calls", "billed", "latency_ms", "source", "route",
        "name", "agent", "team",
    ),
)  # fmt: skip
