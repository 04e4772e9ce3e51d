"""The language of ``when``: ``input_tokens > 100000 and (team in ["search", "ads"] or not route is null)``.

A parser of its own, so that a file of rules can compare fields and do nothing else.
"""

import re
from collections.abc import Callable
from typing import Any

from ..fields import check_field
from .conditions import Comparison, Condition, Junction, Negation

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>>=|<=|==|!=|[><=(),\[\]])
    |(?P<word>[A-Za-z_][\w.-]*))""",
    re.VERBOSE,
)
_ORDERED = (">", ">=", "<", "<=")
_ON_TEXTS = ("contains", "startswith", "endswith", "matches", "like")
_DEEPEST = 50


def parse_when(expression: str) -> Condition:
    """Parse the expression of a rule.

    Raises
    ------
    ValueError
        The expression is not of the language. The text names the character, what is there and what was expected.

    Examples
    --------
    >>> from crashlens_frame.watch.budgets.when import parse_when
    >>> parse_when("input_tokens > 100_000")
    Comparison(field='input_tokens', operator='>', operand=100000.0)
    >>> parse_when("input_tokens >")
    Traceback (most recent call last):
    ValueError: at the end: expected a number
    """
    return _Parser(expression).whole()


class _Parser:
    """The tokens of one expression, and how far they are read."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        self._next = 0
        self._depth = 0
        place = 0
        while expression[place:].strip():
            found = _TOKEN.match(expression, place)
            if found is None:
                start = len(expression) - len(expression[place:].lstrip())
                raise ValueError(f"at character {start + 1}: {expression[start]!r} is no part of an expression")
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind], found.start(kind) + 1))
            place = found.end()

    def whole(self) -> Condition:
        condition = self.junction("or", lambda: self.junction("and", self.negation))
        if self._next < len(self._tokens):
            raise self.error("and, or, or the end")
        return condition

    def junction(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self.take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def negation(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error(f"at most {_DEEPEST} levels of not and brackets")
        if self.take("not"):
            condition: Condition = Negation(self.negation())
        elif self.take("("):
            condition = self.junction("or", lambda: self.junction("and", self.negation))
            self.need(")")
        else:
            condition = self.comparison()
        self._depth -= 1
        return condition

    def comparison(self) -> Condition:
        field = self.value("word", "the name of a field")
        problem = check_field(field)
        if problem:
            self._next -= 1
            raise self.error(f"a field: {field} {problem}")
        if self.take("is"):
            word = "is not null" if self.take("not") else "is null"
            self.need("null")
            return Comparison(field, word)
        if self.take("not"):
            self.need("in")
            return Comparison(field, "not in", self.operands())
        if self.take("in"):
            return Comparison(field, "in", self.operands())
        for word in _ORDERED:
            if self.take(word):
                return Comparison(field, word, float(self.value("number", "a number").replace("_", "")))
        for word in _ON_TEXTS:
            if self.take(word):
                return Comparison(field, word, self.pattern(word))
        word = "!=" if self.take("!=") else "=="
        if word == "==" and not (self.take("==") or self.take("=")):
            raise self.error(f"one of {', '.join((*_ORDERED, '==', '!=', 'in', 'not in', *_ON_TEXTS, 'is null'))}")
        return Comparison(field, word, self.operand())

    def pattern(self, word: str) -> str:
        text = _unquoted(self.value("text", 'a text in quotation marks, such as "gpt-4*"'))
        if word == "matches":
            try:
                re.compile(text)
            except re.error as problem:
                self._next -= 1
                raise self.error(f"a regular expression ({problem})") from None
        return text

    def operands(self) -> tuple[Any, ...]:
        self.need("[")
        values = [self.operand()]
        while self.take(","):
            values.append(self.operand())
        self.need("]")
        return tuple(values)

    def operand(self) -> Any:
        kind, text, _ = self.peek()
        if kind == "number":
            self._next += 1
            return float(text.replace("_", ""))
        if kind == "word" and text in ("true", "false"):
            self._next += 1
            return text == "true"
        return _unquoted(self.value("text", 'a number, true, false, or a text in quotation marks, such as "gpt-4o"'))

    def value(self, kind: str, expected: str) -> str:
        found, text, _ = self.peek()
        if found != kind:
            raise self.error(expected)
        self._next += 1
        return text

    def take(self, word: str) -> bool:
        """Whether the next token is a word or a sign, which then is read."""
        kind, text, _ = self.peek()
        if kind not in ("word", "sign") or text != word:
            return False
        self._next += 1
        return True

    def need(self, word: str) -> None:
        if not self.take(word):
            raise self.error(word)

    def peek(self) -> tuple[str, str, int]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "", 0)

    def error(self, expected: str) -> ValueError:
        kind, text, place = self.peek()
        found = "at the end" if kind == "end" else f"at character {place}: found {text}"
        return ValueError(f"{found}{':' if kind == 'end' else ','} expected {expected}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\([\"'\\])", r"\1", text[1:-1])
