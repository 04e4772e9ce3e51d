"""Costs of whole frames, compared with the rule in plain Python, call by call."""

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf

PRICES: dict[str, Any] = {
    "pricing": {
        "plain": {"input_price_per_1m": 2, "output_price_per_1m": 6},
        "cached": {
            "aliases": ["cached-old"],
            "input_price_per_1m": 4, "output_price_per_1m": 8, "cached_input_price_per_1m": 1,
            "cache_write_price_per_1m": 5,
        },
        "dated": {
            "prices": [
                {"from": date(2026, 3, 1), "input_price_per_1m": 10, "output_price_per_1m": 10},
                {"from": date(2026, 4, 1), "input_price_per_1m": 5, "output_price_per_1m": 5,
                 "variants": {"batch": {"input_price_per_1m": 1}}},
            ]
        },
        "tiered": {
            "prices": [
                {
                    "input_price_per_1m": 1, "output_price_per_1m": 2,
                    "tiers": [{"above": 50, "input_price_per_1m": 3}, {"above": 100, "output_price_per_1m": 9}],
                    "variants": {"batch": {"output_price_per_1m": 1}},
                },
                {"between": "10:00-12:00", "input_price_per_1m": 7, "output_price_per_1m": 7},
            ]
        },
    }
}  # fmt: skip
BOOK = cf.PriceBook.load(PRICES)
NAMES = {
    "plain": "plain",
    "openai/plain": "plain",
    "cached-old": "cached",
    "CACHED": "cached",
    "dated": "dated",
    "tiered": "tiered",
}


def cost_of(call: dict[str, Any]) -> float | None:
    """Price one call by the rule, as PRICES spells it."""
    model = NAMES.get(call["model"])
    sent, written = call["input_tokens"], call["output_tokens"]
    if model is None or sent is None or written is None:
        return None
    cached, stored = call["cached_input_tokens"] or 0, call["cache_write_tokens"] or 0
    if cached + stored > sent:
        return None
    at: datetime = call["timestamp"] or datetime(2026, 11, 23, 23)
    tier = (call["service_tier"] or "").lower()
    if model == "plain":
        rate, out, read, write = 2, 6, 2, 2
    elif model == "cached":
        rate, out, read, write = 4, 8, 1, 5
    elif model == "dated":
        if at < datetime(2026, 3, 1):
            return None
        rate = out = 10 if at < datetime(2026, 4, 1) else 5
        if tier == "batch" and at >= datetime(2026, 4, 1):
            rate = 1
        read = write = rate
    else:
        rate = read = write = 3 if sent > 50 else 1
        out = 1 if tier == "batch" else 9 if sent > 100 else 2
        if time(10) <= at.time() < time(12):
            rate = out = read = write = 7
    if tier == "priority":
        return None
    return ((sent - cached - stored) * rate + cached * read + stored * write + written * out) / 1e6


tokens = st.none() | st.sampled_from([0, 1, 49, 50, 51, 99, 100, 101, 5000])
times = st.sampled_from(
    [
        datetime(2026, 2, 28, 23, 59, 59, 999_999), datetime(2026, 3, 1), datetime(2026, 3, 31, 23, 59, 59, 999_999),
        datetime(2026, 4, 1), datetime(2026, 4, 1, 9, 59, 59, 999_999), datetime(2026, 4, 1, 10),
        datetime(2026, 4, 1, 12),
    ]
)  # fmt: skip
FIELDS = {
    "trace_id": st.just("t1"),
    "model": st.none() | st.sampled_from([*NAMES, "unknown-1", "gpt-4"]),
    "timestamp": times,
    "input_tokens": tokens,
    "output_tokens": tokens,
    "cached_input_tokens": tokens,
    "cache_write_tokens": tokens,
    "service_tier": st.sampled_from([None, "batch", "Batch", "flex", "default", "priority"]),
    "cost": st.none() | st.sampled_from([0.0, 0.25]),
    "cost_source": st.none() | st.sampled_from(["reported", "priced", "unknown"]),
}


