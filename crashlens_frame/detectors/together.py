"""Parts of a log that hold together what a detector looks at: by what they are spread, and which texts they need."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..frame import arrow_column
from .bursts import home_of_traces
from .cache_prefixes import PREFIX_BYTES, prefix_of_prompts
from .facts import LENGTH
from .traces import PLACE, SIZE, order_calls

# what a part of a log holds all calls of, in the order in which parts are searched
TOGETHER = ("trace", "home", "session", "place", "question")
CALL, HOME = "crashlens_call", "crashlens_home"
MARKS = (CALL, PLACE, SIZE, HOME, LENGTH)

_SHORT = 160  # bytes; placeholders are shorter, and a text of fewer bytes stays as it is
_SHORT_PROMPT = 400  # bytes; small talk is shorter
_KEYS = ("0123456789123456", "crashlens_frame_")  # of the two halves of a hash


def mark_calls(calls: pd.DataFrame, first: int) -> pd.DataFrame:
    """Return calls of whole traces with what parts of other calls need to know of them.

    These are a number for each call, from ``first`` on, its place in its trace, the number of calls of the trace, a
    number for where the trace begins, and the bytes of the prompt.
    """
    ordered = order_calls(calls)
    facts = ordered.columns.facts
    places = _mixed([_hashes(calls, name) for name in ("source", "route", "name", "agent")])
    begins = np.flatnonzero(ordered.places == 0)
    by_place = np.zeros(int(facts.place.max(initial=0)) + 1, np.uint64)
    by_place[facts.place[begins]] = places[begins]
    return calls.assign(
        **{
            CALL: first + np.arange(len(calls)),
            PLACE: ordered.places.astype(np.int64),
            SIZE: ordered.sizes.astype(np.int64),
            HOME: by_place[home_of_traces(ordered)].view(np.int64),
            LENGTH: facts.lengths("prompt"),
        }
    )


def part_keys(calls: pd.DataFrame, together: str) -> np.ndarray:
    """Return a number for each marked call, equal for calls that belong together."""
    return _PART_KEYS[together](calls).view(np.int64)


def _of_home(calls: pd.DataFrame) -> np.ndarray:
    return calls[HOME].to_numpy().view(np.uint64)


def _of_session(calls: pd.DataFrame) -> np.ndarray:
    trace, session = _hashes(calls, "trace_id"), _hashes(calls, "session_id")
    return np.where(session == 0, trace, session)


def _of_place(calls: pd.DataFrame) -> np.ndarray:
    return _mixed([_hashes(calls, name) for name in ("source", "route", "name", "agent", "model")])


def _of_question(calls: pd.DataFrame) -> np.ndarray:
    facts = order_calls(calls).columns.facts
    question = np.where(facts.prompt >= 0, _hashes(calls, "prompt"), _hashes(calls, "prompt_hash"))
    return _mixed([_hashes(calls, "model"), question])


_PART_KEYS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "home": _of_home,
    "session": _of_session,
    "place": _of_place,
    "question": _of_question,
}


def slim_calls(calls: pd.DataFrame, together: str) -> pd.DataFrame:
    """Return marked calls with what is needed of them: long texts are replaced by short ones.

    Where only equality matters a hash of 128 bits stands for a text, and where the beginning of a prompt matters that
    is kept.
    """
    if together == "home":
        calls = calls[(calls[SIZE] > 1).to_numpy()]
    if together == "session":
        return calls
    prompt = _with_beginnings if together == "place" else _as_hashes
    return calls.assign(prompt=prompt(calls["prompt"]), response=_as_hashes(calls["response"]))


def _as_hashes(texts: pd.Series) -> pd.Series:
    column = arrow_column(texts, str(texts.name))
    is_long = pc.fill_null(pc.greater(pc.binary_length(column), _SHORT), False)
    return _replaced(texts, column, is_long, _hash_text(column.filter(is_long)))


def _with_beginnings(texts: pd.Series) -> pd.Series:
    """Replace long prompts by ones with the same beginning of the first line and of the rest, and with a hash."""
    column = arrow_column(texts, str(texts.name))
    is_long = pc.fill_null(pc.greater(pc.binary_length(column), _SHORT_PROMPT), False)
    chosen = column.filter(is_long)
    first, rest = prefix_of_prompts(chosen.combine_chunks())
    full = pc.greater_equal(pc.binary_length(first), PREFIX_BYTES)
    mark = _hash_text(chosen)
    nothing, line = (pa.scalar(text, pa.large_string()) for text in ("", "\n"))
    parts = first, pc.if_else(full, mark, nothing), line, rest, pc.if_else(full, nothing, mark)
    return _replaced(texts, column, is_long, pc.binary_join_element_wise(*parts, nothing))


def _replaced(texts: pd.Series, column: pa.ChunkedArray, which: pa.ChunkedArray, by: pa.Array) -> pd.Series:
    if not len(by):
        return texts
    new = pc.replace_with_mask(pa.concat_arrays(column.cast(pa.large_string()).chunks), _flat(which), by)
    return pd.Series(pd.array(pa.chunked_array([new]), dtype="str"), index=texts.index)


def _flat(flags: pa.ChunkedArray) -> pa.BooleanArray:
    return pa.concat_arrays(flags.chunks)


def _hash_text(texts: pa.ChunkedArray) -> pa.LargeStringArray:
    """Return 32 characters for each text, equal where the texts are."""
    code, distinct = pd.factorize(texts.to_numpy(zero_copy_only=False))
    halves = [pd.util.hash_array(distinct, hash_key=key, categorize=False) for key in _KEYS]
    words = np.column_stack(halves).astype(">u8").reshape(-1)
    letters = np.frombuffer(words.tobytes().hex().encode(), np.uint8)
    offsets = np.arange(len(distinct) + 1, dtype=np.int64) * 32
    marks = pa.LargeStringArray.from_buffers(len(distinct), pa.py_buffer(offsets), pa.py_buffer(letters))
    return marks.take(pa.array(code))


def _hashes(calls: pd.DataFrame, name: str) -> np.ndarray:
    """Return a hash of each value of a column; 0 for null, and where there is no such column."""
    if name not in calls.columns:
        return np.zeros(len(calls), np.uint64)
    code, distinct = pd.factorize(calls[name].astype("object"))
    hashes = pd.util.hash_array(np.asarray(distinct, dtype=object), categorize=False)
    return np.append(hashes, np.uint64(0))[code]


def _mixed(hashes: list[np.ndarray]) -> np.ndarray:
    mixed = np.zeros(len(hashes[0]), np.uint64)
    for each in hashes:
        mixed = (mixed ^ each) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed
