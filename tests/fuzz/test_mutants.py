"""Some broken lines of every format; ``python -m tests.fuzz`` reads many."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

import pytest

from crashlens_frame.formats import FORMATS
from crashlens_frame.io.lines_content import LinesContent
from crashlens_frame.io.processes import Processes
from crashlens_frame.io.read_lines import LinesOfBlock, read_block_by_line, read_line_by_line

from ..support.processes import ready
from .mutants import fuzz, replaced, samples

EACH = 50


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes[LinesOfBlock, LinesContent]]:
    started = ready(Processes(partial(read_block_by_line, format=None, columns=None)))
    yield started
    started.close()


def test_every_format_has_samples() -> None:
    assert [name for name, lines in samples().items() if not lines] == []


@pytest.mark.parametrize("name", FORMATS)
def test_broken_lines_are_read_alike_by_blocks_and_by_lines(name: str) -> None:
    fuzz(name, EACH, seed=1)


@pytest.mark.parametrize("name", FORMATS)
def test_no_single_value_ends_the_reading(name: str) -> None:
    lines = islice(replaced(name), 0, 101 * EACH, 2 * 101)
    read_line_by_line(enumerate(lines, 1), source="log", format=None, columns=None)


@pytest.mark.parametrize("name", FORMATS)
def test_broken_lines_are_read_alike_in_processes(name: str, processes: Processes[LinesOfBlock, LinesContent]) -> None:
    fuzz(name, EACH // 10, seed=2, one_by_one=processes.do)
