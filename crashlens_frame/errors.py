"""Every error and warning of the package. Each child is also the builtin that a user would catch."""

from collections.abc import Iterable
from typing import Any


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
        # KeyError would quote its text, and a message is for people
        return str(self.args[0]) if self.args else ""


class MissingColumnsError(CrashlensFrameError, KeyError):
    """A frame lacks columns that the asked-for work needs."""


class NotCallsError(CrashlensFrameError, AttributeError):
    """``df.crashlens`` was asked of a frame that holds no calls."""


class InvalidCallError(CrashlensFrameError, ValueError):
    """A call holds a value that its column cannot hold, or lacks one that it must have."""


class InvalidOptionError(CrashlensFrameError, ValueError):
    """An argument of a function is not one of those that it allows."""


class LogFileError(CrashlensFrameError, ValueError):
    """A log file, or a line of one, cannot be read, and the reader was told not to pass over it."""


class UnknownFormatError(InvalidOptionError):
    """A log format or output schema that the package does not know."""


class SchemaVersionError(CrashlensFrameError, ValueError):
    """A Parquet file was written by a newer version of the schema, or holds no calls."""


class UnsavedCallsError(CrashlensFrameError, OSError):
    """The file of a book cannot be written to. What it lacks is in the book, and written with the next call."""


class PriceFileError(CrashlensFrameError, ValueError):
    """A price file breaks a rule of its form. The text names file, line and key."""


class UnknownModelError(CrashlensFrameError, LookupError):
    """A model name stands for no entry of the price book."""


class UnknownTraceError(CrashlensFrameError, LookupError):
    """No call of the frame belongs to the trace asked for."""


class TokenizerError(CrashlensFrameError, RuntimeError):
    """A tokenizer's vocabulary is neither installed nor within reach."""


class MissingExtraError(CrashlensFrameError, ImportError):
    """An optional package is not installed. The text holds the command that installs it."""


class CrashlensFrameWarning(UserWarning):
    """Base of every warning that the package gives."""


class RejectedLinesWarning(CrashlensFrameWarning):
    """Lines of a log could not be read; they stand in the rejects."""


class PassedOverWarning(CrashlensFrameWarning):
    """Records of a log are no rows of the result: they are no calls of a model, or are told again further down."""


class LogFileChangedWarning(CrashlensFrameWarning):
    """The file of a book was replaced or cut by another program while the book logged to it."""


class UnpricedWarning(CrashlensFrameWarning):
    """Calls have no cost, because no price is known for their model."""


class TokenizerWarning(CrashlensFrameWarning):
    """Tokens of calls are unknown, because their tokenizer's vocabulary is neither installed nor within reach."""


def check_choice(
    name: str, value: object, allowed: Iterable[str], *, error: type[CrashlensFrameError] = InvalidOptionError
) -> None:
    """Refuse the value of an argument that is not one of those allowed.

    Parameters
    ----------
    name
        Name of the argument, as the caller writes it.
    value
        What was given.
    allowed
        The values that may be given, in the order in which the message lists them.
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
    if value in choices:
        return
    *others, last = map(repr, choices)
    expected = f"{', '.join(others)} or {last}" if others else last
    raise error(f"{name} is {value!r}, expected {expected}")


def either_name(name: str, value: Any, alias: str, other: Any) -> Any:
    """Return the argument that is given under its name or its alias."""
    if value is not None and other is not None:
        raise InvalidOptionError(
            f"{name} and {alias} are both given, expected one of them: {alias} is an alias of {name}"
        )
    return other if value is None else value
