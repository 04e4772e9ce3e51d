"""Whatever one line of a transcript holds, the other calls are read as before."""

import io
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from tests.formats.test_otlp_logs import CLAUDE, CODEX, GEMINI, event
from tests.support.agent_logs import Answer, Json, claude_lines, codex_lines

STORY = [
    Answer(number, f"Question {number}", texts=("Yes.",), tools=("ls",), cached=5000 * number, written=60)
    for number in range(1, 6)
]
DEEP: Any = 0
for _ in range(900):
    DEEP = {"a": DEEP}
JUNK = st.sampled_from(
    [None, 5, -1, 2**70, 1e300, True, "many", "²", "9" * 5000, "", [], [1], [[]], {}, {"a": 1}, DEEP]
)
LOGS: dict[str, list[Json]] = {
    "claude_code": claude_lines(STORY),
    "codex": codex_lines(STORY, last_usage=False, tools_after_counts=True),
    "otlp_logs": [
        event("claude_code.api_request", **CLAUDE),
        event("codex.sse_event", **CODEX, total_token_count="9"),
        event("gemini_cli.api_response", **GEMINI),
    ],
}


CALLS = {"claude_code": 5, "codex": 5, "otlp_logs": 3}


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the values of a record are, the inner ones too."""
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in places:
        yield (*before, key)
        yield from paths(inner, (*before, key))


def read(lines: list[Json]) -> pd.DataFrame:
    log = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        return cf.read_jsonl(log)


@pytest.mark.parametrize("name", LOGS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_wrong_value_costs_at_most_the_calls_of_its_line(name: str, data: st.DataObject) -> None:
    lines = json.loads(json.dumps(LOGS[name]))
    place = data.draw(st.integers(1 if name == "codex" else 0, len(lines) - 1))
    path = data.draw(st.sampled_from(list(paths(lines[place]))))
    inner = lines[place]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(JUNK)

    assert CALLS[name] - 1 <= len(read(lines)) <= CALLS[name] + 1
