"""One call, as a row, is counted and priced as a frame of it is."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import frame_from_table, table_from_frame, table_from_rows
from crashlens_frame.pricing import PriceBook, fill_cost
from crashlens_frame.tokens import fill_tokens

MODELS = [
    "gpt-4",
    "o3",
    "claude-sonnet-4-5",
    "deepseek-chat",
    "gemini-2.5-flash",
    "GPT-4o-2024-08-06",
    "unheard-of",
    "",
    "us.anthropic.claude-sonnet-4-6",
    "claude-opus-4-8",
    "azure/eu/gpt-4o",
]
COUNTS = st.none() | st.integers(0, 10**6)
PARTS = st.none() | st.integers(0, 9)
ROWS = st.fixed_dictionaries(
    {"trace_id": st.just("t"), "model": st.none() | st.sampled_from(MODELS),
     "timestamp": st.integers(1_500_000_000, 1_900_000_000).map(lambda second: second * 1_000_000)},
    optional={
        "prompt": st.none() | st.text(max_size=9), "response": st.none() | st.text(max_size=9),
        "input_tokens": COUNTS, "output_tokens": COUNTS, "cached_input_tokens": PARTS, "cache_write_tokens": PARTS,
        "cache_write_1h_tokens": PARTS, "audio_input_tokens": PARTS, "reasoning_tokens": PARTS,
        "audio_output_tokens": PARTS, "web_searches": st.none() | st.integers(0, 3),
        "region": st.sampled_from([None, "us", "global", "us-gov", "mars"]),
        "provider": st.sampled_from([None, "bedrock", "anthropic", "azure"]),
        "billed": st.sampled_from([None, "yes", "no"]),
        "service_tier": st.none() | st.sampled_from(["batch", "flex", "priority", "fast", "default", "other", ""]),
        "level": st.none() | st.sampled_from(["info", "error"]),
        "cost": st.none() | st.floats(0, 1e9),
        "cost_source": st.none() | st.sampled_from(["reported", "priced", "unknown"]),
        "token_source": st.none() | st.sampled_from(["reported", "counted", "estimated"]),
    },
)  # fmt: skip


def typed(row: dict[str, Any]) -> pd.DataFrame:
    return frame_from_table(table_from_rows([row]))


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(row=ROWS)
def test_the_tokens_of_a_row_are_counted_as_those_of_a_frame(row: dict[str, Any]) -> None:
    by_row = dict(row)
    fill_tokens(by_row)
    by_frame = frame_from_table(table_from_frame(cf.add_tokens(typed(row))))
    pd.testing.assert_frame_equal(typed(by_row), by_frame)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@example(
    row={
        "trace_id": "t",
        "model": "gpt-4",
        "timestamp": 1500000000000000,
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_write_1h_tokens": 1,
    }
)
@given(row=ROWS)
@pytest.mark.filterwarnings("ignore::crashlens_frame.UnpricedWarning")
def test_a_row_is_priced_as_a_frame_is(row: dict[str, Any]) -> None:
    by_row = dict(row)
    fill_cost(by_row, PriceBook.default())
    by_frame = frame_from_table(table_from_frame(cf.add_cost(typed(row))))
    pd.testing.assert_frame_equal(typed(by_row), by_frame, check_exact=True)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"model": "gpt-4o", "service_tier": "scale"}, cf.UnknownModelError, "for the service tier scale"),
        ({"model": "deepseek-chat", "web_searches": 2}, cf.UnknownModelError, "for web searches"),
        ({"model": "gpt-4o", "cached_input_tokens": 11}, cf.InvalidCallError, "a part is larger than its whole"),
    ],
)
def test_a_cost_that_is_unknown_says_why(call: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        cf.PriceBook.default().cost(input_tokens=10, output_tokens=1, **call)
