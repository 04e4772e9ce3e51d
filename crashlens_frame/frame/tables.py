"""Arrow tables <-> typed DataFrames, whose dtypes never depend on the data.

The typed frame is in normal form: the columns of the schema in its order, a RangeIndex, and categories that are exactly
the values that occur, sorted (or the closed vocabulary of the column). So two frames of equal calls are equal frames.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidCallError, InvalidOptionError
from ..formats import Row, convert_column
from ..jsonvalues import without_surrogates
from ..schema import CALLS, FLAG, LABEL, NUMBER, TEXT, TIME, Column, Schema, arrow_schema

_BY_NAME = {column.name: column for column in CALLS}
_ROW = pa.struct(list(arrow_schema(CALLS)))
_MANY = 100_000  # from this number of rows on, threads save more time than they take to start


def frame_from_table(table: pa.Table, columns: Schema = CALLS) -> pd.DataFrame:
    """Turn an Arrow table of the package into its typed DataFrame.

    Parameters
    ----------
    table
        Table with the named columns, in any order; columns that it lacks become null.
    columns
        Schema of the result: CALLS, FINDINGS or REJECTS.

    Returns
    -------
    DataFrame
        The columns of the schema, in normal form.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.frame import frame_from_table
    >>> calls = frame_from_table(pa.table({"trace_id": ["t1"], "input_tokens": [None]}))
    >>> calls[["trace_id", "input_tokens", "model"]].dtypes.astype("str").to_dict()
    {'trace_id': 'str', 'input_tokens': 'Int64', 'model': 'category'}
    """
    present = set(table.column_names)

    def series(column: Column) -> pd.Series:
        return _series(table[column.name] if column.name in present else pa.nulls(len(table)), column)

    with ThreadPoolExecutor() if len(table) > _MANY else nullcontext() as pool:
        values = (pool.map if pool else map)(series, columns)
        data = dict(zip([column.name for column in columns], values, strict=True))
    return pd.DataFrame(data, index=pd.RangeIndex(len(table)), copy=False)


def table_from_frame(df: pd.DataFrame, columns: Schema = CALLS) -> pa.Table:
    """Turn a DataFrame into the Arrow table of a schema.

    Values are converted as ``LogBook.log`` does: 5.0 to 5, latencies rounded, ISO 8601 text and epoch numbers to times,
    times without a zone read as UTC.

    Parameters
    ----------
    df
        Any frame; missing columns become null, columns that the schema does not name are left out.
    columns
        Schema of the result.

    Returns
    -------
    Table
        The columns of the schema, with its types.

    Raises
    ------
    InvalidCallError
        A value does not fit its column. The text names column, row and value.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame import table_from_frame
    >>> table_from_frame(pd.DataFrame({"trace_id": ["t1"], "input_tokens": [5.0]}))["input_tokens"].to_pylist()
    [5]
    """
    arrays = [
        pc.cast(convert_column(df[column.name], column), column.arrow)
        if column.name in df.columns
        else pa.nulls(len(df), column.arrow)
        for column in columns
    ]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(columns))


def table_from_rows(rows: list[Row]) -> pa.Table:
    """Turn converted rows into a CALLS table.

    Parameters
    ----------
    rows
        Values by column, as the converters of ``formats`` return them; the timestamp in microseconds since 1970.

    Examples
    --------
    >>> from crashlens_frame.frame import table_from_rows
    >>> table_from_rows([{"trace_id": "t1", "input_tokens": 5}])["input_tokens"].to_pylist()
    [5]
    """
    try:
        return pa.Table.from_struct_array(pa.array(rows, _ROW))
    except UnicodeEncodeError:
        # half a surrogate pair is no character and no UTF-8, but no reason to lose a call
        clean = [
            {name: without_surrogates(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in rows
        ]
        return pa.Table.from_struct_array(pa.array(clean, _ROW))


def arrow_column(values: pd.Series, name: str) -> pa.ChunkedArray:
    """Turn one column of CALLS into Arrow. Texts are not copied: they stay chunked, large strings, or labels.

    Raises
    ------
    InvalidCallError
        A value does not fit the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame import arrow_column
    >>> arrow_column(pd.Series([5.0, None]), "input_tokens").to_pylist()
    [5, None]
    """
    column = _BY_NAME[name]
    array = convert_column(values, column)
    if column.arrow == LABEL:
        array = pc.cast(array, LABEL)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def typed_column(values: pd.Series, column: Column) -> pd.Series:
    """Return a column of a frame with the dtype of the schema: the same one if it has it, else each value converted.

    Raises
    ------
    InvalidCallError
        A value does not fit the column, such as an infinite cost.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame.tables import typed_column
    >>> from crashlens_frame.schema import CALLS
    >>> typed_column(pd.Series([5.0, None], index=[7, 8]), CALLS[5]).to_dict()
    {7: 5, 8: None}
    """
    if _is_typed(values, column):
        return values
    return _series(pc.cast(convert_column(values, column), column.arrow), column).set_axis(values.index)


def _is_typed(values: pd.Series, column: Column) -> bool:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column.arrow == LABEL and isinstance(dtype.categories.dtype, pd.StringDtype)
    if column.arrow == NUMBER:
        return dtype == np.float64 and not np.isinf(values.to_numpy()).any()
    return str(dtype) == column.dtype


def selected_columns(columns: Iterable[str] | None) -> Schema:
    """Return the chosen columns of CALLS, in the order of the choice; None: all.

    Raises
    ------
    InvalidOptionError
        CALLS has no such column.

    Examples
    --------
    >>> from crashlens_frame.frame import selected_columns
    >>> [column.name for column in selected_columns(["model", "cost"])]
    ['model', 'cost']
    """
    names = list(dict.fromkeys(_BY_NAME if columns is None else columns))
    for name in names:
        if name not in _BY_NAME:
            near = get_close_matches(str(name), _BY_NAME, n=1)
            hint = f"; did you mean {near[0]}?" if near else f", expected some of {', '.join(_BY_NAME)}"
            raise InvalidOptionError(f"columns holds {name!r}, which is no column of CALLS{hint}")
    return tuple(_BY_NAME[name] for name in names)


def empty_frame(columns: Schema = CALLS) -> pd.DataFrame:
    """Return the typed frame without rows.

    Examples
    --------
    >>> from crashlens_frame.frame import empty_frame
    >>> len(empty_frame())
    0
    """
    return frame_from_table(arrow_schema(columns).empty_table(), columns)


def _series(values: pa.ChunkedArray | pa.Array, column: Column) -> pd.Series:
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
