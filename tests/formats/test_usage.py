"""The counts of a usage, in every way that vendors count: the row is right, or its counts are null."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashlens_frame.formats import row_from_record
from crashlens_frame.formats.usage import READINGS, Count, role_of_key, settle_usage

pytestmark = pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnclearTokensWarning")

SMALL = st.integers(0, 6)  # so that sums meet by chance
LARGE = st.integers(0, 10**6)
PARTS = ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "audio_input_tokens", "audio_output_tokens")
WHOLE = {"reasoning_tokens": "output_tokens", "audio_output_tokens": "output_tokens"}


@st.composite
def calls(draw: st.DrawFn) -> dict[str, int]:
    """Draw what really happened: all counts of a call, each part no larger than its whole."""
    count = draw(st.sampled_from([SMALL, LARGE]))
    call = {name: draw(count) for name in (*PARTS, "text_in", "text_out")}
    call["cache_write_1h_tokens"] = draw(st.integers(0, call["cache_write_tokens"]))
    call["input_tokens"] = sum(
        call[n] for n in ("cached_input_tokens", "cache_write_tokens", "audio_input_tokens", "text_in")
    )
    call["output_tokens"] = sum(call[n] for n in ("reasoning_tokens", "audio_output_tokens", "text_out"))
    return call


def is_right_or_null(record: dict[str, Any], call: dict[str, int]) -> bool:
    """Whether each count of the row is the true one, or all are null."""
    row = row_from_record(record)
    names = {"input_tokens", "output_tokens", *PARTS, "cache_write_1h_tokens"}
    found = {name: row[name] for name in names if name in row}
    assert all(value == call[name] for name, value in found.items()), (found, call)
    assert ("input_tokens" in row) == ("output_tokens" in row)
    return "input_tokens" in row


def openai(call: dict[str, int], beside: frozenset[str], with_total: bool) -> dict[str, Any]:
    sides = {"input_tokens": call["input_tokens"], "output_tokens": call["output_tokens"]}
    for part in beside:
        sides[WHOLE.get(part, "input_tokens")] -= call[part]
    usage: dict[str, Any] = {
        "prompt_tokens": sides["input_tokens"],
        "completion_tokens": sides["output_tokens"],
        "prompt_tokens_details": {
            "cached_tokens": call["cached_input_tokens"],
            "cache_write_tokens": call["cache_write_tokens"],
            "audio_tokens": call["audio_input_tokens"],
        },
        "completion_tokens_details": {
            "reasoning_tokens": call["reasoning_tokens"],
            "audio_tokens": call["audio_output_tokens"],
        },
    }
    if with_total:
        usage["total_tokens"] = call["input_tokens"] + call["output_tokens"]
    return {"id": "c", "object": "chat.completion", "model": "model-x", "usage": usage}


CACHE = frozenset({"cached_input_tokens", "cache_write_tokens"})
REASONING = frozenset({"reasoning_tokens"})
AUDIO = frozenset({"audio_input_tokens", "audio_output_tokens"})
CONVENTIONS = st.tuples(*(st.sampled_from([frozenset(), group]) for group in (CACHE, REASONING, AUDIO))).map(
    lambda groups: frozenset().union(*groups)
)


@settings(max_examples=300)
@given(calls(), CONVENTIONS)
def test_with_a_total_a_usage_of_any_convention_is_right_or_null(call: dict[str, int], beside: frozenset[str]) -> None:
    record = openai(call, beside, with_total=True)
    # without text there are calls whose total is 0, which is as good as none
    if call["input_tokens"] + call["output_tokens"]:
        is_right_or_null(record, call)


@settings(max_examples=200)
@given(calls())
def test_parts_inside_are_always_read(call: dict[str, int]) -> None:
    assert is_right_or_null(openai(call, frozenset(), with_total=False), call)


@settings(max_examples=200)
@given(calls())
def test_what_a_vendor_documents_as_beside_is_added(call: dict[str, int]) -> None:
    written, one_hour = call["cache_write_tokens"], call["cache_write_1h_tokens"]
    usage = {
        "input_tokens": call["input_tokens"] - call["cached_input_tokens"] - written,
        "cache_read_input_tokens": call["cached_input_tokens"],
        "cache_creation_input_tokens": written,
        "cache_creation": {
            "ephemeral_1h_input_tokens": one_hour,
            "ephemeral_5m_input_tokens": written - one_hour,
        },
        "output_tokens": call["output_tokens"],
        "output_tokens_details": {"thinking_tokens": call["reasoning_tokens"]},
    }
    assert is_right_or_null({"id": "m", "role": "assistant", "model": "m", "content": [], "usage": usage}, call)


@settings(max_examples=300)
@given(calls(), st.booleans(), st.booleans(), st.sampled_from(["", "flex_", "priority_"]))
def test_keys_that_leave_out_one_another_are_added(
    call: dict[str, int], with_total: bool, by_lifetime: bool, tier: str
) -> None:
    written, one_hour = call["cache_write_tokens"], call["cache_write_1h_tokens"]
    details = {
        f"input_{tier.rstrip('_')}".rstrip("_"): call["text_in"],
        f"input_{tier}cache_read": call["cached_input_tokens"],
        "input_audio": call["audio_input_tokens"],
        f"output_{tier.rstrip('_')}".rstrip("_"): call["text_out"],
        f"output_{tier}reasoning": call["reasoning_tokens"],
        "output_audio": call["audio_output_tokens"],
    }
    if by_lifetime:
        details |= {"input_cache_creation_5m": written - one_hour, "input_cache_creation_1h": one_hour}
        details |= {"input_cache_creation": 0}
    else:
        details |= {"input_cache_creation": written}
    if with_total:
        details["total"] = call["input_tokens"] + call["output_tokens"]
    record = {"id": "o", "traceId": "t", "type": "GENERATION", "model": "m", "usageDetails": details}
    is_right_or_null(record, call)


@given(calls(), st.booleans())
def test_modalities_inside_are_read_where_the_total_shows_it(call: dict[str, int], with_text: bool) -> None:
    details = {
        "input": call["input_tokens"],
        "input_audio": call["audio_input_tokens"],
        "output": call["output_tokens"],
    }
    if with_text:
        details["input_text"] = call["input_tokens"] - call["audio_input_tokens"]
    details["total"] = call["input_tokens"] + call["output_tokens"]
    if details["total"]:
        assert is_right_or_null(
            {"id": "o", "traceId": "t", "type": "GENERATION", "model": "m", "usageDetails": details}, call
        )


def counts(*parts: tuple[str, int]) -> list[Count]:
    return [Count(role, role, value, False) for role, value in parts]


SENT, MADE = ("input_tokens", 9), ("output_tokens", 9)
IMPOSSIBLE = {
    "more cached than sent": counts(SENT, MADE, ("cached_input_tokens", 10)),
    "more cached and written than sent": counts(SENT, ("cached_input_tokens", 5), ("cache_write_tokens", 5)),
    "more for an hour than written": counts(SENT, ("cache_write_tokens", 0), ("cache_write_1h_tokens", 5)),
    "more reasoning than generated": counts(SENT, MADE, ("reasoning_tokens", 10)),
    "a total that no reading fits": counts(SENT, MADE, ("tokens in all", 19)),
    "two readings that lead to different counts": counts(
        SENT, MADE, ("cached_input_tokens", 4), ("reasoning_tokens", 4), ("tokens in all", 22)
    ),
    "two names of a part that disagree": counts(SENT, ("cached_input_tokens", 4), ("cached_input_tokens", 5)),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_counts_that_cannot_be_are_null(name: str) -> None:
    assert settle_usage(IMPOSSIBLE[name]) is None


def test_writes_for_an_hour_are_a_part_of_all_writes() -> None:
    parts = counts(SENT, MADE, ("cache_write_tokens", 4), ("cache_write_1h_tokens", 2), ("tokens in all", 18))
    assert (settle_usage(parts) or {})["cache_write_tokens"] == 4


def test_a_total_of_zero_shows_nothing() -> None:
    parts = counts(("input_tokens", 9), ("output_tokens", 5), ("tokens in all", 0))
    assert settle_usage(parts) == {"input_tokens": 9, "output_tokens": 5}


def test_a_total_alone_beside_one_side_does_not_invent_the_other() -> None:
    parts = counts(("input_tokens", 9), ("tokens in all", 15))
    assert settle_usage(parts) == {"input_tokens": 9}


def test_reasoning_that_only_the_total_counts_is_that_of_google_alone() -> None:
    parts = counts(("input_tokens", 20), ("output_tokens", 198), ("tokens in all", 623))
    expected = {"input_tokens": 20, "output_tokens": 603, "reasoning_tokens": 405}
    expected["token_reading"] = "reasoning in the total alone"
    assert settle_usage(parts, "google/gemini-2.5-flash") == expected
    assert settle_usage(parts, "gpt-4o") is None


def test_the_readings_begin_with_all_parts_inside_and_end_with_all_beside() -> None:
    assert READINGS[0] == frozenset()
    assert READINGS[-1] == {"cache", "reasoning", "other parts", "writes by lifetime"}
    assert len(set(READINGS)) == len(READINGS) == 16


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("input_cached_tokens", "cached_input_tokens"),
        ("input_cache_creation_5m", "written to a cache for five minutes"),
        ("input_ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
        ("input_cache_write", "cache_write_tokens"),
        ("output_flex_reasoning", "reasoning_tokens"),
        ("thoughts_tokens", "reasoning_tokens"),
        ("input_modality_1", "other input"),
        ("output_audio_tokens", "audio_output_tokens"),
        ("prompt_cache_miss_tokens", "other input"),
        ("citation_tokens", "other tokens"),
        ("duration_ms", None),
        ("cost", None),
    ],
)
def test_the_words_of_a_key_show_what_it_counts(key: str, role: str | None) -> None:
    assert role_of_key(key) == role


def test_an_unknown_count_is_kept_and_added_where_the_total_needs_it() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22, "prompt_tool_use_tokens": 7}
    row = row_from_record({"id": "c", "object": "chat.completion", "model": "m", "usage": usage})
    assert (row["input_tokens"], row["output_tokens"]) == (17, 5)
    assert json.loads(row["extra"]) == {"usage": {"prompt_tool_use_tokens": 7}, "object": "chat.completion"}