@pytest.mark.long
@given(calls=st.lists(st.fixed_dictionaries(FIELDS), max_size=12), reprice=st.booleans())
@settings(max_examples=200)
@pytest.mark.filterwarnings("ignore::crashlens_frame.UnpricedWarning")
@pytest.mark.filterwarnings("ignore::crashlens_frame.UnclearTokensWarning")  # more of the cache than was sent
def test_every_cost_is_that_of_the_rule(calls: list[dict[str, Any]], reprice: bool) -> None:
    frame = cf.as_calls(pd.DataFrame(calls, columns=list(FIELDS)))
    before = frame.copy(deep=True)
    priced = cf.add_cost(frame, PRICES, reprice=reprice)
    pd.testing.assert_frame_equal(frame, before)
    kept = [call["cost"] is not None and not reprice for call in calls]
    expected = [call["cost"] if keep else cost_of(call) for call, keep in zip(calls, kept, strict=True)]
    np.testing.assert_allclose(priced["cost"].to_numpy(), np.array(expected, dtype=float), rtol=1e-12)
    sources = [
        ("priced" if call["cost_source"] == "priced" else "reported")
        if keep
        else "unknown" if cost is None else "priced"
        for call, keep, cost in zip(calls, kept, expected, strict=True)
    ]  # fmt: skip
    assert priced["cost_source"].tolist() == sources
    assert priced.dtypes.astype("str").equals(frame.dtypes.astype("str"))


def test_a_call_without_a_time_has_the_price_of_today() -> None:
    now = pd.Timestamp.now("UTC")
    steps = [(now - timedelta(days=9), 1), (now - timedelta(days=1), 2), (now + timedelta(days=2), 3)]
    prices = [{"from": at.date(), "input_price_per_1m": rate, "output_price_per_1m": 0} for at, rate in steps]
    calls = pd.DataFrame({"model": ["m"], "input_tokens": [1_000_000], "output_tokens": [0]})
    assert cf.add_cost(calls, {"pricing": {"m": {"prices": prices}}})["cost"].item() == 2.0
    assert cf.add_cost(calls.assign(timestamp=pd.NaT), {"pricing": {"m": {"prices": prices}}})["cost"].item() == 2.0


def test_frames_that_a_user_made_need_no_more_than_three_columns() -> None:
    calls = pd.DataFrame(
        {"model": ["plain", None, "x"], "input_tokens": [1, 2, 3], "output_tokens": [4.0, 5.0, np.nan]}
    )
    priced = cf.add_cost(calls.set_index(pd.Index([7, 7, 9])), PRICES)
    assert priced["cost"].fillna(-1).tolist() == [26e-6, -1, -1]
    assert priced["cost_source"].tolist() == ["priced", "unknown", "unknown"]
    with pytest.raises(cf.MissingColumnsError, match="missing columns: input_tokens, output_tokens"):
        cf.add_cost(calls[["model"]])


def test_unknown_models_can_be_an_error() -> None:
    calls = pd.DataFrame({"model": ["plainn", "plain", "else", "plainn"], "input_tokens": 1, "output_tokens": 1})
    calls["cost"] = [np.nan, np.nan, np.nan, 3.0]
    assert cf.add_cost(calls.iloc[[1, 3]], PRICES, on_unknown="raise")["cost"].tolist() == [8e-6, 3.0]
    with pytest.raises(cf.UnknownModelError) as caught:
        cf.add_cost(calls, PRICES, on_unknown="raise")
    assert str(caught.value).startswith("no price is known for model 'else'. To price it")
    assert str(caught.value).endswith("\nalso without a price: plainn")
    with pytest.raises(cf.InvalidOptionError, match=r"^on_unknown is 'ignore', expected 'na' or 'raise'$"):
        cf.add_cost(calls, PRICES, on_unknown="ignore")


