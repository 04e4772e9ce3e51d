"""Lines that are read one by one, in processes of their own once there are many: each is Python, and holds the GIL."""

from functools import partial

from ..formats import are_formats_of_the_package
from .lines_content import LinesContent
from .processes import Processes
from .read_lines import LinesOfBlock, read_block_by_line

_MANY = 16 << 20  # bytes that take as long as processes take to start


class LineProcesses:
    """Read blocks line by line; the same function reads them here and in a process.

    Parameters
    ----------
    format
        Key of FORMATS; None detects it.
    columns
        The columns to read; None: all.
    """

    def __init__(self, format: str | None, columns: frozenset[str] | None) -> None:
        self._here = partial(read_block_by_line, format=format, columns=columns)
        self._processes = Processes(self._here)
        self._bytes = 0

    def read(self, lines: LinesOfBlock) -> LinesContent:
        """Read lines one by one."""
        self._bytes += len(lines.block)
        if self._bytes < _MANY or not are_formats_of_the_package():
            return self._here(lines)
        return self._processes.do(lines)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()
