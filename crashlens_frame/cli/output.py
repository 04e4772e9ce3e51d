"""What the commands print beside their data: notes, warnings, rejected lines, errors and progress, all on stderr."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..words import UNKNOWN, digits, printable, quantity

if TYPE_CHECKING:  # commands that read no logs start without them
    import pandas as pd

    from ..io import LeftOutCounts

_MOST_MODELS = 5
_GIVE_PRICES = "; give prices with --config FILE"


class Logged(NamedTuple):
    """What a command logged: number of calls, what they cost in US dollars (NaN: unknown), and their traces."""

    n_calls: int
    cost: float
    traces: list[str]


def print_note(text: str) -> None:
    """Print a note on stderr."""
    click.echo(printable(text), err=True)


def print_rejects(left: "LeftOutCounts") -> None:
    """Print the first rejected lines, each with its place and reason, and the number of the others."""
    from ..io import place_and_reason

    for reject in left.first:
        print_note(f"rejected {place_and_reason(reject)}")
    if left.rejects > len(left.first):
        print_note(f"rejected {quantity(left.rejects - len(left.first), 'more line')}")


def print_left_out(left: "LeftOutCounts") -> None:
    """Print how many fields, repeated calls and other records are not in the calls."""
    from ..io import place_and_reason

    if left.repairs:
        fields = quantity(left.repairs, "field")
        print_note(f"left out {fields} of calls, the first {place_and_reason(left.first_repair)}")
    replace(left, rejects=0, repairs=0).warn(stacklevel=2)


def print_unpriced(models: "pd.DataFrame", remedy: str = _GIVE_PRICES) -> None:
    """Print how many calls of unknown cost the models have, and why: the first rows of ``unpriced``.

    The remedy is for models without a price; a command that takes no prices has none.
    """
    if len(models):
        from ..report import frame_records

        first, hidden = frame_records(models.head(_MOST_MODELS)), len(models) - _MOST_MODELS
        names = ", ".join(f"{row['model'] or UNKNOWN} ({digits(row['n_calls'])}: {row['reason']})" for row in first)
        more = f" and {quantity(hidden, 'more reason')}" if hidden > 0 else ""
        remedy = remedy if models["reason"].str.startswith("no price").any() else ""
        n_calls = quantity(int(models["n_calls"].sum()), "call")
        print_note(f"warning: the cost of {n_calls} is unknown: {names}{more}{remedy}")


def print_written(calls: "pd.DataFrame", target: str, traces: int | None = None) -> None:
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
