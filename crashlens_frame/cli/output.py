"""What the commands print beside their data: notes, warnings, rejected lines, errors and progress, all on stderr."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import pandas as pd

from ..io import LogContent, warn_left_out
from ..words import UNKNOWN, digits, printable, quantity

_MOST_REJECTS = 5
_MOST_MODELS = 5


def print_note(text: str) -> None:
    """Print a note on stderr."""
    click.echo(printable(text), err=True)


def print_rejects(rejects: pd.DataFrame) -> None:
    """Print the first rejected lines, each with its place and reason, and the number of the others."""
    head = rejects.head(_MOST_REJECTS)
    for source, line, reason in zip(head["source"], head["line"], head["reason"], strict=True):
        print_note(f"rejected {source}:{line}: {reason}")
    if len(rejects) > len(head):
        print_note(f"rejected {quantity(len(rejects) - len(head), 'more line')}")


def print_left_out(log: LogContent) -> None:
    """Print how many fields, repeated calls and other records are not in the calls."""
    if log.repairs.num_rows:
        print_note(f"left out {quantity(log.repairs.num_rows, 'field')} of calls, {_first_repair(log)}")
    left_out = log._replace(rejects=log.rejects.slice(0, 0), repairs=log.repairs.slice(0, 0))
    warn_left_out(left_out, stacklevel=2)


def _first_repair(log: LogContent) -> str:
    first = log.repairs.slice(0, 1).to_pylist()[0]
    return f"the first {first['source']}:{first['line']}: {first['reason']}"


def print_unpriced(calls: pd.DataFrame, remedy: str = "; give prices with --config FILE") -> None:
    """Print which models have calls of unknown cost."""
    models = calls.loc[calls["cost"].isna(), "model"].astype("str").fillna(UNKNOWN).value_counts()
    if len(models):
        names = ", ".join(f"{model} ({digits(number)})" for model, number in models.head(_MOST_MODELS).items())
        more = f" and {quantity(len(models) - _MOST_MODELS, 'more model')}" if len(models) > _MOST_MODELS else ""
        print_note(f"warning: the cost of {quantity(models.sum(), 'call')} is unknown: {names}{more}{remedy}")


def print_written(calls: pd.DataFrame, target: str, traces: int | None = None) -> None:
    """Print how many calls were written, and where to."""
    inside = "" if traces is None else f" in {quantity(traces, 'trace')}"
    print_note(f"wrote {quantity(len(calls), 'call')}{inside} to {target}")


def print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line, as ``warnings.showwarning``."""
    print_note(f"warning: {message}")


def one_line(error: Exception) -> str:
    """Return the text of an error in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(" ".join(str(error).split()))


def terminal_columns() -> int:
    """Return the width of the terminal, for tables."""
    return shutil.get_terminal_size().columns


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal what is being done, until it is done."""
    if not sys.stderr.isatty():
        yield
        return
    click.echo(f"{what} ...", err=True, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
