"""Keys by which two logs are compared."""

from collections.abc import Sequence

import pandas as pd

from ..errors import InvalidOptionError, several_texts


def keys_of(by: str | Sequence[str]) -> tuple[str, ...]:
    """Return the keys of an argument that takes one or several.

    Raises
    ------
    InvalidOptionError
        There is none.

    Examples
    --------
    >>> from crashlens_frame.watch.keys import keys_of
    >>> keys_of("model"), keys_of(["team", "route"])
    (('model',), ('team', 'route'))
    """
    keys = several_texts("by", by)
    if not keys:
        raise InvalidOptionError("by is empty, expected at least one key, such as by='model'")
    return keys


def texts(values: pd.Series) -> pd.Series:
    """Return labels as texts, so that those of two logs are equal; a null stays a null."""
    return values.astype("str") if isinstance(values.dtype, pd.CategoricalDtype) else values
