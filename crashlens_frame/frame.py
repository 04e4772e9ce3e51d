"""Arrow tables <-> typed DataFrames, whose dtypes never depend on the data.

The typed frame is in normal form: the columns of the schema in its order, a RangeIndex, and categories that are exactly
the values that occur, sorted (or the closed vocabulary of the column). So two frames of equal calls are equal frames.
"""

import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from difflib import get_close_matches

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import (
    InvalidCallError,
    InvalidOptionError,
    MissingColumnsError,
    PassedOverWarning,
)
from .formats import (
    Row,
    convert_column,
    export_format,
    folded_extra,
    rows_of_export,
    series_of_column,
    settle_counts,
    synonyms_among,
    warn_of_matched,
    warn_of_unclear,
    with_trace_ids,
)
from .jsonvalues import without_surrogates
from .schema import CALLS, LABEL, Column, Schema, arrow_schema
from .words import quantity

# columns that show, where a frame has them, whether a call has an answer
ANSWER_COLUMNS = ("response", "tool_calls", "output_tokens", "type")
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
        return series_of_column(table[column.name] if column.name in present else pa.nulls(len(table)), column)

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


def as_calls(df: pd.DataFrame, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return any DataFrame of calls in normal form.

    Columns that CALLS does not name are matched by a table of the names that other programs use, such as
    ``prompt_tokens`` for ``input_tokens``, ``created_at`` for ``timestamp`` and ``cost_usd`` for ``cost``. What was
    matched is reported in one warning. A frame whose columns are those of a vendor's format, such as the spans of
    Phoenix, is read as ``read_logs`` reads the JSON of that vendor; its rows that are no calls are left out.

    Parameters
    ----------
    df
        Frame with at least a ``model``; other columns of CALLS become null where they are missing. Columns that cannot
        be matched are kept as fields of ``extra``.
    columns
        Names of columns of the frame, and the columns of CALLS that they mean, ``{"when": "timestamp"}``. They come
        before the table.

    Returns
    -------
    DataFrame
        CALLS, with the rows in the same order. A frame without trace ids has each call in a trace of its own: the trace
        id is the ``event_id``, or else made from the values of the row and its number.

    Raises
    ------
    MissingColumnsError
        There is no model, or ``columns`` names a column that the frame lacks.
    InvalidCallError
        A value does not fit its column, or two columns have one name.
    InvalidOptionError
        ``columns`` has a value that is no column of CALLS.

    Warns
    -----
    MatchedColumnsWarning
        Columns were matched by the table.
    PassedOverWarning
        Rows of a vendor's frame are no calls.
    UnclearTokensWarning
        Counts of calls contradict one another: their tokens are null, and ``extra`` holds them.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame import as_calls
    >>> calls = as_calls(pd.DataFrame({"trace_id": ["t1"], "model": ["gpt-4o"], "customer": ["ann"]}))
    >>> calls["extra"].item()
    '{"customer":"ann"}'
    """
    if not df.columns.is_unique:
        twice = sorted(set(df.columns[df.columns.duplicated()]))
        raise InvalidCallError(f"two columns have the same name: {', '.join(map(str, twice))}; rename one of each")
    of_vendor = None if columns else export_format(df)
    if of_vendor is not None:
        return _calls_of_export(df, of_vendor)
    df = _with_own_names(df, columns or {})
    check_calls(df, needs=("model",))
    df = with_trace_ids(df)
    unknown = [name for name in df.columns if name not in _BY_NAME]
    table = table_from_frame(df.assign(extra=folded_extra(df, unknown)) if unknown else df)
    trace_id = table["trace_id"]
    missing = pc.fill_null(pc.equal(trace_id, ""), True).to_numpy()
    if missing.any():
        place = int(np.flatnonzero(missing)[0])
        found = "null" if trace_id[place].as_py() is None else repr("")
        raise InvalidCallError(f"trace_id is {found} in row {df.index[place]!r}, expected non-empty text in every row")
    table, unclear = settle_counts(table)
    if unclear:
        row, counts = next(iter(unclear.items()))
        where = f"the first in row {df.index[row]!r}"
        warn_of_unclear(quantity(len(unclear), "call"), counts, where, stacklevel=2)
    return frame_from_table(table)


def _calls_of_export(df: pd.DataFrame, format: str) -> pd.DataFrame:
    """Return the calls among the rows of a frame that a vendor's program made; its named index is a column too."""
    names = [name for name in df.index.names if name is not None and name not in df.columns]
    found = rows_of_export(df.reset_index(names) if names else df, format)
    if found.passed:
        left_out = f"left out {quantity(found.passed.total(), 'row')} other than calls of a model"
        warnings.warn(f"{left_out} ({next(iter(found.passed))})", PassedOverWarning, stacklevel=3)
    if found.unclear:
        warn_of_unclear(quantity(len(found.unclear), "call"), found.unclear[0], "the first", stacklevel=3)
    return frame_from_table(table_from_rows(found.rows))


def _with_own_names(df: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Rename the columns that the user names, and those that the table of synonyms knows."""
    check_calls(df, needs=columns)
    selected_columns(columns.values())
    own = df.rename(columns=columns)
    if not own.columns.is_unique:
        twice = own.columns[own.columns.duplicated()][0]
        own = own.loc[:, ~(own.columns.duplicated(keep=False) & ~df.columns.isin(columns))]
        if not own.columns.is_unique:
            raise InvalidOptionError(f"columns names {twice} twice, expected each column of CALLS once")
    matched = synonyms_among(own.columns)
    if matched:
        warn_of_matched(matched, stacklevel=3)
    return own.rename(columns=matched)


def empty_frame(columns: Schema = CALLS) -> pd.DataFrame:
    """Return the typed frame without rows.

    Examples
    --------
    >>> from crashlens_frame.frame import empty_frame
    >>> len(empty_frame())
    0
    """
    return frame_from_table(arrow_schema(columns).empty_table(), columns)


def check_calls(df: pd.DataFrame, *, needs: Iterable[str]) -> None:
    """Check that a frame has the columns that a function needs.

    Parameters
    ----------
    df
        Frame of calls.
    needs
        Names of columns.

    Raises
    ------
    MissingColumnsError
        A column is missing. The text names all missing columns, each with a column of the frame that may be meant.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame import check_calls
    >>> check_calls(pd.DataFrame({"traceid": []}), needs=["trace_id"])
    Traceback (most recent call last):
    crashlens_frame.errors.MissingColumnsError: missing column: trace_id (did you mean traceid?); rename it, or read the
    log with cf.read_logs
    """
    missing = sorted(set(needs) - set(df.columns))
    if not missing:
        return
    others = [str(name) for name in df.columns]
    hints = []
    for name in missing:
        near = get_close_matches(name, others, n=1, cutoff=0.7)
        hints.append(f"{name} (did you mean {near[0]}?)" if near else name)
    what, remedy = ("column", "rename it") if len(missing) == 1 else ("columns", "rename them")
    raise MissingColumnsError(f"missing {what}: {', '.join(hints)}; {remedy}, or read the log with cf.read_logs")


def failed_calls(calls: pd.DataFrame) -> np.ndarray:
    """Return which calls failed: those of level "error", those with an error text, and those without any answer.

    A call has no answer if its response and its calls of tools are null and it is known to have no output tokens. An
    embedding has none of them and is no failure.

    Returns
    -------
    ndarray
        Boolean, one value per call.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.frame import failed_calls
    >>> failed_calls(pd.DataFrame({"level": ["error", None, "info"], "error": [None, "timeout", None]})).tolist()
    [True, True, False]
    """
    check_calls(calls, needs=("level", "error"))
    flags: np.ndarray = (calls["level"].eq("error").fillna(False) | calls["error"].notna()).to_numpy(bool)
    if not {"response", "output_tokens"} <= set(calls.columns):
        return flags
    silent = calls["output_tokens"].eq(0).fillna(False) & calls["response"].isna()
    if "tool_calls" in calls.columns:
        silent &= calls["tool_calls"].isna()
    if "type" in calls.columns:
        silent &= ~calls["type"].eq("embedding").fillna(False)
    return flags | silent.to_numpy(bool)
