import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.detectors.waste import find_waste
from crashlens_frame.errors import InvalidCallError, InvalidOptionError
from crashlens_frame.frame import as_calls, empty_frame
from crashlens_frame.pricing.cost import add_cost
from crashlens_frame.simulate.attempts import BACKOFFS
from crashlens_frame.simulate.patterns import (
    NEXT_MODEL,
    STRONGER_MODEL,
    simulate_fallback,
    simulate_overkill,
    simulate_retries,
)
from crashlens_frame.tokens import add_tokens

RULES = ("default", "crashlens")
LONG = "A long answer " * 40

seeds = st.integers(0, 2**64)
backoffs = st.sampled_from(BACKOFFS)
answers = st.sampled_from(("", "Ok.", LONG, None))


def counted(calls: pd.DataFrame) -> pd.DataFrame:
    """Count and price simulated calls as a LogBook does."""
    return add_cost(add_tokens(calls))


def gaps_ms(calls: pd.DataFrame) -> np.ndarray:
    return np.diff(calls["timestamp"].astype("int64").to_numpy()) / 1000


def test_a_retry_loop_call_by_call():
    calls = simulate_retries("gpt-4", "Complex query", "Detailed response", start="2026-06-01", seed=1, team="search")
    expected = (
        empty_frame()
        .reindex(range(4))
        .assign(
            trace_id="4a8f668030ab4bf3226e017048ee1673",
            timestamp=pd.to_datetime(
                [
                    "2026-06-01T00:00:00.000Z",
                    "2026-06-01T00:00:11.316Z",
                    "2026-06-01T00:00:24.412Z",
                    "2026-06-01T00:00:38.709Z",
                ]
            ),
            model="gpt-4",
            prompt="Complex query",
            response=[None, None, None, "Detailed response"],
            latency_ms=[10_248, 10_985, 10_282, 468],
            retry_count=range(4),
            type="generation",
            level=["error", "error", "error", "info"],
            team="search",
            source="simulation",
            fallback_attempted=False,
            error=["Request timed out."] * 3 + [None],
            billed="yes",
        )
    )
    pd.testing.assert_frame_equal(calls, as_calls(expected))


def test_a_fallback_call_by_call():
    calls = simulate_fallback(
        "gpt-4", "Why?", "So.", fallback_model=["a", "b"], start="2026-06-01", seed=1, trace_id="t"
    )
    expected = (
        empty_frame()
        .reindex(range(5))
        .assign(
            trace_id="t",
            timestamp=calls["timestamp"],
            model=["gpt-4", "gpt-4", "a", "a", "b"],
            prompt="Why?",
            response=[None] * 4 + ["So."],
            latency_ms=calls["latency_ms"],
            retry_count=[0, 1, 0, 1, 0],
            fallback_model=[None, "a", None, "b", None],
            type="generation",
            level=["error"] * 4 + ["info"],
            source="simulation",
            fallback_attempted=[False, True, True, True, True],
            fallback_reason=[None] + ["Request timed out."] * 4,
            error=["Request timed out."] * 4 + [None],
            billed="yes",
        )
    )
    pd.testing.assert_frame_equal(calls, as_calls(expected))


def test_a_poor_answer_is_followed_by_a_stronger_model():
    calls = simulate_fallback("gpt-3.5-turbo", "Why?", "So.", reason="quality", retries=7, seed=1)
    columns = ["model", "response", "level", "fallback_model", "fallback_attempted", "fallback_reason"]
    reason = "answer below the quality threshold"
    assert calls[columns].astype(object).where(calls[columns].notna(), None).to_numpy().tolist() == [
        ["gpt-3.5-turbo", "I am not sure.", "info", "gpt-4", True, reason],
        ["gpt-4", "So.", "info", None, True, reason],
    ]


def test_an_overkill_is_one_call_that_answers():
    calls = simulate_overkill("gpt-4", "Hi", "Hello!", start="2026-06-01T10:00:00+02:00", seed=1, route="/chat")
    row = calls.dropna(axis="columns").drop(columns=["trace_id", "latency_ms"]).iloc[0].to_dict()
    assert row == {
        "timestamp": pd.Timestamp("2026-06-01T08:00:00Z"),
        "model": "gpt-4",
        "prompt": "Hi",
        "response": "Hello!",
        "retry_count": 0,
        "type": "generation",
        "level": "info",
        "route": "/chat",
        "source": "simulation",
        "fallback_attempted": False,
        "billed": "yes",
    }


