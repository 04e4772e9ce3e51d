"""Interactions of Gemini's API of that name -> the form of generateContent, which the fields describe.

Source: https://ai.google.dev/gemini-api/docs/interactions; total_tokens is the sum of input, output, thoughts and what
tools of Google added to the input.
"""

from typing import Any

from .answers import mapping_of, mappings_of
from .table import Record

_COUNTS = {
    "total_input_tokens": "promptTokenCount", "total_tool_use_tokens": "toolUsePromptTokenCount",
    "total_cached_tokens": "cachedContentTokenCount", "total_output_tokens": "candidatesTokenCount",
    "total_thought_tokens": "thoughtsTokenCount", "total_tokens": "totalTokenCount",
}  # fmt: skip
_BY_KIND = {"input_tokens_by_modality": "promptTokensDetails", "output_tokens_by_modality": "candidatesTokensDetails"}
_NAMES = {"id": "responseId", "created": "createTime", "model": "modelVersion"}
_REASONS = {"completed": "stop", "requires_action": "tool_calls", "failed": "error", "cancelled": "aborted"}


def is_interaction(record: Record) -> bool:
    """Whether a record is an interaction."""
    return record.get("object") == "interaction"


def answer_of_interaction(record: Record) -> dict[str, Any]:
    """Return an interaction as an answer of generateContent.

    Examples
    --------
    >>> from crashlens_frame.formats.interactions import answer_of_interaction
    >>> usage = {"total_input_tokens": 7, "total_output_tokens": 2, "total_tokens": 9}
    >>> answer = answer_of_interaction({"id": "v1_a", "object": "interaction", "usage": usage})
    >>> answer["responseId"], answer["usageMetadata"]["promptTokenCount"]
    ('v1_a', 7)
    """
    steps = mappings_of(record.get("steps") or record.get("outputs"))
    usage = {_COUNTS.get(key, _BY_KIND.get(key, key)): value for key, value in mapping_of(record.get("usage")).items()}
    for name in _BY_KIND.values():
        usage[name] = [
            {"modality": str(each.get("modality")).upper(), "tokenCount": each.get("tokens")}
            for each in mappings_of(usage.get(name))
        ]
    kept = {_NAMES.get(key, key): value for key, value in record.items() if key not in ("usage", "steps", "outputs")}
    searches = [query for step in steps if step.get("type") == "google_search_call" for query in _queries(step)]
    candidate = {
        "content": {"parts": [part for step in steps for part in _parts(step)]},
        "finishReason": _REASONS.get(str(record.get("status"))),
        **({"groundingMetadata": {"webSearchQueries": searches}} if searches else {}),
    }
    return {**kept, "usageMetadata": usage, "candidates": [candidate]}


def _queries(step: Record) -> list[Any]:
    queries = mapping_of(step.get("arguments")).get("queries")
    return queries if isinstance(queries, list) else []


def _parts(step: Record) -> list[Record]:
    """Return what a step, or an output, adds to the answer."""
    if step.get("type") == "function_call":
        return [{"functionCall": {"name": step.get("name"), "args": step.get("arguments")}}]
    texts = mappings_of(step.get("content")) if step.get("type") == "model_output" else [step]
    return [
        {"text": text["text"]} for text in texts if text.get("type") == "text" and isinstance(text.get("text"), str)
    ]
