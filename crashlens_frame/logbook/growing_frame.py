"""The typed frame of a book, which calls are added to at its end. What it holds already is shared, not copied.

The values of a column are the beginning of a buffer with room for more. A frame that is handed out is a slice of the
frame over whole buffers, so pandas copies a column before anybody changes it, as long as the Series of its buffer is
alive.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..frame import frame_from_table, table_from_frame
from ..schema import CALLS, COUNT, FLAG, LABEL, NUMBER, TEXT, TIME, Column, arrow_schema

_ROOM = 1024  # rows that a buffer has room for at least
_SHORT = 1 << 16  # texts up to which chunks are merged, so that calls logged one by one do not leave many
_STRINGS: Any = pd.StringDtype(na_value=np.nan)
_UTC = pd.DatetimeTZDtype("us", "UTC")
# of each type the values in the buffer, and what takes the place of a null
_BUFFERS: dict[pa.DataType, tuple[Any, Any]] = {
    COUNT: (np.int64, 0),
    FLAG: (np.bool_, False),
    NUMBER: (np.float64, np.nan),
    TIME: (np.int64, np.iinfo(np.int64).min),
}


class GrowingFrame:
    """CALLS in normal form, to which tables are appended."""

    def __init__(self) -> None:
        self._frame = _no_calls()
        self._buffers: dict[int, _Labels | _Numbers] = {}  # made with the first calls, so that making a book is quick

    def __len__(self) -> int:
        return len(self._frame)

    def append(self, calls: pa.Table) -> None:
        """Append a CALLS table, all of it or, after an error or an interrupt, nothing."""
        if not len(calls):
            return
        try:
            if not self._buffers:
                self._begin()
            self._frame = self._appended(calls)
        except BaseException:
            whole = table_from_frame(self._frame)
            self._begin()
            self._frame = self._appended(whole) if len(whole) else self._frame
            raise

    def frame(self) -> pd.DataFrame:
        """Return the calls; a change of what is returned changes nothing here."""
        return self._frame.copy(deep=False)

    def _begin(self) -> None:
        self._texts = {place: _Texts() for place, column in enumerate(CALLS) if column.arrow == TEXT}
        self._buffers = {
            place: _Labels(column) if column.arrow == LABEL else _Numbers(column)
            for place, column in enumerate(CALLS)
            if column.arrow != TEXT
        }
        self._length, self._room = 0, 0
        self._whole = pd.DataFrame()

    def _appended(self, calls: pa.Table) -> pd.DataFrame:
        begin, end = self._length, self._length + len(calls)
        room = self._room if end <= self._room else max(_ROOM, end + end // 2)
        arrays = [_array(calls[column.name]) for column in CALLS]
        renewed = [buffer.append(arrays[place], begin, room) for place, buffer in self._buffers.items()]
        if any(renewed):
            self._room, self._whole = room, self._over_buffers(room)
        frame = self._whole.iloc[:end]
        for place, texts in self._texts.items():
            texts.append(arrays[place])
            frame.isetitem(place, texts.array())
        self._length = end
        return frame

    def _over_buffers(self, room: int) -> pd.DataFrame:
        """Return a frame over the whole buffers; its texts are only there to be replaced."""
        no_texts = pd.Series(_strings([pa.nulls(room, pa.large_string())]), copy=False)
        series = [self._buffers[place].series if place in self._buffers else no_texts for place in range(len(CALLS))]
        return pd.DataFrame({column.name: values for column, values in zip(CALLS, series, strict=True)}, copy=False)


class _Texts:
    """Texts. Arrow never changes what is there, so frames share its chunks."""

    def __init__(self) -> None:
        self._chunks: list[pa.Array] = []

    def append(self, values: pa.Array) -> None:
        chunks = self._chunks
        chunks.append(values.cast(pa.large_string()))
        while len(chunks) > 1 and len(chunks[-2]) <= len(chunks[-1]) <= _SHORT:
            chunks[-2:] = [pa.concat_arrays(chunks[-2:])]

    def array(self) -> Any:
        return _strings(self._chunks)


class _Numbers:
    """Numbers, flags and times: a buffer of the values, and where the dtype needs it one that marks the nulls."""

    def __init__(self, column: Column) -> None:
        self._type = column.arrow
        dtype, self._null = _BUFFERS[self._type]
        self._values, self._nulls = np.empty(0, dtype), np.empty(0, bool)
        self.series = pd.Series()

    def append(self, values: pa.Array, begin: int, room: int) -> bool:
        """Append values to those that there are, and return whether the buffer is a new one."""
        renewed = room > len(self._values)
        if renewed:
            self._values, self._nulls = _grown(self._values, begin, room), _grown(self._nulls, begin, room)
            self.series = pd.Series(self._array(), copy=False)
        rows = slice(begin, begin + len(values))
        self._nulls[rows] = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else False
        if values.null_count == len(values):
            self._values[rows] = self._null
        else:
            filled = values.fill_null(pa.scalar(self._null).cast(self._type)) if values.null_count else values
            self._values[rows] = filled.to_numpy(zero_copy_only=False).view(self._values.dtype)
        return renewed

    def _array(self) -> Any:
        if self._type == NUMBER:
            return self._values
        if self._type == TIME:
            return pd.array(self._values, dtype=_UTC, copy=False)
        masked = pd.arrays.BooleanArray if self._type == FLAG else pd.arrays.IntegerArray
        return masked(self._values, self._nulls, copy=False)


class _Labels:
    """Labels: a buffer of codes, which count the sorted labels that occur, or those of a closed vocabulary."""

    def __init__(self, column: Column) -> None:
        self._is_closed = column.categories is not None
        self._codes = np.empty(0, np.int8)
        self._set_labels(tuple(column.categories or ()))
        self.series = pd.Series()

    def append(self, values: pa.Array, begin: int, room: int) -> bool:
        """Append values to those that there are, and return whether the buffer is a new one."""
        encoded = values.cast(TEXT).dictionary_encode() if values.null_count < len(values) else None
        found = [] if encoded is None else encoded.dictionary.to_pylist()
        new_labels = not self._code.keys() >= set(found)
        renewed = new_labels or room > len(self._codes)
        if new_labels:
            self._codes = self._recoded(found, begin)
        if renewed:
            self._codes = _grown(self._codes, begin, room)
            codes = pd.Categorical.from_codes(self._codes, dtype=self._dtype, validate=False)
            self.series = pd.Series(codes, copy=False)
        rows = slice(begin, begin + len(values))
        if encoded is None:
            self._codes[rows] = -1
        else:
            code = np.array([*(self._code[label] for label in found), -1], self._codes.dtype)
            self._codes[rows] = code[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return renewed

    def _set_labels(self, labels: Sequence[str]) -> None:
        self._code = {label: code for code, label in enumerate(labels)}
        index = pd.Index(np.array(labels, dtype=object), dtype="str")
        self._dtype = pd.CategoricalDtype(index, ordered=self._is_closed)

    def _recoded(self, found: list[str], length: int) -> np.ndarray:
        """Return the codes that the values have once the labels found are among those that there are."""
        before = list(self._code)
        self._set_labels(tuple(sorted({*before, *found})))
        code = np.array([*(self._code[label] for label in before), -1], np.min_scalar_type(-len(self._code) - 1))
        return code[self._codes[:length]]


@cache
def _no_calls() -> pd.DataFrame:
    return frame_from_table(arrow_schema(CALLS).empty_table())


def _array(values: pa.ChunkedArray) -> pa.Array:
    return values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays(values.chunks)


def _strings(chunks: list[pa.Array]) -> Any:
    return _STRINGS.construct_array_type()(pa.chunked_array(chunks, pa.large_string()), dtype=_STRINGS)


def _grown(values: np.ndarray, length: int, room: int) -> np.ndarray:
    """Return a buffer that begins with the values and has room for more."""
    grown = np.zeros(room, values.dtype)
    grown[:length] = values[:length]
    return grown
