"""Columns of Arrow -> pandas, with the dtypes of the schema whatever their values are."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError
from ..schema import FLAG, LABEL, NUMBER, TEXT, TIME, Column


def series_of_column(values: pa.ChunkedArray | pa.Array, column: Column) -> pd.Series:
    """Return an Arrow column as a pandas one of exactly the dtype of the schema."""
    if column.arrow == LABEL:
        return pd.Series(_categorical(values, column), copy=False)
    if values.type != column.arrow:
        values = values.cast(pa.large_string() if column.arrow == TEXT else column.arrow)
    if column.arrow == TEXT:
        # pandas keeps its strings as large_string, chunks and all, so nothing is copied
        chunked = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
        return pd.Series(pd.array(chunked.cast(pa.large_string()), dtype="str"), copy=False)
    if column.arrow == TIME:
        return values.to_pandas()
    if column.arrow == NUMBER:
        # the buffer of Arrow is read-only, and users assign to df.loc[..., "cost"]
        return values.to_pandas().copy()
    dtype: Any = pd.BooleanDtype() if column.arrow == FLAG else pd.Int64Dtype()
    return pd.Series(dtype.__from_arrow__(values), copy=False)


def _categorical(values: pa.ChunkedArray | pa.Array, column: Column) -> pd.Categorical:
    if values.null_count == len(values):
        dtype = _dtype_without_values(None if column.categories is None else tuple(column.categories))
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
    dtype = pd.CategoricalDtype(pd.Index(categories, dtype="str"), ordered=column.categories is not None)
    return pd.Categorical.from_codes(new_code[codes], dtype=dtype, validate=False)


@cache
def _dtype_without_values(categories: tuple[str, ...] | None) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(pd.Index(categories or [], dtype="str"), ordered=categories is not None)
