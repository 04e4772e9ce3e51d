"""Numbers for equal texts, without a table of all texts where most of them differ; parts of texts; white space."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import codes_and_labels, hash_keys, in_large_groups

# all that str.strip removes; what Arrow takes for white space lacks the four separators of ASCII
WHITESPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_WORD = 8  # bytes that make one number
_TRIED, _MANY = 20_000, 0.5  # of this number of texts, the share of different ones from which on most differ
# keep the first 0 to 8 bytes of a word
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(_WORD + 1)], np.uint64)


def equal_texts(texts: pa.ChunkedArray) -> np.ndarray:
    """Return for each text a number, equal exactly where texts are equal; -1 for null.

    Where most texts differ, most are kept apart by a few words, and only the others are compared as a whole.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.detectors.texts import equal_texts
    >>> equal_texts(pa.chunked_array([["why?", "how?", "why?", None]])).tolist()
    [0, 1, 0, -1]
    """
    if pa.types.is_dictionary(texts.type):
        return codes_and_labels(texts)[0]
    tried = texts.slice(0, _TRIED)
    if not _large(texts) or pc.count_distinct(tried).as_py() < _MANY * len(tried):
        return codes_and_labels(pc.dictionary_encode(texts))[0]
    rows = np.flatnonzero(texts.is_valid().to_numpy())
    code = np.full(len(texts), -1)
    code[rows] = rows
    rows = rows[in_large_groups([hash_keys([key[rows] for key in _samples(texts)])], 2)]
    alike = np.zeros(len(texts), bool)
    alike[rows] = True
    number = codes_and_labels(pc.dictionary_encode(texts.filter(pa.array(alike))))[0]
    first = np.full(number.max(initial=-1) + 1, -1)
    first[number[::-1]] = rows[::-1]  # written backwards, so the first row of each text stays
    code[rows] = first[number]
    return code


def text_places(texts: pa.LargeBinaryArray) -> np.ndarray:
    """Return where each text begins among the bytes of all, and where the last one ends.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.detectors.texts import text_places
    >>> text_places(pa.array([b"why?", b"so"], pa.large_binary())).tolist()
    [0, 4, 6]
    """
    if not len(texts):
        return np.zeros(1, np.int64)
    return np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)


def texts_between(places: np.ndarray, texts: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Return what stands between each place and the next one among the bytes of some texts, which are not copied.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from crashlens_frame.detectors.texts import texts_between
    >>> texts_between(np.array([0, 3, 6]), pa.array([b"why?", b"so"], pa.large_binary())).to_pylist()
    [b'why', b'?so']
    """
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(places) - 1, [None, pa.py_buffer(places), texts.buffers()[2] or pa.py_buffer(b"")]
    )


def parts_apart(texts: pa.LargeBinaryArray, part: slice) -> pa.LargeBinaryArray:
    """Return in turn what is left out before a part of each text, and the part: its first or its last bytes.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from crashlens_frame.detectors.texts import parts_apart
    >>> parts_apart(pa.array([b"why?", b"so"], pa.large_binary()), slice(-3, None)).to_pylist()
    [b'w', b'hy?', b'', b'so']
    """
    offsets = text_places(texts)
    begin, end = offsets[:-1], offsets[1:]
    places = np.empty(2 * len(texts) + 1, np.int64)
    places[0] = offsets[0]
    if part.stop is None:
        places[1::2], places[2::2] = np.maximum(end + part.start, begin), end
    else:
        places[1::2], places[2::2] = begin, np.minimum(begin + part.stop, end)
    return texts_between(places, texts)


def trim_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Remove the white space at both ends of each text."""
    return pc.utf8_trim(texts, characters=WHITESPACE)


def known_texts(prompts: pa.ChunkedArray) -> np.ndarray:
    """Return which prompts were logged: a prompt that is null or empty equals no other."""
    flags: np.ndarray = pc.fill_null(pc.not_equal(prompts, ""), False).to_numpy()
    return flags


def _large(texts: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_large_string(texts.type) and len(texts) > _TRIED)


def _samples(texts: pa.ChunkedArray) -> list[np.ndarray]:
    """Return the length of each text, and its first, middle and last eight bytes."""
    return [np.concatenate(keys) for keys in zip(*map(_sampled, texts.chunks), strict=True)]


def _sampled(texts: pa.LargeStringArray) -> list[np.ndarray]:
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)
    begin, end = offsets[:-1], offsets[1:]
    letters = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if len(letters) < _WORD:
        letters = np.append(letters, np.zeros(_WORD - len(letters), np.uint8))
    last = np.maximum(end - _WORD, begin)
    return [end - begin, *(_words(letters, at, end) for at in (begin, (begin + last) >> 1, last))]


def _words(letters: np.ndarray, at: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return the eight bytes at each place, as far as they are before ``stop``."""
    last = len(letters) - _WORD
    word = np.ndarray((last + 1,), np.dtype("<u8"), letters, strides=(1,))
    place = np.minimum(at, last)
    behind = np.minimum(at - place, _WORD - 1).astype(np.uint64) << np.uint64(3)
    found = word[place] >> behind
    short = np.flatnonzero(stop - at < _WORD)
    found[short] &= _MASKS[np.maximum(stop[short] - at[short], 0)]
    return found
