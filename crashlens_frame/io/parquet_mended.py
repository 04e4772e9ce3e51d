"""A part of a Parquet file with values that no reader accepts: such a value costs itself, and the call stays."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import USAGE_COLUMNS, settle_counts
from ..frame import table_from_frame
from ..jsonvalues import canonical_json
from ..schema import CALLS
from .lines_content import LinesContent, Repair, make_reject, make_repairs
from .mended_cells import NO_TRACE, mended_calls
from .parquet_values import frame_of_others, is_binary, is_sound, value_text, wrong_values


def mended_content(table: pa.Table, names: Iterable[str], file: str, *, first: int, is_ours: bool) -> LinesContent:
    """Return the named columns of CALLS that a part of a file holds, without the values that do not fit.

    Text that is no UTF-8 keeps what is; another value that does not fit is null, and ``extra`` keeps it. A row without
    a trace id is a reject.

    Parameters
    ----------
    table
        Columns of the file.
    names
        The columns to return.
    file
        Name of the file, for rejects and repairs; their lines are the numbers of rows, from 1.
    first
        Number of the first row, from 0.
    is_ours
        Whether the columns have the types of CALLS.

    Raises
    ------
    InvalidCallError, SchemaVersionError
        A column as a whole does not fit.
    """
    for place, name in enumerate(table.column_names):
        table = table.set_column(place, name, _sound(table.column(place)))
    if is_ours:
        return _without_wrong(table.replace_schema_metadata(None), file, first)
    found = mended_calls(frame_of_others(table, file, first=first), file, {}, above=1)
    calls = table_from_frame(found.calls).select([*names])
    return LinesContent(calls, np.arange(len(calls)), found.rejects, repairs=found.repairs)


def _sound(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text and bytes with a sign of replacement for what is no UTF-8; lists and structs stay as they are."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_nested(kind) or (is_sound(values) and not is_binary(kind)):
        return values
    data = values.cast(kind).cast(pa.large_binary())
    try:
        return data.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [None if each is None else each.decode("utf-8", "replace") for each in data.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.large_string())]).cast(
        pa.large_string() if is_binary(kind) else values.type
    )


def _without_wrong(calls: pa.Table, file: str, first: int) -> LinesContent:
    """Take the values out of columns of CALLS that no reader accepts."""
    logged: dict[int, dict[str, Any]] = {}
    repairs: list[Repair] = []
    for column in CALLS:
        if column.name not in calls.column_names:
            continue
        place = calls.schema.get_field_index(column.name)
        for wrong, expected in wrong_values(calls.column(place), column):
            values = calls.column(place)
            rows = pc.indices_nonzero(pc.fill_null(wrong, False)).to_pylist()
            for row in rows:
                text = value_text(values[row])
                reason = f"{column.name} is {text}, expected {expected}"
                repairs += make_repairs(file, first + row + 1, [(column.name, reason)])
                logged.setdefault(row, {})[column.name] = _in_json(values[row], text)
            calls = calls.set_column(place, column.name, _nulled(values, rows))
    if "extra" in calls.column_names and logged:
        calls = _with_logged(calls, logged)
    unclear: dict[int, str] = {}
    if {*USAGE_COLUMNS, "token_reading", "extra"}.issubset(calls.column_names):
        calls, unclear = settle_counts(calls)
    rejects = []
    if "trace_id" in calls.column_names and calls["trace_id"].null_count:
        missing = calls["trace_id"].is_null()
        rejects = [make_reject(file, first + row + 1, NO_TRACE, b"") for row in pc.indices_nonzero(missing).to_pylist()]
        calls = calls.filter(pc.invert(missing))
    return LinesContent(
        calls, np.arange(len(calls)), rejects, unclear=[(file, counts) for counts in unclear.values()], repairs=repairs
    )


def _nulled(values: pa.ChunkedArray, rows: list[int]) -> pa.ChunkedArray:
    kept = np.arange(len(values))
    return values.take(pa.array(kept, mask=np.isin(kept, rows)))


def _in_json(value: pa.Scalar, text: str) -> Any:
    """Return a value as JSON can hold it."""
    found = text if pa.types.is_timestamp(value.type) else value.as_py()
    return text if isinstance(found, float) else found


def _with_logged(calls: pa.Table, logged: dict[int, dict[str, Any]]) -> pa.Table:
    """Add values to ``extra``, each under the name of its column."""
    place = calls.schema.get_field_index("extra")
    extra = calls.column(place)
    texts = {row: canonical_json({**_object(extra[row].as_py()), **values}) for row, values in logged.items()}
    new = [texts[row] for row in sorted(texts)]
    mask = np.isin(np.arange(len(calls)), [*texts])
    whole = pc.replace_with_mask(extra.combine_chunks(), pa.array(mask), pa.array(new, extra.type))
    return calls.set_column(place, calls.schema.field(place), whole)


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
