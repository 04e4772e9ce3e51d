"""Counts of the vendors whose record has a total: where it contradicts them they are null, and the call is kept."""

import copy
from typing import Any

import pytest

from crashlens_frame.formats import rows_from_line
from tests.formats import test_bedrock, test_evaluations, test_gateways, test_gemini, test_langsmith, test_tracers

pytest.importorskip("crashlens_frame.formats.usage")

# record and the keys that lead to its total
TOTALS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "Converse": (test_bedrock.CONVERSE, ("usage", "totalTokens")),
    "Gemini": (test_gemini.ANSWER, ("usageMetadata", "totalTokenCount")),
    "Gemini CLI": (test_gemini.SESSION, ("messages", 1, "tokens", "total")),
    "Qwen Code": (test_gemini.QWEN, ("usageMetadata", "totalTokenCount")),
    "LangSmith": (test_langsmith.WRAPPED, ("outputs", "usage_metadata", "total_tokens")),
    "Helicone": (test_gateways.HELICONE, ("total_tokens",)),
    "Portkey": (test_gateways.PORTKEY, ("total_units",)),
    "Weave": (test_tracers.CALL, ("summary", "usage", "gpt-4o-2024-08-06", "total_tokens")),
    "promptfoo": (test_evaluations.RESULT, ("response", "tokenUsage", "total")),
    "Inspect": (test_evaluations.EVENT, ("output", "usage", "total_tokens")),
}


@pytest.mark.parametrize("name", TOTALS)
def test_counts_that_contradict_the_total_are_null_and_kept(name: str) -> None:
    record, (*above, key) = TOTALS[name]
    changed = copy.deepcopy(record)
    branch: Any = changed
    for step in above:
        branch = branch[step]
    branch[key] += 7_777
    (before,) = rows_from_line(record).rows
    (row,) = rows_from_line(changed).rows
    assert before["input_tokens"] > 0
    assert (row.get("input_tokens"), row.get("output_tokens")) == (None, None)
    assert row.get("model") == before.get("model")
    assert str(branch[key]) in row["extra"]
