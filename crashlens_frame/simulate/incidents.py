"""A day of a company whose bill went up: mixed traffic, and four things that went wrong in it.

Every draw is a whole number of NumPy's PCG64, so a seed yields the same log on every machine.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import Seed, random_draws
from ..formats import time_option
from ..frame import as_calls, frame_from_table, table_from_frame
from ..pricing import Prices, add_cost
from .attempts import FAILURES, MOST_TRACES, whole_number
from .workload import simulate_traffic

_MONDAY = "2026-03-02"
_SECOND, _HOUR = 1_000_000, 3_600_000_000  # microseconds

_REVIEW = (
    "You review contracts for the legal team. Follow the playbook in the attached file, clause by clause, and name"
    " every deviation.\nAnswer with the number of the clause, what it says, and what the playbook wants.\n"
)
_CLAUSES = ("liability", "termination", "payment terms", "data protection", "warranty", "venue", "confidentiality")
_PLAYBOOK_TOKENS = 12_400
_DEPLOYED = 13 * _HOUR + 5 * 60 * _SECOND  # from then on, the prompt begins with the time

_TASK = "You are the release agent. Make the integration tests pass, then tag the release.\n"
_FIRST_TOOLS = ("read_file", "list_changes", "edit_file", "run_tests", "read_file", "edit_file")
_TRIES = 2  # an agent may try again once
_NO_PROGRESS = "\nrun_tests: 1 failed: tests/test_upload.py::test_resume, ConnectionRefusedError: localhost:5433"

_ARTICLES = ("earnings call", "annual report", "court ruling", "clinical study", "tender", "audit", "white paper")
_LABELS = ("billing", "bug", "feature request", "praise")


def simulate_incidents(
    traces: int = 1500,
    *,
    seed: Seed = None,
    start: Any = None,
    prices: Prices | None = None,
    truth: bool = False,
) -> pd.DataFrame:
    """Simulate a day on which the bill goes up: mixed traffic of several teams, and four incidents in it.

    - A deploy at 13:05 puts the time at the top of the prompt of /v1/contracts: its cache is written by each call, and
      read by none.
    - The release agent of the engineering team runs the same failing test from one in the night until the morning.
    - The client of /v1/summaries stops waiting after ten seconds and sends the document again at once.
    - Tickets get one of four labels from an expensive model.

    Parameters
    ----------
    traces
        Number of traces of mixed traffic, as :func:`simulate_workload` makes it.
    seed
        Whole number, or several, from which every draw derives: the same seed yields the same frame on every machine.
    start
        Begin of the day: a date, a datetime, ISO 8601 text or an epoch number, UTC where it has no zone; 2026-03-02, a
        Monday, when not given.
    prices
        Prices, in any form that ``PriceBook.load`` takes; those that the package ships when not given.
    truth
        Whether ``extra`` says of each call that an incident made too expensive or needless which one it was:
        ``{"truth": "broken prefix"}``, "stuck agent", "hasty retry" or "costly label".

    Returns
    -------
    DataFrame
        CALLS in the order of their starts, with tokens and costs.

    Raises
    ------
    InvalidOptionError
        An argument is not allowed.
    PriceFileError
        The prices break a rule of their form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> calls = cf.simulate_incidents(100, seed=7)
    >>> cf.waste_by(calls, "route")["detector"].head(3).tolist()
    ['cache_misses', 'retry_loops', 'stuck_agents']
    """
    draw = random_draws(seed, "incidents")
    begin = time_option("start", _MONDAY if start is None else start)
    number = whole_number("traces", traces, most=MOST_TRACES)
    tables = [table_from_frame(frame_from_table(simulate_traffic(number, draw=draw, days=1, start=begin)))]
    tables += [table_from_frame(_frame(incident(draw), begin, truth=truth)) for incident in INCIDENTS]
    table = pa.concat_tables(tables, promote_options="default")
    return add_cost(frame_from_table(table.take(pc.sort_indices(table["timestamp"]))), prices)


def _frame(columns: dict[str, Any], begin: int, *, truth: bool) -> pd.DataFrame:
    """Return the calls of an incident, whose ``timestamp`` counts microseconds of the day.

    ``truth`` of the columns is the name of the incident, and which of its calls it made too expensive.
    """
    name, hit = columns.pop("truth")
    if truth:
        columns["extra"] = pd.Series(json.dumps({"truth": name}), index=range(len(hit))).where(hit)
    common = {
        "type": "generation",
        "level": "info",
        "source": "simulation",
        "token_source": "reported",
        "billed": "yes",
        "retry_count": 0,
        "finish_reason": "stop",
    }
    times = pd.to_datetime(begin + columns["timestamp"], unit="us", utc=True)
    return as_calls(pd.DataFrame({**common, **columns, "timestamp": times}))


def _broken_prefix(draw: np.random.Generator) -> dict[str, Any]:
    """Draw the reviews of contracts, before and after the deploy that moves the time to the top of their prompt."""
    time = 8 * _HOUR + np.cumsum(draw.integers(20, 110, 640)) * _SECOND
    late = time >= _DEPLOYED
    clock = pd.to_datetime(time, unit="us").strftime("Current time: 2026-03-02 %H:%M:%S\n").to_numpy(object)
    clause, contract = np.array(_CLAUSES, object)[draw.integers(0, len(_CLAUSES), len(time))], _numbers(draw, time)
    own = draw.integers(500, 1800, len(time))
    prefix = _PLAYBOOK_TOKENS + np.where(late, 16, 0)
    cold = late | (np.arange(len(time)) == 0)
    output = draw.integers(140, 420, len(time))
    return {
        "trace_id": _ids(draw, len(time)),
        "timestamp": time,
        "model": "claude-sonnet-4-5",
        "prompt": np.where(late, clock, "") + _REVIEW + "Contract " + contract + ", clause on " + clause + ".",
        "response": "Clause on " + clause + ": as in the playbook, except for the period.",
        "input_tokens": prefix + own,
        "cached_input_tokens": np.where(cold, 0, prefix),
        "cache_write_tokens": np.where(cold, prefix, 0),
        "output_tokens": output,
        "latency_ms": 900 + 17 * output,
        "route": "/v1/contracts",
        "team": "legal",
        "name": "contract-review",
        "truth": ("broken prefix", late & np.append(False, late[:-1])),
    }


def _stuck_agent(draw: np.random.Generator) -> dict[str, Any]:
    """Draw the steps of an agent that makes progress at first, and then runs the same failing test all night."""
    steps = 170
    time = _HOUR + np.cumsum(draw.integers(30, 190, steps)) * _SECOND
    tool = np.append(_FIRST_TOOLS, np.repeat("run_tests", steps - len(_FIRST_TOOLS))).astype(object)
    argument = np.where(np.arange(steps) < len(_FIRST_TOOLS), np.arange(steps).astype(str), "integration").astype(
        object
    )
    added = draw.integers(700, 1300, steps)
    sent = 16_000 + np.cumsum(added)
    history = [_TASK + _NO_PROGRESS * step for step in range(steps)]
    return {
        "trace_id": draw.bytes(16).hex(),
        "session_id": "release-2026-03-02",
        "timestamp": time,
        "model": "claude-sonnet-4-5",
        "prompt": history,
        "response": None,
        "tool_calls": '[{"name":"' + tool + '","arguments":{"target":"' + argument + '"}}]',
        "finish_reason": "tool_calls",
        "input_tokens": sent,
        "cached_input_tokens": np.append(0, sent[:-1]),
        "cache_write_tokens": np.append(sent[:1], added[1:]),
        "output_tokens": draw.integers(90, 260, steps),
        "latency_ms": draw.integers(2500, 7000, steps),
        "route": "/agents/release",
        "team": "engineering",
        "name": "release-agent",
        "agent": "release",
        "truth": ("stuck agent", np.arange(steps) >= len(_FIRST_TOOLS) + _TRIES),
    }


def _hasty_retries(draw: np.random.Generator) -> dict[str, Any]:
    """Draw the summaries of long documents; the client sends four of ten again at once after ten seconds."""
    loops = 120
    attempts = np.where(draw.integers(0, 10, loops) < 4, draw.integers(3, 7, loops), 1)
    loop = np.repeat(np.arange(loops), attempts)
    place = np.arange(len(loop)) - np.repeat(np.cumsum(attempts) - attempts, attempts)
    failed = place < (attempts - 1)[loop]
    begin = 9 * _HOUR + np.sort(draw.integers(0, 9 * 3600, loops)) * _SECOND
    nothing = pd.Series(None, index=range(len(loop)), dtype=object)
    patience = FAILURES["timeout"].milliseconds
    article = np.array(_ARTICLES, object)[draw.integers(0, len(_ARTICLES), loops)] + " " + _numbers(draw, begin)
    output = np.where(failed, 0, draw.integers(220, 480, len(loop)))
    return {
        "trace_id": _ids(draw, loops)[loop],
        "timestamp": begin[loop] + place * (patience + 40) * 1000,
        "model": "gpt-4.1",
        "prompt": "Summarize the attached " + article[loop] + " on one page, with every figure in it.",
        "response": np.where(failed, None, "The " + article[loop] + " says on one page: ..."),
        "input_tokens": draw.integers(21_000, 46_000, loops)[loop],
        "output_tokens": output,
        "latency_ms": np.where(failed, patience, 4000 + 9 * output),
        "retry_count": place,
        "level": np.where(failed, "error", "info"),
        "error": nothing.where(~failed, FAILURES["timeout"].error),
        "finish_reason": nothing.where(failed, "stop"),
        "route": "/v1/summaries",
        "team": "search",
        "name": "summaries",
        "truth": ("hasty retry", failed),
    }


def _costly_labels(draw: np.random.Generator) -> dict[str, Any]:
    """Draw the tickets that an expensive model labels with one word."""
    size = 420
    time = np.sort(draw.integers(7 * 3600, 21 * 3600, size)) * _SECOND
    words = np.array(_ARTICLES, object)[draw.integers(0, len(_ARTICLES), size)]
    question = f"Label the ticket with one of {', '.join(_LABELS)}.\n\nTicket "
    return {
        "trace_id": _ids(draw, size),
        "timestamp": time,
        "model": "gpt-4-turbo",
        "prompt": question + _numbers(draw, time) + " about the " + words + ".",
        "response": np.array(_LABELS, object)[draw.integers(0, len(_LABELS), size)],
        "input_tokens": 610 + draw.integers(20, 140, size),
        "output_tokens": draw.integers(1, 4, size),
        "latency_ms": draw.integers(420, 900, size),
        "temperature": 0.0,
        "route": "/v1/tickets",
        "team": "support",
        "name": "ticket-label",
        "truth": ("costly label", np.ones(size, bool)),
    }  # fmt: skip


INCIDENTS: tuple[Callable[[np.random.Generator], dict[str, Any]], ...] = (
    _broken_prefix, _stuck_agent, _hasty_retries, _costly_labels,
)  # fmt: skip


def _ids(draw: np.random.Generator, size: int) -> np.ndarray:
    """Draw texts of 32 hexadecimal digits."""
    text = draw.bytes(16 * size).hex()
    return np.array([text[place : place + 32] for place in range(0, len(text), 32)], object)


def _numbers(draw: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Draw a number of five digits for each time, as text."""
    return draw.integers(10_000, 100_000, len(times)).astype(str).astype(object)
