"""Values of calls by name: a column, a key of ``tags``, or a path into ``extra``."""

from difflib import get_close_matches
from typing import Any

import numpy as np
import orjson
import pandas as pd

from ..schema import CALLS

_COLUMNS = tuple(column.name for column in CALLS)
# columns that hold JSON objects, whose keys are fields too
_OBJECTS = ("tags", "extra")
TOTAL_TOKENS = "total_tokens"


def check_field(name: str) -> str | None:
    """Return what is wrong with the name of a field; None: it is a column, total_tokens, tags.key or extra.path.

    Examples
    --------
    >>> from crashlens_frame.watch.fields import check_field
    >>> check_field("tags.customer"), check_field("modell")
    (None, 'is no field of a call; did you mean model?')
    """
    if name in (*_COLUMNS, TOTAL_TOKENS) or (name.partition(".")[0] in _OBJECTS and name.partition(".")[2]):
        return None
    near = get_close_matches(name, _COLUMNS, n=1)
    hint = f"did you mean {near[0]}?" if near else "expected a column of CALLS, total_tokens, tags.KEY or extra.PATH"
    return f"is no field of a call; {hint}"


def field_values(calls: pd.DataFrame, name: str) -> pd.Series:
    """Return the values of a field, one per call; null where a call or the frame lacks it.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.watch.fields import field_values
    >>> field_values(pd.DataFrame({"tags": ['{"customer":"acme"}', None]}), "tags.customer").tolist()
    ['acme', None]
    """
    if name in calls.columns:
        return calls[name]
    if name == TOTAL_TOKENS and {"input_tokens", "output_tokens"} <= set(calls.columns):
        return calls["input_tokens"] + calls["output_tokens"]
    column, _, path = name.partition(".")
    if column not in _OBJECTS or column not in calls.columns:
        return pd.Series([None] * len(calls), index=calls.index, dtype=object)
    codes, distinct = pd.factorize(calls[column])
    # a null has the code -1, so it takes the last one, which is None
    values = np.empty(len(distinct) + 1, dtype=object)
    values[:-1] = [_at(text, path) for text in distinct]
    return pd.Series(values[codes], index=calls.index, dtype=object)


def _at(text: str, path: str) -> Any:
    """Return the value at a path of a JSON object; None where there is none. A key may hold dots itself."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    while path and isinstance(value, dict):
        if path in value:
            value, path = value[path], ""
            break
        key, _, path = path.partition(".")
        value = value.get(key)
    if path or value is None:
        return None
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
