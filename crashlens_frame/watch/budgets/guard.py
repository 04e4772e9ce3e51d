"""Conditions as the rules of CrashLens guard write them: a mapping of fields to what they must be.

Where guard reads a rule otherwise than its text says, the text counts: two operators in a mapping both hold, a text
without an operator means equality, and, or and not may be nested, ``not`` is the opposite of the whole.
"""

import re
from collections.abc import Callable
from typing import Any

from ..._core import Node, YamlReader
from ...formats import CRASHLENS, END, TOTAL
from ..fields import TOTAL_TOKENS, check_field
from .conditions import Comparison, Condition, Junction, Negation

_JUNCTIONS = {"and": "and", "or": "or", "all_of": "and", "any_of": "or"}
_WORDS = {
    ">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "==", "!=": "!=", "in": "in", "not in": "not in",
    "not_in": "not in", "regex": "matches", "contains": "contains", "startswith": "startswith", "endswith": "endswith",
}  # fmt: skip
_IN_TEXT = re.compile(r"(>=|<=|==|!=|>|<)\s*:?\s*(.*)|(not_in|not in|in|regex|contains|startswith|endswith)\s*:\s*(.*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# what guard reads is the line of a log; these are the columns that its fields became
_COLUMNS = {
    **{field.path: field.column for field in CRASHLENS.fields if field.column not in (END, TOTAL)},
    "tokens": TOTAL_TOKENS,
    "usage.total_tokens": TOTAL_TOKENS,
    "response_time_ms": "latency_ms",
    "response_time": "latency_ms",
    "metadata.retry_count": "retry_count",
    "userId": "user_id",
}
# the documented names, if_tokens_gt and so on
_DOCUMENTED = re.compile(r"if_(\w+?)(?:_(gte?|lte?))?")
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def guard_condition(reader: YamlReader, node: Node, key: str) -> Condition:
    """Return the condition of a node; an empty mapping is a condition that every call fulfils.

    Raises
    ------
    CrashlensFrameError
        It is no condition. The text names file, line and key.
    """
    fields = reader.mapping(node, key)
    return Junction("and", tuple(_part(reader, name, value, f"{key}.{name}") for name, value in fields.items()))


def _part(reader: YamlReader, name: str, node: Node, key: str) -> Condition:
    if name in _JUNCTIONS:
        items = reader.items(node, key)
        parts = tuple(guard_condition(reader, item, f"{key}[{number}]") for number, item in enumerate(items))
        return Junction(_JUNCTIONS[name], parts)
    if name == "not":
        return Negation(guard_condition(reader, node, key))
    field, sign = _field(reader, name, node, key)
    if sign is not None:
        return Comparison(field, sign, reader.number(node, key))
    if node.id == "sequence":
        return Comparison(field, "in", tuple(_value(item) for item in reader.items(node, key)))
    if node.id == "mapping":
        operators = reader.mapping(node, key, tuple(_WORDS))
        parts = tuple(
            _comparison(reader, field, _WORDS[word], value, f"{key}.{word}") for word, value in operators.items()
        )
        return Junction("and", parts)
    return _from_text(reader, field, reader.text(node, key), node, key)


def _field(reader: YamlReader, name: str, node: Node, key: str) -> tuple[str, str | None]:
    """Return the field that guard means by a name, and the operator that the name holds."""
    if name in _COLUMNS:
        return _COLUMNS[name], None
    documented = _DOCUMENTED.fullmatch(name)
    if documented:
        field = _COLUMNS.get(documented[1], documented[1])
        problem = check_field(field)
        if problem:
            raise reader.error(node, key, problem)
        return field, _SIGNS.get(documented[2] or "")
    return (name if check_field(name) is None else f"extra.{name}"), None


def _comparison(reader: YamlReader, field: str, word: str, node: Node, key: str) -> Condition:
    if word in ("in", "not in"):
        return Comparison(field, word, tuple(_value(item) for item in reader.items(node, key)))
    if word in (">", ">=", "<", "<="):
        return Comparison(field, word, reader.scalar(node, key, float, "a number"))
    if word == "matches":
        return Comparison(field, word, reader.scalar(node, key, _pattern, "a regular expression"))
    return Comparison(field, word, _value(node) if word in ("==", "!=") else reader.text(node, key))


def _from_text(reader: YamlReader, field: str, text: str, node: Node, key: str) -> Condition:
    """Return the condition of a text in guard's small language; without an operator it means equality."""
    if text in ("empty", "not_empty"):
        is_empty = Comparison(field, "is empty")
        return is_empty if text == "empty" else Negation(is_empty)
    found = _IN_TEXT.fullmatch(text)
    if found is None:
        return Comparison(field, "==", _value(node))
    word, operand = _WORDS[found[1] or found[3]], (found[2] if found[1] else found[4]).strip()
    if word in ("in", "not in"):
        values = [part.strip().strip("'\"") for part in operand.removeprefix("[").removesuffix("]").split(",")]
        return Comparison(field, word, tuple(_scalar(value) for value in values if value))
    convert: Callable[[str], Any] = str
    if word in (">", ">=", "<", "<="):
        convert = float
    elif word == "matches":
        convert = _pattern
    elif word in ("==", "!="):
        convert = _scalar
    try:
        return Comparison(field, word, convert(operand))
    except ValueError:
        expected = "a number" if convert is float else "a regular expression"
        raise reader.error(node, key, f'is "{text}", expected {expected} behind the operator') from None


def _value(node: Node) -> Any:
    return node.value if node.style else _scalar(node.value)


def _scalar(text: str) -> Any:
    if text in ("true", "false", "True", "False"):
        return text.lower() == "true"
    return float(text) if _NUMBER.fullmatch(text) else text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as problem:
        raise ValueError(str(problem)) from None
    return text
