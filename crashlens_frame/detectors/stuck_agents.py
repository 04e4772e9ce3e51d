"""Stuck agents: a tool call or an answer repeated while the context grows."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import check_number
from .detector import Detector
from .evidence import Evidence, concat_text, seconds_text
from .facts import NEVER, SAME_COUNT, Facts
from .lanes import Lane, is_periodic, lanes
from .traces import SHARED_COLUMNS, OrderedCalls, check_at_least_one, order_calls

_COLUMNS = (*SHARED_COLUMNS, "tool_calls")
_LEAST_CALLS, _LEAST_STUCK = 6, 3
_MOST_WINDOW = 1_000  # calls; of each a byte for each call is held
_TAIL = 200  # bytes at the end of a prompt that show what a tool returned, or what was asked
# names of tools that are asked again on purpose: the size of what they return does not say that nothing has changed
_POLLS = r"(?i)\"name\"\s*:\s*\"[^\"]*(?:status|poll|wait|sleep|progress|check|next|more|continue)"
_NOTE = "Stop an agent that repeats a step with the same result, and limit the number of its steps."


def find_stuck_agents(calls: pd.DataFrame, *, window: int = 8, allowed: int = 2) -> pd.DataFrame:
    """Find stuck agents: the same tool call, or the same answer, again and again with the same result.

    Within a session or trace of at least 6 calls, a call is stuck if its tool calls (or, without tools, its answer with
    digits masked) were seen ``allowed`` times or more among the last ``window`` calls, the input has grown, and the
    result, which the next prompt ends with, is one that such a call has had before. Where the log has no prompts, the
    tokens that a result adds to the input stand for it. An agent that polls is not stuck: the result changes, or the
    calls come at regular times.

    Parameters
    ----------
    calls
        Frame of calls.
    window
        Number of calls before a call in which the same step is looked for, at most 1,000.
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
        A threshold is no whole number of at least 1, or ``window`` is above 1,000.

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
    check_number("window", window, 0, _MOST_WINDOW + 1, f"at most {_MOST_WINDOW:,} calls")
    ordered = order_calls(calls, needs=_COLUMNS)
    facts = ordered.columns.facts
    rows = np.flatnonzero((facts.start != NEVER) & (facts.paid != 0) & (ordered.turns >= _LEAST_CALLS))
    lane = lanes(facts, [ordered.conversations], rows, least=_LEAST_CALLS)
    grows = lane.follows & (facts.input[lane.row] > lane.previous(facts.input))
    lane = lane.only(lane.any(grows))
    step = _steps(facts, lane)
    stuck = _repeats(facts, lane, step, _Results.of(facts, lane), window, allowed)
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


def _steps(facts: Facts, lane: Lane) -> np.ndarray:
    """Return a code for what each call does: its tool calls, or else its answer; -1 where the log does not show it."""
    row = lane.row
    tool, answered = facts.tools[row], facts.response[row] >= 0
    masked = facts.texts("response", row).codes(_without_digits)
    return np.where(tool >= 0, tool, np.where(answered, masked + facts.tools.max(initial=-1) + 1, -1))


class _Results(NamedTuple):
    """What each step brought: a code for the end of the next prompt, -1 where unknown, and its tokens, else NaN."""

    code: np.ndarray
    tokens: np.ndarray

    @classmethod
    def of(cls, facts: Facts, lane: Lane) -> "_Results":
        row, following = lane.row, np.roll(lane.row, -1)
        tool = facts.tools[row] >= 0
        tail = facts.texts("prompt", following, slice(-_TAIL, None))
        # the result of a tool is compared as it is: its digits may be the progress
        code = np.where(tool, tail.codes(), tail.codes(_without_digits))
        stopped = ~tool & facts.matches("finish_reason", "^stop$")[row]
        visible = lane.linked & (facts.prompt[following] >= 0)
        visible &= stopped | ~np.roll(_shows_the_question(facts, lane), -1)
        unseen = lane.linked & tool & (facts.prompt[following] < 0) & ~facts.matches("tool_calls", _POLLS)[row]
        kept = facts.output[row] - facts.reasoning[row]
        tokens = facts.input[following] - facts.input[row] - kept
        return cls(np.where(visible, code, -1), np.where(unseen, tokens, np.nan))

    @property
    def known(self) -> np.ndarray:
        """Whether anything is known of the result of each step."""
        known: np.ndarray = (self.code >= 0) | ~np.isnan(self.tokens)
        return known

    def as_before(self, back: int) -> np.ndarray:
        """Return which steps, from the place ``back`` on, brought what the step ``back`` places before them did."""
        code = (self.code[back:] == self.code[:-back]) & (self.code[back:] >= 0)
        alike: np.ndarray = code | (np.abs(self.tokens[back:] - self.tokens[:-back]) <= SAME_COUNT)
        return alike


def _shows_the_question(facts: Facts, lane: Lane) -> np.ndarray:
    """Return the calls whose log shows only the user's question: the same prompt for steps that follow one another.

    What follows a tool call is its result, which may be the same again and again; but no other tool call has it too.
    """
    same = lane.follows & (facts.prompt[lane.row] == lane.previous(facts.prompt))
    turns = lane.split(~same)
    caller = np.where(lane.follows, lane.previous(facts.tools), -1)
    after_tool, of_others = caller >= 0, same & (caller != np.roll(caller, 1))
    shows: np.ndarray = (turns.size > 1) & (~turns.any(after_tool & ~same) | turns.any(of_others))
    return shows


def _repeats(facts: Facts, lane: Lane, step: np.ndarray, results: _Results, window: int, allowed: int) -> np.ndarray:
    """Return the calls that repeat a step of the last ``window`` calls, with a result that it has had before."""
    sent = facts.input[lane.row]
    same = [np.zeros(len(lane.row), bool) for _ in range(window)]
    before, grown = (np.zeros(len(lane.row), np.int64) for _ in range(2))
    in_vain = np.zeros(len(lane.row), bool)
    for back, equal in enumerate(same, 1):
        equal[back:] = (lane.number[back:] == lane.number[:-back]) & (step[back:] == step[:-back]) & (step[back:] >= 0)
        before += equal
        grown[back:] += equal[back:] & (sent[back:] > sent[:-back])
        in_vain[back:] |= equal[back:] & results.as_before(back)
    # what the last step brought is not in the log: it is judged like the equal step before it
    last = ~lane.linked & ~results.known
    for back, equal in reversed([*enumerate(same, 1)]):
        place = np.flatnonzero(last & equal)
        in_vain[place] = in_vain[place - back]
    stuck: np.ndarray = (before >= allowed) & in_vain & (grown == before)
    return stuck


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
    looks_at=(("prompt", "tool_calls"), ("tool_calls", "response"), ("timestamp",)),
    summary="an agent repeats a tool call or an answer while its context grows",
    texts=("prompt", "response"),
    reads=("session_id", "billed", "latency_ms", "finish_reason", "reasoning_tokens", "route", "team"),
)
