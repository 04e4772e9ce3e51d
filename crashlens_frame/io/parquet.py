"""Parquet <-> CALLS: the version of the schema stands in the metadata of the file."""

from collections.abc import Collection, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import progress_bar
from ..errors import InvalidCallError, MissingColumnsError, SchemaVersionError
from ..frame import as_calls, frame_from_table, selected_columns, table_from_frame
from ..schema import CALLS, LABEL, arrow_schema
from .streams import AnyPath, Source, Target, list_files, open_atomic

if TYPE_CHECKING:  # imported where it is used: with the file systems of the clouds, it takes longer than the package
    import pyarrow.parquet as pq

VERSION = 1
VERSION_KEY = b"crashlens_frame.schema_version"
ROW_GROUP = 131_072
_BATCH, _BUFFER = 16_384, 1 << 20  # rows and bytes that are read at a time
ORDER = (("trace_id", "ascending"), ("timestamp", "ascending"))

Filters: TypeAlias = Any  # conditions, lists of them, or an expression of pyarrow
_OPERATORS = ("=", "==", "!=", "<", ">", "<=", ">=", "in", "not in")


def read_parquet(source: Source, *, columns: Iterable[str] | None = None, filters: Filters = None) -> pd.DataFrame:
    """Read calls from Parquet files.

    Parameters
    ----------
    source
        Path, glob pattern, folder, file object, or a list of these. Of a folder each file whose name ends in
        ``.parquet`` is read, those in folders within it too. Files of other programs are read as well: columns that
        CALLS does not name become fields of ``extra``, and columns of CALLS that a file lacks become null.
    columns
        The columns of CALLS to read, in the order wanted; None: all. The others are not read from the disk.
    filters
        Which rows to read, as pandas and pyarrow have it: ``[("cost", ">", 0.1), ("model", "in", ["gpt-4"])]`` where
        all must hold, a list of such lists where one of them must, or an expression of pyarrow. Times may be text;
        naive ones are UTC. Row groups whose statistics rule them out are not read.

    Returns
    -------
    DataFrame
        CALLS, or those of its columns that were asked for, in the order of the files and of their rows.

    Raises
    ------
    SchemaVersionError
        A newer version of the package wrote a file, or its ``trace_id`` or ``model`` is missing.
    InvalidCallError
        A value does not fit its column, or ``columns`` or ``filters`` name a column that there is not.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> import io
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> file = io.BytesIO()
    >>> calls = pd.DataFrame({"trace_id": ["t1", "t2"], "model": ["gpt-4o", "gpt-4"], "cost": [0.5, 2.0]})
    >>> cf.to_parquet(calls, file)
    >>> cf.read_parquet(file, columns=["trace_id", "cost"], filters=[("model", "=", "gpt-4")])
      trace_id  cost
    0       t2   2.0
    """
    wanted = selected_columns(columns)
    names = [column.name for column in wanted]
    tables = [_calls(file, names, filters) for file in parquet_files(source)]
    return frame_from_table(pa.concat_tables(tables), wanted)


