"""Texts in the shapes that vendors use: chat messages, errors, words for how a call ended."""

from collections.abc import Mapping
from typing import Any

import orjson

# keys under which a message, a part of one, or an answer has its text; the first one present counts
_KEYS = ("content", "parts", "text", "refusal", "message", "messages", "choices", "output")
# parts of a message that no person wrote or reads
_SILENT = ("reasoning", "thinking", "redacted_thinking", "tool_use", "function_call", "tool_call")


def message_text(value: Any) -> str | None:
    """Return the texts of messages, joined by line breaks; null where there is none, as in a call of a tool.

    Text is returned as it is; an object has the text inside it, a list that of each element. Images, calls of tools and
    the model's reasoning have none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("type") not in _SILENT:
        return next((found for key in _KEYS if (found := message_text(value.get(key))) is not None), None)
    if isinstance(value, list):
        texts = [found for element in value if (found := message_text(element)) is not None]
        return "\n".join(texts) if texts else None
    return None


def packed_text(value: Any) -> str | None:
    """Return the text of messages that may be encoded as JSON text, as in attributes of spans."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            found = message_text(orjson.loads(value))
        except orjson.JSONDecodeError:
            return value
        return value if found is None else found
    return message_text(value)


def error_text(value: Any) -> str | None:
    """Return the text of an error that is text, an object, or an object within an object."""
    if isinstance(value, Mapping):
        inner = next((value[key] for key in ("message", "error", "code", "type") if value.get(key)), None)
        return None if inner is None else error_text(inner)
    if isinstance(value, str):
        return value
    raise ValueError("text or an object with a message")


def lowercase_text(value: Any) -> str:
    """Return a word as CALLS spells it."""
    if isinstance(value, str):
        return value.lower()
    raise ValueError("text")


def level_of_status(value: Any) -> str:
    """Return the level of a call by how it ended: "error" where it failed."""
    word = lowercase_text(value)
    return "error" if word in ("error", "failed", "failure", "cancelled", "status_code_error") else "info"
