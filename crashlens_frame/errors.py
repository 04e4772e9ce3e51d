"""Every error and warning of the package. Each child is also the builtin that a user would catch."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard

from .words import printable_lines


class CrashlensFrameError(Exception):
    """Base of every error that the package raises on purpose.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> try:
    ...     cf.LogBook().log(model="", prompt="Hello")
    ... except cf.CrashlensFrameError as error:
    ...     print(error)
    model is '', expected the name of a model as non-empty text
    """

    def __str__(self) -> str:
        # the text of a KeyError would be in quotation marks, and a logged text or a path could hold terminal escapes
        return printable_lines(str(self.args[0])) if self.args else ""


class MissingColumnsError(CrashlensFrameError, KeyError):
    """A frame lacks columns that a function needs."""


class NotCallsError(CrashlensFrameError, AttributeError):
    """``df.crashlens`` was used on a frame that holds no calls."""


class InvalidCallError(CrashlensFrameError, ValueError):
    """A call holds a value that its column cannot hold, or lacks one that it must have."""


class InvalidOptionError(CrashlensFrameError, ValueError):
    """The value of an argument is not allowed."""


class LogFileError(CrashlensFrameError, ValueError):
    """A log file cannot be read, or ``on_error="raise"`` is set and a line cannot be read."""


class MissingFileError(CrashlensFrameError, FileNotFoundError):
    """No file has the name or matches the pattern, or a folder holds none of the kind."""


class FileAccessError(CrashlensFrameError, OSError):
    """The system does not open, read or write a file or a port: a name too long, a full disk, a port in use."""


class ExistingFileError(CrashlensFrameError, FileExistsError):
    """A file or folder is in the way, and would be replaced."""


class UnknownFormatError(InvalidOptionError):
    """A log format that the package cannot read or write."""


class SchemaVersionError(CrashlensFrameError, ValueError):
    """A Parquet file was written by a newer version of the schema, or holds no calls."""


class UnsavedCallsError(CrashlensFrameError, OSError):
    """The file of a book cannot be written to. The missing calls are in the book and are written with the next call."""


class BudgetExceeded(CrashlensFrameError, RuntimeError):  # noqa: N818  the name of the condition
    """What watched calls cost is more than ``crashlens_frame.live.budget`` allows; the call was not sent."""


class PriceFileError(CrashlensFrameError, ValueError):
    """A price file is not of the right form. The text names file, line and key."""


class BudgetFileError(CrashlensFrameError, ValueError):
    """A file of budgets or rules is not of the right form. The text names file, line and key."""


class UnknownModelError(CrashlensFrameError, LookupError):
    """A name of a model means no entry of the price book."""


class UnknownTraceError(CrashlensFrameError, LookupError):
    """No call of the frame belongs to the trace."""


class TokenizerError(CrashlensFrameError, RuntimeError):
    """The vocabulary of a tokenizer is not installed and cannot be downloaded."""


class MissingExtraError(CrashlensFrameError, ImportError):
    """An optional package is not installed. The text holds the command that installs it."""


class CrashlensFrameWarning(UserWarning):
    """Base of every warning of the package."""

    def __str__(self) -> str:
        return printable_lines(super().__str__())


class RejectedLinesWarning(CrashlensFrameWarning):
    """Lines of a log were left out because they cannot be read; ``read_rejects`` returns them."""


class PassedOverWarning(CrashlensFrameWarning):
    """Records of a log were left out because they are not calls of a model or are repeated later in the log."""


class RepairedFieldsWarning(CrashlensFrameWarning):
    """Fields of calls were left out because their values cannot be; ``read_repairs`` returns them."""


class MatchedColumnsWarning(CrashlensFrameWarning):
    """Columns of a frame or a CSV file were matched with those of CALLS by a table of names."""


class UnclearTokensWarning(CrashlensFrameWarning):
    """Counts of calls contradict one another, so their tokens are null."""


class LogFileChangedWarning(CrashlensFrameWarning):
    """Another program replaced or cut the file of a book while the book logged to it."""


class UnsavedCallsWarning(CrashlensFrameWarning):
    """A watched call could not be written to the file of its book, or not be logged; the program goes on."""


class UnpricedWarning(CrashlensFrameWarning):
    """Calls have no cost, because no price is known for their model."""


class TokenizerWarning(CrashlensFrameWarning):
    """Tokens of calls are unknown, because a vocabulary is not installed and cannot be downloaded."""


def check_choice(
    name: str, value: object, allowed: Iterable[str], *, error: type[CrashlensFrameError] = InvalidOptionError
) -> None:
    """Raise an error if the value of an argument is not one of the allowed values.

    Parameters
    ----------
    name
        Name of the argument, as the caller writes it.
    value
        Value that the caller gave.
    allowed
        The allowed values, in the order in which the message lists them.
    error
        Error to raise, a child of InvalidOptionError.

    Raises
    ------
    InvalidOptionError
        The value is none of them. The text lists them all.

    Examples
    --------
    >>> from crashlens_frame.errors import check_choice
    >>> check_choice("rules", "strict", ("default", "crashlens"))
    Traceback (most recent call last):
    crashlens_frame.errors.InvalidOptionError: rules is 'strict', expected 'default' or 'crashlens'
    """
    choices = list(allowed)
    if isinstance(value, str) and value in choices:
        return
    *others, last = map(repr, choices)
    expected = f"{', '.join(others)} or {last}" if others else last
    raise error(f"{name} is {value!r}, expected {expected}")


def check_number(name: str, value: Any, low: float, high: float, expected: str, *, whole: bool = False) -> None:
    """Raise an error if the value of an argument is no number between two others, which it may not be itself.

    Parameters
    ----------
    name
        Name of the argument, as the caller writes it.
    value
        Value that the caller gave.
    low, high
        Numbers that it has to be above and below.
    expected
        What is allowed, for the message.
    whole
        Whether it has to be a whole number.

    Raises
    ------
    InvalidOptionError
        The value is no number, no whole one, or outside.

    Examples
    --------
    >>> from crashlens_frame.errors import check_number
    >>> check_number("interval", 80, 0, 1, "a probability, such as 0.8")
    Traceback (most recent call last):
    crashlens_frame.errors.InvalidOptionError: interval is 80, expected a probability, such as 0.8
    """
    is_number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if not (is_number and low < value < high):
        raise InvalidOptionError(f"{name} is {value!r}, expected {expected}")


def check_text(name: str, value: object) -> None:
    """Raise an error if the value of an argument is no text.

    Raises
    ------
    InvalidOptionError
        It is none.

    Examples
    --------
    >>> from crashlens_frame.errors import check_text
    >>> check_text("model", None)
    Traceback (most recent call last):
    crashlens_frame.errors.InvalidOptionError: model is None, expected a text
    """
    if not _is_text(value):
        raise InvalidOptionError(f"{name} is {value!r}, expected a text")


def _is_text(value: object) -> TypeGuard[str]:
    """Whether a value is text without half a surrogate pair, which no column and no file holds."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def several_texts(name: str, value: object) -> tuple[str, ...]:
    """Return the texts of an argument that takes a text or several of them.

    Raises
    ------
    InvalidOptionError
        The value is neither. The text names the argument.

    Examples
    --------
    >>> from crashlens_frame.errors import several_texts
    >>> several_texts("by", "model"), several_texts("by", ["team", "route"])
    (('model',), ('team', 'route'))
    """
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (None,)
    texts = tuple(each for each in found if _is_text(each))
    if len(texts) < len(found):
        raise InvalidOptionError(f"{name} is {value!r}, expected a text, or several")
    return texts


def resolve_alias(name: str, value: Any, alias: str, other: Any) -> Any:
    """Return the argument that the caller gave by its name or by its alias.

    Parameters
    ----------
    name, alias
        The two names of the argument.
    value, other
        What the caller gave by each of them; None for nothing.

    Raises
    ------
    InvalidOptionError
        The caller gave both.

    Examples
    --------
    >>> from crashlens_frame.errors import resolve_alias
    >>> resolve_alias("format", None, "schema", "flat")
    'flat'
    """
    if value is not None and other is not None:
        raise InvalidOptionError(
            f"{name} and {alias} are both given, expected one of them: {alias} is an alias of {name}"
        )
    return other if value is None else value
