"""Patterns of waste as a real client would leave them in a log: a retry loop, a fallback, an overkill."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from .._core import Seed, random_draws
from ..errors import InvalidOptionError, check_choice, check_text
from ..formats import Row, time_option
from ..frame import frame_from_table
from ..pricing import Prices, add_cost
from .attempts import FAILURES, MOST_TRACES, attempts_frame, failed_attempt, trace_of, whole_number
from .workload import simulate_traffic

RETRY_REASONS = ("timeout", "bad_answer", "rate_limit", "server_error")
FALLBACK_REASONS = ("error", "quality")

# where a client turns when a model fails, and when it answers poorly
NEXT_MODEL = {
    "gpt-4": "gpt-4o",
    "gpt-4-turbo": "gpt-4o",
    "gpt-4o": "gpt-4o-mini",
    "gpt-4o-mini": "gpt-3.5-turbo",
    "gpt-3.5-turbo": "gpt-4o-mini",
    "gpt-4.1": "gpt-4.1-mini",
    "gpt-5": "gpt-5-mini",
    "claude-3-opus": "claude-3-sonnet",
    "claude-3-sonnet": "claude-3-haiku",
    "claude-3-haiku": "gpt-4o-mini",
    "claude-sonnet-4-5": "claude-haiku-4-5",
    "gemini-2.5-pro": "gemini-2.5-flash",
}
STRONGER_MODEL = {
    "gpt-3.5-turbo": "gpt-4",
    "gpt-4o-mini": "gpt-4o",
    "gpt-4.1-mini": "gpt-4.1",
    "gpt-5-mini": "gpt-5",
    "claude-3-haiku": "claude-3-opus",
    "claude-haiku-4-5": "claude-sonnet-4-5",
    "gemini-2.5-flash": "gemini-2.5-pro",
}
_NEXT_OF_OTHERS = "gpt-4o-mini"

_ANSWER = "Here is what you asked for."
_POOR = "I am not sure."
_REJECTED = '{"answer": '  # cut off, so that no parser accepts it
_POOR_REASON = "answer below the quality threshold"

_FIRST_DAY = "2026-06-01"
_MOST_RETRIES = 10_000
_MOST_DAYS = 36_500
_MOST_DOCUMENT_TOKENS = 1_000_000


def simulate_retries(
    model: str,
    prompt: str,
    response: str | None = None,
    *,
    retries: int = 3,
    reason: str = "timeout",
    backoff: str = "exponential",
    answers: bool = True,
    start: Any = None,
    trace_id: str | None = None,
    seed: Seed = None,
    team: str | None = None,
    route: str | None = None,
) -> pd.DataFrame:
    """Simulate a client that sends one prompt again and again, because it gets no answer, or none that it accepts.

    Failed attempts have level "error", an error text and no response. What is billed is what providers bill: an attempt
    at which the client stopped waiting, and an answer that it does not accept, but no refusal and no breakdown. From
    three retries on, ``rules="crashlens"`` finds the trace whatever the reason; the default rules find it where it is
    billed, with any seed, backoff and answer.

    Parameters
    ----------
    model, prompt
        Model and text of each attempt.
    response
        Text of the last answer; a stock sentence when not given.
    retries
        Number of attempts after the first, at most 10,000.
    reason
        Why the client tries again. Billed: "timeout" (it waited ten seconds) and "bad_answer" (the answer is no JSON).
        Free of charge: "rate_limit" (429) and "server_error" (503).
    backoff
        How long the client waits before a retry: "exponential" (1 s, then twice as long each time, at most 54 s),
        "constant" (1 s) or "none". Up to a tenth of jitter is added.
    answers
        Whether the last attempt answers.
    start
        Start of the first attempt: a datetime, a date, ISO 8601 text or an epoch number, UTC where it has no zone; now
        when not given.
    trace_id
        Trace of all attempts; when not given, derived from the seed, or random without one.
    seed
        Whole number, or several, from which every draw derives. The same seed and start give the same frame.
    team, route
        Who pays, and the endpoint that made the calls.

    Returns
    -------
    DataFrame
        CALLS, one row per attempt. Tokens and cost are null: ``add_tokens`` and ``add_cost`` fill them.

    Raises
    ------
    InvalidOptionError
        An option is not allowed.
    InvalidCallError
        A value does not fit its column of CALLS.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> calls = cf.simulate_retries("gpt-4", "Complex query", "Detailed response", start="2026-06-01", seed=1)
    >>> calls[["level", "error", "response", "retry_count"]]
       level               error           response  retry_count
    0  error  Request timed out.                NaN            0
    1  error  Request timed out.                NaN            1
    2  error  Request timed out.                NaN            2
    3   info                 NaN  Detailed response            3
    """
    check_choice("reason", reason, RETRY_REASONS)
    draw = random_draws(seed, "retries")
    attempt: Row = {"response": _REJECTED} if reason == "bad_answer" else failed_attempt(reason)
    attempts = whole_number("retries", retries, most=_MOST_RETRIES) + 1
    rows: list[Row] = [{"model": model, "retry_count": number, **attempt} for number in range(attempts)]
    if answers:
        rows[-1] = _answered(rows[-1], response)
    common = {"prompt": prompt, "team": team, "route": route, "trace_id": trace_of(draw, trace_id)}
    return attempts_frame(rows, common, draw=draw, backoff=backoff, start=start)


def simulate_fallback(
    model: str,
    prompt: str,
    response: str | None = None,
    *,
    fallback_model: str | Sequence[str] | None = None,
    reason: str = "error",
    retries: int = 1,
    backoff: str = "exponential",
    answers: bool = True,
    start: Any = None,
    trace_id: str | None = None,
    seed: Seed = None,
    team: str | None = None,
    route: str | None = None,
) -> pd.DataFrame:
    """Simulate a client that sends one prompt to one model after the other.

    With the reason "error" each model times out, is retried, and is replaced by the next: a fallback storm, as there
    are at least three paid calls on two models. With "quality" each model answers, but too poorly, and the client asks
    a stronger one: ``rules="crashlens"`` calls that a fallback failure, the default rules a cascade, which is sound.

    Parameters
    ----------
    model, prompt
        First model, and the text sent to each.
    response
        Text of the last answer; a stock sentence when not given.
    fallback_model
        The model to turn to, or several, one after the other. When not given: the one that ``NEXT_MODEL`` (for errors)
        or ``STRONGER_MODEL`` (for quality) of this module names for the model.
    reason
        Why the client turns away from a model: "error" or "quality".
    retries
        Number of retries of a model that fails; ignored where models answer. Each is part of a retry loop too. With
        none, and only one other model, two calls are too few for a storm.
    backoff
        How long the client waits before a retry, as for :func:`simulate_retries`.
    answers
        Whether the last model answers well; otherwise it fails, or answers poorly, as the others.
    start, trace_id, seed, team, route
        As for :func:`simulate_retries`.

    Returns
    -------
    DataFrame
        CALLS, one row per call. The last call of a model that is replaced has the next model as ``fallback_model``;
        this call and the following ones have ``fallback_attempted`` and ``fallback_reason``. Tokens and cost are null.

    Raises
    ------
    InvalidOptionError
        An option is not allowed, or no stronger model is known.
    InvalidCallError
        A value does not fit its column of CALLS.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> calls = cf.simulate_fallback("gpt-4", "Another query", "Answer", start="2026-06-01", seed=1)
    >>> calls[["model", "level", "retry_count", "fallback_model", "fallback_attempted"]]
        model  level  retry_count fallback_model  fallback_attempted
    0   gpt-4  error            0            NaN               False
    1   gpt-4  error            1         gpt-4o                True
    2  gpt-4o   info            0            NaN                True
    """
    check_choice("reason", reason, FALLBACK_REASONS)
    check_text("model", model)
    draw = random_draws(seed, "fallback")
    models = [model, *_models_to_turn_to(model, fallback_model, reason)]
    attempts = whole_number("retries", retries, most=_MOST_RETRIES) + 1 if reason == "error" else 1
    rows: list[Row] = [
        {"model": name, "retry_count": number, **failed_attempt("timeout")}
        for name in models
        for number in range(attempts)
    ]
    if reason == "quality":
        rows = [_answered(row, _POOR) for row in rows]
    fallback = {
        "fallback_attempted": True,
        "fallback_reason": FAILURES["timeout"].error if reason == "error" else _POOR_REASON,
    }
    for place in range(attempts - 1, len(rows)):
        rows[place] |= fallback
    for place, following in zip(range(attempts - 1, len(rows), attempts), models[1:], strict=False):
        rows[place]["fallback_model"] = following
    if answers:
        rows[-attempts:] = [_answered(rows[-attempts], response)]
    common = {"prompt": prompt, "team": team, "route": route, "trace_id": trace_of(draw, trace_id)}
    return attempts_frame(rows, common, draw=draw, backoff=backoff, start=start)


def simulate_overkill(
    model: str,
    prompt: str,
    response: str | None = None,
    *,
    start: Any = None,
    trace_id: str | None = None,
    seed: Seed = None,
    team: str | None = None,
    route: str | None = None,
) -> pd.DataFrame:
    """Simulate one call that a cheaper model could have answered.

    The detector finds it if the model is expensive and the prompt short and simple, as "What is 2+2?" sent to gpt-4.

    Parameters
    ----------
    model, prompt
        Model and text of the call.
    response
        Text of the answer; a stock sentence when not given.
    start, trace_id, seed, team, route
        As for :func:`simulate_retries`.

    Returns
    -------
    DataFrame
        CALLS, one row. Tokens and cost are null.

    Raises
    ------
    InvalidOptionError
        An option is not allowed.
    InvalidCallError
        A value does not fit its column of CALLS.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.simulate_overkill("gpt-4", "Hi", "Hello!", start="2026-06-01", seed=1)[["model", "prompt", "response"]]
       model prompt response
    0  gpt-4     Hi   Hello!
    """
    draw = random_draws(seed, "overkill")
    common = {"prompt": prompt, "team": team, "route": route, "trace_id": trace_of(draw, trace_id)}
    row = _answered({"model": model, "retry_count": 0}, response)
    return attempts_frame([row], common, draw=draw, backoff="none", start=start)


def simulate_workload(
    traces: int = 10_000,
    *,
    seed: Seed = None,
    days: int = 30,
    start: Any = None,
    prices: Prices | None = None,
    document_tokens: int = 0,
) -> pd.DataFrame:
    """Simulate weeks of mixed traffic of several applications, teams and models, with every pattern of waste in it.

    Parameters
    ----------
    traces
        Number of traces, at most 10,000,000; a hundred of them have about 170 calls.
    seed
        Whole number, or several, from which every draw derives: the same seed yields the same frame on every machine,
        and different seeds share no trace.
    days
        Days over which the traces begin, at most 36,500.
    start
        Begin of the first day: a date, a datetime, ISO 8601 text or an epoch number, UTC where it has no zone;
        2026-06-01, a Monday, when not given.
    prices
        Prices, in any form that ``PriceBook.load`` takes; those that the package ships when not given.
    document_tokens
        Tokens of documents and tools that each application but the sorting of tickets sends beside a question, and that
        the log does not hold, at most 1,000,000: with 40,000 of them a call costs cents, and not parts of one.

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
    >>> calls = cf.simulate_workload(100, seed=7, days=1)
    >>> calls["trace_id"].nunique()
    100
    """
    calls = simulate_traffic(
        whole_number("traces", traces, most=MOST_TRACES),
        draw=random_draws(seed, "workload"),
        days=whole_number("days", days, least=1, most=_MOST_DAYS),
        start=time_option("start", _FIRST_DAY if start is None else start),
        document_tokens=whole_number("document_tokens", document_tokens, most=_MOST_DOCUMENT_TOKENS),
    )
    return add_cost(frame_from_table(calls), prices)


def _models_to_turn_to(model: str, fallback_model: str | Sequence[str] | None, reason: str) -> list[str]:
    if isinstance(fallback_model, str):
        return [fallback_model]
    if fallback_model is None:
        if reason == "error":
            return [NEXT_MODEL.get(model, _NEXT_OF_OTHERS)]
        if model in STRONGER_MODEL:
            return [STRONGER_MODEL[model]]
        raise InvalidOptionError(f"no model is known to be stronger than {model!r}; name one as fallback_model")
    models = list(fallback_model) if isinstance(fallback_model, Iterable) else []
    if not models or not all(isinstance(name, str) and name for name in models):
        raise InvalidOptionError(f"fallback_model is {fallback_model!r}, expected the name of a model, or several")
    return models


def _answered(row: Row, response: str | None) -> Row:
    kept = {name: value for name, value in row.items() if name not in ("billed", "cost", "cost_source", "latency_ms")}
    return {**kept, "response": _ANSWER if response is None else response, "level": "info", "error": None}
