"""Conditions on calls: comparisons of fields, joined by and, or and not.

A comparison with a null is neither true nor false, and neither is its opposite. So a rule finds
only calls that are known to match.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ..fields import field_values

Truth: TypeAlias = Any  # pandas' BooleanArray, whose nulls are unknown

_ORDERINGS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
# a test of one text, made of the operand
_TEXT_TESTS: Mapping[str, Callable[[str], Callable[[str], Any]]] = {
    "contains": lambda part: lambda text: part in text,
    "startswith": lambda part: lambda text: text.startswith(part),
    "endswith": lambda part: lambda text: text.endswith(part),
    "matches": lambda pattern: re.compile(pattern).search,
    "like": lambda pattern: re.compile(translate(pattern)).match,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field of a call, an operator, and what the field is compared with."""

    field: str
    operator: str
    operand: Any = None


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions that must all hold ("and"), or at least one of them ("or")."""

    word: str
    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition that must not hold."""

    condition: "Condition"


Condition: TypeAlias = Comparison | Junction | Negation


def matching_calls(calls: pd.DataFrame, condition: Condition) -> np.ndarray:
    """Return which calls are known to match a condition.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.watch.budgets.conditions import Comparison, matching_calls
    >>> calls = pd.DataFrame({"model": ["gpt-4o", "o3", None]})
    >>> matching_calls(calls, Comparison("model", "like", "gpt-*")).tolist()
    [True, False, False]
    """
    return pd.array(_truth(calls, condition), dtype="boolean").to_numpy(bool, na_value=False)


def _truth(calls: pd.DataFrame, condition: Condition) -> Truth:
    if isinstance(condition, Negation):
        return ~_truth(calls, condition.condition)
    if isinstance(condition, Junction):
        whole = pd.array(np.full(len(calls), condition.word == "and"), dtype="boolean")
        join = operator.and_ if condition.word == "and" else operator.or_
        return reduce(join, (_truth(calls, part) for part in condition.conditions), whole)
    return _compared(field_values(calls, condition.field), condition.operator, condition.operand)


def _compared(values: pd.Series, word: str, operand: Any) -> Truth:
    if word in ("is null", "is not null"):
        return pd.array((values.isna() if word == "is null" else values.notna()).to_numpy(bool), dtype="boolean")
    # a log has far fewer distinct models, teams and prompts than calls
    codes, distinct = pd.factorize(values)
    if word in _ORDERINGS:
        numbers = pd.to_numeric(pd.Series(distinct), errors="coerce").to_numpy("float64", na_value=np.nan)
        found, is_known = _ORDERINGS[word](numbers, float(operand)), ~np.isnan(numbers)
    else:
        found, is_known = _tested(distinct, word, operand), np.ones(len(distinct), bool)
    # a null has the code -1, so it takes what is appended
    return pd.arrays.BooleanArray(np.append(found, False)[codes], ~np.append(is_known, False)[codes])


def _tested(distinct: Any, word: str, operand: Any) -> np.ndarray:
    if word in ("==", "in"):
        operands = operand if word == "in" else [operand]
        return np.any([np.zeros(len(distinct), bool), *(_equal(distinct, each) for each in operands)], axis=0)
    if word in ("!=", "not in"):
        return ~_tested(distinct, "==" if word == "!=" else "in", operand)
    texts = [_text(value) for value in distinct]
    test = _is_empty if word == "is empty" else _TEXT_TESTS[word](_text(operand))
    return np.fromiter((bool(test(text)) for text in texts), bool, len(texts))


def _is_empty(text: str) -> bool:
    return not text.strip()


def _equal(distinct: Any, operand: Any) -> np.ndarray:
    """Compare as numbers where both are numbers, so that 3 equals 3.0, and as texts otherwise."""
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        numbers = pd.to_numeric(pd.Series(distinct), errors="coerce").to_numpy("float64", na_value=np.nan)
        return numbers == operand
    text = _text(operand)
    return np.fromiter((_text(value) == text for value in distinct), bool, len(distinct))


def _text(value: Any) -> str:
    """Return a value as YAML and JSON write it."""
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
