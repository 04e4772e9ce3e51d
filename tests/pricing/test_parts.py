"""Costs taken apart, what is not billed, and why a cost is unknown."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import frame_from_table, table_from_frame

RATES = {"input_price_per_1m": 2, "output_price_per_1m": 10}
PRICES: dict[str, Any] = {
    "pricing": {
        "plain": RATES,
        "meters": {
            **RATES, "cached_input_price_per_1m": 1, "cache_write_price_per_1m": 3, "cache_write_1h_price_per_1m": 4,
            "audio_input_price_per_1m": 20, "reasoning_price_per_1m": 5, "audio_output_price_per_1m": 40,
            "web_search_price_per_1k": 10, "request_price_per_1k": 5,
        },
    },
    "regions": [{"host": "bedrock", "models": ["meters"], "regions": ["eu"], "factor": 1.5}],
}  # fmt: skip
USAGE = {
    "model": "meters", "input_tokens": 100, "cached_input_tokens": 10, "cache_write_tokens": 30,
    "cache_write_1h_tokens": 20, "audio_input_tokens": 5, "output_tokens": 50, "reasoning_tokens": 15,
    "audio_output_tokens": 4, "web_searches": 3,
}  # fmt: skip


def calls(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return a typed frame whose counts nobody has checked: a frame of the user's own."""
    return frame_from_table(table_from_frame(pd.DataFrame([{"trace_id": "t", **row} for row in rows])))


def test_each_meter_has_a_row_and_its_rate() -> None:
    parts = cf.cost_parts(calls({**USAGE, "provider": "bedrock", "region": "eu"}), PRICES)
    assert parts[["meter", "units", "rate"]].to_numpy().tolist() == [
        ["input", 55, 3], ["output", 31, 15], ["cached_input", 10, 1.5], ["cache_write", 10, 4.5],
        ["cache_write_1h", 20, 6], ["audio_input", 5, 30], ["reasoning", 15, 7.5], ["audio_output", 4, 60],
        ["web_search", 3, 10], ["request", 1, 5],
    ]  # fmt: skip
    tokens = 55 * 3 + 31 * 15 + 10 * 1.5 + 10 * 4.5 + 20 * 6 + 5 * 30 + 15 * 7.5 + 4 * 60
    assert parts["cost"].sum() == pytest.approx(tokens / 1e6 + 3 * 10 / 1000 + 5 / 1000)
    assert parts["price_from"].isna().all()


def test_a_call_that_the_prices_cannot_take_apart_has_one_row() -> None:
    frame = calls(
        {"model": "plain", "input_tokens": 10, "output_tokens": 1, "cost": 7.0},
        {"model": "gone", "input_tokens": 10, "output_tokens": 1},
        {"model": "gone", "input_tokens": 10, "output_tokens": 1, "billed": "no"},
        {"model": "plain", "input_tokens": 0, "output_tokens": 0},
        {"model": "plain", "input_tokens": 1_000_000, "output_tokens": 0, "cost": 2.0},
    )
    parts = cf.cost_parts(frame, PRICES)
    assert parts[["meter", "cost"]].fillna(-1.0).to_numpy().tolist() == [
        ["reported", 7.0], ["unknown", -1.0], ["not billed", 0.0], ["input", 0.0], ["input", 2.0],
    ]  # fmt: skip
    assert parts.index.tolist() == [0, 1, 2, 3, 4]
    assert len(cf.cost_parts(frame.iloc[:0], PRICES)) == 0
    pd.testing.assert_frame_equal(frame.crashlens.cost_parts(PRICES), parts)


COUNT = st.none() | st.integers(0, 40)
ROW = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["plain", "meters", "us.meters", "gone"]),
        "cost": st.none() | st.sampled_from([0.0, 0.25]),
        "billed": st.sampled_from([None, "yes", "no"]),
        "region": st.sampled_from([None, "eu", "global"]),
        "provider": st.sampled_from([None, "bedrock"]),
        **{name: COUNT for name in USAGE if name.endswith("_tokens")},
        "web_searches": st.none() | st.integers(0, 2),
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_the_parts_add_up_to_the_cost(rows: list[dict[str, Any]]) -> None:
    frame = calls(*rows)
    sums = cf.cost_parts(frame, PRICES)["cost"].groupby(level=0).sum(min_count=1)
    np.testing.assert_allclose(sums, cf.add_cost(frame, PRICES)["cost"], rtol=1e-12)


