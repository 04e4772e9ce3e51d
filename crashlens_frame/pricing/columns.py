"""Columns of calls as arrays, each value checked, and arrays as columns of labels."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..formats import convert_column
from ..schema import CALLS, COUNT, TEXT
from ..times import now_us
from .price_file import METERS
from .timeline import ALWAYS

_COLUMNS = {column.name: column for column in CALLS}


def label_codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the code of each value of a column, -1 for null, and the label of each code."""
    column = values.astype("category").cat
    # as a list of Arrow, as to walk through an index of its texts takes ten times as long
    return column.codes.to_numpy(np.int32), list(map(str, column.categories.to_list()))


def checked_codes(calls: pd.DataFrame, name: str) -> tuple[np.ndarray, list[str]]:
    """Return the codes and labels of a column that may be missing, and that may hold nothing but texts."""
    if name not in calls.columns:
        return np.full(len(calls), -1, np.int32), []
    values = calls[name]
    return label_codes(values if _holds_texts(values) else converted(calls, name).cast(TEXT).to_pandas())


def take(values: Sequence[int], code: np.ndarray) -> np.ndarray:
    """Return the value of each code; -1 for the code -1."""
    return np.array([*values, -1])[code]


def labels_from_codes(labels: Sequence[str | None], code: np.ndarray) -> pd.Categorical:
    """Return the label of each code, null for the code -1; the categories are the labels that occur, sorted."""
    used = np.bincount(code + 1, minlength=len(labels) + 1)[1:] > 0
    labels = [label if used[position] else None for position, label in enumerate(labels)]
    texts = sorted({label for label in labels if label is not None})
    new_codes = [-1 if label is None else texts.index(label) for label in labels]
    return pd.Categorical.from_codes(take(new_codes, code), categories=pd.Index(texts, dtype="str"))


def unit_arrays(calls: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the numbers of tokens and uses by column, without the columns that are missing or 0 throughout.

    An unknown number is NaN if its meter is required, otherwise 0. A whole is there if one of its parts is.
    """
    units: dict[str, np.ndarray] = {}
    wholes: set[str | None] = set()
    for meter in reversed(METERS):  # parts before their wholes
        column = meter.column
        if column is None or (column not in calls.columns and meter.name not in wholes):
            continue
        null = np.nan if meter.is_required else 0.0
        numbers = number_array(calls, column, null) if column in calls.columns else np.zeros(len(calls))
        if meter.is_required or meter.name in wholes or numbers.any():
            units[column] = numbers
            wholes.add(meter.part_of)
    return units


def time_array(calls: pd.DataFrame) -> np.ndarray:
    """Return the times of calls in microseconds since 1970, now where they are unknown."""
    if "timestamp" not in calls.columns:
        return np.full(len(calls), now_us())
    values = calls["timestamp"]
    if str(values.dtype) == _COLUMNS["timestamp"].dtype:
        times = pd.DatetimeIndex(values).asi8
        return np.where(is_unknown, now_us(), times) if (is_unknown := times == ALWAYS).any() else times
    return pc.fill_null(converted(calls, "timestamp").cast(COUNT), now_us()).to_numpy()


def cost_array(calls: pd.DataFrame) -> np.ndarray:
    """Return the costs that the calls have; NaN where they have none."""
    if "cost" not in calls.columns:
        return np.full(len(calls), np.nan)
    return number_array(calls, "cost", np.nan)


def costs_elsewhere(calls: pd.DataFrame) -> np.ndarray:
    """Whether each call has a cost that was reported, and not in US dollars: ``extra`` has the currency."""
    is_elsewhere = has_label(calls, "cost_source", "reported") & np.isnan(cost_array(calls))
    if "extra" in calls.columns and is_elsewhere.any():
        extra = pa.array(calls["extra"][is_elsewhere], TEXT, from_pandas=True)
        is_elsewhere[is_elsewhere] = pc.fill_null(pc.match_substring(extra, 'currency"'), False)
    return is_elsewhere


def has_label(calls: pd.DataFrame, name: str, label: str) -> np.ndarray:
    """Whether each call has a label in a column that may be missing."""
    code, labels = checked_codes(calls, name)
    return code == labels.index(label) if label in labels else np.zeros(len(calls), bool)


def number_array(calls: pd.DataFrame, name: str, null: float) -> np.ndarray:
    """Return a column of numbers as floats, each value checked."""
    values = calls[name]
    if str(values.dtype) == _COLUMNS[name].dtype:  # of the type of the column, only the bounds are to be checked
        array = pa.array(values, from_pandas=True)
        if array.null_count == len(array):
            return np.full(len(array), null)
        bounds = pc.min_max(array).as_py()
        if bounds["min"] >= 0 and bounds["max"] < math.inf:
            numbers = pc.cast(array, pa.float64(), safe=False)
            return (pc.fill_null(numbers, null) if numbers.null_count else numbers).to_numpy()
    return pc.fill_null(pc.cast(converted(calls, name), pa.float64(), safe=False), null).to_numpy()


def _holds_texts(values: pd.Series) -> bool:
    """Whether the type of a column, or of its labels, is that of texts."""
    dtype = values.dtype.categories.dtype if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype
    return isinstance(dtype, pd.StringDtype)


def converted(calls: pd.DataFrame, name: str) -> pa.ChunkedArray:
    """Return a column of a frame that may be the user's own, each value checked and converted."""
    values = convert_column(calls[name], _COLUMNS[name])
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
