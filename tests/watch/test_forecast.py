"""Forecasts: what is certain is exact, and the interval holds as often as it promises on months it never saw."""

import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf
from tests.watch.days import calls_of_days, simulated_days

FIRST, APRIL, MAY = "2026-02-02", 58, 88  # days from the first one


@pytest.fixture(scope="module")
def held_out() -> pd.DataFrame:
    """Forecast the end of April of 200 worlds, from some day in April on, and look at the end."""
    rows = []
    for seed in range(5000, 5200):
        rng, spend = np.random.default_rng(seed), simulated_days(seed, MAY)
        known = slice(APRIL - int(rng.integers(14, 59)), APRIL + int(rng.integers(5, 27)))
        found = cf.forecast(calls_of_days(spend, FIRST).iloc[known]).iloc[0]
        pace = spend[APRIL : known.stop].sum() / (known.stop - APRIL) * (MAY - APRIL)
        rows.append(found.to_dict() | {"actual": spend[APRIL:].sum(), "pace": pace})
    return pd.DataFrame(rows)


def test_four_of_five_ends_of_months_are_in_the_interval_of_80_percent(held_out: pd.DataFrame) -> None:
    inside = held_out["actual"].between(held_out["low"], held_out["high"]).mean()
    assert 0.75 <= inside <= 0.88


def test_the_interval_is_about_as_often_too_high_as_too_low(held_out: pd.DataFrame) -> None:
    above, below = held_out["actual"] > held_out["high"], held_out["actual"] < held_out["low"]
    assert above.mean() <= 0.16
    assert below.mean() <= 0.16


def test_the_forecast_is_nearer_than_the_pace_so_far(held_out: pd.DataFrame) -> None:
    ours, pace = ((held_out[name] / held_out["actual"] - 1).abs().mean() for name in ("projected", "pace"))
    assert ours < 0.8 * pace


def test_a_steady_spend_goes_on() -> None:
    found = cf.forecast(calls_of_days(np.full(10, 4.0), "2026-06-01")).iloc[0]
    assert (found["start"], found["end"]) == (pd.Timestamp("2026-06-01"), pd.Timestamp("2026-07-01"))
    assert found[["spent", "projected", "low", "high"]].tolist() == pytest.approx([40, 120, 120, 120], rel=2e-3)


def test_few_days_give_a_pace_and_no_interval() -> None:
    found = cf.forecast(calls_of_days(np.full(6, 4.0), "2026-06-01")).iloc[0]
    assert found["projected"] == pytest.approx(120)
    assert found[["low", "high"]].isna().all()


def test_the_hours_left_of_today_are_ahead() -> None:
    calls = calls_of_days(np.full(20, 4.0), "2026-06-01")
    found = cf.forecast(calls, now="2026-06-20T18:00Z").iloc[0]
    assert (found["spent"], found["n_days"]) == (80.0, 19)
    assert found["projected"] == pytest.approx(80 + 1 + 10 * 4, rel=2e-3)


def test_nothing_is_ahead_at_the_end_of_the_period() -> None:
    found = cf.forecast(calls_of_days(np.full(30, 4.0), "2026-06-01")).iloc[0]
    assert found[["spent", "projected", "low", "high"]].tolist() == [120.0] * 4


@pytest.mark.parametrize(
    ("until", "end"),
    [("day", "2026-06-11"), ("week", "2026-06-15"), ("month", "2026-07-01"), ("quarter", "2026-07-01"),
     ("year", "2027-01-01")],
)  # fmt: skip
def test_where_each_period_ends(until: str, end: str) -> None:
    found = cf.forecast(calls_of_days(np.full(10, 4.0), "2026-06-01"), until=until).iloc[0]
    assert found["end"] == pd.Timestamp(end)


def test_groups_are_forecast_apart_and_unknown_costs_are_counted() -> None:
    calls = pd.concat([calls_of_days(np.full(10, each), "2026-06-01") for each in (1.0, 2.0)]).assign(
        team=["a"] * 10 + ["b"] * 10
    )
    calls.iloc[3, 1] = None
    found = cf.forecast(calls, by="team")
    assert found[["team", "spent", "unknown"]].to_numpy().tolist() == [["a", 9.0, 1], ["b", 20.0, 0]]


def test_the_same_seed_gives_the_same_interval() -> None:
    calls = calls_of_days(simulated_days(3, 20), FIRST)
    pd.testing.assert_frame_equal(cf.forecast(calls, seed=4), cf.forecast(calls, seed=4))


@pytest.mark.parametrize("tz", ["UTC", "America/New_York"])
@pytest.mark.parametrize("now", [None, "2026-03-20T18:00Z"])
def test_the_pace_is_what_a_budget_projects_and_adds_up_over_groups(tz: str, now: str | None) -> None:
    worlds = [calls_of_days(simulated_days(seed, 50), FIRST).assign(team=f"team {seed}") for seed in (1, 2, 3)]
    calls = pd.concat(worlds, ignore_index=True)
    whole = cf.forecast(calls, tz=tz, now=now).iloc[0]
    teams = cf.forecast(calls, tz=tz, now=now, by="team")
    limits: list[dict[str, object]] = [
        {"name": name, "per": "month", "tz": tz, "limit_usd": 1} for name in ("all", "teams")
    ]
    limits[1]["each"] = "team"
    spent = cf.budgets(calls, {"budgets": limits}, now=now).query("period == '2026-03'")
    assert spent["projected"].tolist() == pytest.approx([whole["pace"], *teams["pace"]])
    assert teams["pace"].sum() == pytest.approx(whole["pace"])
    end = pd.Timestamp("2026-04-01")
    until = pd.Timestamp("2026-03-24") if now is None else pd.Timestamp(now).tz_convert(tz).tz_localize(None)
    days = (until - pd.Timestamp("2026-03-01")) / pd.Timedelta("1D")
    assert whole["pace"] == pytest.approx(whole["spent"] * (1 + (end - until) / pd.Timedelta("1D") / days))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"until": "weekend"}, "until is 'weekend', expected 'day', 'week', 'month', 'quarter' or 'year'"),
        ({"interval": 80}, "interval is 80, expected a probability between 0 and 1, such as 0.8"),
        ({"tz": "Mars"}, "tz is 'Mars', expected the name of a time zone such as Europe/Paris"),
        ({"now": "soon"}, "now is 'soon', expected a time such as 2026-06-10T12:00Z"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(cf.InvalidOptionError) as caught:
        cf.forecast(calls_of_days(np.full(9, 1.0), FIRST), **options)
    assert str(caught.value) == message
