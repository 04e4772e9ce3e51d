"""Rows of frames as plain Python values, and as JSON for people."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

_UNPRINTABLE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_BITS = 63
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z


def frame_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as plain Python values, null as None.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.records import frame_records
    >>> frame_records(pd.DataFrame({"model": ["o3"], "cost": [float("nan")]}))
    [{'model': 'o3', 'cost': None}]
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [_values(column) for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column; labels and times with a zone are converted first, because Arrow is slow there."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.tz == "UTC":
        times = column.to_numpy().astype("datetime64[us]").astype(object)
        return [time and time.replace(tzinfo=UTC) for time in times]
    values: list[Any] = column.to_pylist()
    return values


def json_text(value: object) -> str:
    r"""Write a value as indented JSON, NaN as null, characters that do not print as escapes.

    Examples
    --------
    >>> from crashlens_frame.report.records import json_text
    >>> print(json_text({"model": "\u202egpt", "cost": float("nan")}))
    {
      "model": "\u202egpt",
      "cost": null
    }
    """
    try:
        text = orjson.dumps(value, _plain, _OPTIONS).decode()
    except TypeError:  # a sum of more than 64 bits, which it cannot write
        text = orjson.dumps(_with_large_numbers(value), _plain, _OPTIONS).decode()
    return _escaped(text)


def json_with_records(fields: dict[str, Any], name: str, frame: pd.DataFrame) -> str:
    """Write one field or more and the rows of a frame, as ``json_text`` writes the fields with ``frame_records``.

    Each column is written at once, so that a row takes microseconds.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.records import json_with_records
    >>> print(json_with_records({"cost": 0.5}, "findings", pd.DataFrame({"model": ["o3"]})))
    {
      "cost": 0.5,
      "findings": [
        {
          "model": "o3"
        }
      ]
    }
    """
    if frame.empty:
        return json_text({**fields, name: []})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    members = ",\n".join(f'      "{column}": %s' for column in table.column_names)
    row = f"    {{\n{members}\n    }}"
    rows = ",\n".join(map(row.__mod__, zip(*map(_json_values, table.columns), strict=True)))
    before = json_text(fields).removesuffix("\n}")
    return f'{before},\n  "{name}": [\n{_escaped(rows)}\n  ]\n}}'


def _json_values(column: pa.ChunkedArray) -> list[str]:
    """Return the values of a column as JSON; labels are written once each."""
    if not pa.types.is_dictionary(column.type):
        return _json_lines(_values(column))
    labels = column.unify_dictionaries().combine_chunks()
    texts = np.array(_json_lines([*labels.dictionary.to_pylist(), None]), dtype=object)
    written: list[str] = texts[labels.indices.fill_null(-1).to_numpy(zero_copy_only=False)].tolist()
    return written


def _json_lines(values: list[Any]) -> list[str]:
    """Return each value as JSON; no line feed is inside of one, as JSON escapes those of texts."""
    return orjson.dumps(values, option=_OPTIONS).decode()[4:-2].split(",\n  ")


def _escaped(text: str) -> str:
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _with_large_numbers(value: Any) -> Any:
    """Replace whole numbers of more than 64 bits by the numbers as JSON has them."""
    if isinstance(value, dict):
        return {key: _with_large_numbers(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_with_large_numbers(member) for member in value]
    is_large = isinstance(value, int) and value.bit_length() > _BITS
    return orjson.Fragment(str(value)) if is_large else value


def _plain(time: pd.Timestamp) -> datetime:
    return time.to_pydatetime()
