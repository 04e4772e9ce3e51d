"""Calls for the tests of the detectors: written down as short tables, or drawn by hypothesis."""

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from crashlens_frame.frame import as_calls, empty_frame

START = pd.Timestamp("2026-03-02T09:00:00Z")
COLUMNS = dict.fromkeys(empty_frame().columns)

MODELS = (
    "gpt-4",
    "GPT-4",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-3.5-turbo",
    "claude-3-haiku",
    "claude-3-opus",
    "local",
    "",
    None,
)
PROMPTS = (
    "What is 2+2?", " What is 2+2?\n", "History of France", "hi", "Hi there", "no", "ok, go on", "x" * 149, "x" * 150,
    "x " * 74 + "x", "x " * 75, "word " * 27, "word " * 28, "explain import duties", 'do {"task": 1}', "a\nb\nc\nd\ne",
    "summarize\u2028this", "\x1f yes \x85", "", "  ", None,
)  # fmt: skip
GAPS_MS = (0, 0, 1, 999, 1000, 2000, 3000, 4000, 8000, 29_994, 59_995, 119_999, 120_000, 120_001, 180_000, 300_001)


def calls(*rows: dict[str, Any], **shared: Any) -> pd.DataFrame:
    """Make a frame of calls; ``s`` of a row is its start in seconds after 9 o'clock."""
    records = []
    for row in rows:
        told = {"trace_id": "t1", "model": "gpt-4", "prompt": "Why is the sky blue?", **shared, **row}
        after = told.pop("s", None)
        if after is not None:
            told["timestamp"] = START + pd.Timedelta(seconds=after)
        records.append(COLUMNS | told)
    return as_calls(pd.DataFrame(records, columns=list(COLUMNS)))


@st.composite
def logs(
    draw: st.DrawFn, prompts: tuple[str | None, ...] = PROMPTS, models: tuple[str | None, ...] = MODELS
) -> pd.DataFrame:
    """Draw a small log, its lines in any order: few traces, prompts and models, gaps at the thresholds."""
    few_prompts = st.sampled_from(draw(st.lists(st.sampled_from(prompts), min_size=1, max_size=2)))
    few_models = st.sampled_from(draw(st.lists(st.sampled_from(models), min_size=1, max_size=3)))
    count = st.sampled_from((0, 0, 3, 7, 20, 21, 50, 51, 300, None))
    rows: list[dict[str, Any]] = []
    for trace in ("t1", "t2"):
        now_ms = draw(st.integers(0, 3))
        for _ in range(draw(st.integers(0, 10))):
            now_ms += draw(st.sampled_from(GAPS_MS))
            rows.append(
                {
                    "trace_id": trace,
                    "timestamp": draw(st.sampled_from((START + pd.Timedelta(milliseconds=now_ms),) * 9 + (None,))),
                    "model": draw(few_models),
                    "prompt": draw(few_prompts),
                    "response": draw(st.sampled_from((None, "fine"))),
                    "input_tokens": draw(count),
                    "output_tokens": draw(count),
                    "cost": draw(st.sampled_from((0.0, 0.002, 0.01, 0.0100001, 0.5, None))),
                    "retry_count": draw(st.sampled_from((0, 1, 2, 3, None))),
                    "level": draw(st.sampled_from(("error", "info", None))),
                    "error": draw(st.sampled_from((None, None, "429"))),
                }
            )
    return calls(*draw(st.permutations(rows)))
