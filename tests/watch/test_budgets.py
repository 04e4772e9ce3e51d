"""Budgets: the known answers, the rule once more in plain Python, and every mistake of a file with its place."""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf


def calls_of(*calls: tuple[str, float | None], **columns: Any) -> pd.DataFrame:
    times, costs = zip(*calls, strict=True)
    frame = pd.DataFrame({"timestamp": times, "cost": costs, "model": "gpt-4o", **columns})
    return cf.as_calls(frame)


def budget(**keys: Any) -> dict[str, Any]:
    return {"budgets": [{"name": "all", "per": "month", "limit_usd": 100, **keys}]}


TEN_DAYS = [(f"2026-06-{day:02}T09:30Z", 4.0) for day in range(1, 11)]


def test_forty_dollars_in_ten_of_thirty_days_are_120_at_the_end_and_100_on_day_25() -> None:
    row = cf.budgets(calls_of(*TEN_DAYS), budget()).iloc[0]
    assert row.to_dict() == {
        "name": "all", "group": pytest.approx(np.nan, nan_ok=True), "period": "2026-06", "limit": 100.0,
        "spent": 40.0, "unknown": 0, "projected": pytest.approx(120.0), "exhausted_on": pd.Timestamp("2026-06-25"),
        "status": "warn",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "status", "day"),
    [(120, "ok", None), (119.99, "warn", "2026-06-30"), (40, "warn", "2026-06-10"), (39.99, "over", "2026-06-10"),
     (36, "over", "2026-06-09"), (500, "ok", None)],
)  # fmt: skip
def test_the_status_at_the_edges(limit: float, status: str, day: str | None) -> None:
    row = cf.budgets(calls_of(*TEN_DAYS), budget(limit_usd=limit, warn_at=1)).iloc[0]
    assert row["status"] == status
    assert pd.isna(row["exhausted_on"]) if day is None else row["exhausted_on"] == pd.Timestamp(day)


def test_a_budget_warns_from_its_share_on() -> None:
    statuses = [cf.budgets(calls_of(*TEN_DAYS), budget(limit_usd=200, warn_at=at))["status"][0] for at in (0.2, 0.21)]
    assert statuses == ["warn", "ok"]


def test_now_sets_the_time_up_to_which_the_log_goes() -> None:
    row = cf.budgets(calls_of(*TEN_DAYS), budget(), now="2026-06-21").iloc[0]
    assert row["projected"] == pytest.approx(60)
    assert row["status"] == "ok"


def test_calls_after_now_are_left_out_by_the_clock_of_the_budget() -> None:
    calls = calls_of(("2026-06-01T12:00Z", 4.0), ("2026-06-10T21:30Z", 8.0), ("2026-06-10T22:30Z", 16.0), (None, 1.0))
    for keys in ({}, {"per": "30d rolling"}):
        rows = cf.budgets(calls, budget(tz="Europe/Paris", **keys), now="2026-06-11")
        assert rows["spent"].tolist() == [12.0, 1.0]
    assert cf.budgets(calls, budget(tz="Europe/Paris"), now="2026-06-11")["projected"][0] == pytest.approx(36.0)


def test_days_before_the_log_begins_are_no_days_without_spend() -> None:
    late = calls_of(*((f"2026-06-{day:02}T09:30Z", 4.0) for day in range(11, 21)))
    assert cf.budgets(late, budget())["projected"].tolist() == pytest.approx([80.0])


def test_an_unknown_cost_is_counted_and_never_0() -> None:
    known, unknown = cf.budgets(calls_of(("2026-06-01", 5.0), ("2026-06-01", None)), budget()), None
    unknown = cf.budgets(calls_of(("2026-06-01", None)), budget())
    assert (known["spent"][0], known["unknown"][0]) == (5.0, 1)
    assert np.isnan(unknown["spent"][0])
    assert (unknown["unknown"][0], unknown["status"][0]) == (1, "unknown")


def test_a_call_without_a_time_is_in_a_row_of_its_own() -> None:
    rows = cf.budgets(calls_of(("2026-06-01", 5.0), (None, 700.0)), budget())
    assert rows[["period", "spent", "status"]].fillna("").to_numpy().tolist() == [
        ["2026-06", 5.0, "warn"], ["", 700.0, "over"],
    ]  # fmt: skip


def test_a_period_begins_at_midnight_in_the_time_zone_of_the_budget() -> None:
    calls = calls_of(("2026-05-31T22:30Z", 1.0), ("2026-05-31T21:30Z", 2.0))
    assert cf.budgets(calls, budget(tz="Europe/Paris"))[["period", "spent"]].to_numpy().tolist() == [
        ["2026-05", 2.0], ["2026-06", 1.0],
    ]  # fmt: skip


def test_a_budget_without_calls_has_a_row() -> None:
    rows = cf.budgets(calls_of(*TEN_DAYS), budget(match={"model": "no-such"}))
    assert rows[["period", "spent", "status"]].to_numpy().tolist() == [["2026-06", 0.0, "ok"]]


def test_each_group_has_the_limit_and_no_value_is_a_group() -> None:
    calls = calls_of(
        ("2026-06-01", 1.0), ("2026-06-01", 2.0), ("2026-06-02", 4.0), tags=['{"c":"a"}', None, '{"c":"a"}']
    )
    rows = cf.budgets(calls, budget(each="tags.c"))
    assert rows[["group", "spent"]].to_numpy().tolist() == [["(none)", 2.0], ["a", 5.0]]


