"""Commands that log calls: log, and init-config for their prices."""

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..io import append_jsonl, open_atomic, to_jsonl
from ..logbook import LogBook
from ..pricing import unpriced
from ..report import calls_table
from ..simulate import RETRY_REASONS
from ..words import money, quantity
from . import options
from .output import print_note, print_unpriced, terminal_columns

_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"model": "gpt-4o-mini", "prompt": "Name two rivers of France", "response": "Loire, Seine", "latency_ms": 640},
    {"model": "gpt-4o", "prompt": "Translate 'good night' into Dutch", "response": "goedenacht", "latency_ms": 910},
    {"model": "claude-sonnet-4-5", "prompt": "Review this clause", "response": "One-sided.", "latency_ms": 2300},
)


@click.command(epilog=options.example('crashlens-frame log --model gpt-4o --prompt "Hello" --response "Hi"'))
@click.option("--model", help="Name of the model that was called.")
@click.option("--prompt", help="Text that was sent.")
@click.option("--response", help="Text that came back; a call without it is logged as failed.")
@click.option(
    "--output", type=click.Path(), default="logs.jsonl", show_default=True, help="File that the calls are appended to."
)
@click.option("--trace-id", help="Trace that the calls belong to; a new one when not given.")
@click.option("--simulate-retries", type=click.IntRange(min=1), metavar="N", help="Log the call and N retries of it.")
@click.option(
    "--retry-reason",
    type=click.Choice(RETRY_REASONS),
    default="timeout",
    show_default=True,
    help="Why it is retried: a timeout or a bad answer is billed, a rate limit or a server error is free.",
)
@click.option("--simulate-fallback", is_flag=True, help="Log the call and the fallback to another model.")
@click.option("--simulate-overkill", is_flag=True, help="Log the call as one that a cheaper model could have answered.")
@options.config
@options.schema
@click.option("--demo", is_flag=True, help="Log built-in example calls; needs no --model and no --prompt.")
@click.option("--dev-mode", is_flag=True, help="Print the calls as a table and write nothing.")
def log(output: str, config: str | None, schema: str, demo: bool, dev_mode: bool, **call: Any) -> None:
    """Log one call, or a pattern of waste that is simulated from it.

    Several simulations are logged as separate traces, unless --trace-id puts them into one.
    """
    book = LogBook(prices=config)
    if not demo:
        _log_call(book, **call)
    elif any(value is not None and value is not False for name, value in call.items() if name != "retry_reason"):
        raise click.UsageError("--demo logs its own calls; leave out the options that describe a call.")
    else:
        _log_examples(book)
    calls = book.df
    print_unpriced(unpriced(calls, config))
    if dev_mode:
        click.echo(calls_table(calls).to_text(terminal_columns()))
        print_note(f"dev mode: nothing was written to {output}")
        return
    append = to_jsonl if output == "-" else append_jsonl
    append(calls, output, format=schema)
    print_note(f"logged {quantity(len(calls), 'call')} to {output}, cost {money(calls['cost'].sum(min_count=1))}")
    for trace in calls["trace_id"].drop_duplicates():
        print_note(f"trace {trace}")


@click.command("init-config", epilog=options.example("crashlens-frame init-config --config pricing.yaml"))
@click.option("--config", type=click.Path(), default="pricing.yaml", show_default=True, help="File to write.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def init_config(config: str, force: bool) -> None:
    """Write a commented file of prices to start from."""
    if config != "-" and Path(config).exists() and not force:
        raise click.ClickException(f"{config} exists; --force overwrites it")
    with open_atomic(config) as stream:
        stream.write(resources.files("crashlens_frame.pricing").joinpath("starter_prices.yaml").read_bytes())
    print_note(f"wrote {config}")


def _log_call(
    book: LogBook,
    *,
    model: str | None,
    prompt: str | None,
    response: str | None,
    trace_id: str | None,
    simulate_retries: int | None,
    retry_reason: str,
    simulate_fallback: bool,
    simulate_overkill: bool,
) -> None:
    """Log a call, or each simulation that was asked for, one after the other."""
    if model is None or prompt is None:
        option = "--model" if model is None else "--prompt"
        raise click.UsageError(f"Missing option '{option}'; --demo logs example calls instead.")
    simulations: list[Callable[..., str]] = []
    if simulate_retries is not None:
        simulations.append(partial(book.simulate_retries, retries=simulate_retries, reason=retry_reason))
    if simulate_fallback:
        simulations.append(book.simulate_fallback)
    if simulate_overkill:
        simulations.append(book.simulate_overkill)
    if not simulations:
        book.log(model=model, prompt=prompt, response=response, trace_id=trace_id)
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
