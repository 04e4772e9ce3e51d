"""The text of chat messages, in the shapes that vendors give them."""

from collections.abc import Mapping
from typing import Any

import orjson

# where a message, or a part of one, has its text; the first that is there counts
_KEYS = ("content", "parts", "text", "refusal", "messages", "message", "output_text")


def message_text(value: Any) -> str | None:
    """Join the texts of messages, one below the other; null where there is none, as in a call of a tool.

    Text is taken as it is; of objects the text within, of lists that of each element. Images and calls of tools have
    none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
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
