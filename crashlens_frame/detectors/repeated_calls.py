"""Repeated calls: the same question paid by another trace within the hour."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .facts import HOUR, NEVER, SAME_COUNT, SECOND, Facts
from .lanes import Lane, is_periodic, lanes
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
    the tags name the same job, or one user asks twice, and not more often, within 3 seconds or before the first answer
    has come; or if it is part of a job that repeats at least 10 calls in the same order within 12 hours. Calls at
    regular times, floods such as load tests, tool calls, evaluations, and prompts whose input counts vary (the log does
    not show all of them) are left out.

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
    # the cheapest test comes first: most questions are not asked again in a way that counts
    known = _could_repeat(ordered)
    lane = _long_enough(facts, lanes(facts, [facts.model, facts.question], np.flatnonzero(known), least=2))
    again = _asked_again(ordered, lane, longest)
    kept = lane.any(again) | (lane.size == 2)
    lane, again = lane.only(kept), again[kept]
    kept = ~_left_out(facts, lane, known)
    lane, again = lane.only(kept), again[kept]
    gap = lane.rise(facts.start)
    again &= ~_flood(lane, gap)
    pair = _pairs(facts, lane)
    pairs = np.column_stack((lane.row[pair], lane.before[pair]))
    if ordered.part is None:
        pair = pair[np.isin(lane.row[pair], restarted(facts, *pairs.T))]
    pair = pair[_equal_counts(facts, lane.row[pair], lane.before[pair])]
    on_condition = np.zeros(len(lane.row), bool)
    on_condition[pair] = ~again[pair]
    again[pair] = True

    # the calls of a finding: those that repeat, and the one before the first of them
    begins = ~again
    lane = lane.split(begins)
    kept = lane.size > 1
    lane, again, on_condition = lane.only(kept), again[kept], on_condition[kept]
    found = ordered.at(lane.row)
    sizes = lane.counts
    part = ordered.part
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
        condition=None if part is None else np.where(on_condition, part.numbers[lane.row] + 1, 0)[first + 1],
        shows=None if part is None else part.numbers[pairs],
    )  # fmt: skip


def _could_repeat(ordered: OrderedCalls) -> np.ndarray:
    """Return which calls of the frame were paid and did not fail, without tools, and not to compare answers."""
    facts = ordered.columns.facts
    known: np.ndarray = (facts.question >= 0) & (facts.start != NEVER) & (facts.paid != 0) & (facts.tools < 0)
    return known & ~facts.is_evaluation & ~ordered.columns.failed  # a log may leave its answers out


def _long_enough(facts: Facts, lane: Lane) -> Lane:
    """Leave out the questions whose text is known, and too short to say that they are the same."""
    place = np.flatnonzero(facts.prompt_lengths[lane.row] < 4 * _LEAST_CHARS)
    place = place[facts.prompt[lane.row[place]] >= 0]
    texts = facts.texts("prompt", lane.row[place])
    tiny = np.zeros(len(lane.row), bool)
    tiny[place] = texts.flags(lambda each: pc.less(pc.utf8_length(each), _LEAST_CHARS))
    return lane.only(~tiny)


def _asked_again(ordered: OrderedCalls, lane: Lane, longest: int) -> np.ndarray:
    """Return which calls ask what another trace has asked before them, as far as the two calls show."""
    facts, row = ordered.columns.facts, lane.row
    place = np.flatnonzero(lane.follows & (lane.rise(facts.start) <= longest))
    place = place[_equal_counts(facts, row[place], lane.before[place])]
    place = place[ordered.traces[row[place]] != ordered.traces[lane.before[place]]]
    before = lane.before[place]
    # one user asks twice within seconds by accident, and more often than that on purpose
    twice = np.zeros(len(row), bool)
    twice[place] = _by_one_user(facts, row[place], before)
    twice &= ~(np.append(twice[1:], False)[: len(row)] | np.append(False, twice[:-1])[: len(row)])
    again = np.zeros(len(row), bool)
    again[place] = twice[place] | _would_have_done(facts, row[place], before)
    return again


def _by_one_user(facts: Facts, row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return which calls one user makes within seconds of the call before, or before it has been answered."""
    soon = (facts.start[row] - facts.start[before] <= _TWICE) | (facts.start[row] < facts.end[before])
    by_one: np.ndarray = (facts.user[row] >= 0) & (facts.user[row] == facts.user[before])
    return by_one & soon


