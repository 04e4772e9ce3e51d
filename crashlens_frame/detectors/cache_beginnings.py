"""How far long prompts are alike from their beginning on, by hashes of what stands before certain lengths.

A log may hold whole prompts, or only what the user asked, or no texts at all. What a cache could read is the beginning
that prompts have in common, which is measured here in steps: a comparison of hashes costs the same for calls in memory
and for those of a log in parts, which are compared without their texts.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .lanes import Lane
from .texts import text_places, texts_between

# lengths in bytes; two bytes a token, so that the first is less than any prefix that a provider caches
STEPS = tuple(int(2048 * 1.2**step) for step in range(42))
_CHANGING = 1024  # bytes at the beginning, in which times and ids may change from call to call
LONGEST_LINE = 2000  # bytes; a first line of more is a part of the prompt like any other
# what changes from call to call: ids, and the digits of times and numbers; each has its length afterwards
_UUID, _NO_UUID = r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000"
_MOST = 0.8  # share of the prompts that begin alike
_HEX = 16  # letters of a hash
_ODD = np.uint64(0x9E3779B97F4A7C15)


def step_hashes(prompts: pa.LargeBinaryArray) -> np.ndarray:
    """Return hashes of how each prompt goes on from its second line, or from its first one if that is long.

    The first column is of its first bytes as they are. The others are of what stands before each of STEPS, with ids and
    digits masked in these first bytes. Where a prompt is shorter than the first of STEPS there is 0.
    """
    parts = _lines_apart(prompts)
    lengths = pc.fill_null(pc.binary_length(parts), 0).to_numpy()[1::2]
    reached = int(np.searchsorted(STEPS, lengths.max(initial=0), side="right"))
    hashes = np.zeros((len(prompts), 1 + reached), np.uint64)
    before = np.zeros(len(prompts), np.uint64)
    begin = 0
    for step, end in enumerate(STEPS[:reached], 1):
        row = np.flatnonzero(lengths >= end)
        texts = pc.binary_slice(parts, begin, end).take(pa.array(2 * row + 1))
        if begin == 0:
            head = pc.binary_slice(texts, 0, _CHANGING)
            hashes[row, 0], before[row] = _hashed(head), _hashed(masked(head))
            texts = pc.binary_slice(texts, _CHANGING, end)
        before[row] = before[row] * _ODD + _hashed(texts)
        hashes[row, step] = before[row] | np.uint64(1)
        begin = end
    return hashes


def masked(texts: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Return texts in which ids and digits are alike."""
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, _UUID, _NO_UUID), "[0-9]", "0")


def _hashed(texts: pa.LargeBinaryArray) -> np.ndarray:
    hashes: np.ndarray = pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False) | np.uint64(1)
    return hashes


def _lines_apart(prompts: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Return the first line of each prompt and the rest of it, in turn; a long first line is in the rest."""
    offsets = text_places(prompts)
    end = pc.find_substring(pc.binary_slice(prompts, 0, LONGEST_LINE), "\n")
    places = np.empty(2 * len(prompts) + 1, np.int64)
    places[::2] = offsets
    places[1::2] = offsets[:-1] + 1 + pc.fill_null(end, -1).to_numpy()
    return texts_between(places, prompts)


def common_beginnings(hashes: np.ndarray, lane: Lane) -> tuple[np.ndarray, np.ndarray]:
    """Return for each call how many bytes most prompts of its lane have in common, and whether its own does.

    ``hashes`` are those of ``step_hashes``, a row for each call of the lane.
    """
    common, alike = np.zeros(len(lane.row), np.int64), np.ones(len(lane.row), bool)
    for length, values in zip(STEPS, hashes.T[1:], strict=False):
        row = np.flatnonzero(values)
        same = pd.factorize(lane.number[row] << 32 | pd.factorize(values[row])[0])[0]
        most = row[np.bincount(same)[same] >= _MOST * lane.size[row]] if len(row) else row
        if not len(most):
            break
        agreed = np.zeros(len(lane.row), bool)
        agreed[most] = True
        whole = lane.any(agreed)
        common[whole], alike[whole] = length, agreed[whole]
    return common, alike


def as_letters(hashes: np.ndarray) -> pa.LargeStringArray:
    """Return the hashes of each row as letters, without those that are 0."""
    letters = np.frombuffer(hashes.astype(">u8").tobytes().hex().encode(), np.uint8)
    kept = np.repeat((hashes > 0).ravel(), _HEX)
    ends = (hashes > 0).sum(axis=1).cumsum() * _HEX
    offsets = np.concatenate(([0], ends)).astype(np.int64)
    return pa.LargeStringArray.from_buffers(len(hashes), pa.py_buffer(offsets), pa.py_buffer(letters[kept]))


def from_letters(letters: pa.LargeStringArray) -> np.ndarray:
    """Return the hashes that ``as_letters`` has written; 0 where there are none."""
    lengths = pc.fill_null(pc.binary_length(letters), 0).to_numpy() // _HEX
    every = bytes.fromhex("".join(pc.fill_null(letters, "").to_pylist()))
    hashes = np.zeros((len(letters), max(int(lengths.max(initial=0)), 1)), np.uint64)
    hashes[np.arange(hashes.shape[1]) < lengths[:, None]] = np.frombuffer(every, ">u8")
    return hashes