def read_batches(source: Source, names: list[str], *, size: int, progress: bool | None) -> Iterator[pa.Table]:
    """Read the named columns as ``read_parquet`` does, in tables of about so many bytes at most."""
    files = parquet_files(source)
    calls = sum(parquet_file(path).metadata.num_rows for path in files)
    with progress_bar(calls, "read", "call", shown=progress) as advance:
        for path in files:
            # what is read ahead by default takes several times the memory
            with parquet_file(path, pre_buffer=False, buffer_size=_BUFFER) as file:
                rows = min(size * file.metadata.num_rows // max(1, stored_bytes(file)), _BATCH)
                for batch in file.iter_batches(max(1, rows), columns=_needed(file.schema_arrow, names)):
                    yield _converted(pa.Table.from_batches([batch]), names, file, path).select(names)
                    advance(len(batch))


def stored_bytes(file: "pq.ParquetFile", names: Collection[str] | None = None) -> int:
    """Tell how many bytes the named columns of a file are, unpacked but encoded; None: all columns."""
    columns = [place for place, name in enumerate(file.metadata.schema.names) if names is None or name in names]
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    return sum(group.column(place).total_uncompressed_size for group in groups for place in columns)


def to_parquet(calls: pd.DataFrame, target: Target, *, sort: bool = False) -> None:
    """Write calls to a Parquet file.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or file object. A path holds the new file only once all of it is written.
    sort
        Whether to sort the calls by trace and time, so that a filter on either reads a part of the file. Without it
        the rows stay in their order.

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
    table = table_from_frame(as_calls(calls))
    write_table(table.sort_by(list(ORDER)) if sort else table, target, is_sorted=sort)


def write_table(calls: pa.Table, target: Target, *, is_sorted: bool, metadata: dict[str, str] | None = None) -> None:
    """Write a CALLS table to a Parquet file, with the version of the schema and more metadata."""
    import pyarrow.parquet as pq

    table = calls.replace_schema_metadata({VERSION_KEY.decode(): str(VERSION), **(metadata or {})})
    labels = [column.name for column in CALLS if column.arrow == LABEL]
    order = pq.SortingColumn.from_ordering(table.schema, ORDER) if is_sorted else None
    with open_atomic(target) as stream:
        pq.write_table(
            table, stream, compression="zstd", use_dictionary=labels, row_group_size=ROW_GROUP, sorting_columns=order
        )


def parquet_file(source: AnyPath | IO[Any], **options: Any) -> "pq.ParquetFile":
    """Open a Parquet file of a schema that is known.

    Raises
    ------
    SchemaVersionError
        A newer version of the package wrote it, or it is no Parquet file.
    """
    import pyarrow.parquet as pq

    name = _name(source)
    try:
        file = pq.ParquetFile(source, **options)
    except pa.ArrowInvalid as error:
        raise SchemaVersionError(f"{name} is no Parquet file: {error}") from None
    version = int((file.schema_arrow.metadata or {}).get(VERSION_KEY, VERSION))
    if version > VERSION:
        raise SchemaVersionError(
            f"{name} has schema version {version}, expected at most {VERSION}; upgrade crashlens-frame to read it"
        )
    return file


def parquet_files(source: Source) -> list[AnyPath | IO[Any]]:
    """List the files that a source stands for."""
    if not (hasattr(source, "read") or isinstance(source, str | PathLike)):
        return [file for each in cast("Iterable[AnyPath]", source) for file in parquet_files(each)]
    if not isinstance(source, str | PathLike) or not Path(source).is_dir():
        return list_files(source)
    found = sorted(Path(source).rglob("*.parquet"))
    if not found:
        raise FileNotFoundError(f"no file in {source} has a name that ends in .parquet")
    return [*found]


def _calls(source: AnyPath | IO[Any], names: list[str], filters: Filters) -> pa.Table:
    """Read the named columns of one file as CALLS has them."""
    import pyarrow.parquet as pq

    file = parquet_file(source)
    needed = _needed(file.schema_arrow, names)
    if filters is None:
        table = file.read(columns=needed)
    else:
        expression = _expression(filters, file.schema_arrow)
        table = pq.read_table(source, columns=needed, filters=expression, partitioning=None)
    return _converted(table, names, file, source)


def _needed(schema: pa.Schema, names: list[str]) -> list[str] | None:
    """Give the columns of a file that the named columns of CALLS are made of; None: all."""
    if _is_ours(schema):
        return names
    if "extra" in names:  # a column that CALLS does not name is a field of it
        return None
    needed = [name for name in schema.names if name in names]
    return [*needed, *({"trace_id", "model"}.intersection(schema.names) - set(needed))]


def _converted(table: pa.Table, names: list[str], file: "pq.ParquetFile", source: AnyPath | IO[Any]) -> pa.Table:
    """Turn columns of a file into the named ones of CALLS."""
    if _is_ours(file.schema_arrow):
        return table.replace_schema_metadata(None)
    try:
        calls = as_calls(table.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True))
    except MissingColumnsError as error:
        raise SchemaVersionError(f"{_name(source)} holds no calls: {error}") from None
    return table_from_frame(calls).select(names)


def _is_ours(schema: pa.Schema) -> bool:
    return schema.remove_metadata() == arrow_schema(CALLS)


def _expression(filters: Filters, schema: pa.Schema) -> pc.Expression:
    """Check filters against the columns of a file, and turn their values into what the columns hold."""
    import pyarrow.parquet as pq

    if isinstance(filters, pc.Expression):
        return filters
    if not filters:
        return pc.scalar(True)
    either = filters if isinstance(filters[0], list) else [filters]
    return pq.filters_to_expression([[_condition(one, schema) for one in every] for every in either])


def _condition(condition: Any, schema: pa.Schema) -> tuple[str, str, Any]:
    try:
        name, operator, value = condition
    except (TypeError, ValueError):
        raise InvalidCallError(f"a filter is {condition!r}, expected (column, operator, value)") from None
    if name not in schema.names:
        raise InvalidCallError(f"filters name {name!r}, expected one of {', '.join(schema.names)}")
    if operator not in _OPERATORS:
        raise InvalidCallError(
            f"the filter on {name} has operator {operator!r}, expected one of {' '.join(_OPERATORS)}"
        )
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        if operator in ("in", "not in"):
            return name, operator, [_scalar(one, kind) for one in value]
        return name, operator, _scalar(value, kind)
    except (TypeError, ValueError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidCallError(f"the filter on {name} has {value!r}, expected {kind}: {error}") from None


def _scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_timestamp(kind):
        moment = pd.Timestamp(value)
        value = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return pa.scalar(value, kind)


def _name(source: AnyPath | IO[Any]) -> str:
    return str(source) if isinstance(source, str | PathLike) else str(getattr(source, "name", "the file"))


# whole numbers beside nulls stay whole
_WITHIN_INT64 = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32())
_NULLABLE = {
    **dict.fromkeys(_WITHIN_INT64, pd.Int64Dtype()),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
