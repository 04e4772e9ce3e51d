"""Nine detectors against the plain-Python rules of tests/support/waste_oracle.py, and what must not change findings."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.detectors.evidence import Evidence
from crashlens_frame.detectors.roster import ROSTER
from crashlens_frame.detectors.traces import order_calls
from tests.support import waste_oracle as oracle
from tests.support.calls import calls

DETECTORS = {detector.name: detector for detector in ROSTER}
PER_MILLION = 1e-6
SONNET, GPT = "claude-sonnet-4-5", "gpt-4.1"
RATES = {SONNET: (3.0, 0.3, 3.75, 6.0), GPT: (2.0, 0.5, 2.0, 2.0)}  # input, reading, writing, writing for an hour
PRICES = {
    "pricing": {
        "large": {"input_price_per_1m": 3, "output_price_per_1m": 15, "cheaper_alternative": "small"},
        "small": {"input_price_per_1m": 0.1, "output_price_per_1m": 0.5},
    }
}
randoms = st.integers(0, 2**32).map(Random)
often = settings(max_examples=25, deadline=None)


def claims(name: str, frame: pd.DataFrame, **options: Any) -> dict[int, float]:
    """Return what a detector claims, in US dollars by row; NaN is None."""
    found: Evidence = DETECTORS[name].evidence(frame, **options)
    row, saved = found.calls.row[found.wasted], found.saved[found.wasted]
    return {int(n): None if np.isnan(dollars) else float(dollars) for n, dollars in zip(row, saved, strict=True)}


def assert_equal(found: dict[int, float], expected: dict[int, float]) -> None:
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected)


def series(draw: Random, number: int, gaps: Sequence[float], **choices: Sequence[Any]) -> pd.DataFrame:
    """Draw a log: gaps between calls, and one of the choices for each of their columns; the lines in any order."""
    now, rows = 0.0, []
    for _ in range(number):
        now += draw.choice(gaps)
        rows.append({"s": draw.choice([now] * 19 + [None])} | {name: draw.choice(of) for name, of in choices.items()})
    draw.shuffle(rows)
    return calls(*rows)


OUTCOMES: dict[str, Sequence[Any]] = {
    "response": ("So.", "So.", "No.", "", None), "output_tokens": (9, 9, 20, 4000, 0, None),
    "level": ("info",) * 8 + ("error", None), "error": (None,) * 8 + ("timeout",), "latency_ms": (None, 0, 1000, 2500),
    "cost": (0.25, 0.5, 0.5, 1.0, 1.0, 0.0, None), "billed": ("yes", None, "yes", None, "yes", "no"),
}  # fmt: skip
QUESTION = "Sum up the page about the tides of the sea."


@given(draw=randoms)
@often
def test_cut_answers(draw: Random) -> None:
    frame = series(
        draw, 14, (0, 1, 2.5, 3, 119, 120, 121, 122.5, 600, 3500), **OUTCOMES | {"output_tokens": (10, 20)},
        trace_id=("t1", "t2"), session_id=(None, None, "s1"), finish_reason=("length", "length", "stop", None),
        prompt=(QUESTION, "", None),
        prompt_hash=draw.choice(((None,), (None, None, "h1"))), input_tokens=(100, 102, 103, None), model=("gpt-4",),
        reasoning_tokens=(None, 0, 8, 9, 10),
    )  # fmt: skip
    assert_equal(claims("cut_answers", frame), oracle.cut_answers(oracle.rows(frame)))


def several_models(draw: Random) -> pd.DataFrame:
    """Draw requests of 2 to 5 calls, each in a trace of its own, that share their time."""
    parts = []
    for trace in range(6):
        asked = draw.choice((QUESTION, QUESTION, QUESTION, "Hm?", None))
        parts.append(
            series(
                draw, draw.choice((2, 2, 3, 5)), draw.choice(((1,), (3,), (0, 1, 2.5), (1, 179, 180, 181, 300, 301))),
                **OUTCOMES, trace_id=(f"t{trace}",), prompt=(asked,) * 9 + ("Why?",),
                model=draw.choice(("ab", "abc", ("a", "A", "b", "", None))),
                input_tokens=draw.choice(((90,), (90,), (90, 91, 94, 200))),
                fallback_reason=draw.choice(((None,), ("timeout",), (None, None, "timeout", "low confidence"))),
                fallback_attempted=draw.choice(((None,), (None, False, True))),
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.mark.long
@given(draw=randoms)
@often
def test_fallback_storms(draw: Random) -> None:
    frame = several_models(draw)
    assert_equal(claims("fallback_storms", frame), oracle.fallback_storms(oracle.rows(frame)))


@pytest.mark.long
@given(draw=randoms)
@often
def test_fallback_failures(draw: Random) -> None:
    frame = several_models(draw)
    assert_equal(claims("fallback_failures", frame), oracle.fallback_failures(oracle.rows(frame)))


def test_two_models_asked_together_in_five_traces_are_compared() -> None:
    for late, found in ((0.2, 0), (0.3, 5)):
        rows = [
            {"s": 10 * n + late * m, "trace_id": f"t{n}", "model": model, "response": "So.", "output_tokens": 9,
             "cost": 0.5, "latency_ms": 4000 - 3000 * m}
            for n in range(5)
            for m, model in enumerate("ab")
        ]  # fmt: skip
        frame = calls(*rows)
        thrown = claims("fallback_storms", frame)
        assert sorted(thrown) == sorted(oracle.fallback_storms(oracle.rows(frame))) == list(range(0, 2 * found, 2))


def test_panels_are_five_traces_of_three_models() -> None:
    for number, found in ((4, 8), (5, 0)):
        rows = [
            {"s": 10 * n + m, "trace_id": f"t{n}", "model": model, "response": "So.", "output_tokens": 9, "cost": 0.5}
            for n in range(number)
            for m, model in enumerate("abc")
        ]
        frame = calls(*rows)
        assert len(claims("fallback_storms", frame)) == found == len(oracle.fallback_storms(oracle.rows(frame)))


@given(draw=randoms)
@often
def test_stuck_agents(draw: Random) -> None:
    grows = draw.choice(((0, 50), (50,), (50, 50, 50, -10)))
    frame = series(
        draw, draw.choice((7, 16, 24)), draw.choice(((1, 2, 30), (30,), (0, 1, 90))), trace_id=("t1",),
        session_id=draw.choice(((None,), ("s1", "s1", "s2"))), cost=(0.5, 0.5, 0.25, 0.0),
        tool_calls=draw.choice(((None,), ("read", "read", "write"), ("read", None), ('"name": "get_status"', "read"))),
        response=("Step 1", "Step 22", "Done", None, " "), model=("gpt-5",), finish_reason=("stop", None),
        output_tokens=draw.choice(((9,), (9, 10, 14, None))), reasoning_tokens=(0, 0, None, 4),
    )  # fmt: skip
    order = frame["timestamp"].sort_values().index
    sent = pd.Series(1000 + np.cumsum([draw.choice(grows) for _ in order]), index=order)
    ends = draw.choice((("No such file.",), ("a 1", "a 2"), ("No such file.", "Found 7.", "Found 8.")))
    prompts: list[str | None] = [
        f"{n if draw.random() < 0.9 else 0}: {'x' * 250} {draw.choice(ends)}" for n in range(len(frame))
    ]
    shown = draw.choice(("all", "all", "some", "last message"))
    if shown == "some":
        prompts = [draw.choice((None, None, prompt)) for prompt in prompts]
    elif shown == "last message":
        prompts = [draw.choice(ends) for _ in prompts]
    frame = frame.assign(input_tokens=sent.astype("Int64"), prompt=pd.array(prompts, "str"))
    assert_equal(claims("stuck_agents", frame), oracle.stuck_agents(oracle.rows(frame)))


@given(draw=randoms)
@often
def test_repeated_calls(draw: Random) -> None:
    frame = series(
        draw, draw.choice((8, 12, 60)),
        draw.choice(((1, 2, 3, 4, 700, 3000), (20,), (1, 5), (1800, 3600, 3601), (2, 9, 40))),
        **OUTCOMES | {"response": ("So.", "No.", "Yes.", "", None)}, trace_id=("t1", "t2", "t3"), model=("gpt-4",),
        prompt=draw.choice(((QUESTION,), (QUESTION,), (QUESTION, QUESTION[:20], QUESTION[:19], "é" * 19, None))),
        input_tokens=draw.choice(((90,), (90,), (90, 91, 92), (90, 91, 94, None), range(100, 200))),
        tool_calls=(None,) * 9 + ("read",), type=draw.choice((("generation",), ("generation", "embedding"))),
        temperature=draw.choice(((None,), (0.0,), (0.0,), (0.2,), (0.0, 0.2, 0.2, 0.21, None))),
        user_id=draw.choice(((None,), (None, "u1", "u2"))),
    )  # fmt: skip
    assert_equal(claims("repeated_calls", frame), oracle.repeated_calls(oracle.rows(frame)))


@given(draw=randoms)
@often
def test_growing_context(draw: Random) -> None:
    model = draw.choice((SONNET, GPT))
    number = draw.choice((4, 5, 6, 11))
    rows, now, sent = [], 0.0, draw.choice((200, 1023, 1024, 3000))
    for _ in range(number):
        now += draw.choice((1, 60, 300, 301))
        sent += draw.choice((0, 100, 700, 700, 4000))
        read = draw.choice((0, 0, 0, sent // 3, sent - 1))
        rows.append(
            {"s": now, "prompt": "x" * draw.choice((sent, sent, sent, 50)), "input_tokens": sent,
             "cached_input_tokens": draw.choice((read, None)), "output_tokens": 9,
             "cost": draw.choice((0.5, 0.5, None))}
        )  # fmt: skip
    frame = calls(*rows, model=model, response="So.")
    rates = tuple(rate * PER_MILLION for rate in RATES[model][:3])
    assert_equal(claims("growing_context", frame), oracle.growing_context(oracle.rows(frame), rates))


@given(draw=randoms)
@often
def test_cache_misses(draw: Random) -> None:
    rows: list[dict[str, Any]] = []
    for talk in ("t1", "t2", "t3"):
        gaps = draw.choice(((1, 2, 8), (60, 299, 300), (200, 300, 301, 3600, 3601), (1, 9, 10, 11)))
        counts = draw.choice(((0,), (0, 1023, 1024, 20_000), (20_000, 20_500, 22_000)))
        now = draw.uniform(0, 5)
        for place in range(draw.choice((1, 2, 4, 8))):
            now += draw.choice(gaps)
            written, read = draw.choice(counts), draw.choice((0, 0, draw.choice(counts)))
            rows.append(
                {"s": now, "trace_id": talk, "route": f"{talk}/{place // 4}", "cache_write_tokens": written,
                 "cached_input_tokens": read, "cache_write_1h_tokens": draw.choice((0, 0, 0, written)),
                 "input_tokens": written + read + draw.choice((0, 10, 2000)),
             "latency_ms": draw.choice((0, 5000, 20_000, None))}
            )  # fmt: skip
    draw.shuffle(rows)
    frame = cf.add_cost(calls(*rows, model=SONNET, response="So.", output_tokens=5, prompt=None))
    found: Evidence = DETECTORS["cache_misses"].evidence(frame)
    causes = np.repeat(np.array(found.cause.to_pylist(), object), found.sizes)
    ours = {
        int(row): (cause, pytest.approx(dollars))
        for row, cause, dollars in zip(found.calls.row, causes, found.saved, strict=True)
    }
    assert oracle.cache_misses(oracle.rows(frame), tuple(rate * PER_MILLION for rate in RATES[SONNET])) == ours


@given(draw=randoms)
@often
def test_labels(draw: Random) -> None:
    number = draw.choice((11, 14, 40))
    kinds = draw.choice((2, 3, 4, 9))
    texts = draw.choice((1, 9, 100, 1000))
    rows = [
        {
            "s": n, "trace_id": f"t{n}", "route": draw.choice(("/a",) * 9 + ("/b",)), "input_tokens": 100,
            "model": draw.choice(("large",) * 9 + ("small",)), "level": draw.choice(("info",) * 9 + ("error",)),
            "prompt": f"{'Which label? ' * 6}{draw.randrange(texts)}", "response": f"l{draw.randrange(kinds)}",
            "output_tokens": draw.choice((3,) * 9 + (8,) * 9 + (9, None)),
            "reasoning_tokens": draw.choice((None, 0, 1)), "tool_calls": draw.choice((None,) * 30 + ("read",)),
        }
        for n in range(number)
    ]  # fmt: skip
    frame = cf.add_cost(calls(*rows), PRICES)
    expected = oracle.labels(oracle.rows(frame), {"large"})
    found = claims("overkill_models", frame, prices=PRICES)
    assert set(found) == expected
    for row, dollars in found.items():  # the same tokens cost a thirtieth on the small model
        assert dollars == pytest.approx(frame["cost"].iloc[row] * 29 / 30)


@given(draw=randoms)
@often
def test_batchable_calls(draw: Random) -> None:
    rows: list[dict[str, Any]] = []
    for day in range(draw.choice((1, 2, 2, 3))):
        now = day * 86_400 + draw.choice((0, 0, 1799, 1801, 7200))
        for _ in range(draw.choice((3, 4, 5, 9))):
            rows.append({"s": now})
            now += draw.choice((1, 60, 899, 899, 900, draw.choice((900, 901))))
    for number, row in enumerate(rows):
        row["trace_id"] = f"t{draw.choice((number,) * 60 + (0,))}"
        row |= {"user_id": draw.choice((None,) * 60 + ("u1",)), "stream": draw.choice((None, False) * 30 + (True,))}
    frame = cf.add_cost(calls(*rows, model=GPT, route="/jobs", response="So.", input_tokens=1000, output_tokens=0))
    found = claims("batchable_calls", frame, min_calls=4)
    assert set(found) == oracle.batchable_calls(oracle.rows(frame), 4)
    assert_equal(found, dict.fromkeys(found, 0.001))  # half of $2 per million


# -- what must not change the findings --------------------------------------------------------------------------------


def _sorted(findings: pd.DataFrame) -> pd.DataFrame:
    numbers = ["waste_cost", "counted_cost", "cost", "n_calls", "span_s"]
    # of calls at the same time the first in the log comes first, so that ids and descriptions may differ
    table = findings[["detector", "severity", "certainty", "cause", *numbers]].astype({"cause": "object"})
    return table.round(9).sort_values(["detector", "cause", *numbers], ignore_index=True)


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    ids = ("trace_id", "session_id", "user_id")
    return frame.assign(**{name: ("x-" + frame[name].astype("str")).astype(frame[name].dtype) for name in ids})


def _shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=7)


def _a_week_later(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(timestamp=frame["timestamp"] + pd.Timedelta(days=7))


def _in_two_files(frame: pd.DataFrame) -> pd.DataFrame:
    half = len(frame) // 2
    return pd.concat([frame.iloc[half:], frame.iloc[:half]], ignore_index=True)


@pytest.mark.parametrize("change", [_renamed, _shuffled, _a_week_later, _in_two_files])
def test_names_order_files_and_weeks_do_not_matter(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    frame = cf.simulate_incidents(300, seed=11)
    pd.testing.assert_frame_equal(_sorted(cf.find_waste(change(frame))), _sorted(cf.find_waste(frame)))


# -- answers that the log does not show -------------------------------------------------------------------------------


def test_answers_that_are_left_out_are_no_failures() -> None:
    hidden = {"response": None, "output_tokens": None, "cost": 0.5, "input_tokens": 90, "temperature": 0.0}
    twice = calls({"s": 0, **hidden}, {"s": 60, "trace_id": "t2", **hidden}, prompt=QUESTION)
    assert claims("repeated_calls", twice) == {1: 0.5}
    storm = calls(*({"s": n, "model": model, **hidden} for n, model in enumerate("abc")))
    assert claims("fallback_storms", storm) == {0: 0.5, 1: 0.5}


def test_a_call_of_a_tool_is_an_answer() -> None:
    frame = calls(
        {"response": None, "tool_calls": '[{"name": "read"}]'},
        {"response": None, "tool_calls": None},
        {"response": None, "tool_calls": '[{"name": "read"}]', "error": "timeout"},
    )
    assert order_calls(frame).columns.answered.tolist() == [True, False, False]


def test_one_user_clicks_twice_and_samples_more_often() -> None:
    click = {"prompt": QUESTION, "input_tokens": 90, "output_tokens": 9, "cost": 0.5, "user_id": "u1"}
    clicks = [{"s": n, "trace_id": f"t{n}", "response": f"{n}.", **click} for n in range(3)]
    assert claims("repeated_calls", calls(*clicks[:2])) == {1: 0.5}
    assert claims("repeated_calls", calls(*clicks)) == {}


def test_hashes_stand_for_prompts_that_are_hidden() -> None:
    hidden = {"prompt": "***", "prompt_hash": "h1", "input_tokens": 90, "cost": 0.5, "temperature": 0.0}
    frame = calls(*({"s": 60 * n, "trace_id": f"t{n}", **hidden} for n in range(2)))
    assert claims("repeated_calls", frame) == {1: 0.5}
    assert claims("repeated_calls", frame.assign(prompt_hash=None)) == {}
