"""Commands that log calls: log, and init-config for their prices."""

import math
import os
from importlib import resources
from pathlib import Path
from typing import Any

import click

from ..io import append_bytes, line_from_row
from ..pricing import PriceBook, fill_cost
from ..times import start_of_call
from ..tokens import fill_tokens
from ..words import money, quantity
from . import options
from .output import Logged, print_note, print_unpriced

_RETRY_REASONS = ("timeout", "bad_answer", "rate_limit", "server_error")
_PATTERNS = ("simulate_retries", "simulate_fallback", "simulate_overkill")
_OF_A_CALL = ("model", "prompt", "response", "trace_id", "input_tokens", "output_tokens")


@click.command(epilog=options.example('crashlens-frame log --model gpt-4o --prompt "Hello" --response "Hi"'))
@click.option("--model", help="Name of the model that was called.")
@click.option("--prompt", help="Text that was sent.")
@click.option("--response", help="Text that came back; a call without it is logged as failed.")
@click.option(
    "--output", type=click.Path(), default="logs.jsonl", show_default=True, help="File that the calls are appended to."
)
@click.option("--trace-id", help="Trace that the calls belong to; a new one when not given.")
@click.option("--input-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens sent; counted if not given.")
@click.option("--output-tokens", type=click.IntRange(min=0), metavar="N", help="Tokens back; counted if not given.")
@click.option("--simulate-retries", type=click.IntRange(min=1), metavar="N", help="Log the call and N retries of it.")
@click.option(
    "--retry-reason",
    type=click.Choice(_RETRY_REASONS),
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
    if demo and any(value is not None and value is not False for name, value in call.items() if name != "retry_reason"):
        raise click.UsageError("--demo logs its own calls; leave out the options that describe a call.")
    missing = [name for name in ("model", "prompt") if call[name] is None]
    if missing and not demo:
        raise click.UsageError(f"Missing option '--{missing[0]}'; --demo logs example calls instead.")
    is_simulated = any(call[name] for name in _PATTERNS)
    if is_simulated and (call["input_tokens"], call["output_tokens"]) != (None, None):
        raise click.UsageError("Tokens of simulated calls are counted; leave out --input-tokens and --output-tokens.")
    is_wrong = "" in (call["model"], call["trace_id"])  # a book says why
    if demo or is_simulated or dev_mode or is_wrong or schema != "crashlens" or output == "-":
        from .logged import log_with_book

        logged = log_with_book(output, config=config, schema=schema, demo=demo, dev_mode=dev_mode, **call)
    else:
        logged = _log_line(output, config, **{name: call[name] for name in _OF_A_CALL})
    if logged is None:
        print_note(f"dev mode: nothing was written to {output}")
        return
    print_note(f"logged {quantity(logged.n_calls, 'call')} to {output}, cost {money(logged.cost)}")
    for trace in logged.traces:
        print_note(f"trace {trace}")


@click.command("init-config", epilog=options.example("crashlens-frame init-config --config pricing.yaml"))
@click.option("--config", type=click.Path(), default="pricing.yaml", show_default=True, help="File to write.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def init_config(config: str, force: bool) -> None:
    """Write a commented file of prices to start from."""
    from ..io import open_atomic

    if config != "-" and Path(config).exists() and not force:
        raise click.ClickException(f"{config} exists; --force overwrites it")
    with open_atomic(config) as stream:
        stream.write(resources.files("crashlens_frame.pricing").joinpath("starter_prices.yaml").read_bytes())
    print_note(f"wrote {config}")


def _log_line(output: str, config: str | None, *, trace_id: str | None, **call: Any) -> Logged:
    """Append one call as LogBook.log writes it, without pandas: importing it takes longer than all of this."""
    row = {"trace_id": trace_id or os.urandom(16).hex(), "timestamp": None, "retry_count": 0, **call}
    row["timestamp"] = start_of_call(row)
    fill_tokens(row)
    fill_cost(row, PriceBook.load(config))
    if row["cost"] is None:
        _print_why_unpriced(row, config)
    append_bytes(output, line_from_row(row))
    return Logged(1, math.nan if row["cost"] is None else row["cost"], [row["trace_id"]])


def _print_why_unpriced(row: dict[str, Any], config: str | None) -> None:
    from ..frame import frame_from_table, table_from_rows
    from ..pricing import unpriced

    print_unpriced(unpriced(frame_from_table(table_from_rows([row])), config))