def test_no_warning_of_base_prices_for_a_call_that_is_not_billed() -> None:
    frame = calls({"model": None, "service_tier": "batch", "billed": "no", "input_tokens": 1, "output_tokens": 1})
    assert cf.add_cost(frame, PRICES)["cost"].tolist() == [0]


def test_a_call_that_is_not_billed_costs_nothing_at_any_price() -> None:
    frame = calls({**USAGE, "billed": "no"}, {"model": "gone", "billed": "no"}, {**USAGE, "billed": "no", "cost": 3.0})
    assert cf.add_cost(frame, PRICES)["cost"].tolist() == [0, 0, 3]
    assert cf.add_cost(frame, PRICES, reprice=True)["cost"].tolist() == [0, 0, 0]
    assert cf.reprice_calls(frame, prices=PRICES)["cost_after"].tolist() == [0, 0, 0]


PLAIN = {"model": "plain", "input_tokens": 10, "output_tokens": 1}
REASONS = [
    ({**PLAIN, "model": None}, "no model"),
    ({**PLAIN, "model": "gone"}, "no price for the model"),
    ({**PLAIN, "output_tokens": None}, "no output tokens"),
    ({**PLAIN, "input_tokens": None}, "no input tokens"),
    ({"model": "plain"}, "no tokens"),
    ({"model": "plain", "level": "error"}, "failed call"),
    ({**PLAIN, "web_searches": 5}, "5 web searches without a rate"),
    ({**PLAIN, "web_searches": 1}, "1 web search without a rate"),
    ({**PLAIN, "service_tier": "priority"}, "service tier priority without a rate"),
    ({**USAGE, "provider": "bedrock", "region": "mars"}, "region mars without a rate"),
    ({**USAGE, "model": "us.meters"}, "region us without a rate"),
    ({**PLAIN, "cached_input_tokens": 6, "cache_write_tokens": 5}, "parts exceed input_tokens"),
    ({**PLAIN, "reasoning_tokens": 2}, "parts exceed output_tokens"),
    ({**PLAIN, "cache_write_tokens": 1, "cache_write_1h_tokens": 2}, "parts exceed cache_write_tokens"),
]


@pytest.mark.parametrize(("row", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_an_unknown_cost_has_a_reason(row: dict[str, Any], reason: str) -> None:
    frame = cf.add_cost(calls(row), PRICES, explain=True)
    assert frame["cost"].isna().all()
    assert frame["unknown_because"].tolist() == [reason]
    assert cf.unpriced(frame, PRICES)["reason"].tolist() == [reason]


def test_unpriced_is_by_model_and_reason() -> None:
    rows = [row for row, _ in REASONS]
    frame = cf.add_cost(calls(*rows, *rows[:2], PLAIN), PRICES)
    assert frame["cost"].notna().tolist() == [False] * (len(rows) + 2) + [True]
    found = cf.unpriced(frame, PRICES)
    assert sorted(found["reason"]) == sorted(reason for _, reason in REASONS)
    assert found["n_calls"].tolist() == [2, 2] + [1] * (len(rows) - 2)
    assert found["share"].tolist()[0] == 2 / len(frame)
    assert cf.unpriced(frame.assign(cost=np.nan).iloc[-1:], PRICES)["reason"].tolist() == ["not priced"]


def test_free_embeddings_have_a_cost_without_output_tokens() -> None:
    book = {"pricing": {"embed": {"input_price_per_1m": 2, "output_price_per_1m": 0}}}
    frame = calls({"model": "embed", "input_tokens": 1_000_000})
    assert cf.add_cost(frame, book)["cost"].tolist() == [2.0]
