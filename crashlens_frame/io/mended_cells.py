"""Tables with cells that do not fit their columns: such a cell costs itself, and a row without an id itself."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import InvalidCallError
from ..formats import CONVERTERS, synonyms_among
from ..frame import arrow_column, as_calls
from ..jsonvalues import quoted
from ..schema import CALLS, Column
from .lines_content import Reject, Repair, make_reject, make_repairs

_BY_NAME = {column.name: column for column in CALLS}
NO_TRACE = "the trace id is missing, expected non-empty text"


class MendedTable(NamedTuple):
    """CALLS of a table, the rows that cannot be read, and the cells left out."""

    calls: pd.DataFrame
    rejects: list[Reject]
    repairs: list[Repair]


def mended_calls(frame: pd.DataFrame, name: str, own_names: Mapping[str, str], *, above: int) -> MendedTable:
    """Return the calls of a table as ``as_calls`` does, without the cells that do not fit their columns.

    Parameters
    ----------
    frame
        Table with names of columns of its own.
    name
        Name of the file, for rejects and repairs.
    own_names
        Names of columns, and the columns of CALLS that they mean.
    above
        How many lines of the file are above the row whose label is 0.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        It is no table of calls.
    """
    try:
        return MendedTable(as_calls(frame, columns=own_names), [], [])
    except InvalidCallError:
        lines = frame.index.to_numpy() + above
    meaning = {**{column: column for column in _BY_NAME}, **synonyms_among(frame.columns), **own_names}
    columns: dict[Any, pd.Series] = {}
    repairs: list[Repair] = []
    whole = np.ones(len(frame), bool)
    for label, cells in frame.items():
        means = meaning.get(str(label), "")
        column = _BY_NAME.get(means)
        wrong = {} if column is None else _wrong_cells(cells, column)
        columns[label] = cells.mask(np.isin(np.arange(len(cells)), [*wrong])) if wrong else cells
        if wrong:
            columns[f"{label} as logged"] = _logged(cells, wrong)
        for row, expected in wrong.items():
            reason = f"{label} is {quoted(_plain(cells.iloc[row]))}, expected {expected}"
            repairs += make_repairs(name, int(lines[row]), [(str(label), reason)])
        if means == "trace_id" and cells.notna().any():
            whole &= (cells.notna() & cells.ne("")).to_numpy(bool)
    rejects = [make_reject(name, int(line), NO_TRACE, b"") for line in lines[~whole]]
    return MendedTable(as_calls(pd.DataFrame(columns)[whole], columns=own_names), rejects, repairs)


def _wrong_cells(cells: pd.Series, column: Column) -> dict[int, str]:
    """Return the rows whose cell does not fit its column, each with what was expected."""
    try:
        arrow_column(cells, column.name)
        return {}
    except InvalidCallError:
        convert = CONVERTERS[column.name]
    wrong = {}
    for row in np.flatnonzero(cells.notna().to_numpy(bool)).tolist():
        try:
            converted = convert(_plain(cells.iloc[row]))
        except ValueError as error:
            wrong[row] = str(error)
            continue
        if column.categories is not None and converted not in column.categories:
            wrong[row] = f"one of {', '.join(column.categories)}"
    return wrong


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _logged(cells: pd.Series, wrong: Mapping[int, str]) -> pd.Series:
    """Return what the file had in the cells that are left out, as text."""
    texts = [str(cells.iloc[row]) for row in wrong]
    return pd.Series(texts, index=cells.index[[*wrong]], dtype="str").reindex(cells.index)