def _equal_counts(facts: Facts, row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return which calls have as many input tokens as the call before."""
    equal: np.ndarray = np.abs(facts.input[row] - facts.input[before]) <= SAME_COUNT
    return equal


def _left_out(facts: Facts, lane: Lane, known: np.ndarray) -> np.ndarray:
    """Return what is asked at regular times, and prompts with more in them than the log shows."""
    by_text = lane
    if facts.question is not facts.prompt:
        asked = np.zeros(len(facts.start) + 1, bool)  # the last is that of no prompt
        asked[facts.prompt[lane.row]] = True
        rows = np.flatnonzero(known & (facts.prompt >= 0) & asked[facts.prompt])
        by_text = lanes(facts, [facts.model, facts.prompt], rows, least=2)
    left_out = np.zeros(len(facts.start), bool)
    left_out[by_text.row[is_periodic(facts, by_text) | _vary(facts, by_text)]] = True
    return left_out[lane.row]


def _vary(facts: Facts, lane: Lane) -> np.ndarray:
    """Return the calls of prompts whose input counts mostly differ, where no hash says how the prompts differ."""
    counts = np.minimum(np.nan_to_num(facts.input[lane.row]), 2**53).astype(np.int64)
    hashed = facts.prompt_hash[lane.row] >= 0
    return (lane.distinct(counts) > np.maximum(2, _SIZES * lane.size)) & ~hashed


def _would_have_done(facts: Facts, row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return which calls show that the answer of the call before would have done."""

    def same(code: np.ndarray) -> np.ndarray:
        return (code[row] >= 0) & (code[row] == code[before])

    hottest = np.maximum(facts.temperature[row], facts.temperature[before])
    user = facts.user
    others = (user[row] >= 0) & (user[before] >= 0) & (user[row] != user[before])
    cold = (hottest <= _COLD) & ((hottest == 0) | ~others)
    job = same(facts.code("tags")) & facts.matches("tags", _JOB)[row]
    embedded = facts.matches("type", "^embedding$")[row]  # the same of the same text
    return cold | same(facts.response) | job | embedded


def _flood(lane: Lane, gap: np.ndarray) -> np.ndarray:
    """Return the calls of questions that are asked very often in a short time."""
    flood = np.zeros(len(lane.row), bool)
    many = lane.size > _FLOOD
    large = lane.only(many)
    flood[many] = large.median(np.where(lane.follows, gap, 0)[many]) < _FLOOD_GAP
    return flood


def _pairs(facts: Facts, lane: Lane) -> np.ndarray:
    """Return where in the lane the second calls of questions are that one place asks twice, within hours."""
    pair = np.flatnonzero(lane.follows & (lane.size == 2))
    row, before = lane.row[pair], lane.before[pair]
    same = facts.task[row] == facts.task[before]
    same &= facts.start[row] - facts.start[before] <= _RESTART
    return pair[same]


def restarted(facts: Facts, row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the rows of jobs that were started again from their beginning: many calls repeated in the same order.

    ``row`` and ``before`` are the second and the first calls of questions that one place asks twice.
    """
    # the first calls of such pairs are in the order of the second ones: few pairs are in such a row by chance
    pairs = lanes(facts, [facts.task], row, least=_RUN)
    first = np.zeros(len(facts.start), np.int64)
    first[row] = facts.start[before]
    chosen = pairs.split(pairs.rise(first) < 0).of_at_least(_RUN).row
    if not len(chosen):
        return chosen
    has_many = np.zeros(int(facts.task.max()) + 1, bool)
    has_many[facts.task[chosen]] = True
    jobs = lanes(facts, [facts.task], np.flatnonzero(has_many[facts.task] & (facts.start != NEVER)))
    position, lag = (np.zeros(len(facts.start), np.int64) for _ in range(2))
    position[jobs.row] = np.arange(len(jobs.row))
    lag[row] = position[row] - position[before]
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
    together=("question",),
    looks_at=(("prompt", "prompt_hash"), ("timestamp",)),
    summary="the same question paid by another trace within the hour",
    texts=("prompt", "response"),
    reads=(
        "temperature", "user_id", "tags", "prompt_hash", "tool_calls", "billed", "latency_ms", "source", "route",
        "name", "agent", "team", "type",
    ),
)  # fmt: skip
