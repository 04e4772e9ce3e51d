"""Texts in the shapes that vendors give them: chat messages, errors, words for how a call went."""

from collections.abc import Mapping
from typing import Any

import orjson

# where a message, a part of one, or an answer has its text; the first that is there counts
_KEYS = ("content", "parts", "text", "refusal", "message", "messages", "choices", "output")
# parts of a message that are no text to or from a person
_SILENT = ("reasoning", "thinking", "redacted_thinking", "tool_use", "function_call", "tool_call")


def message_text(value: Any) -> str | None:
    """Join the texts of messages, one below the other; null where there is none, as in a call of a tool.

    Text is taken as it is; of objects the text within, of lists that of each element. Images, calls of tools and the
    model's reasoning have none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("type") not in _SILENT:
        return next((found for key in _KEYS if (found := message_text(value.get(key))) is not None), None)
    if isinstance(value, list):
        texts = [found for each in value if (found := message_text(each)) is not None]
        return "\n".join(texts) if texts else None
    return None


def packed_text(value: Any) -> str | None:
    """Give the text of messages that may be packed into a text of JSON, as attributes of spans are."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            found = message_text(orjson.loads(value))
        except orjson.JSONDecodeError:
            return value
        return value if found is None else found
    return message_text(value)


def error_text(value: Any) -> str | None:
    """Give the text of an error that is told as text or as an object, with or without another around it."""
    if isinstance(value, Mapping):
        said = next((value[key] for key in ("message", "error", "code", "type") if value.get(key)), None)
        return None if said is None else error_text(said)
    if isinstance(value, str):
        return value
    raise ValueError("text or an object with a message")


def lowercase_text(value: Any) -> str:
    """Take a word as it is spelled in CALLS."""
    if isinstance(value, str):
        return value.lower()
    raise ValueError("text")


def level_of_status(value: Any) -> str:
    """Read how a call went as a level: "error" where it failed."""
    word = lowercase_text(value)
    return "error" if word in ("error", "failed", "failure", "cancelled", "status_code_error") else "info"
