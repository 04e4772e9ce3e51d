"""What a table of the Explorer shows of a frame: sorted, searched, one page at a time. Figures and texts, no widget."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..words import UNKNOWN, cut, digits, money, percent, printable, signed_money

PAGE_SIZE = 25
_LONGEST = 240  # characters of a cell
_BETWEEN = "\x1f"  # no printable text holds it, so no search goes from one cell into the next


def _text(value: Any) -> str:
    return UNKNOWN if pd.isna(value) else cut(printable(str(value)), _LONGEST)


# how a value is written, by the kind of its column; the browser aligns and colours cells by the same names
_WRITERS: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "wide": _text,
    "id": _text,
    "severity": _text,
    "time": lambda time: "" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M}",
    "count": digits,
    "money": money,
    "change": lambda dollars: "" if pd.isna(dollars) else signed_money(dollars),
    "share": lambda share: "" if pd.isna(share) else percent(share, 1),
    "seconds": lambda ms: "" if pd.isna(ms) else f"{ms / 1000:.3g} s",
}
_SEARCHED = ("text", "wide", "id", "severity")
_RISES = (*_SEARCHED, "time")  # the others begin with their largest value when they are sorted


class GridColumn(NamedTuple):
    """A column of a grid: its column of the frame, its title, and how its values are written."""

    name: str
    title: str
    kind: str = "text"

    @property
    def falls(self) -> bool:
        """Whether the largest value comes first when the column is sorted by a click."""
        return self.kind not in _RISES


class GridPage(NamedTuple):
    """One page of a grid: the numbers of the rows of the frame, their cells, which page it is, and of how many rows."""

    keys: list[int]
    cells: list[list[str]]
    number: int
    pages: int
    total: int

    @property
    def place(self) -> str:
        """Which rows of how many are on the page, in words."""
        first = self.number * PAGE_SIZE
        return f"{digits(first + 1)} to {digits(first + len(self.keys))} of {digits(self.total)}" if self.keys else ""


class GridRows:
    """The rows of a grid.

    Parameters
    ----------
    frame
        One row each; its order is that of the rows that are not sorted.
    columns
        What is shown of it.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.widgets.grids import GridColumn, GridRows
    >>> frame = pd.DataFrame({"team": ["search", "legal", None], "cost": [1.0, 12.5, 0.5]})
    >>> rows = GridRows(frame, [GridColumn("team", "team"), GridColumn("cost", "cost", "money")])
    >>> rows.page(sort="cost", descending=True).cells
    [['legal', '$12.50'], ['search', '$1.00'], ['unknown', '$0.50']]
    >>> rows.page(search="SEAR").keys
    [0]
    """

    def __init__(self, frame: pd.DataFrame, columns: Sequence[GridColumn]) -> None:
        self.frame = frame.reset_index(drop=True)
        self.columns = tuple(columns)

    def page(self, *, search: str = "", sort: str = "", descending: bool = True, number: int = 0) -> GridPage:
        """Return a page of the rows that hold a text, in upper or lower case, sorted by a column."""
        kept = self.frame[[column.name for column in self.columns]]
        if search.strip():
            kept = kept[pc.match_substring(self._texts, search.strip(), ignore_case=True).to_numpy(False)]
        if sort in kept.columns:
            kept = kept.sort_values(sort, ascending=not descending, kind="stable", na_position="last")
        pages = -(-len(kept) // PAGE_SIZE)
        number = max(0, min(number, pages - 1))
        seen = kept.iloc[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]
        written = [_written(seen[column.name], column.kind) for column in self.columns]
        return GridPage(
            seen.index.tolist(), [list(row) for row in zip(*written, strict=True)], number, pages, len(kept)
        )

    @cached_property
    def _texts(self) -> pa.Array:
        """The texts of each row that are searched, as one."""
        texts = [
            pc.fill_null(pa.array(self.frame[column.name].astype("str"), pa.string(), from_pandas=True), UNKNOWN)
            for column in self.columns
            if column.kind in _SEARCHED
        ]
        return pc.binary_join_element_wise(*texts, _BETWEEN)


def _written(values: pd.Series, kind: str) -> Iterable[str]:
    return map(_WRITERS[kind], values.astype("object"))
