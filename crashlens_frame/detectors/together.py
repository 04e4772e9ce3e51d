"""Calls of a log in parts: what each needs to know of its trace, what is kept together, and which texts are needed."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import hash_keys
from ..frame import ANSWER_COLUMNS
from ..pricing import PRICE_COLUMNS
from .cache_prefixes import PREFIX_BYTES, beginnings_as_letters, prefix_halves
from .facts import PLACE_COLUMNS, Facts
from .roster import ROSTER
from .traces import SHARED_COLUMNS, OrderedCalls, PartOfLog, order_calls

# columns that calls of a part have beside those of CALLS
CALL_NUMBER, PLACE, SIZE, LENGTH = (f"crashlens_{name}" for name in ("number", "place", "size", "length"))
MARKS = (CALL_NUMBER, PLACE, SIZE, LENGTH)
KEY = "crashlens_key"
# a text that calls have beside their marks where they are spread by place: hashes of how their prompts begin
BEGINNING = "crashlens_beginning"
# how calls are spread again, in this order, when they have been searched by whole traces
SPREADS = ("session", "question", "place")

_LONG = 160  # bytes; a text of more is no placeholder, and a hash of it is enough
_LONG_PROMPT = 400  # bytes; a prompt of more is no small talk, and how it begins is enough
_HASH_KEYS = ("0123456789123456", "6543219876543210")  # a hash of a text has 128 bits
_HASH_CHARS = 32


def mark_calls(calls: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
    """Return calls of whole traces with MARKS: their numbers in the log, and what only whole traces show of them."""
    ordered = order_calls(calls)
    places, sizes = ordered.places.astype(np.int64), ordered.sizes.astype(np.int64)
    return calls.assign(**dict(zip(MARKS, (numbers, places, sizes, ordered.columns.prompt_lengths), strict=True)))


def part_of(marked: pd.DataFrame, together: tuple[str, ...], taken: np.ndarray) -> PartOfLog:
    """Return what is known of marked calls, given the numbers of the calls whose cache misses are known."""
    numbers, places, sizes, lengths = (marked[name].to_numpy() for name in MARKS)
    beginnings = None
    if BEGINNING in marked.columns:
        beginnings = pa.array(marked[BEGINNING], pa.large_string())
    return PartOfLog(together, numbers, places, sizes, lengths, np.isin(numbers, taken), beginnings)


def has_session(marked: pd.DataFrame) -> np.ndarray:
    """Return which calls have a session, which may hold calls of other traces."""
    if "session_id" not in marked.columns:
        return np.zeros(len(marked), bool)
    return marked["session_id"].notna().to_numpy()


def spread_calls(
    ordered: OrderedCalls, thresholds: Mapping[str, Mapping[str, Any]], names: Iterable[str]
) -> dict[str, pd.DataFrame]:
    """Return for some of SPREADS the calls as each needs them, with a KEY, equal for calls that belong together."""
    longest_talk = thresholds.get("overkill_models", {}).get("max_prompt_chars", 0)
    facts, marked = ordered.columns.facts, ordered.columns.calls
    prompt, response = _Hashed(facts, "prompt"), _Hashed(facts, "response")
    model = facts.label_hashes("model")
    no_question = marked[CALL_NUMBER].to_numpy().astype(np.uint64)
    hidden = np.where(facts.prompt_hash >= 0, facts.label_hashes("prompt_hash"), no_question)
    keys = {
        "session": [facts.label_hashes("session_id")],
        "question": [np.where(facts.prompt >= 0, prompt.words, hidden), model],
        "place": [*(facts.label_hashes(name) for name in PLACE_COLUMNS), model],
    }
    texts = {
        "session": {},
        "question": {"prompt": prompt.shortened(_LONG), "response": response.shortened(_LONG)},
        "place": {
            "prompt": prompt.shortened(max(_LONG_PROMPT, 4 * longest_talk), beginnings=True),
            "response": response.shortened(_LONG),
        },
    }
    spread = {
        name: marked[[column for column in marked.columns if column in _columns(name)]].assign(
            **texts[name], **{KEY: hash_keys(keys[name]).view(np.int64)}
        )
        for name in names
    }
    if "place" in spread:
        letters = pa.chunked_array([beginnings_as_letters(facts)])
        spread["place"][BEGINNING] = pd.Series(pd.array(letters, dtype="str"), index=marked.index)
    if "session" in spread:
        spread["session"] = spread["session"][has_session(marked)]
    return spread


def _columns(together: str) -> set[str]:
    """Return the columns that the detectors read which look at calls together."""
    detectors = [detector for detector in ROSTER if together in detector.together]
    shared = {*MARKS, *SHARED_COLUMNS, *PRICE_COLUMNS, *ANSWER_COLUMNS, "route", "team"}
    return shared.union(*(detector.columns + detector.reads for detector in detectors))


class _Hashed:
    """The texts of a column, each with a hash."""

    def __init__(self, facts: Facts, name: str) -> None:
        texts = facts.texts(name, np.arange(len(facts.calls)))
        self._texts, self._index, self._rows = texts.as_text(), texts.index, facts.calls.index
        objects = pc.fill_null(self._texts, "").to_numpy(zero_copy_only=False)
        self._hashes = [pd.util.hash_array(objects, hash_key=key, categorize=False) for key in _HASH_KEYS]

    @property
    def words(self) -> np.ndarray:
        """A hash of 64 bits of each text."""
        words: np.ndarray = self._hashes[0][self._index]
        return words

    def shortened(self, longest: int, *, beginnings: bool = False) -> pd.Series:
        """Replace each text of more than ``longest`` bytes by its hash; with ``beginnings``, but for what lanes see."""
        rows = np.flatnonzero(pc.fill_null(pc.greater(pc.binary_length(self._texts), longest), False))
        marks = self._marks(rows)
        by = _with_beginnings(self._texts.take(pa.array(rows)), marks) if beginnings else marks
        place = np.arange(len(self._texts))
        place[rows] = len(self._texts) + np.arange(len(rows))
        short = pa.concat_arrays([self._texts, by]).take(pa.array(place[self._index]))
        return pd.Series(pd.array(pa.chunked_array([short]), dtype="str"), index=self._rows)

    def _marks(self, rows: np.ndarray) -> pa.LargeStringArray:
        """Return the hashes of some texts, as letters."""
        words = np.column_stack([each[rows] for each in self._hashes]).astype(">u8")
        letters = np.frombuffer(words.tobytes().hex().encode(), np.uint8)
        offsets = np.arange(len(rows) + 1, dtype=np.int64) * _HASH_CHARS
        return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(letters))


def _with_beginnings(prompts: pa.LargeStringArray, marks: pa.LargeStringArray) -> pa.Array:
    """Return prompts whose first line and whose rest begin as those of the given ones, with a mark where nobody looks.

    A long prompt has a long first line or a long rest, and only the first PREFIX_BYTES of each are looked at.
    """
    first, rest, has_rest = prefix_halves(prompts)
    is_full = pc.greater_equal(pc.binary_length(first), PREFIX_BYTES)
    nothing, line = (pa.scalar(text, pa.large_string()) for text in ("", "\n"))
    return pc.binary_join_element_wise(
        first, pc.if_else(is_full, marks, nothing), pc.if_else(has_rest, line, nothing), rest,
        pc.if_else(is_full, nothing, marks), nothing,
    )  # fmt: skip
