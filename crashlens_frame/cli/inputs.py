"""How the commands read logs, and when they refuse to go on."""

from collections.abc import Iterable

import click
import pandas as pd

from ..frame import frame_from_table
from ..io import SHIPPED, read_priced
from ..pricing import PriceBook
from ..schema import REJECTS
from ..words import digits, percent, quantity
from .output import print_left_out, print_rejects, working


def read_calls(logs: Iterable[str], config: str | None, max_rejects: float, *, priced: bool = True) -> pd.DataFrame:
    """Read logs of any kind, counted and priced, and print what was rejected.

    Raises
    ------
    ClickException
        Nothing could be read, or more than the largest share of the lines was rejected.
    """
    prices = (SHIPPED if config is None else config) if priced else None
    with working("reading"):
        log = read_priced(list(logs), prices=prices)
    rejects = frame_from_table(log.rejects, REJECTS)
    read = len(log.calls) + log.duplicates + log.nested
    if read or len(rejects) > 1:
        print_rejects(rejects)
    print_left_out(log)
    if len(rejects) and not read:
        first = rejects.iloc[0]
        raise click.ClickException(f"nothing could be read: {first['source']}:{first['line']}: {first['reason']}")
    if not read and log.not_calls:
        raise click.ClickException(f"nothing could be read: {quantity(log.not_calls.total(), 'record')}, no calls")
    if len(rejects) > max_rejects / 100 * (read + len(rejects) + log.not_calls.total()):
        share = percent(len(rejects), read + len(rejects) + log.not_calls.total())
        raise click.ClickException(
            f"{digits(len(rejects))} lines, {share}, could not be read, and at most {max_rejects:g} % may be;"
            " --max-rejects changes that"
        )
    return frame_from_table(log.calls)


def read_priced_calls(logs: Iterable[str], config: str | None, max_rejects: float) -> tuple[pd.DataFrame, PriceBook]:
    """Read logs of any kind as ``read_calls`` does, and return the prices too."""
    prices = PriceBook.default() if config is None else PriceBook.load(config)
    return read_calls(logs, config, max_rejects), prices
