"""What prompts have in common where the log holds them whole: measured in steps, once more letter by letter."""

import re
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.detectors.cache_beginnings import STEPS, as_letters, common_beginnings, from_letters, step_hashes
from crashlens_frame.detectors.cache_misses import find_cache_misses
from crashlens_frame.detectors.lanes import Lane
from tests.support.calls import calls

HANDBOOK = " ".join(f"Rule {word}: a ferry that is late waits for trains." for word in map(chr, range(97, 123))) * 12
ROLE = "You work for the harbour office of Lisbon."
randoms = st.integers(0, 2**32).map(Random)
TIME = "It is 2026-03-02 {:02}:{:02}:07."


def asked(prompt: str, number: int = 12, *, model: str = "gpt-4.1", **more: object) -> pd.DataFrame:
    """Make calls with whole prompts, a minute apart; a token has four letters, and nothing is read from a cache."""
    texts = [prompt.format(TIME.format(9, n), f"Which pier has boat {'abcdefghijkl'[n]}?") for n in range(number)]
    counts = {"output_tokens": 5, "cached_input_tokens": 0, "route": "/ask", "response": "So."}
    rows = (
        {"s": 60 * n, "trace_id": f"t{n}", "prompt": text, "input_tokens": len(text) // 4, **counts, **more}
        for n, text in enumerate(texts)
    )
    return cf.add_cost(calls(*rows, model=model))


def missed(frame: pd.DataFrame) -> dict[str, float]:
    found = find_cache_misses(frame)
    return dict(zip(found["cause"], found["waste_cost"], strict=True))


@pytest.mark.parametrize(
    "prompt",
    [
        f"{{0}}\n{HANDBOOK}\n{{1}}",
        f"{ROLE}\n{{0}}\n{HANDBOOK}\n{{1}}",
        f"You are Ada.\n{{0}}\n{HANDBOOK}\n{{1}}",
        f"{{0}} {ROLE} {HANDBOOK} {{1}}",
        f'[{{{{"role": "system", "content": "{ROLE} {{0}} {HANDBOOK}"}}}}, {{{{"content": "{{1}}"}}}}]',
    ],
    ids=["first line", "second line", "after a short line", "one line", "json"],
)
def test_a_clock_in_front_of_a_prompt_that_is_logged_whole(prompt: str) -> None:
    found = missed(asked(prompt))
    saved = len(HANDBOOK) / 4 * 1.5e-6 * 11  # gpt-4.1 reads for $1.50 less per million
    assert found == {"broken prefix": pytest.approx(saved, rel=0.2)}
    assert found["broken prefix"] <= saved


def test_a_prompt_that_is_logged_whole_and_not_asked_for() -> None:
    found = missed(asked(f"{ROLE}\n{HANDBOOK}\n{{1}}", model="claude-sonnet-4-5"))
    saved = len(HANDBOOK) / 4 * (12 * 3 - 3.75 - 11 * 0.3) * 1e-6
    assert found == {"not asked for": pytest.approx(saved, rel=0.2)}
    assert found["not asked for"] <= saved


def test_what_is_the_same_and_not_read_is_no_fault_of_the_client() -> None:
    assert missed(asked(f"{ROLE}\n{HANDBOOK}\n{{1}}")) == {}


def test_tables_of_numbers_have_their_shape_in_common_and_nothing_else() -> None:
    draw = Random(1)
    frame = asked(f"{ROLE}\n{{0}}\n{{1}}")
    tables = ["\n".join(f"{draw.random():.6f},{draw.random():.6f}" for _ in range(500)) for _ in range(len(frame))]
    frame["prompt"] = pd.array([f"{ROLE}\n{table}" for table in tables], "str")
    frame["input_tokens"] = pd.array([round(len(table) * 0.45) for table in tables], "Int64")
    assert missed(cf.add_cost(frame, reprice=True)) == {}


def test_prefixes_of_the_very_same_size_are_one_where_no_text_is_logged() -> None:
    def burst(*written: int) -> pd.DataFrame:
        rows = (
            {"s": 0.01 * n, "trace_id": f"t{n}", "input_tokens": tokens + 50 + n, "cache_write_tokens": tokens}
            for n, tokens in enumerate(written)
        )
        return cf.add_cost(calls(*rows, model="claude-sonnet-4-5", prompt=None, latency_ms=2000, cached_input_tokens=0))

    assert missed(burst(*[30_000] * 8)) == {"fan-out": pytest.approx(0.7245)}
    assert missed(burst(*range(30_000, 30_004))) == {}


def test_a_scan_in_parts_finds_the_same(tmp_path: Path) -> None:
    prompts = [f"{ROLE}\n{{0}}\n{HANDBOOK}\n{{1}}", f"{{0}} {HANDBOOK} {{1}}"]
    log = pd.concat([asked(prompt, route=f"/{n}") for n, prompt in enumerate(prompts)], ignore_index=True)
    log["trace_id"] = log["trace_id"] + log["route"].astype(str)
    expected = cf.find_waste(log)
    assert (expected["detector"] == "cache_misses").sum() == 2
    cf.to_parquet(log, tmp_path / "log.parquet")
    found = cf.scan(tmp_path / "log.parquet", progress=False).findings
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))


@given(draw=randoms)
@settings(max_examples=60)
def test_common_beginnings(draw: Random) -> None:
    bases = [draw.choice(("", "Why?\n", "x" * 2100)) + "ab 1" * draw.choice((100, 600, 3000)) for _ in range(2)]
    group = np.sort([draw.randrange(2) for _ in range(draw.choice((1, 5, 10)))])
    prompts = []
    for own in group:
        text = list(bases[own])
        if draw.random() < 0.3:
            text[draw.randrange(len(text))] = draw.choice("7é\n")
        prompts.append("".join(text) + "?" * draw.choice((0, 3000)))
    hashes = step_hashes(pa.array([prompt.encode() for prompt in prompts], pa.large_binary()))
    common, alike = common_beginnings(hashes, Lane(np.arange(len(group)), group))
    for lane in set(group.tolist()):
        members = np.flatnonzero(group == lane)
        length, same = _common([prompts[member] for member in members])
        assert set(common[members]) == {length}
        assert alike[members].tolist() == same
    assert (from_letters(as_letters(hashes)) == hashes).all()


def _common(prompts: list[str]) -> tuple[int, list[bool]]:
    """Return the longest of STEPS up to which at least 80 % of the prompts are alike, and which of them are."""
    texts = [_seen(prompt.encode()) for prompt in prompts]
    best = 0, [True] * len(texts)
    for step in STEPS:
        heads = [text[:step] if len(text) >= step else None for text in texts]
        for head in {*heads} - {None}:
            same = [each == head for each in heads]
            if sum(same) >= 0.8 * len(same):
                best = step, same
    return best


def _seen(prompt: bytes) -> bytes:
    first = prompt[:2000].find(b"\n")
    text = prompt[first + 1 :]
    return re.sub(rb"[0-9]", b"0", text[:1024]) + text[1024:]
