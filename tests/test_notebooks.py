"""The notebooks hold what nbval compares: outputs of every cell, run from top to bottom, without what changes."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_was_run_once_and_from_top_to_bottom(path):
    # nbval compares nothing where a cell was never run
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_one_run_alone_is_kept(path):
    notebook = nbformat.read(path, as_version=4)

    assert set(notebook.metadata) == {"kernelspec"}
    assert [cell.id for cell in notebook.cells if "execution" in cell.metadata] == []
    assert [cell.id for cell in notebook.cells if cell.source.endswith(";")] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_that_draws_is_followed_by_one_that_asserts(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    drawing = [place for place, cell in enumerate(cells) if ".plot." in cell.source]

    # behind it, or behind what is computed of the same and is on the page
    checks = ["assert" in "".join(cell.source for cell in cells[place + 1 : place + 3]) for place in drawing]

    assert [cells[place].source for place, check in zip(drawing, checks, strict=True) if not check] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_that_assert_are_not_on_the_page_and_all_others_are(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    asserting = [cell.id for cell in cells if re.search(r"^(assert |pd\.testing\.)", cell.source, re.MULTILINE)]
    ending = [cell.id for cell in cells[-1:] if ".cleanup()" in cell.source or ".close()" in cell.source]
    hidden = [cell.id for cell in cells if "remove-cell" in cell.metadata.get("tags", [])]

    assert hidden == list(dict.fromkeys([*asserting, *ending]))
    assert [cell.id for cell in cells if cell.id in hidden and cell.outputs] == []