@settings(max_examples=150, deadline=None)
@given(seed=seeds, backoff=backoffs, retries=st.integers(0, 20), answers=st.booleans(), response=answers)
def test_attempts_follow_each_other_as_those_of_a_client(seed, backoff, retries, answers, response):
    calls = simulate_retries("gpt-4", "Why?", response, retries=retries, backoff=backoff, answers=answers, seed=seed)
    assert calls["retry_count"].tolist() == list(range(retries + 1))
    failed = [True] * retries + [not answers]
    assert (calls["level"] == "error").tolist() == failed
    assert calls["response"].isna().tolist() == failed
    assert calls["error"].notna().tolist() == failed
    assert calls[["input_tokens", "output_tokens", "cost", "token_source", "cost_source"]].isna().all(axis=None)
    gaps, latency = gaps_ms(calls), calls["latency_ms"].to_numpy(dtype=float)[:-1]
    nominal = {"exponential": [min(1000 * 2**k, 54_000) for k in range(retries)], "constant": [1000] * retries}
    waits = np.array(nominal.get(backoff, [0] * retries))
    assert np.all((gaps >= latency + waits) & (gaps <= latency + 1.1 * waits))
    assert np.all(gaps[1:] >= 0.9 * gaps[:-1])
    assert np.all(gaps <= 120_000)


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    reason=st.sampled_from(("timeout", "bad_answer")),
    backoff=backoffs,
    retries=st.integers(3, 12),
    answers=st.booleans(),
    response=answers,
)
def test_every_paid_retry_loop_is_found_whatever_the_seed(seed, reason, backoff, retries, answers, response):
    calls = simulate_retries(
        "gpt-4", "Why?", response, retries=retries, reason=reason, backoff=backoff, answers=answers, seed=seed
    )
    assert (calls["billed"] == "yes").all()
    for rules in RULES:
        found = find_waste(counted(calls), rules=rules)
        owned = found[found["suppressed_by"].isna()]
        assert owned[["detector", "n_calls"]].to_numpy().tolist() == [["retry_loops", retries + 1]]
        assert owned["waste_cost"].sum() > 0


@pytest.mark.parametrize("reason", ["rate_limit", "server_error"])
@pytest.mark.parametrize("retries", [3, 8])
def test_what_no_provider_bills_costs_nothing_and_wastes_nothing(reason, retries):
    calls = simulate_retries("gpt-4", "Why?", "So.", retries=retries, reason=reason, seed=1)
    assert calls["billed"].tolist() == ["no"] * retries + ["yes"]
    assert calls["cost"].tolist()[:-1] == [0.0] * retries
    found = find_waste(counted(calls))
    # more than five free attempts are worth listing, at no cost
    assert found["detector"].tolist() == ["retry_loops"] * (retries > 5)
    assert (found["waste_cost"] == 0).all()
    assert (found["severity"] == "low").all()
    # CrashLens knows no bill and flags each
    assert "retry_loops" in find_waste(counted(calls), rules="crashlens")["detector"].tolist()


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    backoff=backoffs,
    retries=st.integers(1, 2),
    answers=st.booleans(),
    model=st.sampled_from(sorted(NEXT_MODEL)),
)
def test_every_fallback_for_errors_is_a_storm(seed, backoff, retries, answers, model):
    calls = counted(simulate_fallback(model, "Why?", retries=retries, backoff=backoff, answers=answers, seed=seed))
    found = find_waste(calls, rules="crashlens")
    owned = found[found["suppressed_by"].isna()]
    assert owned[["detector", "n_calls"]].to_numpy().tolist() == [["fallback_storms", len(calls)]]
    # the attempts on one model are a loop of their own, and the storm keeps what is left
    found = find_waste(calls)
    loops, storms = (found[found["detector"] == name] for name in ("retry_loops", "fallback_storms"))
    assert loops["n_calls"].tolist() == [retries + 1] * (1 if answers else 2)
    assert storms["n_calls"].tolist() == [len(calls)]
    if answers:
        assert found["counted_cost"].sum() == pytest.approx(calls["cost"].iloc[:-1].sum())


@pytest.mark.parametrize("model", STRONGER_MODEL)
def test_a_fallback_for_quality_is_a_cascade_which_crashlens_calls_a_failure(model):
    calls = counted(simulate_fallback(model, "Why?", reason="quality", seed=3))
    assert find_waste(calls).empty
    found = find_waste(calls, rules="crashlens")
    failures = found.loc[found["detector"] == "fallback_failures", "models"].tolist()
    known = {"gpt-3.5-turbo": "gpt-4", "claude-3-haiku": "claude-3-opus"}  # the models that CrashLens has on its lists
    assert failures == ([f"{model} -> {known[model]}"] if model in known else [])


