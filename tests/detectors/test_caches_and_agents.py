"""Caches, agents and nightly jobs: known answers at the prices of the vendors, and what is sound."""

from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.detectors.batchable_calls import find_batchable_calls
from crashlens_frame.detectors.cache_misses import find_cache_misses
from crashlens_frame.detectors.growing_context import find_growing_context
from crashlens_frame.detectors.stuck_agents import find_stuck_agents
from tests.support.calls import calls

SONNET = {"model": "claude-sonnet-4-5", "response": "So.", "output_tokens": 5, "latency_ms": 2000}


def priced(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make calls to Sonnet 4.5 ($3 per million input tokens), priced by the book."""
    return cf.add_cost(calls(*({**SONNET, **row} for row in rows)))


def misses(*rows: dict[str, Any]) -> dict[str, float]:
    found = find_cache_misses(priced(*rows))
    return dict(zip(found["cause"].tolist(), found["waste_cost"].round(4).tolist(), strict=True))


def call(s: float, tokens: int, written: int = 0, read: int = 0, **more: Any) -> dict[str, Any]:
    counts = {"input_tokens": tokens, "cache_write_tokens": written, "cached_input_tokens": read}
    return {"s": s, **counts, **more}


def test_expired() -> None:
    assert misses(call(0, 50_000, 50_000), call(600, 50_000, 50_000)) == {"expired": 0.06}
    # rewriting costs 0.1725 more than reading; the hour's cache would have cost 0.1125 more for its first write
    assert misses(call(0, 50_000, 50_000), call(300, 50_000, 50_000)) == {}
    assert misses(call(0, 50_000, 50_000), call(3601, 50_000, 50_000)) == {}
    assert misses(call(0, 1000, 1000), call(600, 1000, 1000)) == {}


def test_never_read() -> None:
    calls_of_place = [
        call(9000 * n, 100_000 + n, 100_000, cache_write_1h_tokens=100_000, trace_id=f"t{n}", prompt=f"{n}", name="ask")
        for n in range(5)
    ]
    assert misses(*calls_of_place) == {"never read": 5 * 0.30}
    assert misses(*calls_of_place[:4]) == {}


def test_ttl_too_long() -> None:
    hour = {"cache_write_1h_tokens": 100_000}
    assert misses(call(0, 100_000, 100_000, **hour), call(300, 100_000, read=100_000)) == {"TTL too long": 0.225}
    assert misses(call(0, 100_000, 100_000, **hour), call(301, 100_000, read=100_000)) == {}


def test_not_asked_for() -> None:
    def asked(gap: float, tokens: int = 4000, **more: Any) -> dict[str, float]:
        head = "You work for the harbour office of Lisbon."
        questions = ({"trace_id": f"t{n}", "prompt": f"{head}\nWhy? {n}"} for n in range(20))
        return misses(*(call(n * gap, tokens, route="/ask", **row, **more) for n, row in enumerate(questions)))

    assert asked(60) == {"not asked for": 0.2022}
    assert asked(301) == {}
    assert asked(60, 1000) == {}
    hidden = {"cached_input_tokens": None, "cache_write_tokens": None}  # nobody knows what was read
    talk = [call(60 * n, 5000 + 50 * n, prompt=None) | hidden for n in range(6)]
    assert misses(*talk) == {}
    assert misses(*talk[:-1], call(300, 5250, prompt=None)) == {
        "not asked for": pytest.approx(25_500 * 2.7e-6 - 5250 * 0.75e-6, abs=1e-4)
    }


def test_fan_out() -> None:
    assert misses(*(call(n * 0.01, 30_000, 30_000, prompt=f"q{n}") for n in range(8))) == {"fan-out": 0.7245}


def test_a_broken_prefix_is_written_each_time() -> None:
    clock = "Current time: 2026-03-02T09:{:02}:07Z\nYou help the harbour office of Lisbon; answer with the paragraph."
    broken = [call(n * 60, 8000, 7900, trace_id=f"t{n}", prompt=clock.format(n), prefix_hash=f"{n}") for n in range(5)]
    assert misses(*broken) == {"broken prefix": pytest.approx(4 * 7900 * 3.45e-6, abs=1e-4)}
    openai = [
        {**row, "model": "gpt-4.1", "cache_write_tokens": None} for row in broken
    ]  # reads in steps of 128 tokens, $1.50 less per million
    assert misses(*openai)["broken prefix"] == pytest.approx(4 * 7936 * 1.5e-6, rel=0.02)


def test_a_prefix_of_another_hash_each_time_is_broken_where_no_prompt_is_logged() -> None:
    def hashed(*hashes: int, least: int = 7900) -> dict[str, float]:
        rows = (call(60 * n, 8000, least + n, prefix_hash=f"{each}") for n, each in enumerate(hashes))
        return misses(*(row | {"trace_id": f"t{n}", "prompt": None, "route": "/ask"} for n, row in enumerate(rows)))

    assert hashed(*range(5)) == {"broken prefix": pytest.approx((4 * 7900 + 6) * 3.45e-6, abs=1e-4)}
    assert "broken prefix" not in hashed(1, 2, 3, 1, 2, 3)  # tenants, each with a prefix
    assert "broken prefix" not in hashed(*range(5), least=900)  # less than what is cached


def test_a_model_switch_pays_for_what_the_other_model_had_cached() -> None:
    switched = [
        call(0, 20_000, 20_000, prompt="a"), call(60, 21_000, 21_000, model="claude-opus-4-5", prompt="ab"),
        call(120, 22_000, 22_000, prompt="abc"),
    ]  # fmt: skip
    assert misses(*switched) == {"model switch": pytest.approx(20_000 * 5.75e-6 + 21_000 * 3.45e-6, abs=1e-4)}
    assert misses(*switched[:2]) == {}


def test_caches_that_work_are_left_alone() -> None:
    chat = [call(0, 9000, 9000)] + [call(60 * n, 9000 + 200 * n, 200, 8800 + 200 * n) for n in range(1, 9)]
    assert misses(*chat) == {}
    assert misses(*(call(7200 * n, 9000, 9000, trace_id=f"t{n // 3}") for n in range(4))) == {}
    gemini = [call(60 * n, 9000, trace_id=f"t{n}", model="gemini-2.5-pro") for n in range(20)]
    assert misses(*gemini) == {}


def test_the_report_of_caches() -> None:
    report = cf.cache_report(priced(call(0, 50_000, 50_000), call(600, 50_000, 50_000), call(700, 50_000, read=50_000)))
    row = report.iloc[0].to_dict()
    assert row == {
        "lane": "t1", "model": "claude-sonnet-4-5", "n_calls": 3, "input_tokens": 150_000, "read_tokens": 50_000,
        "written_tokens": 100_000, "hit_share": pytest.approx(1 / 3),
        "cost": pytest.approx(100_000 * 3.75e-6 + 50_000 * 0.3e-6 + 15 * 15e-6),
        "cost_without_cache": pytest.approx(150_000 * 3e-6 + 15 * 15e-6), "missed": pytest.approx(0.06),
        "causes": "expired",
    }  # fmt: skip


# -- agents -----------------------------------------------------------------------------------------------------------

READ = '[{"name": "read", "arguments": {"path": "a"}}]'


def agent(number: int, tools: list[str], results: list[str], gap: float = 0.0, **more: Any) -> pd.DataFrame:
    """Make an agent that calls tools and gets results; the waits between its calls vary unless a gap is given."""
    rows, prompt = [], "Fix the build."
    for n in range(number):
        prompt += f" tool: {results[n % len(results)]}" + "." * (200 if n == 0 else 0)
        waits = gap * n if gap else n * n * 3
        columns = {"tool_calls": tools[n % len(tools)], "cost": 0.5, "input_tokens": 1000 + 50 * n, "output_tokens": 9}
        rows.append({"s": waits, "prompt": prompt + "x" * 250 if n == 0 else prompt, **columns, **more})
    return calls(*rows)


RESULT = "Error: no such file or directory, and nothing else to be seen here. " * 4


def stuck(frame: pd.DataFrame) -> list[int]:
    return find_stuck_agents(frame)["n_calls"].tolist()


def test_an_agent_that_repeats_a_tool_call_is_stuck_from_the_third_on() -> None:
    assert stuck(agent(8, [READ], [RESULT])) == [6]
    assert stuck(agent(5, [READ], [RESULT])) == []  # of at least 6 calls
    assert stuck(agent(6, [READ], [RESULT])) == [4]
    other = READ.replace('"a"', '"b"')
    assert stuck(agent(14, [READ, other], [RESULT, RESULT])) == [10]


def test_an_agent_that_gets_on_is_not_stuck() -> None:
    assert stuck(agent(9, [READ], [f"{n} failed, {RESULT}{n}" for n in range(9)])) == []
    assert stuck(agent(9, [READ.replace("a", f"{n}") for n in range(9)], [RESULT])) == []
    assert stuck(agent(12, [READ], [RESULT], gap=20)) == []
    assert stuck(agent(9, [READ], [RESULT], input_tokens=1000)) == []


def last_messages(tools: list[str | None], prompts: list[str | None], **more: Any) -> pd.DataFrame:
    """Make an agent whose log shows of each prompt the last message alone, or nothing."""
    steps = zip(tools, prompts, strict=True)
    sent = {"cost": 0.5, "output_tokens": 9}
    return calls(
        *({"s": n * n, "prompt": prompt, "tool_calls": tool, "input_tokens": 1000 + 60 * n, **sent, **more}
          for n, (tool, prompt) in enumerate(steps))
    )  # fmt: skip


def test_logs_of_last_messages_show_results_and_logs_of_questions_do_not() -> None:
    assert stuck(last_messages([READ] * 9, ["Fix the build.", *[RESULT] * 8])) == [7]
    assert stuck(last_messages([READ] * 9, ["Fix the build."] * 9)) == []
    # a turn before it: the run of equal prompts follows an answer
    assert stuck(last_messages([None, *[READ] * 9], ["Hello.", *["Fix the build."] * 9], response="So.")) == []
    # results that come after another step each time are compared, not what was known before
    tools = [tool for n in range(5) for tool in (READ, READ.replace("a", f"{n}"))]
    assert stuck(last_messages(tools, ["Fix it.", *[f"{n} failed" if n % 2 else "ok" for n in range(1, 10)]])) == []


def test_without_prompts_the_tokens_that_results_add_tell_a_stuck_agent() -> None:
    assert stuck(last_messages([READ] * 9, [None] * 9)) == [7]
    assert stuck(last_messages([READ.replace("read", "get_status")] * 9, [None] * 9)) == []
    grown = last_messages([READ] * 9, [None] * 9)
    assert stuck(grown.assign(input_tokens=pd.array([1000 + 60 * n + 5 * n * n for n in range(9)], "Int64"))) == []


def test_an_answer_repeated_to_the_same_message_is_stuck_where_the_log_says_that_it_ended() -> None:
    talk = {"tools": [None] * 9, "prompts": ["Open it.", *["Connection refused"] * 8], "response": "I try again."}
    assert stuck(last_messages(**talk, finish_reason="stop")) == [7]
    assert stuck(last_messages(**talk)) == []  # its tool calls may be hidden


def test_a_history_resent_in_full() -> None:
    def growing(number: int, **more: Any) -> list[float]:
        rows = (
            {"s": n, "model": "gpt-4.1", "prompt": "Go on. " * n, "input_tokens": 2000 * n, "output_tokens": 9, **more}
            for n in range(1, number + 1)
        )
        return find_growing_context(cf.add_cost(calls(*rows)))["waste_cost"].round(4).tolist()

    assert growing(5) == [round((2 + 4 + 6 + 8) * 1000 * 1.5e-6, 4)]
    assert growing(4) == []
    assert growing(5, prompt="Sum this chapter up.") == []
    assert growing(5, cached_input_tokens=1900) == []


# -- batches ----------------------------------------------------------------------------------------------------------


def nightly(days: int = 2, number: int = 40, shift: float = 0.0, begin: float = 0.0, **more: Any) -> list[float]:
    rows = (
        {"s": begin + (86_400 + shift) * day + 5 * n, "trace_id": f"{day}-{n}", "model": "gpt-4.1", "prompt": f"{n}",
         "input_tokens": 1000, "output_tokens": 0, "route": "/jobs/night", **more}
        for day in range(days) for n in range(number)
    )  # fmt: skip
    frame = calls(*rows)
    frame["timestamp"] += pd.Timedelta(days=260)  # batch rates are known from then on
    return find_batchable_calls(cf.add_cost(frame))["waste_cost"].round(4).tolist()


def test_a_nightly_job_would_cost_half_in_batches() -> None:
    assert nightly() == [0.08]
    assert nightly(days=1, number=200) == []
    assert nightly(number=39) == []
    assert nightly(shift=1800) == [0.08]
    assert nightly(shift=3700) == []
    assert nightly(shift=-1800, begin=15 * 3600) == [0.08]  # from midnight on, and half an hour before midnight
    assert nightly(user_id="a") == []
    assert nightly(stream=True) == []
    assert nightly(service_tier="batch") == []
    assert nightly(trace_id="one") == []
