"""Run the code of the guides, and put what it returns on their pages: no result on them is older than the site.

A cell is a block that begins with ```` ```{run} ````. All guides share one kernel, which forgets every name between two
of them: to start a kernel takes longer than to run a guide.
"""

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from .sample_logs import write_logs

_CELL = re.compile(r"^```\{run\}( hidden)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([\w./]+)\.md")
_LANGUAGE = {"language_info": {"name": "python"}}
_SETUP = """\
import pandas as pd
from matplotlib_inline.backend_inline import set_matplotlib_formats

pd.options.display.float_format = "{:,.4g}".format
pd.options.display.max_colwidth = 90
pd.options.display.max_columns = 14
set_matplotlib_formats("svg")
"""


def write_pages(folder: Path, root: Path) -> None:
    """Replace each guide that has code by a notebook with the results."""
    write_logs(folder / "guides")
    _point_to_notebooks(folder)
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((folder / "guides").glob("*.md"))}
    guides = {path: _cells(text) for path, text in texts.items() if _CELL.search(text)}
    whole = nbformat.v4.new_notebook()
    for cells in guides.values():
        whole.cells += [nbformat.v4.new_code_cell(f"%reset -f\n{_SETUP}"), *cells]
    here = {"metadata": {"path": folder / "guides"}}
    NotebookClient(whole, timeout=120, resources=here, extra_arguments=["--log-level=ERROR"]).execute()
    for path, cells in guides.items():
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=_LANGUAGE), path.with_suffix(".ipynb"))
        path.unlink()


def _point_to_notebooks(folder: Path) -> None:
    """Let the links to guides that have code lead to the notebooks that replace them."""
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    replaced = {path.resolve() for path, text in texts.items() if _CELL.search(text)}
    for path, text in texts.items():

        def pointed(link: re.Match[str], page: Path = path) -> str:
            is_replaced = (page.parent / f"{link[1]}.md").resolve() in replaced
            return f"]({link[1]}.ipynb" if is_replaced else link[0]

        path.write_text(_LINK.sub(pointed, text), encoding="utf-8")


def _cells(text: str) -> list[nbformat.NotebookNode]:
    """Return a page as cells: its texts, and between them its code."""
    cells, end = [], 0
    for found in _CELL.finditer(text):
        cells.append(nbformat.v4.new_markdown_cell(text[end : found.start()].strip()))
        tags = {"tags": ["remove-input"]} if found[1] else {}
        cells.append(nbformat.v4.new_code_cell(found[2].rstrip("\n"), metadata=tags))
        end = found.end()
    return [*cells, nbformat.v4.new_markdown_cell(text[end:].strip())]