CALLS = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 40), st.sampled_from(["ann", "bob", None]), st.sampled_from([0.25, 0.5, 2.0, None])
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=60)
@given(CALLS, st.sampled_from(["day", "week", "month"]), st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]))
def test_spent_and_unknown_are_those_of_a_plain_loop(rows: list[Any], per: str, tz: str) -> None:
    start = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    labels = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
    spent: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for minute, user, cost in rows:
        local = (start + timedelta(minutes=minute)).astimezone(ZoneInfo(tz))
        spent[user or "(none)", local.strftime(labels[per])].append(cost)
    times = [(start + timedelta(minutes=minute)).isoformat() for minute, _, _ in rows]
    calls = calls_of(*zip(times, [row[2] for row in rows], strict=True), user_id=[row[1] for row in rows])
    found = cf.budgets(calls, budget(each="user_id", per=per, tz=tz))
    expected = [
        [*key, sum(known) if known else -1, len(costs) - len(known)]
        for key, costs in sorted(spent.items())
        for known in [[cost for cost in costs if cost is not None]]
    ]
    assert found[["group", "period", "spent", "unknown"]].fillna({"spent": -1}).to_numpy().tolist() == expected


@settings(max_examples=60)
@given(CALLS)
def test_a_rolling_budget_has_the_largest_spend_of_any_window(rows: list[Any]) -> None:
    start = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    times = [(start + timedelta(minutes=minute)).isoformat() for minute, _, _ in rows]
    calls = calls_of(*zip(times, [row[2] for row in rows], strict=True), user_id=[row[1] for row in rows])
    found = cf.budgets(calls, budget(each="user_id", per="1d rolling"))
    expected = {}
    for user in {row[1] for row in rows}:
        own = [row for row in rows if row[1] == user]
        sums = [sum(cost or 0 for at, _, cost in own if end - 1440 < at <= end) for end, _, _ in own]
        expected[user or "(none)"] = max(sums) if any(row[2] is not None for row in own) else -1
    assert dict(zip(found["group"], found["spent"].fillna(-1), strict=True)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'is empty, expected a mapping with the key "budgets" or "rules"'),
        ("budgets: []", ":1: the file has no budget and no rule, so nothing would be checked"),
        ("budget: []", ":1: budget is an unknown key, expected one of budgets, rules"),
        ("budgets:\n  - {name: a, per: month}", ":2: budgets[0] has no limit_usd"),
        ("budgets:\n  - name: a\n    per: fortnight\n    limit_usd: 1",
         ':3: budgets[0].per is "fortnight", expected day, week, month, or a rolling period such as 1d rolling'),
        ("budgets:\n  - {name: a, per: day, limit_usd: -1}",
         ":2: budgets[0].limit_usd is -1, expected a number from 0 on"),
        ("budgets:\n  - {name: a, per: day, limit_usd: 1, tz: Mars}",
         ':2: budgets[0].tz is "Mars", expected a time zone such as Europe/Paris'),
        ("budgets:\n  - {name: a, per: day, limit_usd: 1, warn_at: 80}",
         ":2: budgets[0].warn_at is above 1; 0.8 warns at 80 % of the limit"),
        ("budgets:\n  - {name: a, per: day, limit_usd: 1, match: {modle: x}}",
         ":2: budgets[0].match.modle is no field of a call; did you mean model? (found modle)"),
        ("budgets:\n  - {name: a, per: day, limit_usd: 1}\n  - {name: a, per: week, limit_usd: 1}",
         ":3: budgets[1].name is 'a', as an earlier name is"),
        ("rules:\n  - {name: a, action: fail}",
         ":2: rules[0] has neither match nor when, expected at least one of them"),
        ("rules:\n  - {name: a, action: stop, when: cost > 1}",
         ':2: rules[0].action is "stop", expected one of fail, warn'),
        ("rules:\n  - name: a\n    action: fail\n    when: cost >",
         ":4: rules[0].when is no expression, at the end: expected a number"),
        ("rules:\n  - {id: a, action: error, if: {tokens: {'=>': 3}}}",
         ":2: => is an unknown key, expected one of >, >=, <, <=, ==, !=, in, not in, not_in, regex, contains,"
         " startswith, endswith"),
        ("rules: [", ":2: is not YAML:"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_key(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text(text)
    with pytest.raises(cf.BudgetFileError) as caught:
        cf.Budgets.load(file)
    assert str(caught.value).startswith(f"{file}{message}" if message.startswith(":") else f"{file}: {message}")


def test_the_frame_has_the_same_dtypes_without_calls_and_without_budgets() -> None:
    nothing = calls_of(*TEN_DAYS).iloc[:0]
    limits = {"rules": [{"name": "a", "when": "cost > 1", "action": "fail"}]}
    full = cf.budgets(calls_of(*TEN_DAYS), budget()).dtypes.to_dict()
    assert cf.budgets(nothing, budget()).dtypes.to_dict() == full
    assert cf.budgets(nothing, budget(per="1d rolling")).dtypes.to_dict() == full
    assert cf.budgets(nothing, limits).dtypes.to_dict() == full
