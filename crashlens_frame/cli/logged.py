"""What the command log does with a book of calls: patterns of waste, examples, tables, lines of other kinds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
import pandas as pd

from ..io import append_jsonl, to_jsonl
from ..logbook import LogBook
from ..pricing import unpriced
from ..report import calls_table
from .output import Logged, print_unpriced, terminal_columns

_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"model": "gpt-4o-mini", "prompt": "Name two rivers of France", "response": "Loire, Seine", "latency_ms": 640},
    {"model": "gpt-4o", "prompt": "Translate 'good night' into Dutch", "response": "goedenacht", "latency_ms": 910},
    {"model": "claude-sonnet-4-5", "prompt": "Review this clause", "response": "One-sided.", "latency_ms": 2300},
)


def log_with_book(
    output: str, *, config: str | None, schema: str, demo: bool, dev_mode: bool, **call: Any
) -> Logged | None:
    """Log what the command was asked for; None where it is printed and not written."""
    book = LogBook(prices=config)
    if demo:
        _log_examples(book)
    else:
        _log_call(book, **call)
    calls = book.df
    print_unpriced(unpriced(calls, config))
    if dev_mode:
        click.echo(calls_table(calls).to_text(terminal_columns()))
        return None
    append = to_jsonl if output == "-" else append_jsonl
    append(calls, output, format=schema)
    return Logged(len(calls), calls["cost"].sum(min_count=1), calls["trace_id"].drop_duplicates().tolist())


def _log_call(
    book: LogBook,
    *,
    model: str,
    prompt: str,
    response: str | None,
    trace_id: str | None,
    input_tokens: int | None,
    output_tokens: int | None,
    simulate_retries: int | None,
    retry_reason: str,
    simulate_fallback: bool,
    simulate_overkill: bool,
) -> None:
    """Log a call, or each simulation that was asked for, one after the other."""
    simulations: list[Callable[..., str]] = []
    if simulate_retries is not None:
        simulations.append(partial(book.simulate_retries, retries=simulate_retries, reason=retry_reason))
    if simulate_fallback:
        simulations.append(book.simulate_fallback)
    if simulate_overkill:
        simulations.append(book.simulate_overkill)
    if not simulations:
        counts = {"input_tokens": input_tokens, "output_tokens": output_tokens}
        book.log(model=model, prompt=prompt, response=response, trace_id=trace_id, **counts)
    start = None
    for simulate in simulations:
        simulate(model, prompt, response, trace_id=trace_id, start=start)
        calls = book.df
        start = (calls["timestamp"] + pd.to_timedelta(calls["latency_ms"].fillna(0), unit="ms")).max()


def _log_examples(book: LogBook) -> None:
    """Log three sound calls and three patterns of waste."""
    for example in _EXAMPLES:
        book.log(**example)
    book.simulate_retries("gpt-4", "Summarize the minutes of the board", "They agreed.", retries=4, seed=1)
    book.simulate_fallback("gpt-3.5-turbo", "Draft a reply to the customer", "Dear customer", seed=1)
    book.simulate_overkill("gpt-4", "Hi", "Hello!", seed=1)
