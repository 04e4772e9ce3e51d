"""Calls of many traces in a frame, however they are stored and however their hashes collide: as the oracle has it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame._core import groups
from crashlens_frame.detectors.fallback_storms import find_fallback_storms
from crashlens_frame.detectors.retry_loops import find_retry_loops
from crashlens_frame.detectors.waste import find_waste
from tests.support import oracle
from tests.support.agreement import assert_same_findings
from tests.support.calls import logs

IDS: dict[str, Callable[[str], str]] = {
    "short": str,
    "of a word": lambda name: f"{name:>8}",
    "of a word and a half": lambda name: f"{name:>12}",
    "of several words": lambda name: f"{name}-{'0' * 30}",
    "of any width": lambda name: name * int(name[1:]),
}


@st.composite
def busy_logs(draw: st.DrawFn) -> pd.DataFrame:
    """Draw several logs and throw their calls together, in columns of several chunks, trace ids as texts or labels."""
    # the prompts of the latter are of one length
    some = st.one_of(logs(), logs(prompts=("Why sky?", "Why sea?", " Why sea?")))
    parts = draw(st.lists(some, min_size=1, max_size=4))
    name = IDS[draw(st.sampled_from(sorted(IDS)))]
    parts = [
        part.assign(trace_id=[name(f"t{int(trace[1:]) + 2 * place}") for trace in part["trace_id"]])
        for place, part in enumerate(parts)
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.iloc[draw(st.permutations(range(len(frame))))]
    for column in ("trace_id", "prompt"):
        values = pa.array(frame[column].tolist(), pa.large_string(), from_pandas=True)
        cut = draw(st.integers(0, len(frame)))
        frame[column] = pd.array(pa.chunked_array([values[:cut], values[cut:]]), dtype="str")
    if draw(st.booleans()):
        frame["trace_id"] = frame["trace_id"].astype("category")
    return frame


@pytest.fixture(params=[1, 3, None], ids=["one hash", "three hashes", "all hashes"])
def colliding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave so many hashes."""
    plain = groups.hash_keys
    if request.param is not None:
        few: Any = lambda keys: plain(keys) % np.uint64(request.param)  # noqa: E731
        monkeypatch.setattr(groups, "hash_keys", few)
        monkeypatch.setattr("crashlens_frame.detectors.traces.hash_keys", few)


@pytest.mark.long
@pytest.mark.usefixtures("colliding")
@given(frame=busy_logs())
@settings(max_examples=20, deadline=None)
def test_retry_loops_and_storms(frame: pd.DataFrame) -> None:
    loops = oracle.retry_loops(frame, max_retries=3, max_gap_s=120)
    storms = oracle.fallback_storms(frame, min_calls=3, min_models=2, window_s=180)
    assert_same_findings(find_retry_loops(frame, rules="crashlens"), loops)
    assert_same_findings(find_fallback_storms(frame, rules="crashlens"), storms)
    # and when they share the order with the other detectors
    found = find_waste(frame, rules="crashlens")
    assert_same_findings(found[found["detector"] == "retry_loops"], loops)
    assert_same_findings(found[found["detector"] == "fallback_storms"], storms)
