"""How the commands read logs, and when they refuse to go on."""

from collections.abc import Iterable

import click
import pandas as pd

from ..frame import frame_from_table
from ..io import SHIPPED, LeftOutCounts, LogContent, place_and_reason, read_priced
from ..pricing import PriceBook
from ..words import digits, percent, quantity
from .output import print_left_out, print_rejects, working


def read_content(logs: Iterable[str], config: str | None, max_rejects: float, *, priced: bool = True) -> LogContent:
    """Read logs of any kind, counted and priced, and print what was rejected.

    Raises
    ------
    ClickException
        Nothing could be read, or more than the largest share of the lines was rejected.
    """
    prices = (SHIPPED if config is None else config) if priced else None
    with working("reading"):
        log = read_priced(list(logs), prices=prices)
    report_left_out(LeftOutCounts.of(log), len(log.calls), max_rejects)
    return log


def read_calls(logs: Iterable[str], config: str | None, max_rejects: float, *, priced: bool = True) -> pd.DataFrame:
    """Return the calls of what ``read_content`` reads."""
    return frame_from_table(read_content(logs, config, max_rejects, priced=priced).calls)


def report_left_out(left: LeftOutCounts, n_calls: int, max_rejects: float) -> None:
    """Print what of logs is not in their calls.

    Raises
    ------
    ClickException
        Nothing could be read, or more than the largest share of the lines was rejected.
    """
    read = n_calls + left.duplicates + left.nested
    if read or left.rejects > 1:
        print_rejects(left)
    print_left_out(left)
    if left.rejects and not read:
        raise click.ClickException(f"nothing could be read: {place_and_reason(left.first[0])}")
    records = read + left.rejects + left.not_calls.total()
    if records and not read:
        raise click.ClickException(f"nothing could be read: {quantity(records, 'record')}, no calls")
    if left.rejects > max_rejects / 100 * records:
        raise click.ClickException(
            f"{digits(left.rejects)} lines, {percent(left.rejects, records)}, could not be read,"
            f" and at most {max_rejects:g} % may be; --max-rejects changes that"
        )


def read_priced_calls(logs: Iterable[str], config: str | None, max_rejects: float) -> tuple[pd.DataFrame, PriceBook]:
    """Read logs of any kind as ``read_calls`` does, and return the prices too."""
    prices = PriceBook.default() if config is None else PriceBook.load(config)
    return read_calls(logs, config, max_rejects), prices
