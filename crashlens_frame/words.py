"""How numbers, amounts of money and logged texts are written for people.

Logged text is data: control characters, terminal escapes and bidirectional controls are written as escapes.
"""

from typing import Any
from unicodedata import category, east_asian_width

UNKNOWN = "unknown"


def printable(text: str) -> str:
    r"""Return a text with escapes in place of characters that cannot be printed.

    Examples
    --------
    >>> from crashlens_frame.words import printable
    >>> printable("gpt\x1b[31m\u202e4\n")
    'gpt\\x1b[31m\\u202e4\\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    r"""Return a text of several lines with escapes in place of other characters that cannot be printed.

    Examples
    --------
    >>> from crashlens_frame.words import printable_lines
    >>> printable_lines("a\x1b[31m\nb")
    'a\\x1b[31m\nb'
    """
    return "\n".join(map(printable, text.split("\n")))


def terminal_width(text: str) -> int:
    """Return the number of terminal columns of a text; a wide character has two, a combining one none.

    Examples
    --------
    >>> from crashlens_frame.words import terminal_width
    >>> terminal_width("模型-4")
    6
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, width: int) -> str:
    """Return a text cut to a number of terminal columns, with an ellipsis at the end.

    Examples
    --------
    >>> from crashlens_frame.words import cut
    >>> cut("claude-sonnet-4-5-20250929", 12)
    'claude-sonn…'
    """
    if terminal_width(text) <= width:
        return text
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width - 1:
            return text[:position] + "…"
    return text


def money(dollars: Any) -> str:
    """Write an amount of US dollars: cents from one dollar up, three significant digits below.

    Examples
    --------
    >>> from crashlens_frame.words import money
    >>> [money(amount) for amount in (1234.56, 0.5, 0.0231, 0.000162, 0.0, float("nan"))]
    ['$1,234.56', '$0.50', '$0.0231', '$0.000162', '$0.00', 'unknown']
    """
    if _is_null(dollars):
        return UNKNOWN
    size = abs(float(dollars))
    if size >= 1 or size == 0:
        text = f"{size:,.2f}"
    elif size < 1e-9:
        text = f"{size:.2e}"
    else:
        places = 2 - int(f"{size:e}".partition("e")[2])
        whole, _, part = f"{size:.{places}f}".partition(".")
        text = f"{whole}.{part.rstrip('0'):0<2}"
    return f"-${text}" if dollars < 0 else f"${text}"


def signed_money(dollars: Any) -> str:
    """Write how many US dollars more or less something is.

    Examples
    --------
    >>> from crashlens_frame.words import signed_money
    >>> [signed_money(amount) for amount in (2, -0.5, float("nan"))]
    ['+$2.00', '-$0.50', 'unknown']
    """
    return f"+{money(dollars)}" if dollars >= 0 else money(dollars)


def digits(number: Any) -> str:
    """Write a whole number with thousands separators.

    Examples
    --------
    >>> from crashlens_frame.words import digits
    >>> digits(1234567)
    '1,234,567'
    """
    return UNKNOWN if _is_null(number) else f"{round(number):,}"


def quantity(number: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> from crashlens_frame.words import quantity
    >>> quantity(1, "call"), quantity(2000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{digits(number)} {noun}{'' if number == 1 else 's'}"


def percent(part: Any, whole: Any) -> str:
    """Write a part of a whole in percent; a small part is never "0.0 %", nearly the whole never "100.0 %".

    Examples
    --------
    >>> from crashlens_frame.words import percent
    >>> percent(1, 3), percent(1, 10_000), percent(0, 0)
    ('33.3 %', '<0.1 %', '0.0 %')
    """
    if _is_null(part) or _is_null(whole):
        return UNKNOWN
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.05:
        return "<0.1 %"
    return ">99.9 %" if 99.95 <= percent < 100 else f"{percent:.1f} %"


def _is_null(value: Any) -> bool:
    if isinstance(value, int | float):
        return value != value  # only a NaN is not equal to itself
    from pandas import isna  # here, as commands that log a call do without

    return bool(isna(value))


def _columns(character: str) -> int:
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
