"""Parquet <-> CALLS: the version of the schema stands in the metadata of the file."""

from os import PathLike
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import MissingColumnsError, SchemaVersionError
from .files import Target, replaced
from .frame import as_calls, frame_from_table, table_from_frame
from .schema import CALLS, LABEL, arrow_schema

VERSION = 1
VERSION_KEY = b"crashlens_frame.schema_version"
ROW_GROUP = 131_072


def read_parquet(source: str | PathLike[str] | IO[Any]) -> pd.DataFrame:
    """Read calls from a Parquet file.

    Parameters
    ----------
    source
        Path or file object. Files of other programs are read too: columns that CALLS does not name become fields of
        ``extra``, and columns of CALLS that the file lacks become null.

    Returns
    -------
    DataFrame
        CALLS, in the order of the file.

    Raises
    ------
    SchemaVersionError
        A newer version of the package wrote the file, or its ``trace_id`` or ``model`` is missing.
    InvalidCallError
        A value does not fit its column.

    Examples
    --------
    >>> import io
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> file = io.BytesIO()
    >>> cf.to_parquet(pd.DataFrame({"trace_id": ["t1"], "model": ["gpt-4o"], "cost": [0.5]}), file)
    >>> cf.read_parquet(file)[["trace_id", "model", "cost"]]
      trace_id   model  cost
    0       t1  gpt-4o   0.5
    """
    if isinstance(source, str | PathLike) and not Path(source).exists():
        raise FileNotFoundError(source)
    name = source if isinstance(source, str | PathLike) else getattr(source, "name", "the file")
    try:
        file = pq.ParquetFile(source)
    except pa.ArrowInvalid as error:
        raise SchemaVersionError(f"{name} is no Parquet file: {error}") from None
    version = int((file.schema_arrow.metadata or {}).get(VERSION_KEY, VERSION))
    if version > VERSION:
        raise SchemaVersionError(
            f"{name} has schema version {version}, expected at most {VERSION}; upgrade crashlens-frame to read it"
        )
    table = file.read()
    if table.schema.remove_metadata() == arrow_schema(CALLS):
        return frame_from_table(table)
    try:
        return as_calls(table.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True))
    except MissingColumnsError as error:
        raise SchemaVersionError(f"{name} holds no calls: {error}") from None


# whole numbers beside nulls stay whole
_WITHIN_INT64 = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32())
_NULLABLE = {
    **dict.fromkeys(_WITHIN_INT64, pd.Int64Dtype()),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def to_parquet(calls: pd.DataFrame, target: Target) -> None:
    """Write calls to a Parquet file.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or file object. A path holds the new file only once all of it is written.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls.

    Examples
    --------
    >>> import io
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> cf.to_parquet(pd.DataFrame({"trace_id": ["t1"], "model": ["gpt-4o"]}), io.BytesIO())
    """
    table = table_from_frame(as_calls(calls)).replace_schema_metadata({VERSION_KEY: str(VERSION)})
    labels = [column.name for column in CALLS if column.arrow == LABEL]
    with replaced(target) as stream:
        pq.write_table(table, stream, compression="zstd", use_dictionary=labels, row_group_size=ROW_GROUP)
