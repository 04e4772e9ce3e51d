"""What calls are grouped by: columns, keys of the user's own in ``tags``, and fields without a column in ``extra``."""

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidOptionError, check_text
from ..frame import arrow_column, checked_calls
from ..jsonvalues import canonical_json

PACKED = ("tags", "extra")


def column_of_key(key: str) -> str:
    """Return the column that a key needs: ``tags`` for ``tags.customer``.

    Raises
    ------
    InvalidOptionError
        The key is no text.

    Examples
    --------
    >>> from crashlens_frame.report.keys import column_of_key
    >>> column_of_key("team"), column_of_key("tags.customer")
    ('team', 'tags')
    """
    check_text("a key", key)
    column, dot, _ = key.partition(".")
    return column if dot and column in PACKED else key


def key_values(calls: pd.DataFrame, key: str) -> pd.Series:
    """Return the value that each call has for a key, with a new index; null where it has none.

    Parameters
    ----------
    calls
        Frame of calls.
    key
        A column, ``tags.<name>``, or ``extra.<path>`` with dots between the names of the path.

    Raises
    ------
    InvalidOptionError
        There is no name behind the dot.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.keys import key_values
    >>> calls = pd.DataFrame({"tags": ['{"customer":"acme"}', None, '{"customer":7}']})
    >>> key_values(calls, "tags.customer").tolist()
    ['acme', nan, '7']
    """
    column = column_of_key(key)
    if column == key:
        return checked_calls(calls, needs=[key])[key].reset_index(drop=True)
    path = key.partition(".")[2]
    if not path:
        raise InvalidOptionError(f"a key is {key!r}, expected a name behind the dot, such as {column}.customer")
    texts = pc.dictionary_encode(arrow_column(calls[column], column)).combine_chunks()
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.chunk(0) if texts.num_chunks else pa.array([], pa.string()).dictionary_encode()
    values = [_value_at(text, path) for text in texts.dictionary.to_pylist()]
    labels = pa.array(values, pa.string()).dictionary_encode()
    code = labels.indices.take(texts.indices).fill_null(-1).to_numpy(zero_copy_only=False)
    named = pd.Categorical.from_codes(code, categories=pd.Index(labels.dictionary.to_pylist(), dtype="str"))
    return pd.Series(named)


def _value_at(text: str, path: str) -> str | None:
    """Return the value at a path of a JSON object, as text; a name with dots in it counts before a path."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    while isinstance(value, dict):
        if path in value:
            value = value[path]
            return value if isinstance(value, str) or value is None else canonical_json(value)
        name, _, path = path.partition(".")
        value = value.get(name)
    return None
