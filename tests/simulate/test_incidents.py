"""The simulated day tells its story: what each incident wastes is what its calls were billed too much."""

from itertools import pairwise

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.errors import InvalidOptionError

DAY = cf.simulate_incidents(200, seed=7)
WASTE = cf.find_waste(DAY)


def wasted(route: str) -> pd.DataFrame:
    return WASTE[(WASTE["route"] == route) & WASTE["suppressed_by"].isna()]


def calls_of(route: str) -> list[dict]:
    return DAY[DAY["route"] == route].to_dict("records")


def test_after_the_deploy_each_review_writes_its_prefix_again():
    calls = calls_of("/v1/contracts")
    late = [call for call in calls if call["prompt"].startswith("Current time")]
    assert min(call["timestamp"] for call in late) >= pd.Timestamp("2026-03-02 13:05Z")
    assert all(call["cached_input_tokens"] == 0 for call in late)
    early = [call["cache_write_tokens"] > 0 for call in calls[: len(calls) - len(late)]]
    assert early == [True, *[False] * (len(early) - 1)]
    # a write costs 3.75 dollars per million tokens, a read 0.30; the prefix could have been read from the one before
    pairs = pairwise(late)
    expected = sum(min(call["cache_write_tokens"], before["cache_write_tokens"]) for before, call in pairs)
    (found,) = wasted("/v1/contracts").to_dict("records")
    assert (found["detector"], found["cause"], found["certainty"]) == ("cache_misses", "broken prefix", "likely")
    assert found["waste_cost"] == pytest.approx(expected * (3.75 - 0.30) / 1e6)


def test_the_agent_is_stuck_from_the_third_equal_step_on():
    calls = calls_of("/agents/release")
    equal = [call for call in calls if "integration" in call["tool_calls"]]
    (found,) = wasted("/agents/release").to_dict("records")
    assert found["detector"] == "stuck_agents"
    assert found["waste_cost"] == pytest.approx(sum(call["cost"] for call in equal[2:]))
    hours = {call["timestamp"].hour for call in equal}
    assert min(hours) == 1
    assert len(hours) >= 5


def test_each_attempt_at_which_the_client_stopped_waiting_is_billed_and_wasted():
    calls = calls_of("/v1/summaries")
    given_up = [call for call in calls if call["level"] == "error"]
    assert all(call["latency_ms"] == 10_000 and call["billed"] == "yes" and call["cost"] > 0 for call in given_up)
    found = wasted("/v1/summaries")
    assert set(found["detector"]) == {"retry_loops"}
    assert found["waste_cost"].sum() == pytest.approx(sum(call["cost"] for call in given_up))


def test_labels_from_an_expensive_model_could_save():
    found = wasted("/v1/tickets")
    assert set(found["detector"]) == {"overkill_models"}
    assert set(found["certainty"]) == {"candidate"}
    assert len(found) == 420


def test_the_mixed_traffic_bills_as_providers_do():
    failed = DAY[DAY["error"].notna()]
    timeout = failed["error"] == "Request timed out."
    assert (failed.loc[timeout, "billed"] == "yes").all()
    free = failed[~timeout]
    assert len(free) > 10
    assert (free["billed"] == "no").all()
    assert (free["cost"] == 0).all()
    assert free[["input_tokens", "output_tokens"]].isna().all(axis=None)
    assert (DAY.loc[DAY["error"].isna(), "cost"] > 0).all()


def test_a_seed_gives_one_day_and_its_start_moves_it():
    pd.testing.assert_frame_equal(cf.simulate_incidents(200, seed=7), DAY)
    moved = cf.simulate_incidents(200, seed=7, start="2026-03-03")
    assert moved["timestamp"].tolist() == (DAY["timestamp"] + pd.Timedelta("1D")).tolist()
    assert not cf.simulate_incidents(200, seed=8).equals(DAY)
    with pytest.raises(InvalidOptionError, match="traces is -1"):
        cf.simulate_incidents(-1)


def test_the_truth_on_request_is_what_the_detectors_find_on_these_routes():
    day = cf.simulate_incidents(200, seed=7, truth=True)
    pd.testing.assert_frame_equal(day.assign(extra=DAY["extra"]), DAY)
    assert DAY["extra"].isna().all()
    told = day["extra"].str.extract(r'"truth": ?"([^"]*)"', expand=False)
    detectors = {
        "broken prefix": "cache_misses",
        "stuck agent": "stuck_agents",
        "hasty retry": "retry_loops",
        "costly label": "overkill_models",
    }
    flagged = cf.flag(day)
    own = flagged["route"].isin(["/v1/contracts", "/agents/release", "/v1/summaries", "/v1/tickets"])
    found = flagged["finding"].astype("str").where(flagged["waste_cost"] > 0)
    assert told[~own].isna().all()
    assert told[own].map(detectors).fillna("").tolist() == found[own].fillna("").tolist()
