"""Stuck agents: a tool call or an answer repeated while the context grows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .facts import NEVER, Facts
from .lanes import Lane, is_periodic, lanes
from .traces import SHARED_COLUMNS, OrderedCalls, check_at_least_one, order_calls

_COLUMNS = (*SHARED_COLUMNS, "tool_calls")
_LEAST_CALLS, _LEAST_STUCK = 6, 3
_TAIL = 200  # bytes at the end of a prompt that show what a tool returned, or what was asked
_NOTE = "Stop an agent that repeats a step with the same result, and limit the number of its steps."


def find_stuck_agents(calls: pd.DataFrame, *, window: int = 8, allowed: int = 2) -> pd.DataFrame:
    """Find stuck agents: the same tool call, or the same answer, again and again with the same result.

    Within a session or trace of at least 6 calls, a call is stuck if its tool calls (or, without tools, its answer with
    digits masked) were seen ``allowed`` times or more among the last ``window`` calls, what the prompt ends with was
    seen with them, and the input has grown. An agent that polls is not stuck: the result changes, or the calls come at
    regular times.

    Parameters
    ----------
    calls
        Frame of calls.
    window
        Number of calls before a call in which the same step is looked for.
    allowed
        Number of equal steps that are not yet waste.

    Returns
    -------
    DataFrame
        FINDINGS, one row per session or trace with at least 3 stuck calls; ``waste_cost`` is their cost.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        A threshold is no whole number of at least 1.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for step in range(8):
    ...     trace = book.log(model="gpt-5", prompt="Fix it." + " No such file." * 20 * step, trace_id="t1",
    ...                      tool_calls='[{"name": "read", "arguments": {"path": "a"}}]', cost=0.5,
    ...                      timestamp=f"2026-03-01T10:{step**2:02}:00Z", input_tokens=100 + step, output_tokens=9)
    >>> cf.find_stuck_agents(book.df)["waste_cost"].tolist()
    [3.0]
    """
    return evidence(calls, window=window, allowed=allowed).frame()


def evidence(calls: pd.DataFrame | OrderedCalls, *, window: int = 8, allowed: int = 2) -> Evidence:
    """Find what :func:`find_stuck_agents` finds, with the calls of each finding."""
    check_at_least_one(window=window, allowed=allowed)
    ordered = order_calls(calls, needs=_COLUMNS)
    facts = ordered.columns.facts
    rows = np.flatnonzero((facts.start != NEVER) & (facts.paid != 0) & (ordered.turns >= _LEAST_CALLS))
    lane = lanes(facts, [ordered.conversations], rows, least=_LEAST_CALLS)
    grows = lane.follows & (facts.input[lane.row] > lane.previous(facts.input))
    lane = lane.only(lane.any(grows))
    step, state = _steps(facts, lane)
    steps_before, states_before, grown = (np.zeros(len(lane.row), np.int64) for _ in range(3))
    sent = facts.input[lane.row]
    for back in range(1, min(window, int(lane.counts.max(initial=0))) + 1):
        same = np.zeros(len(lane.row), bool)
        same[back:] = (lane.number[back:] == lane.number[:-back]) & (step[back:] == step[:-back]) & (step[back:] >= 0)
        steps_before += same
        states_before[back:] += same[back:] & (state[back:] == state[:-back]) & (state[back:] >= 0)
        grown[back:] += same[back:] & (sent[back:] > sent[:-back])
    stuck = (steps_before >= allowed) & (states_before >= 1) & (grown == steps_before)
    regular = np.zeros(len(facts.start), bool)
    number, code = (np.full(len(facts.start), -1) for _ in range(2))
    number[lane.row], code[lane.row] = lane.number, step
    polled = lanes(facts, [number, code], lane.row[step >= 0], least=2)
    regular[polled.row] = is_periodic(facts, polled)
    stuck &= ~regular[lane.row]
    kept = stuck & (lane.count(stuck) >= _LEAST_STUCK)
    lane = lane.only(kept)

    found = ordered.at(lane.row)
    sizes = lane.counts
    first = sizes.cumsum() - sizes
    span = facts.start[lane.row[first + sizes - 1]] - facts.start[lane.row[first]]
    tool = facts.tools[lane.row[first]] >= 0
    return Evidence(
        "stuck_agents",
        calls=found,
        sizes=sizes,
        counted=np.ones(len(found), bool),
        wasted=np.ones(len(found), bool),
        saved=facts.paid[lane.row],
        description=concat_text(
            "an agent repeats ", pc.if_else(pa.array(tool), "a tool call", "an answer"), " ", sizes,
            " times with the same result in ", seconds_text(span), " s",
        ),
        certainty="likely",
        savings_note=_NOTE,
    )  # fmt: skip


def _steps(facts: Facts, lane: Lane) -> tuple[np.ndarray, np.ndarray]:
    """Return codes for what each call does, and for what it knew when it did so; -1 where the log does not show it."""
    row = lane.row
    tool, answered = facts.tools[row], facts.response[row] >= 0
    masked = facts.texts("response", row).codes(_without_digits)
    step = np.where(tool >= 0, tool, np.where(answered, masked + facts.tools.max(initial=-1) + 1, -1))
    tail = facts.texts("prompt", row, slice(-_TAIL, None))
    # the result of a tool is compared as it is: its digits may be the progress
    seen = np.where(tool >= 0, tail.codes(), tail.codes(_without_digits))
    # an agent's log that shows only the user's question has the same prompt for all steps
    same = lane.follows & (facts.prompt[row] == lane.previous(facts.prompt))
    hidden = same | np.append(same[1:], False)[: len(same)]
    return step, np.where((facts.prompt[row] >= 0) & ~hidden, seen, -1)


def _without_digits(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"\d+", "0")


DETECTOR = Detector(
    "stuck_agents",
    find_stuck_agents,
    evidence,
    columns=_COLUMNS,
    certainty="likely",
    in_crashlens=False,
    together=("session",),
    looks_at=(("prompt",), ("tool_calls", "response"), ("timestamp",)),
    summary="an agent repeats a tool call or an answer while its context grows",
    texts=("prompt", "response"),
    reads=("session_id", "billed", "latency_ms", "route", "team"),
)
