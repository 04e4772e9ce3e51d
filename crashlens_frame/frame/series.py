"""Columns of Arrow -> pandas, with the dtypes of the schema whatever their values are."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError
from ..schema import FLAG, LABEL, NUMBER, TEXT, TIME, Column

_TEXT_DTYPE: Any = pd.StringDtype("pyarrow", na_value=np.nan)


def array_of_column(values: pa.ChunkedArray | pa.Array, column: Column) -> Any:
    """Return an Arrow column as an array of pandas of exactly the dtype of the schema."""
    if column.arrow == LABEL:
        return _categorical(values, column)
    if column.arrow == TEXT:
        # pandas keeps its strings as large_string, chunks and all, so nothing is copied
        return _TEXT_DTYPE.__from_arrow__(values.cast(pa.large_string()))
    if values.type != column.arrow:
        values = values.cast(column.arrow)
    if column.arrow == TIME:
        return values.to_pandas().array
    if column.arrow == NUMBER:
        # the buffer of Arrow is read-only, and users assign to df.loc[..., "cost"]
        return values.to_pandas().to_numpy().copy()
    dtype: Any = pd.BooleanDtype() if column.arrow == FLAG else pd.Int64Dtype()
    return dtype.__from_arrow__(values)


def _categorical(values: pa.ChunkedArray | pa.Array, column: Column) -> pd.Categorical:
    if values.null_count == len(values):
        dtype = _dtype_of_words(None if column.categories is None else tuple(column.categories))
        codes = np.full(len(values), -1, dtype=np.min_scalar_type(-len(dtype.categories) - 1))
        return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)
    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values.cast(TEXT))
    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries().combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # combine_chunks of no chunk at all stays chunked
            values = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], TEXT))
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    found = np.asarray(values.dictionary.cast(TEXT).to_pylist(), dtype=object)
    used = np.zeros(len(found) + 1, dtype=bool)
    used[codes] = True  # the last one stands for null
    occurring = sorted(set(found[used[:-1]]))
    categories = np.array(occurring if column.categories is None else column.categories, dtype=object)
    if unknown := sorted(set(occurring) - set(categories)):
        raise InvalidCallError(f"{column.name} is {unknown[0]!r}, expected one of {', '.join(categories)}")
    place = {name: position for position, name in enumerate(categories)}
    new_code = np.array([place.get(name, -1) for name in found] + [-1], dtype=np.min_scalar_type(-len(categories) - 1))
    dtype = (
        pd.CategoricalDtype(pd.Index(categories, dtype="str"), ordered=False)
        if column.categories is None
        else _dtype_of_words(tuple(column.categories))
    )
    return pd.Categorical.from_codes(new_code[codes], dtype=dtype, validate=False)


@cache
def _dtype_of_words(words: tuple[str, ...] | None) -> pd.CategoricalDtype:
    """Return the dtype of a column with a closed vocabulary; None: of another column, if it has no values."""
    return pd.CategoricalDtype(pd.Index(words or [], dtype="str"), ordered=words is not None)
