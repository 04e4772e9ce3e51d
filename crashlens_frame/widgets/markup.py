"""The HTML of the widgets: cards, notes and their style. Logged text is escaped here and nowhere else.

The colours are those of JupyterLab's theme, light or dark, and fixed ones where there is no theme.
"""

from collections.abc import Iterable
from html import escape

from ..report import Table
from ..words import printable

STYLE = """<style>
.crashlens { --ink: var(--jp-ui-font-color1, #1f1f1f); --faint: var(--jp-ui-font-color2, #616161);
  --line: var(--jp-border-color2, #d0d0d0); --paper: var(--jp-layout-color1, #fff);
  --tint: var(--jp-layout-color2, #f3f3f3);
  color: var(--ink); font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: 13px; max-width: 1280px; }
.crashlens .widget-html { min-width: 0; max-width: 100%; }
.crashlens .widget-html-content { color: var(--ink); line-height: 1.45; flex: 1 1 auto; min-width: 0; }
.crashlens h3 { margin: 18px 0 4px; font-size: 15px; font-weight: 600; }
.crashlens .cl-row { display: flex; flex-flow: row wrap; gap: 6px 16px; align-items: flex-start; overflow: visible; }
.crashlens .cl-row > .widget-html { flex: 1 1 auto; }
.crashlens .cl-bar { align-items: center; }
.crashlens .cl-cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 4px 0 8px; }
.crashlens .cl-card { flex: 1 1 108px; border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px;
  background: var(--paper); }
.crashlens .cl-card b { display: block; font-size: 21px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.crashlens .cl-card span, .crashlens .cl-note { color: var(--faint); font-size: 12px; }
.crashlens .cl-picture svg { width: 100%; max-width: 1020px; height: auto; display: block; }
.crashlens .cl-scroll { overflow-x: auto; }
.crashlens table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums; width: 100%;
  color: var(--ink); }
.crashlens th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--line); white-space: nowrap; }
.crashlens th, .crashlens td { padding: 4px 8px; vertical-align: top; }
.crashlens td { max-width: 320px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.crashlens .cl-patterns td { white-space: normal; }
.crashlens .cl-patterns td:first-child { white-space: nowrap; font-weight: 600; }
.crashlens tbody tr:nth-child(even) { background: var(--tint); }
.crashlens .cl-finding { display: grid; gap: 8px; align-items: center; padding: 0 4px; border-radius: 4px;
  grid-template-columns: 78px 124px minmax(80px, 2fr) 52px 78px minmax(110px, 3fr);
  font-variant-numeric: tabular-nums; }
.crashlens .cl-finding > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.crashlens .cl-finding .cl-number { text-align: right; }
.crashlens .cl-head { color: var(--faint); font-weight: 600; font-size: 12px; }
.crashlens .cl-line { align-items: center; width: 100%; border-bottom: 1px solid var(--line); overflow: hidden; }
.crashlens .cl-line > .widget-html { flex: 1 1 auto; min-width: 0; }
.crashlens .cl-chosen { background: var(--tint); }
.crashlens .cl-severity { border-left: 4px solid; padding-left: 6px; }
.crashlens .cl-high { border-color: #D55E00; } .crashlens .cl-medium { border-color: #E69F00; }
.crashlens .cl-low { border-color: #56B4E9; }
.crashlens .cl-budget { max-width: 1020px; margin: 6px 0 10px; }
.crashlens .cl-budget > div:first-child { display: flex; gap: 12px; justify-content: space-between; flex-wrap: wrap; }
.crashlens .cl-track { position: relative; height: 10px; border-radius: 5px; background: var(--tint); overflow: hidden;
  border: 1px solid var(--line); }
.crashlens .cl-track i { position: absolute; inset: 0 auto 0 0; }
.crashlens .cl-track u { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--ink); }
.crashlens .cl-ok i { background: #009E73; } .crashlens .cl-warn i { background: #E69F00; }
.crashlens .cl-over i { background: #D55E00; } .crashlens .cl-track i.cl-projected { opacity: 0.35; }
.crashlens .cl-alert { color: var(--jp-error-color1, #b3261e); font-weight: 600; }
.crashlens .widget-inline-hbox .widget-label { color: var(--ink); }
.crashlens button:focus-visible, .crashlens input:focus-visible, .crashlens select:focus-visible,
.crashlens textarea:focus-visible { outline: 2px solid #0072B2; outline-offset: 1px; }
body[data-jp-theme-light="false"] .crashlens, body.theme-dark .crashlens { color-scheme: dark; }
@media (max-width: 900px) {
  .crashlens .cl-finding { grid-template-columns: 78px 124px minmax(80px, 2fr) 44px 78px; }
  .crashlens .cl-finding > :last-child { display: none; }
}
</style>"""


def escape_text(value: object) -> str:
    """Return logged text as HTML text: no markup, and no unprintable character."""
    return escape(printable(str(value)))


def cards(figures: dict[str, tuple[str, str]]) -> str:
    """Return figures as cards: title -> (figure, note)."""
    each = (
        f'<div class="cl-card"><span>{escape_text(title)}</span><b>{escape_text(figure)}</b>'
        f"<span>{escape_text(note)}</span></div>"
        for title, (figure, note) in figures.items()
    )
    return f'<div class="cl-cards">{"".join(each)}</div>'


def picture(svg: str) -> str:
    """Return a plot that is no wider than the page."""
    return f'<div class="cl-picture">{svg}</div>'


def scrolled(table: Table, kind: str = "cl-rows") -> str:
    """Return a table that scrolls sideways where it is too wide."""
    return f'<div class="cl-scroll {kind}">{table.to_html()}</div>'


def section(title: str, table: Table) -> str:
    """Return a table below its heading, whose texts go on in the next line where there is no room."""
    return f'{heading(title)}<div class="cl-scroll cl-patterns">{table.to_html()}</div>'


def line(cells: Iterable[tuple[str, str]], kind: str = "") -> str:
    """Return a line of the table of findings from its cells: (text, class)."""
    spans = (f'<span class="{each}" title="{escape_text(words)}">{escape_text(words)}</span>' for words, each in cells)
    return f'<div class="cl-finding {kind}">{"".join(spans)}</div>'


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
