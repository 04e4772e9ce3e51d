"""The lines of a block: where they end, which may be objects of JSON, what keys they have, and some of them alone."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_LINE_FEED, _CARRIAGE_RETURN, _OPEN, _CLOSE, _QUOTE, _COLON, _BACKSLASH = b'\n\r{}":\\'


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


def lines_at(block: bytes, ends: np.ndarray, rows: np.ndarray) -> list[bytes]:
    """Return some lines of a block, without their line feeds."""
    begins = np.append(0, ends + 1)
    return [block[begin:end] for begin, end in zip(begins[rows].tolist(), ends[rows].tolist(), strict=True)]


def replaced_lines(block: bytes, ends: np.ndarray, rows: np.ndarray, lines: Iterable[bytes]) -> bytes:
    """Return a block with others, each with its line feed, in the place of some lines; ``rows`` are in order."""
    cuts = np.append(0, ends + 1)
    kept = zip(np.append(0, cuts[rows + 1]).tolist(), np.append(cuts[rows], len(block)).tolist(), strict=True)
    whole = memoryview(block)
    return b"".join(
        [piece for (begin, end), line in zip(kept, [*lines, b""], strict=True) for piece in (whole[begin:end], line)]
    )


class OtherKeys(NamedTuple):
    """Keys in the lines of a block: the line of each, from 0, and the eight bytes before its closing quote."""

    lines: np.ndarray
    ends: np.ndarray


def other_keys(block: bytes, ends: np.ndarray, known: np.ndarray) -> OtherKeys:
    """Return the keys that do not end as any of some that are known.

    Eight bytes are compared at once. Before a shorter key they hold what is before it in the line.
    """
    characters = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero((characters[:-1] == _QUOTE) & (characters[1:] == _COLON))
    quotes = quotes[characters[quotes - 1] != _BACKSLASH]  # others are within texts
    before = np.ndarray(len(block) + 1, np.uint64, bytes(8) + block, strides=(1,))[quotes]
    is_other = ~np.isin(before, known)
    return OtherKeys(np.searchsorted(ends, quotes[is_other]), before[is_other])
