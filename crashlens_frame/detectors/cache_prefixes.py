"""Which prompts have a prefix in common: what a cache could read, as far as the text shows."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import joint_codes
from .cache_rules import CacheTokens
from .facts import Facts, Texts
from .lanes import lanes

PREFIX_BYTES = 160  # bytes of a prompt that say where it belongs
LEAST_BROKEN = 3  # calls from which on a prefix is broken by design
_TAIL = 64  # bytes
_LONGEST_LINE = 2000  # bytes
_SHORT_HEAD, _SHORT_REST = 20, 40  # characters of a text that is too short to say that two prompts are alike


def continue_prompts(facts: Facts, row: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return which prompts hold the prompt of the row before: it begins alike, and goes on where that one ended.

    A prompt that is not known continues any.
    """
    both = np.concatenate((row, before))
    head = facts.texts("prompt", both, slice(0, PREFIX_BYTES)).codes()
    known = facts.prompt[row] >= 0
    same = head[: len(row)] == head[len(row) :]
    texts = facts.texts("prompt", both)
    prompts = texts.distinct
    offsets = np.frombuffer(prompts.buffers()[1], np.int64, len(prompts) + 1, prompts.offset * 8)
    letters = np.frombuffer(prompts.buffers()[2] or b"\0", np.uint8)
    begin, length = offsets[texts.index], np.diff(offsets)[texts.index]
    ours, theirs = begin[: len(row)], begin[len(row) :]
    end = length[len(row) :]
    same &= length[: len(row)] > end
    for number in range(1, 1 + min(_TAIL, int(end.max(initial=0)))):
        place = np.flatnonzero(same & known)
        at = np.maximum(end[place] - number, 0)
        same[place] = letters[ours[place] + at] == letters[theirs[place] + at]
    return same | ~known


def shared_lanes(tokens: CacheTokens) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the lanes over traces, and the code of the first line of each prompt.

    The lanes are prompts that go on alike after another first line, and prompts that begin alike. A call with -1 is in
    no lane.
    """
    facts, rows = tokens.facts, tokens.rows
    prompts = facts.texts("prompt", rows, slice(0, _LONGEST_LINE))
    halves = _first_line_and_rest(prompts.as_text())
    known = facts.prompt[rows] >= 0
    parts = [Texts(half.view(pa.large_binary()), prompts.index) for half in halves]
    codes = [part.codes() for part in parts]
    first, rest = (
        np.where(part.flags(partial(_at_least, least=least)) & known, code, -1)
        for part, code, least in zip(parts, codes, (_SHORT_HEAD, _SHORT_REST), strict=True)
    )

    def of_all(code: np.ndarray) -> np.ndarray:
        every = np.full(len(facts.start), -1)
        every[rows] = code
        return every

    task, prefix = facts.task[rows], facts.code("prefix_hash")[rows]
    after = of_all(np.where(rest >= 0, joint_codes([task, rest]), -1))
    lane = lanes(facts, [after], rows[rest >= 0], least=LEAST_BROKEN)
    moved = np.zeros(len(facts.start), bool)
    moved[lane.row[lane.distinct(of_all(first)[lane.row]) >= np.maximum(LEAST_BROKEN, 0.5 * lane.size)]] = True
    begins = np.where(first >= 0, joint_codes([task, first]), -1)
    if (prefix >= 0).any():
        hashed = joint_codes([task, prefix]) + begins.max(initial=0) + 1
        begins = np.where((first < 0) & (prefix >= 0), hashed, begins)
    return [np.where(moved, after, -1), of_all(begins)], of_all(codes[0])


def prefix_halves(prompts: pa.LargeStringArray) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return how the first line of each prompt begins, how the rest does, and whether there is a rest."""
    seen = pc.binary_slice(prompts.view(pa.large_binary()), 0, _LONGEST_LINE).view(pa.large_string())
    first, rest = _first_line_and_rest(seen)
    has_rest = pc.greater(pc.binary_length(rest), 0)  # which ends with the end of the line that was added
    is_whole = pc.less(pc.binary_length(rest), PREFIX_BYTES)
    return first, pc.if_else(is_whole, pc.replace_substring_regex(rest, r"\n\z", ""), rest), has_rest


def _at_least(texts: pa.Array, least: int) -> pa.Array:
    """Return which texts have at least this number of characters."""
    return pc.greater_equal(pc.utf8_length(texts), least)


def _first_line_and_rest(prompts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return how the first line of each prompt begins, and what follows it."""
    end, separator = pa.scalar("", prompts.type), pa.scalar("\n", prompts.type)
    halves = pc.split_pattern(pc.binary_join_element_wise(prompts, end, separator), "\n", max_splits=1)
    first, rest = (pc.list_element(halves, place).view(pa.large_binary()) for place in (0, 1))
    return tuple(pc.binary_slice(part, 0, PREFIX_BYTES).view(pa.large_string()) for part in (first, rest))
