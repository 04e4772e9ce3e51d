"""Values of calls by name: a column, a key of ``tags``, or a path into ``extra``."""

from difflib import get_close_matches

import pandas as pd

from ..errors import check_text
from ..frame import checked_calls
from ..report import key_values
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
    ['acme', nan]
    """
    check_text("a field", name)
    if name in calls.columns:
        return checked_calls(calls, needs=[name])[name]
    if name == TOTAL_TOKENS and {"input_tokens", "output_tokens"} <= set(calls.columns):
        counts = checked_calls(calls, needs=["input_tokens", "output_tokens"])
        return counts["input_tokens"] + counts["output_tokens"]
    if name.partition(".")[0] in set(_OBJECTS) & set(calls.columns):
        return key_values(calls, name).set_axis(calls.index)
    return pd.Series([None] * len(calls), index=calls.index, dtype=object)
