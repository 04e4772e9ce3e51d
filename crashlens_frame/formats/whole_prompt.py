"""Prompts that are more than their text: images, files and tools, which no column holds, leave a hash."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..jsonvalues import canonical_json, is_object
from ..schema import TEXT

# keys of what is sent to a model, in requests, answers that repeat them, and attributes of spans
_PROMPTS = {
    "ai.prompt", "ai.prompt.messages", "contents", "gen_ai.input.messages", "gen_ai.prompt",
    "gen_ai.system_instructions", "input", "input.value", "inputs", "instructions", "llm.input_messages", "messages",
    "prompt", "system", "systemInstruction", "system_instruction",
}  # fmt: skip
_TOOLS = {
    "ai.prompt.tools", "functions", "gen_ai.tool.definitions", "llm.tools", "tool_definitions", "toolConfig", "tools",
}  # fmt: skip
_NO_TOOLS: tuple[Any, ...] = (None, "", "[]", [], {})
_DEPTH = 4  # of requests in wrappers of proxies
# parts of messages that are no text, also in JSON text within JSON text; begun by a quote, it is found fast
_PARTS = (
    r'type\\*":\s*\\*"(?:input_)?(?:audio|blob|document|file|function_call|image|image_file|image_url|media|tool_call'
    r'|tool_use|uri|video)\\*"'
    r"|(?:fileData|file_data|functionCall|function_call|image_url|images|inlineData|inline_data|tool_calls"
    r'|toolUse)\\*":\s*[\[{\\"]'
)
_NOT_TEXT = re.compile(f'"(?:{_PARTS})')
_TOOL_KEYS = "|".join(map(re.escape, sorted(_TOOLS)))
_NOT_TEXT_OR_TOOLS = re.compile(f'"(?:{_PARTS}|(?:{_TOOL_KEYS})":)')
# for Arrow, which searches in a sixth of the time but takes long to begin; its own spaces are fewer than Python's
_OF_ARROW, _FEW = _NOT_TEXT_OR_TOOLS.pattern.replace(r"\s*", r"[\pZ\pC]*"), 64


def whole_prompt_hash(record: Mapping[str, Any]) -> str | None:
    """Return the hash of a prompt that has images, files or tools beside its text; None where it is text alone.

    Parameters
    ----------
    record
        The fields of a record that have no column, and the messages whose texts have one.

    Examples
    --------
    >>> from crashlens_frame.formats.whole_prompt import whole_prompt_hash
    >>> page = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://pages.test/0.png"}}]}
    >>> whole_prompt_hash({"messages": [page]})
    '5590eba7c41603c8366458df26dc79b1'
    >>> whole_prompt_hash({"messages": [{"role": "user", "content": "Read this page."}]})
    """
    sent = list(_sent(record, _DEPTH))
    if not sent:
        return None
    text = canonical_json(sent)
    if all(key not in _TOOLS for key, _ in sent) and not _NOT_TEXT.search(text):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def may_have_whole_prompt_hash(encoded: Sequence[str | None]) -> list[bool]:
    """Whether records may have a hash, judged by their canonical JSON, as what is sent to the model is a part of it.

    Examples
    --------
    >>> from crashlens_frame.formats.whole_prompt import may_have_whole_prompt_hash
    >>> may_have_whole_prompt_hash(['{"tools":[]}', '{"messages":"Hi"}', None])
    [True, False, False]
    """
    if len(encoded) < _FEW:
        return [text is not None and _NOT_TEXT_OR_TOOLS.search(text) is not None for text in encoded]
    found: list[bool] = pc.match_substring_regex(pa.array(encoded, TEXT), _OF_ARROW).fill_null(False).to_pylist()
    return found


def _sent(record: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield key and value of what is sent to the model."""
    for key, value in record.items():
        if key in _PROMPTS:
            yield key, value
        elif key in _TOOLS:
            if value not in _NO_TOOLS:
                yield key, value
        elif depth and is_object(value):
            yield from _sent(value, depth - 1)
