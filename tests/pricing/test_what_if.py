"""What the same traffic would have cost."""

from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

PRICES: dict[str, Any] = {
    "pricing": {
        "expensive": {"input_price_per_1m": 20, "output_price_per_1m": 60},
        "cheap": {"input_price_per_1m": 2, "output_price_per_1m": 6},
        "dated": {
            "prices": [
                {"input_price_per_1m": 10, "output_price_per_1m": 10},
                {"from": "2026-04-01", "input_price_per_1m": 5, "output_price_per_1m": 5},
            ]
        },
    }
}
BOOK = cf.PriceBook.load(
    {"pricing": {**PRICES["pricing"], "dated": {"input_price_per_1m": 5, "output_price_per_1m": 5}}}
)
SPENT = cf.as_calls(
    pd.DataFrame(
        {
            "trace_id": "t1",
            "model": ["expensive", "openai/expensive", "cheap", "gone", "dated", None],
            "timestamp": "2026-03-05T00:00Z",
            "input_tokens": [1_000_000, 1_000_000, 1_000_000, 1, 1_000_000, 1],
            "output_tokens": 0,
            "cost": [20.0, 30.0, 2.0, None, 10.0, None],
        }
    )
)


def by_model(**columns: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame({"model": ["expensive", "openai/expensive", "cheap", "gone", "dated", None], **columns})
    frame["difference"] = frame["cost_after"] - frame["cost_before"]
    frame = frame[["model", "to_model", "n_calls", "cost_before", "cost_after", "difference", "n_unpriced"]]
    types = {"model": "str", "to_model": "str", "n_calls": "Int64", "n_unpriced": "Int64"}
    return frame.astype(types).sort_values(["difference", "model"], ignore_index=True)


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PRICES be the prices that the package ships."""
    book = cf.PriceBook.load(PRICES)
    monkeypatch.setattr("crashlens_frame.pricing.book._shipped", lambda: book)


@pytest.mark.usefixtures("shipped")
def test_a_model_moves_with_all_its_spellings_and_the_others_keep_their_cost() -> None:
    moved = cf.reprice_calls(SPENT, {"expensive": "cheap"})
    assert moved["to_model"].astype("str").fillna("-").tolist() == ["cheap", "cheap", "cheap", "gone", "dated", "-"]
    assert moved["cost_after"].fillna(-1).tolist() == [2.0, 2.0, 2.0, -1.0, 10.0, -1.0]
    pd.testing.assert_frame_equal(moved[SPENT.columns], SPENT)
    expected = by_model(
        to_model=["cheap", "cheap", "cheap", "gone", "dated", None],
        n_calls=[1, 1, 1, 0, 1, 0],
        cost_before=[20.0, 30.0, 2.0, 0.0, 10.0, 0.0],
        cost_after=[2.0, 2.0, 2.0, 0.0, 10.0, 0.0],
        n_unpriced=[0, 0, 0, 1, 0, 1],
    )
    pd.testing.assert_frame_equal(cf.reprice(SPENT, {"expensive": "cheap"}), expected)


@pytest.mark.usefixtures("shipped")
def test_one_spelling_can_move_elsewhere() -> None:
    moved = cf.reprice_calls(SPENT, {"expensive": "cheap", "openai/expensive": "dated"})
    assert moved["to_model"].astype("str").fillna("-").tolist() == ["cheap", "dated", "cheap", "gone", "dated", "-"]


@pytest.mark.parametrize("how", [{"prices": PRICES, "at": "2026-05-01"}, {"prices": BOOK}])
def test_other_prices_and_another_day_reprice_every_call(how: dict[str, Any]) -> None:
    expected = by_model(
        to_model=["expensive", "openai/expensive", "cheap", "gone", "dated", None],
        n_calls=[1, 1, 1, 0, 1, 0],
        cost_before=[20.0, 30.0, 2.0, 0.0, 10.0, 0.0],
        cost_after=[20.0, 20.0, 2.0, 0.0, 5.0, 0.0],
        n_unpriced=[0, 0, 0, 1, 0, 1],
    )
    pd.testing.assert_frame_equal(cf.reprice(SPENT, **how), expected)


def test_names_that_lead_nowhere_are_refused() -> None:
    with pytest.raises(cf.UnknownModelError, match=r"^no price is known for model 'cheep'; nearest: cheap"):
        cf.reprice(SPENT, {"expensive": "cheep"}, prices=PRICES)
    with pytest.raises(cf.UnknownModelError) as caught:
        cf.reprice(SPENT, {"deer": "cheap"}, prices=PRICES)
    assert str(caught.value) == (
        "no call uses the model 'deer'; the models of the calls are cheap, dated, expensive, gone, openai/expensive"
    )
    with pytest.raises(cf.InvalidOptionError) as caught_too:
        cf.reprice(SPENT, PRICES)
    assert str(caught_too.value).endswith(
        'expected a mapping of names such as {"gpt-4": "gpt-4o-mini"}; prices are given as prices='
    )


def test_a_day_that_is_no_time_is_refused() -> None:
    for work in (cf.reprice, cf.reprice_calls):
        with pytest.raises(
            cf.InvalidOptionError, match=r"^at is 'someday', expected an ISO 8601 time or an epoch number$"
        ):
            work(SPENT, at="someday")
    with pytest.raises(cf.InvalidOptionError, match=r"^at is 'noon', expected an ISO 8601 time or an epoch number$"):
        BOOK.cost(model="cheap", input_tokens=1, output_tokens=1, at="noon")


def test_no_calls() -> None:
    assert len(cf.reprice(SPENT.iloc[:0], prices=PRICES)) == 0
