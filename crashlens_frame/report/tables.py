"""Small tables for people: as text of a given width, as Markdown, as HTML.

Logged text is data here: control characters, terminal escapes and bidirectional controls are shown as escapes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import chain
from textwrap import wrap
from typing import Any, Literal

import pandas as pd

from ..words import UNKNOWN, cut, digits, money, percent, printable, signed_money, terminal_width

_LONGEST = 200  # characters of a cell, at any width
_NARROWEST = 6  # columns that a text is cut to before whole columns are left out
_NARROWEST_LINE = 30  # columns that a line below a row has at least, where the terminal is wide enough


@dataclass(frozen=True)
class Cells:
    """The cells of one column of a table; only flexible columns are cut when the table is too wide."""

    texts: tuple[str, ...]
    align: Literal["left", "right", "point"]
    flexible: bool = False


def text_cells(values: Iterable[Any], *, flexible: bool = True) -> Cells:
    """Return a column of logged text, made printable, and cut where the table is too wide.

    Examples
    --------
    >>> from crashlens_frame.report.tables import text_cells
    >>> text_cells(["gpt-4o", None]).texts
    ('gpt-4o', 'unknown')
    """
    return Cells(tuple(UNKNOWN if pd.isna(v) else cut(printable(str(v)), _LONGEST) for v in values), "left", flexible)


def count_cells(values: Iterable[Any]) -> Cells:
    """Return a column of whole numbers.

    Examples
    --------
    >>> from crashlens_frame.report.tables import count_cells
    >>> count_cells([1000, None]).texts
    ('1,000', 'unknown')
    """
    return Cells(tuple(map(digits, values)), "right")


def share_cells(values: Iterable[Any]) -> Cells:
    """Return a column of shares from 0 to 1, as percent.

    Examples
    --------
    >>> from crashlens_frame.report.tables import share_cells
    >>> share_cells([0.5, None]).texts
    ('50.0 %', 'unknown')
    """
    return Cells(tuple(percent(value, 1) for value in values), "right")


def money_cells(values: Iterable[Any]) -> Cells:
    """Return a column of amounts, aligned at the decimal point.

    Examples
    --------
    >>> from crashlens_frame.report.tables import money_cells
    >>> money_cells([12.5, 0.00042]).texts
    ('$12.50', '$0.00042')
    """
    return Cells(tuple(map(money, values)), "point")


def change_cells(values: Iterable[Any]) -> Cells:
    """Return a column of differences of money, aligned at the decimal point.

    Examples
    --------
    >>> from crashlens_frame.report.tables import change_cells
    >>> change_cells([2, -0.5]).texts
    ('+$2.00', '-$0.50')
    """
    return Cells(tuple(map(signed_money, values)), "point")


@dataclass(frozen=True)
class Table:
    """A small table for people.

    Parameters
    ----------
    columns
        Header -> cells, from left to right.
    below
        Headers of columns that text has in lines of their own below each row, one line per group; HTML and Markdown
        have them as columns.
    note
        Line below the table.

    Examples
    --------
    >>> from crashlens_frame.report.tables import Table, count_cells, money_cells, text_cells
    >>> table = Table({"model": text_cells(["gpt-4o", "o3"]), "calls": count_cells([1200, 3]),
    ...                "cost": money_cells([12.5, 0.00042])})
    >>> print(table.to_text())
    model   calls  cost
    gpt-4o  1,200  $12.50
    o3          3   $0.00042
    """

    columns: Mapping[str, Cells]
    note: str = ""
    below: tuple[tuple[str, ...], ...] = ()

    def to_text(self, width: int = 80) -> str:
        """Write the table as text that fits the width of a terminal.

        Flexible columns are cut; if that is not enough, columns at the right end are left out.

        Parameters
        ----------
        width
            Columns of the terminal.

        Returns
        -------
        str
            The lines, without a newline at the end.

        Examples
        --------
        >>> from crashlens_frame.report.tables import Table, text_cells
        >>> print(Table({"model": text_cells(["claude-sonnet-4-5-20250929"])}).to_text(12))
        model
        claude-sonn…
        """
        in_row = {header: cells for header, cells in self.columns.items() if header not in chain(*self.below)}
        blocks = [_aligned(header, cells) for header, cells in in_row.items()]
        flexible = [cells.flexible for cells in in_row.values()]
        while len(blocks) > 1 and _least(blocks, flexible) > width:
            blocks.pop()
        widths = [_width(block) for block in blocks]
        yielding = [place for place in range(len(blocks)) if flexible[place]]
        while yielding and sum(widths) + 2 * (len(widths) - 1) > width:
            widths[max(yielding, key=widths.__getitem__)] -= 1
        for place in yielding:
            blocks[place] = [_filled(cut(line.rstrip(), widths[place]), widths[place]) for line in blocks[place]]
        lines = ["  ".join(line).rstrip() for line in zip(*blocks, strict=True)]
        indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
        lines = [
            *lines[:1],
            *(each for row, line in enumerate(lines[1:]) for each in (line, *self._below(row, indent, width))),
        ]
        return "\n".join([*lines, cut(self.note, width)] if self.note else lines)

    def to_markdown(self) -> str:
        r"""Write the table as GitHub-flavoured Markdown, in which no cell is markup.

        Returns
        -------
        str
            The lines, without a newline at the end.

        Examples
        --------
        >>> from crashlens_frame.report.tables import Table, text_cells
        >>> print(Table({"model": text_cells(["a|b <i>"])}).to_markdown())
        | model |
        | :--- |
        | a\|b &lt;i&gt; |
        """
        lines = [
            list(self.columns),
            [":---" if cells.align == "left" else "---:" for cells in self.columns.values()],
            *([escape_markdown(text) for text in row] for row in self._rows()),
        ]
        rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{rows}\n\n{escape_markdown(self.note)}" if self.note else rows

    def to_html(self) -> str:
        """Write the table as an HTML table, in which no cell is markup.

        Returns
        -------
        str
            One ``table`` element.

        Examples
        --------
        >>> from crashlens_frame.report.tables import Table, text_cells
        >>> Table({"model": text_cells(["<i>"])}).to_html().count("<i>")
        0
        """
        sides = ["left" if cells.align == "left" else "right" for cells in self.columns.values()]
        head = "".join(
            f'<th style="text-align:{side}">{escape(header)}</th>'
            for header, side in zip(self.columns, sides, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(f'<td style="text-align:{s}">{escape(t)}</td>' for t, s in zip(row, sides, strict=True))
            + "</tr>"
            for row in self._rows()
        )
        note = f"<p>{escape(self.note)}</p>" if self.note else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def _below(self, row: int, indent: int, width: int) -> list[str]:
        """Return the lines below a row: the known cells of each group, in the place of the last column."""
        indent = indent if width - indent >= _NARROWEST_LINE else min(2, width - 1)
        groups = ([self.columns[header].texts[row] for header in group] for group in self.below)
        texts = (", ".join(text for text in group if text != UNKNOWN) for group in groups)
        return [
            " " * indent + cut(line, width - indent) for text in texts for line in wrap(text, max(width - indent, 1))
        ]

    def _rows(self) -> Iterable[tuple[str, ...]]:
        return zip(*(cells.texts for cells in self.columns.values()), strict=True)


def escape_markdown(text: str) -> str:
    r"""Escape a text so that Markdown shows it unchanged; dollars too, which notebooks take for mathematics.

    Examples
    --------
    >>> from crashlens_frame.report.tables import escape_markdown
    >>> print(escape_markdown("*gpt* $1"))
    \*gpt\* \$1
    """
    text = re.sub(r"([\\`*\[\]|~$#])", r"\\\1", text)
    text = re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\_", text)
    # a bare address would become a link
    return escape(text, quote=False).replace("://", ":&#47;/")


def _filled(text: str, width: int) -> str:
    return text + " " * (width - terminal_width(text))


def _width(block: list[str]) -> int:
    return terminal_width(block[0])


def _least(blocks: list[list[str]], flexible: list[bool]) -> int:
    """Return the width of the table with every flexible column cut as far as possible."""
    widths = [min(_width(b), _NARROWEST) if f else _width(b) for b, f in zip(blocks, flexible, strict=False)]
    return sum(widths) + 2 * (len(blocks) - 1)


def align_decimals(cells: Cells, space: str = "\u2007") -> list[str]:
    """Pad amounts on the right with spaces as wide as a digit, so that their decimal points are aligned.

    Examples
    --------
    >>> from crashlens_frame.report.tables import align_decimals, money_cells
    >>> align_decimals(money_cells([12.5, 0.00042]), " ")
    ['$12.50   ', '$0.00042']
    """
    tails = [len(text.partition(".")[2]) for text in cells.texts]
    longest = max(tails, default=0)
    return [text + space * (longest - tail) if tail else text for text, tail in zip(cells.texts, tails, strict=True)]


def _aligned(header: str, cells: Cells) -> list[str]:
    """Pad header and cells to one width."""
    texts = align_decimals(cells, " ") if cells.align == "point" else list(cells.texts)
    width = max(map(terminal_width, [header, *texts]))
    if cells.align == "left":
        return [_filled(text, width) for text in [header, *texts]]
    return [" " * (width - terminal_width(text)) + text for text in [header, *texts]]
