"""What the prompt caches of a log did, lane by lane."""

import numpy as np
import pandas as pd
import pyarrow as pa

from ..frame import check_calls
from ..pricing import Prices
from .cache_misses import find_misses
from .cache_rules import CAUSES
from .counting import cost_by_meter
from .facts import NEVER
from .lanes import lanes
from .traces import SHARED_COLUMNS, OrderedCalls, order_calls

_COLUMNS = (*SHARED_COLUMNS, "cached_input_tokens", "cache_write_tokens")


def cache_report(calls: pd.DataFrame, *, prices: Prices | None = None) -> pd.DataFrame:
    """Return what the prompt cache did in each lane: the calls of one session, or trace, and model.

    Parameters
    ----------
    calls
        Frame of calls.
    prices
        Prices whose rates for reading and writing are used: the path of a YAML file, a PriceBook or a mapping; the
        shipped ones when not given.

    Returns
    -------
    DataFrame
        One row per lane, most expensive first: ``lane`` (session or trace), ``model``, ``n_calls``, ``input_tokens``,
        ``read_tokens``, ``written_tokens``, ``hit_share`` (of the input, 0 to 1), ``cost`` (US dollars),
        ``cost_without_cache`` (all input paid in full), ``missed`` (US dollars that cache misses cost) and ``causes``
        (of the misses, most expensive first; null: none).

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for minute in (0, 10):
    ...     trace = book.log(model="claude-sonnet-4-5", prompt="Why?", response="So.", trace_id="t1",
    ...                      timestamp=f"2026-03-01T10:{minute:02}:00Z", input_tokens=50_000, output_tokens=5,
    ...                      cache_write_tokens=50_000)
    >>> cf.cache_report(book.df)[["lane", "hit_share", "causes"]]
      lane  hit_share   causes
    0   t1        0.0  expired
    """
    check_calls(calls, needs=_COLUMNS)
    ordered = order_calls(calls, needs=_COLUMNS)
    facts = ordered.columns.facts
    conversation = ordered.conversations
    rows = np.flatnonzero((facts.start != NEVER) & (facts.input > 0) & (facts.paid != 0))
    lane = lanes(facts, [conversation, facts.model], rows)
    missed, cause = _by_call(ordered, prices)

    first = lane.row[~lane.follows]
    session, names = facts.labels("session_id")
    trace, traces = facts.labels("trace_id")
    in_session = session[first] >= 0
    lane_names = np.where(
        in_session,
        names.take(pa.array(session[first], mask=~in_session)).to_numpy(zero_copy_only=False),
        traces.take(pa.array(trace[first], mask=trace[first] < 0)).to_numpy(zero_copy_only=False),
    )
    code, models = facts.labels("model")
    number, size = lane.number, len(first)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(number, values, minlength=size)

    sent, read = total(facts.input[lane.row]), total(facts.read[lane.row])
    parts = cost_by_meter(facts, lane.row, prices)
    rate = facts.rates(prices, lane.row, ["input"])["input"] if len(lane.row) else np.zeros(0)
    without = total(parts[:, 3] + facts.input[lane.row] * rate)
    by_cause = np.column_stack([total(missed[lane.row] * (cause[lane.row] == number)) for number in range(len(CAUSES))])
    report = pd.DataFrame(
        {
            "lane": pd.array(lane_names, dtype="str"),
            "model": pd.array(
                models.take(pa.array(code[first], mask=code[first] < 0)).to_numpy(zero_copy_only=False), dtype="str"
            ),
            "n_calls": np.bincount(number, minlength=size),
            "input_tokens": sent.astype(np.int64),
            "read_tokens": read.astype(np.int64),
            "written_tokens": total(facts.written[lane.row]).astype(np.int64),
            "hit_share": np.divide(read, sent, out=np.zeros(size), where=sent > 0),
            "cost": total(facts.paid[lane.row]),
            "cost_without_cache": without,
            "missed": by_cause.sum(axis=1),
            "causes": pd.array(_names(by_cause), dtype="str"),
        }
    )
    return report.sort_values("cost", ascending=False, kind="stable", ignore_index=True)


def missed_by_call(calls: pd.DataFrame, prices: Prices | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return for each call the US dollars that missing the cache cost, and the number of the cause, -1 for none.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors.cache_report import missed_by_call
    >>> missed, cause = missed_by_call(cf.simulate_incidents(0, seed=1))
    >>> int((cause >= 0).sum()) == int((missed > 0).sum())
    True
    """
    return _by_call(order_calls(calls, needs=_COLUMNS), prices)


def _by_call(ordered: OrderedCalls, prices: Prices | None) -> tuple[np.ndarray, np.ndarray]:
    misses = find_misses(ordered, prices)
    size = len(ordered.columns.facts.start)
    missed, cause = np.zeros(size), np.full(size, -1)
    missed[misses.row], cause[misses.row] = misses.dollars, misses.cause
    return missed, cause


def _names(by_cause: np.ndarray) -> np.ndarray:
    """Return the names of the causes of each lane, the most expensive first; None where there is none."""
    order = np.argsort(-by_cause, axis=1, kind="stable")
    text = np.full(len(by_cause), "", dtype=object)
    for place in range(by_cause.shape[1]):
        chosen = order[:, place] if len(order) else np.zeros(0, int)
        name = np.array([cause.name for cause in CAUSES], dtype=object)[chosen]
        worth = np.take_along_axis(by_cause, chosen[:, None], axis=1)[:, 0] > 0
        text = np.where(worth, text + np.where(text == "", "", ", ") + name, text)
    text[text == ""] = None
    return text
