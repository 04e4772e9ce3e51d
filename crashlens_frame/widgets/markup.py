"""The HTML of the widgets: cards, notes and their style. Logged text is escaped here and nowhere else.

The colours are those of JupyterLab's theme, light or dark, and fixed ones where there is no theme.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from ..report import Table
from ..words import printable, printable_lines

STYLE = f"<style>\n{(Path(__file__).parent / 'browser' / 'style.css').read_text(encoding='utf-8')}</style>"


def escape_text(value: object) -> str:
    """Return logged text as HTML text: no markup, and no unprintable character."""
    return escape(printable(str(value)))


def escape_lines(value: str) -> str:
    """Return logged text of several lines as HTML text."""
    return escape(printable_lines(value))


class Card(NamedTuple):
    """A figure: what it is, a note, and how it changed, with whether that is "worse", "better" or "same"."""

    figure: str
    note: str
    change: str = ""
    mood: str = "same"


def cards(figures: Mapping[str, Card]) -> str:
    """Return figures as cards: title -> card."""
    each = (
        f'<div class="cl-card"><span>{escape_text(title)}</span><b>{escape_text(card.figure)}</b>'
        f"{_change(card)}<span>{escape_text(card.note)}</span></div>"
        for title, card in figures.items()
    )
    return f'<div class="cl-cards">{"".join(each)}</div>'


def _change(card: Card) -> str:
    return f'<em class="cl-{card.mood}">{escape_text(card.change)}</em>' if card.change else ""


def title(name: str, words: str) -> str:
    """Return the name of a log and what is in it, as the head of a page."""
    return f'<header class="cl-title"><h2>{escape_text(name)}</h2><span>{escape_text(words)}</span></header>'


def picture(svg: str) -> str:
    """Return a plot that is no wider than the page."""
    return f'<div class="cl-picture">{svg}</div>'


def scrolled(table: Table, kind: str = "cl-rows") -> str:
    """Return a table that scrolls sideways where it is too wide."""
    return f'<div class="cl-scroll {kind}">{table.to_html()}</div>'


def budget_bar(title: str, words: str, remark: str, status: str, *, spent: float, projected: float) -> str:
    """Return a bar of what is spent and what is projected, as shares of a limit, which a line marks if it is passed."""
    spent, projected = (0.0 if share != share else max(share, 0.0) for share in (spent, projected))
    width = max(spent, projected, 1.0)
    limit = f'<u style="left:{100 / width:.4g}%"></u>' if width > 1 else ""
    return (
        f'<div class="cl-budget cl-{status}"><div><span><b>{escape_text(title)}</b> {escape_text(remark)}</span>'
        f'<span>{escape_text(words)}</span></div><div class="cl-track">'
        f'<i class="cl-projected" style="width:{100 * projected / width:.4g}%"></i>'
        f'<i style="width:{100 * spent / width:.4g}%"></i>{limit}</div></div>'
    )


def note(words: str) -> str:
    """Return a note that a reader may skip."""
    return f'<span class="cl-note" role="status">{escape_text(words)}</span>' if words else ""


def alert(words: str) -> str:
    """Return a message that a reader must not miss; a screen reader reads it out."""
    lines = "<br>".join(map(escape_text, words.splitlines()))
    return f'<span class="cl-alert" role="alert">{lines}</span>' if words else ""


def heading(words: str) -> str:
    """Return the heading of a section."""
    return f"<h3>{escape_text(words)}</h3>"
