"""Rows of equal keys brought side by side, without a hash of a text.

A key is a row of one array of whole numbers or of several. Rows are sorted by a bucket of their key, sixteen bits at a
time, which takes linear time; then keys are compared with those beside them. Two keys in one bucket are told apart, so
a poor hash costs time, and never a wrong group.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Keys = Sequence[np.ndarray]

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio: a multiplication spreads each bit over those above
_HALF = np.uint64(32)
_CROWD_BITS = 21  # buckets to count in, few enough to stay in the cache
_WORD = 8  # bytes of a text that are one number


def keys(texts: pa.ChunkedArray) -> list[np.ndarray]:
    """Give numbers, an array or several, that are all equal where two texts are, and only there.

    Texts of one width, as nearly all ids are, are their own numbers, eight bytes each; labels have theirs.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.groups import keys
    >>> [key.tolist() for key in keys(pa.chunked_array([["t-1", "t-20", "t-1"]]))]
    [[0, 1, 0]]
    """
    width = _width(texts)
    if width >= _WORD:
        # the last number overlaps the one before where the width is no whole number of words
        places = [*range(0, width - _WORD, _WORD), width - _WORD]
        return [np.concatenate([_words(chunk, width, place) for chunk in texts.chunks]) for place in places]
    if not pa.types.is_dictionary(texts.type):
        texts = pc.dictionary_encode(texts, null_encoding="encode")
    codes, _ = coded(texts)
    return [codes]


def coded(labels: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Give the number of each label, -1 for null, and the label that each number stands for."""
    labels = labels.unify_dictionaries().combine_chunks()
    if isinstance(labels, pa.ChunkedArray):  # no chunk at all
        return np.empty(0, np.int64), pa.array([], pa.string())
    return labels.indices.fill_null(-1).to_numpy().astype(np.int64), labels.dictionary


def crowds(keys: Keys, least: int) -> np.ndarray:
    """Tell which rows may share their key with so many rows, themselves included; of the others some may be told too.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.groups import crowds
    >>> crowds([np.array([7, 8, 7])], 2).tolist()
    [True, False, True]
    """
    bucket = (_hashes(keys) >> np.uint64(64 - _CROWD_BITS)).astype(np.int64)
    return (np.bincount(bucket, minlength=1 << _CROWD_BITS) >= least)[bucket]


def gathered(keys: Keys) -> tuple[np.ndarray, np.ndarray]:
    """Bring rows of equal keys side by side, each group in the order of its rows, and number the groups.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.groups import gathered
    >>> row, group = gathered([np.array([7, 7, 7])])
    >>> row.tolist(), group.tolist()
    ([0, 1, 2], [0, 0, 0])
    """
    bucket = (_hashes(keys) >> _HALF).astype(np.uint32)
    row = _sorted_by(bucket)
    bucket, keys = bucket[row], [key[row] for key in keys]
    begins, first = changes(keys), changes([bucket])
    mixed = np.flatnonzero(begins > first)
    if len(mixed):
        number = first.cumsum() - 1
        shared = np.flatnonzero(np.isin(number, number[mixed]))
        order = shared[np.lexsort([*(key[shared] for key in keys), number[shared]])]
        row[shared] = row[order]
        for key in keys:
            key[shared] = key[order]
        begins = changes(keys)
    return row, begins.cumsum() - 1


def changes(keys: Keys) -> np.ndarray:
    """Tell where a key differs from the one before it; the first one does.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.groups import changes
    >>> changes([np.array([4, 4, 7]), np.array([1, 2, 2])]).tolist()
    [True, True, True]
    """
    begins = np.ones(len(keys[0]), bool)
    begins[1:] = False
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return begins


def _hashes(keys: Keys) -> np.ndarray:
    """Give equal keys equal numbers, and others most likely not; the upper bits are the better ones."""
    mixed = np.zeros(len(keys[0]), np.uint64)
    for key in keys:
        mixed ^= key.astype(np.uint64, copy=False)
        mixed *= _ODD
        mixed ^= mixed >> _HALF
    mixed *= _ODD
    return mixed


def _sorted_by(bucket: np.ndarray) -> np.ndarray:
    """Order rows by their buckets; a stable sort of sixteen bits is a radix sort."""
    row = np.argsort((bucket & np.uint32(0xFFFF)).astype(np.uint16), kind="stable")
    return row[np.argsort((bucket >> np.uint32(16)).astype(np.uint16)[row], kind="stable")]


def _width(texts: pa.ChunkedArray) -> int:
    """Give the number of bytes that every text has; 0 where they differ or there is none."""
    kind = texts.type
    if texts.null_count or not len(texts) or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return 0
    widths = [np.diff(_offsets(chunk)) for chunk in texts.chunks if len(chunk)]
    width = int(widths[0][0])
    return width if all(np.all(each == width) for each in widths) else 0


def _offsets(texts: pa.StringArray | pa.LargeStringArray) -> np.ndarray:
    """Give where in its buffer each text begins, and where the last one ends."""
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    size = np.dtype(kind).itemsize
    return np.frombuffer(texts.buffers()[1], kind, len(texts) + 1, texts.offset * size)


def _words(texts: pa.StringArray | pa.LargeStringArray, width: int, place: int) -> np.ndarray:
    """Give the eight bytes at a place of each text, the texts standing one after the other."""
    if not len(texts):
        return np.empty(0, np.uint64)
    begin = int(_offsets(texts)[0]) + place
    return np.ndarray(len(texts), np.uint64, texts.buffers()[2], begin, (width,))