def test_explain_adds_the_model_the_rule_and_the_rates_of_each_price() -> None:
    calls = cf.as_calls(
        pd.DataFrame(
            {
                "trace_id": "t1",
                "model": ["openai/dated", "tiered", "cached-old", "gone", None],
                "timestamp": ["2026-04-02T13:00Z", "2026-04-02T13:00Z", None, None, None],
                "input_tokens": [10, 101, 1, 1, 1],
                "output_tokens": 1,
                "service_tier": ["batch", "flex", "default", "batch", "batch"],
            }
        )
    )
    with pytest.warns(cf.UnpricedWarning) as caught:
        explained = cf.add_cost(calls, PRICES, explain=True).iloc[:, len(calls.columns) :]
    assert str(caught[0].message) == "1 call priced at base prices, as there are no prices for flex: tiered"
    expected = pd.DataFrame(
        {
            "price_model": ["dated", "tiered", "cached", None, None],
            "price_rule": ["provider prefix", "id", "alias", None, None],
            "price_variant": ["batch", "base: no prices for flex", None, None, None],
            "price_derived": False,
            "price_from": pd.to_datetime(pd.Series(["2026-04-01", None, None, None, None]), utc=True).dt.as_unit("us"),
            "price_above": pd.array([0, 100, 0, 0, 0], dtype="Int64"),
            "price_region_factor": 1.0,
            "price_discount": 0.0,
            "input_price_per_1m": [1.0, 3.0, 4.0, np.nan, np.nan],
            "output_price_per_1m": [5.0, 9.0, 8.0, np.nan, np.nan],
            "cached_input_price_per_1m": [1.0, 3.0, 1.0, np.nan, np.nan],
            "cache_write_price_per_1m": [1.0, 3.0, 5.0, np.nan, np.nan],
            "cache_write_1h_price_per_1m": [1.0, 3.0, 5.0, np.nan, np.nan],
            "audio_input_price_per_1m": [1.0, 3.0, 4.0, np.nan, np.nan],
            "reasoning_price_per_1m": [5.0, 9.0, 8.0, np.nan, np.nan],
            "audio_output_price_per_1m": [5.0, 9.0, 8.0, np.nan, np.nan],
            "web_search_price_per_1k": np.nan,
            "request_price_per_1k": [0.0, 0.0, 0.0, np.nan, np.nan],
            "unknown_because": [None, None, None, "no price for the model", "no model"],
        }
    )
    for name in ("price_model", "price_rule", "price_variant", "unknown_because"):
        expected[name] = expected[name].astype("str").astype("category")
    pd.testing.assert_frame_equal(explained, expected)


def test_unpriced_lists_models_most_calls_first() -> None:
    calls = pd.DataFrame(
        {
            "model": ["a", "b", "b", None, "plain"],
            "input_tokens": pd.array([1, 2, None, 4, 5], dtype="Int64"),
            "output_tokens": pd.array([1, 1, None, 1, 1], dtype="Int64"),
            "cost": [np.nan, np.nan, np.nan, np.nan, 1.0],
        }
    )
    expected = pd.DataFrame(
        {
            "model": pd.array(["b", "a", None], dtype="str"),
            "reason": pd.array(["no price for the model", "no price for the model", "no model"], dtype="str"),
            "n_calls": pd.array([2, 1, 1], dtype="Int64"),
            "input_tokens": pd.array([2, 1, 4], dtype="Int64"),
            "output_tokens": pd.array([1, 1, 1], dtype="Int64"),
            "share": [0.4, 0.2, 0.2],
        }
    )
    pd.testing.assert_frame_equal(cf.unpriced(calls), expected)
    assert len(cf.unpriced(calls.iloc[:0])) == 0
    assert list(cf.unpriced(calls.iloc[4:]).columns) == list(expected.columns)
