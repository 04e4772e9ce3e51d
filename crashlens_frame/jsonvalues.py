"""JSON as logs have it: decoding of lines, and one canonical form for fields that have no column."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeGuard

import orjson

from .errors import InvalidCallError

# orjson reads whole numbers past 64 bits as floats, and so drops digits; a pattern would take ten times as long
_LONG, _AS_ZEROS = 19 * b"0", bytes.maketrans(b"123456789", 9 * b"0")
_BEFORE_NUMBERS = b":,[- \t\n\r"
_LONG_NUMBERS = tuple(bytes([before]) + _LONG for before in _BEFORE_NUMBERS)
_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_NON_STR_KEYS
    | orjson.OPT_UTC_Z
    | orjson.OPT_NAIVE_UTC
    | orjson.OPT_SERIALIZE_NUMPY
)


def parse_json(line: bytes) -> Any:
    """Return the value of a line of JSON, and of what programs write beside it.

    That is NaN, Infinity, whole numbers of any size, half surrogate pairs. The last value of a repeated key counts.

    Raises
    ------
    ValueError
        The line is no JSON. The text names the character and what was found there.
    """
    if not _may_hold_long_numbers(line):
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            pass
    try:
        value = json.loads(line.decode("utf-8"))
        return json.loads(without_surrogates(json.dumps(value, ensure_ascii=False))) if b"\\u" in line else value
    except UnicodeDecodeError as error:
        raise ValueError(f"byte 0x{line[error.start]:02x} at byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError as error:
        what = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
        raise ValueError(f"not JSON, {what} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


def parse_exact_json(lines: Sequence[bytes]) -> list[Any]:
    """Return the values of lines of JSON that can be read and written again without a loss; None for other lines.

    These are no JSON, or have whole numbers past 64 bits, NaN, or half surrogate pairs.
    """
    if not _may_hold_long_numbers_anywhere(b"\n".join(lines)):
        with suppress(orjson.JSONDecodeError):
            return list(map(orjson.loads, lines))
    return list(map(_exact_value, lines))


def _exact_value(line: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        return None if _may_hold_long_numbers(line) else orjson.loads(line)


def _may_hold_long_numbers(line: bytes) -> bool:
    """Whether a line may have a whole number past 64 bits; digits behind a quote are text."""
    digits = line.translate(_AS_ZEROS)
    return _LONG in digits and (digits.startswith(_LONG) or any(number in digits for number in _LONG_NUMBERS))


def _may_hold_long_numbers_anywhere(lines: bytes) -> bool:
    """Whether any line may have such a number: a fifth of the time for many lines, and more for a short one."""
    import numpy as np  # who reads few lines, as the command that logs a call, starts without it

    codes = np.frombuffer(b"\n%b\n" % lines, np.uint8)
    is_digit = codes - ord("0") < 10  # what is below the digits becomes large
    bounds = np.flatnonzero(is_digit[1:] != is_digit[:-1]) + 1  # where digits begin, and where they end, in turn
    begins, ends = bounds[::2], bounds[1::2]
    before = codes[begins[ends - begins >= len(_LONG)] - 1]
    return not _OF_BEFORE.isdisjoint(before.tolist())


_OF_BEFORE = frozenset(_BEFORE_NUMBERS)


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is an object; asking Python whether it is a Mapping takes several times as long."""
    kind = type(value)
    return kind is dict or (kind not in _NO_OBJECTS and isinstance(value, Mapping))


_NO_OBJECTS = frozenset({str, int, float, bool, list, type(None)})


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys; NaN and Infinity become null.

    Raises
    ------
    InvalidCallError
        The value holds something that JSON cannot hold.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError:
        pass
    try:  # whole numbers past 64 bits, half surrogate pairs, deep nesting
        finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return without_surrogates(json.dumps(finite, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCallError(f"a field is {quoted(value)}, expected what JSON can hold ({error})") from None


def without_surrogates(value: str) -> str:
    """Return a text with U+FFFD in place of half surrogate pairs, which UTF-8 cannot hold."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def quoted(value: Any) -> str:
    """Return a value as a message shows it: JSON, cut at 80 characters."""
    try:
        encoded = without_surrogates(json.dumps(value, ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):
        encoded = repr(value)
    return shortened(encoded)


def shortened(text: str) -> str:
    """Return a text cut at 80 characters."""
    return text if len(text) <= 80 else f"{text[:79]}…"
