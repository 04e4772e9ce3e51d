"""Growing context: the history resent and paid in full at every step."""

import numpy as np
import pandas as pd
import pyarrow as pa

from ..pricing import Prices
from .cache_rules import SHORT_TTL, minimum_prefix, unpublished
from .detector import Detector
from .evidence import Evidence, concat_text
from .facts import CACHE_METERS, NEVER
from .lanes import lanes
from .traces import SHARED_COLUMNS, OrderedCalls, check_at_least_one, order_calls

_COLUMNS = (*SHARED_COLUMNS, "cached_input_tokens")
_GROWING, _TIMES, _CACHED = 0.8, 2.0, 0.3
_NOTE = "Keep the beginning of the history as it was, and cache it; put notes and memory at its end."


def find_growing_context(calls: pd.DataFrame, *, min_calls: int = 5, prices: Prices | None = None) -> pd.DataFrame:
    """Find conversations whose history is resent, and paid in full, at every step.

    In a session or trace and model of at least ``min_calls`` calls, prompt and input grow at 80 % of the steps or more,
    the last input is at least twice the first, and less than 30 % of the input is read from a cache.

    Parameters
    ----------
    calls
        Frame of calls.
    min_calls
        Smallest number of calls.
    prices
        Prices whose rates for reading and writing are used: the path of a YAML file, a PriceBook or a mapping; the
        shipped ones when not given.

    Returns
    -------
    DataFrame
        FINDINGS, one row per conversation, with certainty "candidate". ``waste_cost`` is what reading the history from
        a cache would have saved.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``min_calls`` is no whole number of at least 1.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for step in range(1, 7):
    ...     trace = book.log(model="gpt-4.1", prompt="Go on. " * step, response="So.", trace_id="t1",
    ...                      timestamp=f"2026-03-01T10:00:0{step}Z", input_tokens=2_000 * step, output_tokens=9)
    >>> cf.find_growing_context(book.df)["waste_cost"].round(4).tolist()
    [0.045]
    """
    return evidence(calls, min_calls=min_calls, prices=prices).frame()


def evidence(calls: pd.DataFrame | OrderedCalls, *, min_calls: int = 5, prices: Prices | None = None) -> Evidence:
    """Find what :func:`find_growing_context` finds, with the calls of each finding."""
    check_at_least_one(min_calls=min_calls)
    ordered = order_calls(calls, needs=_COLUMNS)
    facts = ordered.columns.facts
    known = (ordered.turns >= min_calls) & (facts.start != NEVER) & (facts.paid != 0) & (facts.input > 0)
    known &= (facts.prompt >= 0) & ~unpublished(facts)
    codes = [ordered.conversations, facts.model, facts.code("agent")]
    lane = lanes(facts, codes, np.flatnonzero(known), least=min_calls)
    sent, before = facts.input[lane.row], lane.previous(facts.input)
    grows = lane.follows & (sent > before)
    growing = lane.count(grows) >= _GROWING * (lane.size - 1)
    lane = lane.only(growing)
    row = lane.row
    length = ordered.columns.prompt_lengths
    sent, before = facts.input[row], lane.previous(facts.input)
    grows = lane.follows & (sent > before) & (length[row] > lane.previous(length))
    growing = lane.count(grows) >= _GROWING * (lane.size - 1)
    first = lane.reduce(np.where(lane.follows, np.inf, sent), np.minimum)
    last = lane.reduce(np.where(lane.linked, 0.0, sent), np.maximum)
    growing &= (last >= _TIMES * first) & (lane.sum(facts.read[row]) < _CACHED * lane.sum(sent))
    lane = lane.only(growing)

    row = lane.row
    rate = facts.rates(prices, row, CACHE_METERS) if len(row) else dict.fromkeys(CACHE_METERS, np.zeros(0))
    near = lane.follows & (lane.rise(facts.start) <= SHORT_TTL)
    near &= lane.previous(facts.input) >= minimum_prefix(facts)[row]
    again = np.maximum(np.minimum(facts.input[row], lane.previous(facts.input)) - facts.read[row], 0.0)
    extra = np.maximum(facts.input[row] - lane.previous(facts.input), 0.0) * (rate["cache_write"] - rate["input"])
    saved = np.where(near, np.maximum(again * (rate["input"] - rate["cached_input"]) - extra, 0.0), 0.0)
    sizes = lane.counts
    found = ordered.at(row)
    code, names = found.only(sizes.cumsum() - sizes).models()
    return Evidence(
        "growing_context",
        calls=found,
        sizes=sizes,
        counted=np.ones(len(row), bool),
        wasted=near,
        saved=saved,
        description=concat_text(
            sizes, " calls of ", names.take(pa.array(code, mask=code < 0)), " resend a growing history in full"
        ),
        certainty="candidate",
        savings_note=_NOTE,
        meters=("fresh",),
    )


DETECTOR = Detector(
    "growing_context",
    find_growing_context,
    evidence,
    columns=_COLUMNS,
    certainty="candidate",
    in_crashlens=False,
    together=("session",),
    looks_at=(("prompt",), ("input_tokens",), ("timestamp",)),
    summary="the history resent and paid in full at every step",
    reads=("cache_write_tokens", "session_id", "billed", "agent", "latency_ms", "service_tier", "route", "team"),
)
