"""How the commands read logs."""

from collections.abc import Iterable

import pandas as pd

from ..io import read_logs
from ..pricing import PriceBook, add_cost
from ..tokens import add_tokens
from .output import print_rejects, working


def read_calls(logs: Iterable[str]) -> pd.DataFrame:
    """Read logs of any kind, and print which lines were rejected."""
    with working("reading"):
        calls, rejects = read_logs(logs)
    print_rejects(rejects)
    return calls


def read_priced_calls(logs: Iterable[str], config: str | None) -> tuple[pd.DataFrame, PriceBook]:
    """Read logs, count tokens and price calls where the logs do not, and return the prices too."""
    prices = PriceBook.default() if config is None else PriceBook.load(config)
    calls = read_calls(logs)
    with working("counting and pricing"):
        return add_cost(add_tokens(calls), prices), prices