@pytest.mark.parametrize("rules", RULES)
def test_an_overkill_is_found(rules):
    found = find_waste(counted(simulate_overkill("gpt-4", "Hi", "Hello!")), rules=rules)
    assert found["detector"].tolist() == ["overkill_models"]


def test_chains_end_in_known_models_and_every_name_has_a_price():
    names = {*NEXT_MODEL, *NEXT_MODEL.values(), *STRONGER_MODEL, *STRONGER_MODEL.values()}
    calls = pd.concat([simulate_overkill(name, "Hi", trace_id=name) for name in sorted(names)], ignore_index=True)
    assert counted(calls).set_index("trace_id")["cost"].isna().loc[lambda unpriced: unpriced].index.tolist() == []


def test_a_model_without_an_entry_falls_back_to_a_common_one():
    assert simulate_fallback("my-model", "Why?")["model"].astype(str).tolist() == [
        "my-model",
        "my-model",
        "gpt-4o-mini",
    ]


@pytest.mark.parametrize("simulate", [simulate_retries, simulate_fallback, simulate_overkill])
def test_a_seed_gives_one_frame_and_each_seed_another_trace(simulate):
    def frame(seed):
        return simulate("gpt-4", "Why?", start="2026-06-01", seed=seed)

    pd.testing.assert_frame_equal(frame(1), frame(1))
    pd.testing.assert_frame_equal(frame(7), frame(np.int64(7)))
    traces = [frame(seed)["trace_id"].iloc[0] for seed in (0, 1, 2, (1, 1), (1, 2), None, None)]
    assert len(set(traces)) == len(traces)


def test_kinds_of_one_seed_do_not_share_a_trace():
    kinds = [simulate_retries, simulate_fallback, simulate_overkill]
    assert len({simulate("gpt-4", "Why?", seed=1)["trace_id"].iloc[0] for simulate in kinds}) == 3


def test_without_a_start_a_simulation_starts_now():
    before = pd.Timestamp.now("UTC").floor("us")
    calls = simulate_retries("gpt-4", "Why?", seed=1)
    assert before <= calls["timestamp"].iloc[0] <= pd.Timestamp.now("UTC")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries is -1, expected a whole number from 0 to 10,000"),
        ({"retries": 2.5}, "retries is 2.5, expected a whole number from 0 to 10,000"),
        ({"retries": True}, "retries is True, expected a whole number from 0 to 10,000"),
        (
            {"reason": "mood"},
            "reason is 'mood', expected 'timeout', 'bad_answer', 'rate_limit' or 'server_error'",
        ),
        ({"backoff": "linear"}, "backoff is 'linear', expected 'exponential', 'constant' or 'none'"),
        ({"seed": -1}, "seed is -1, expected a whole number from 0 on, or several"),
        ({"seed": "lucky"}, "seed is 'lucky', expected a whole number from 0 on, or several"),
        ({"seed": 1.5}, "seed is 1.5, expected a whole number from 0 on, or several"),
        ({"start": "soon"}, "start is 'soon', expected an ISO 8601 time or an epoch number"),
    ],
)
def test_an_option_that_is_not_allowed_is_refused_with_what_is(options, message):
    with pytest.raises(InvalidOptionError) as caught:
        simulate_retries(**{"model": "gpt-4", "prompt": "Hi"} | options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "model is '', expected the name of a model as non-empty text"),
        ({"prompt": 5}, "prompt is 5, expected text"),
        ({"response": 5}, "response is 5, expected text"),
        ({"trace_id": ""}, "trace_id is '', expected an id, or nothing for a new one, as non-empty text"),
        ({"team": 5}, "team is 5, expected text"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(options, message):
    with pytest.raises(InvalidCallError) as caught:
        simulate_retries(**{"model": "gpt-4", "prompt": "Hi"} | options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fallback_model": []}, "fallback_model is [], expected the name of a model, or several"),
        ({"fallback_model": ["a", 5]}, "fallback_model is ['a', 5], expected the name of a model, or several"),
        ({"reason": "mood"}, "reason is 'mood', expected 'error' or 'quality'"),
        ({"reason": "quality"}, "no model is known to be stronger than 'gpt-4'; name one as fallback_model"),
    ],
)
def test_an_invalid_fallback_says_what_was_given_and_what_is_expected(options, message):
    with pytest.raises(InvalidOptionError) as caught:
        simulate_fallback("gpt-4", "Hi", **options)
    assert str(caught.value) == message
