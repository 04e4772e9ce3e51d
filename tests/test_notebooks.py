"""The notebooks hold what nbval compares: outputs of every cell, run from top to bottom, without what changes."""

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

    assert [cells[place].source for place in drawing if "assert" not in cells[place + 1].source] == []
