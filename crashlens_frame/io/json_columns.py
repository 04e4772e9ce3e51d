"""Columns -> columns of JSON texts, one text per value, and functions that join these texts."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..schema import TEXT, TIME

Piece: TypeAlias = Any  # an Arrow array of texts, or one text for all rows

_COMMON = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}  # the backslash first
# JSON must escape the other control characters; some readers of text take the last three for line ends
RARE = {chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x85, 0x2028, 0x2029) if chr(code) not in _COMMON}


@dataclass(frozen=True, slots=True)
class Json:
    """A column as JSON texts.

    Attributes
    ----------
    texts
        One text per row or, if there are codes, one text per label.
    codes
        Position in ``texts`` of the label of each row; None if the column is not a column of labels.
    opening, closing
        Text before and after each of the texts, such as quotation marks.
    """

    texts: pa.Array
    codes: pa.Array | None = None
    opening: str = ""
    closing: str = ""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.texts if self.codes is None else self.codes)

    @property
    def null_count(self) -> int:
        """Number of rows without a value."""
        count: int = (self.texts if self.codes is None else self.codes).null_count
        return count

    def text(self, begin: str = "") -> pa.Array:
        """Return the whole text of each row, with a text in front; null stays null."""
        texts = concat_pieces([begin + self.opening, self.texts, self.closing])
        return texts if self.codes is None else pc.take(texts, self.codes)


def json_column(values: pa.Array) -> Json:
    """Return a column as JSON texts; null stays null."""
    if pa.types.is_dictionary(values.type):
        return Json(_escaped(values.dictionary), values.indices, '"', '"')
    if values.type == TIME:
        # always with six digits: 2024-06-01 10:00:00.000000
        clock = values.cast(pa.timestamp("us")).cast(pa.large_string())
        return Json(pc.replace_substring(clock, " ", "T", max_replacements=1), None, '"', 'Z"')
    return Json(_escaped(values), None, '"', '"') if values.type == TEXT else Json(values.cast(pa.large_string()))


def _escaped(values: pa.Array) -> pa.Array:
    values = values.cast(pa.large_string())
    if _is_plain(values):
        return values
    for characters, escapes in (
        (r'[\\"\n\r\t]', _COMMON),
        (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{85}\x{2028}\x{2029}]", RARE),
    ):
        if pc.any(pc.match_substring_regex(values, characters)).as_py():
            for raw, escaped in escapes.items():
                values = pc.replace_substring(values, raw, escaped)
    return values


def _is_plain(values: pa.LargeStringArray) -> bool:
    """Whether all texts are ASCII and have nothing to escape; only their bytes are looked at."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return True
    ends = np.frombuffer(offsets, np.int64)
    letters = np.frombuffer(data, np.uint8)[ends[values.offset] : ends[values.offset + len(values)]]
    return not ((letters < 0x20) | (letters == 0x22) | (letters == 0x5C) | (letters >= 0x80)).any()


def concat_pieces(pieces: list[Piece]) -> pa.LargeStringArray:
    """Join pieces row by row; null where a piece is null."""
    merged: list[Piece] = []  # neighbours that are one text for all rows are joined first
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not isinstance(piece, str) or piece:
            merged.append(piece)
    if len(merged) == 1:
        return merged[0]
    return pc.binary_join_element_wise(
        *(text_scalar(piece) if isinstance(piece, str) else piece for piece in merged), text_scalar("")
    )


def text_scalar(value: str) -> pa.Scalar:
    """Return a text for all rows."""
    return pa.scalar(value, pa.large_string())
