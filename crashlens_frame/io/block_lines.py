"""The lines of a block: where they end, which may be objects of JSON, and some of them as a block of their own."""

import numpy as np

_LINE_FEED, _CARRIAGE_RETURN, _OPEN, _CLOSE = b"\n\r{}"


def line_ends(block: bytes) -> np.ndarray:
    """Return the positions of the line feeds."""
    return np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_FEED)


def regular_lines(block: bytes, ends: np.ndarray) -> np.ndarray:
    """Return for each line whether it begins and ends as a JSON object does.

    From other lines Arrow could make more or fewer rows than lines, and Arrow 26 crashes if a block begins with a null.
    """
    characters = np.frombuffer(block, np.uint8)
    begins = np.append(0, ends[:-1] + 1)[: len(ends)]
    last = ends - 1 - (characters[ends - 1] == _CARRIAGE_RETURN)
    regular: np.ndarray = (characters[begins] == _OPEN) & (characters[last] == _CLOSE)
    return regular


def chosen_lines(block: bytes, ends: np.ndarray, chosen: np.ndarray) -> bytes:
    """Return some lines of a block, which ends with a line feed, as a block."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    cuts = np.append(0, ends + 1)[edges].tolist()
    whole = memoryview(block)
    return b"".join([whole[begin:end] for begin, end in zip(cuts[::2], cuts[1::2], strict=True)])
