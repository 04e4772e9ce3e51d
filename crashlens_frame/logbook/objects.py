"""Objects of the vendors' packages -> the records that the same objects are in a log, without importing any package."""

import base64
import dataclasses
from collections.abc import Mapping
from datetime import date
from typing import Any

from ..errors import InvalidCallError
from ..jsonvalues import shortened

# what packages put in the place of an argument that was not given
_NOT_GIVEN = {"NotGiven", "Omit", "Unset", "UnsetType"}


def plain_value(value: Any) -> Any:
    """Return an object of a vendor's package as JSON has it; a value that is no such object as it is.

    Parameters
    ----------
    value
        Object with ``model_dump`` or ``to_dict``, data class, or a dict or list with such objects in it. Arguments that
        the packages mark as not given are left out.

    Raises
    ------
    InvalidCallError
        The object cannot be turned into JSON.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from crashlens_frame.logbook.objects import plain_value
    >>> @dataclass
    ... class Message:
    ...     role: str
    ...     content: str
    >>> plain_value({"messages": [Message("user", "Hi")]})
    {'messages': [{'role': 'user', 'content': 'Hi'}]}
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_value(inner) for key, inner in value.items() if type(inner).__name__ not in _NOT_GIVEN}
    if isinstance(value, list | tuple):
        return [plain_value(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, type):
        return value.__name__  # a class that the answer is to be parsed into
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    try:
        if callable(getattr(value, "model_dump", None)):
            # packages build answers without validation, so a field may have another type than it declares
            return value.model_dump(mode="json", warnings=False)
        if callable(getattr(type(value), "to_dict", None)):
            converted = type(value).to_dict(value)  # proto-plus has it on the class alone
            return plain_value(converted) if isinstance(converted, Mapping) else value
    except (TypeError, ValueError) as error:
        raise InvalidCallError(f"{shortened(repr(value))} cannot be turned into JSON: {error}") from error
    if dataclasses.is_dataclass(value):
        return {each.name: plain_value(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return value
