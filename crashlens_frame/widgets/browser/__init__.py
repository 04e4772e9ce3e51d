"""The parts of the widgets that live in the browser: a table, lists of boxes to tick, a chart, the page itself.

Each has its script beside it. A script draws what the kernel sends, and sends back what was clicked; it computes
nothing, and sets each text as text. The scripts are sent with the widget: nothing is loaded from another server.
"""

from pathlib import Path
from typing import Any

import anywidget
import traitlets as T  # noqa: N812


def _script(name: str) -> str:
    folder = Path(__file__).parent
    return "".join((folder / f"{each}.js").read_text(encoding="utf-8") for each in ("shared", name))


def _sent(trait: Any) -> Any:
    return trait.tag(sync=True)


class Grid(anywidget.AnyWidget):
    """A table with a search field, columns that sort, and pages; ``GridPanel`` fills it."""

    _esm = _script("grid")
    columns = _sent(T.List())
    falls = _sent(T.List())  # columns whose largest values come first
    rows = _sent(T.List())
    total = _sent(T.Int(0))
    pages = _sent(T.Int(0))
    place = _sent(T.Unicode(""))
    hint = _sent(T.Unicode("search"))
    opens = _sent(T.Bool(False))
    search = _sent(T.Unicode(""))
    sort = _sent(T.Unicode(""))
    descending = _sent(T.Bool(True))
    page = _sent(T.Int(0))
    chosen = _sent(T.Int(-1))


class Choices(anywidget.AnyWidget):
    """Values to tick, each with its number of calls; ``LabelFilter`` fills it."""

    _esm = _script("choices")
    title = _sent(T.Unicode(""))
    opened = _sent(T.Bool(False))
    rows = _sent(T.List())
    more = _sent(T.Unicode(""))
    can_search = _sent(T.Bool(False))
    search = _sent(T.Unicode(""))
    chosen = _sent(T.List(T.Int()))


class Chart(anywidget.AnyWidget):
    """Costs over time, as ``cost_chart`` lays them out."""

    _esm = _script("chart")
    data = _sent(T.Dict())


class Page(anywidget.AnyWidget):
    """The page in the browser: its address holds the view, and it saves files."""

    _esm = _script("page")
    has_address = _sent(T.Bool(False))
    state = _sent(T.Unicode(""))

    def save(self, name: str, content: bytes, kind: str) -> None:
        """Send a file that the browser saves."""
        self.send({"name": name, "type": kind}, [content])
