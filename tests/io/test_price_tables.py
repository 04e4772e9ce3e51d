"""Tokens and costs that the log did not report are filled in tables as in frames, and nothing else changes."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import crashlens_frame as cf
from crashlens_frame.frame import frame_from_table, table_from_frame
from crashlens_frame.io import price_tables
from crashlens_frame.pricing import PriceBook

COUNTS = ["input_tokens", "output_tokens", "token_source"]
PRICES = PriceBook.default()


def _log(share: float) -> pd.DataFrame:
    """Give calls of which about a share lacks each of tokens, their source, the cost and its source."""
    log = cf.simulate_workload(60, seed=5, days=1)
    lacks = np.random.default_rng(5).random((5, len(log))) < share
    names = [*COUNTS, "cost", "cost_source"]
    return log.assign(**{name: log[name].where(~lacks[place]) for place, name in enumerate(names)})


def _in_pieces(log: pd.DataFrame) -> pa.Table:
    """Give the table of a log in chunks, each with labels of its own, as they come from blocks of a file."""
    return pa.concat_tables(table_from_frame(log.iloc[first : first + 50]) for first in range(0, len(log), 50))


@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
def test_a_table_is_filled_as_its_frame_is(share: float) -> None:
    log = _log(share)
    counted = cf.add_tokens(log)
    for filled, expected in (
        (price_tables.counted_table(_in_pieces(log)), counted),
        (price_tables.priced_table(_in_pieces(log), PRICES), cf.add_cost(counted, PRICES)),
    ):
        same = frame_from_table(table_from_frame(expected))
        pd.testing.assert_frame_equal(frame_from_table(filled), same)


def test_only_the_calls_that_lack_something_are_priced(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def spied(calls: pd.DataFrame, prices: PriceBook) -> pd.DataFrame:
        sizes.append(len(calls))
        return cf.add_cost(calls, prices)

    monkeypatch.setattr(price_tables, "add_cost", spied)
    log = _log(0.05)
    lacking = log[[*COUNTS, "cost", "cost_source"]].isna().any(axis=1) | (log["cost_source"] == "unknown")
    price_tables.priced_table(_in_pieces(log), PRICES)
    assert sizes == [int(lacking.sum())]
    assert sizes[0] < len(log) / 2
