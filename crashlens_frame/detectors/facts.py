"""Columns of all calls as arrays, computed once and shared by the detectors: who asked what, when, and what it cost."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import codes_and_labels
from ..frame import arrow_column
from ..pricing import Prices, meter_rates

NEVER = np.iinfo(np.int64).max
SECOND = 1_000_000  # microseconds
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

# a text that a log shows in place of the prompt, such as [REDACTED], <hidden> or ***
_PLACEHOLDER = (
    r"(?i)^[\s\[\](){}<>*_.x-]*(?:(?:redacted|masked|hidden|removed|filtered|omitted|scrubbed|anonymized|confidential|n/?a|"
    r"none|null|no content|content)[\w .:-]*)?[\s\[\](){}<>*_.x-]*$"
)
_LONGEST_PLACEHOLDER = 40  # characters
SAME_COUNT = 2  # input counts that differ by no more are taken for equal


@dataclass(frozen=True)
class Facts:
    """Arrays with one entry for each row of a frame of calls. A code of -1 means that the value is not known."""

    calls: pd.DataFrame

    # -- values -------------------------------------------------------------------------------------------------------

    def number(self, name: str, unknown: float = np.nan) -> np.ndarray:
        """Return a column of numbers as floats."""
        if name not in self.calls.columns:
            return np.full(len(self.calls), unknown)
        values = pc.cast(arrow_column(self.calls[name], name), pa.float64())
        numbers: np.ndarray = values.to_numpy()
        return numbers if np.isnan(unknown) else np.where(np.isnan(numbers), unknown, numbers)

    def code(self, name: str) -> np.ndarray:
        """Return a number for each value of a column, equal for equal values."""
        return self.labels(name)[0]

    def labels(self, name: str) -> tuple[np.ndarray, pa.Array]:
        """Return the code of each value of a column of texts or labels, and the text of each code."""
        if name not in self.calls.columns:
            return np.full(len(self.calls), -1), pa.array([], pa.string())
        values = arrow_column(self.calls[name], name)
        if values.null_count == len(values):
            return np.full(len(self.calls), -1), pa.array([], pa.string())
        if not pa.types.is_dictionary(values.type):
            values = pc.dictionary_encode(values)
        return codes_and_labels(values)

    def texts(self, name: str, rows: np.ndarray) -> pa.Array:
        """Return the texts of some rows; null where there is none."""
        if name not in self.calls.columns:
            return pa.nulls(len(rows), pa.large_string())
        texts = arrow_column(self.calls[name].take(rows), name).cast(pa.large_string()).combine_chunks()
        return pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) and texts.num_chunks else (
            pa.array([], pa.large_string()) if isinstance(texts, pa.ChunkedArray) else texts
        )  # fmt: skip

    def matches(self, name: str, pattern: str) -> np.ndarray:
        """Return whether the text of each row matches; False where there is none."""
        code, texts = self.labels(name)
        found = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False)
        return np.append(found, False)[code].astype(bool)

    # -- time and money -----------------------------------------------------------------------------------------------

    @cached_property
    def start(self) -> np.ndarray:
        """Microseconds since 1970; NEVER where unknown."""
        times = arrow_column(self.calls["timestamp"], "timestamp")
        return pc.fill_null(pc.cast(times, pa.int64()), NEVER).to_numpy()

    @cached_property
    def end(self) -> np.ndarray:
        """Start and latency, in microseconds; the start where no latency is known."""
        late = (self.number("latency_ms", 0.0) * 1000).astype(np.int64)
        return np.where(self.start == NEVER, NEVER, self.start + late)

    @cached_property
    def billed(self) -> np.ndarray:
        """Whether each call is billed, as far as known: a log that does not know whether is believed its cost."""
        if "billed" not in self.calls.columns:
            return np.ones(len(self.calls), bool)
        flags: np.ndarray = ~self.matches("billed", "^no$")
        return flags

    @cached_property
    def paid(self) -> np.ndarray:
        """US dollars that each call cost; 0 where it is not billed, NaN where unknown."""
        return np.where(self.billed, self.number("cost"), 0.0)

    # -- tokens -------------------------------------------------------------------------------------------------------

    @cached_property
    def input(self) -> np.ndarray:
        """Input tokens; NaN where unknown."""
        return self.number("input_tokens")

    @cached_property
    def output(self) -> np.ndarray:
        """Output tokens; NaN where unknown."""
        return self.number("output_tokens")

    @cached_property
    def read(self) -> np.ndarray:
        """Tokens read from a cache."""
        return self.number("cached_input_tokens", 0.0)

    @cached_property
    def written(self) -> np.ndarray:
        """Tokens written to a cache."""
        return self.number("cache_write_tokens", 0.0)

    @cached_property
    def written_1h(self) -> np.ndarray:
        """Tokens written to a cache for one hour."""
        return self.number("cache_write_1h_tokens", 0.0)

    @cached_property
    def reasoning(self) -> np.ndarray:
        """Reasoning tokens."""
        return self.number("reasoning_tokens", 0.0)

    @cached_property
    def temperature(self) -> np.ndarray:
        """Temperature; NaN where unknown."""
        return self.number("temperature")

    # -- who ----------------------------------------------------------------------------------------------------------

    @cached_property
    def model(self) -> np.ndarray:
        """The code of each model."""
        return self.code("model")

    @cached_property
    def session(self) -> np.ndarray:
        """The code of each session."""
        return self.code("session_id")

    @cached_property
    def user(self) -> np.ndarray:
        """The code of each user."""
        return self.code("user_id")

    @cached_property
    def place(self) -> np.ndarray:
        """A number for the place in the application that makes the call: source, team, route, name and agent."""
        return joint([self.code(name) for name in ("source", "route", "name", "agent")])

    @cached_property
    def is_evaluation(self) -> np.ndarray:
        """Whether route, name or tags say that answers are compared or measured on purpose."""
        words = r"(?i)(?:^|[^a-z])(?:evals?|evaluations?|benchmarks?|bench|arena|experiment|ab[-_]?test|panel|compare|"
        words += r"comparison|shadow|judge|grader|load[-_]?test|synthetic)(?:$|[^a-z])"
        return self.matches("route", words) | self.matches("name", words) | self.matches("tags", words)

    # -- what ---------------------------------------------------------------------------------------------------------

    @cached_property
    def tools(self) -> np.ndarray:
        """The code of each answer's tool calls."""
        return self.code("tool_calls")

    @cached_property
    def response(self) -> np.ndarray:
        """The code of each response; -1 where there is none, or a text in its place."""
        return self._visible_texts("response")

    @cached_property
    def prompt(self) -> np.ndarray:
        """The code of each prompt; -1 where there is none, or a text in its place."""
        return self._visible_texts("prompt")

    @cached_property
    def prompt_hash(self) -> np.ndarray:
        """The code of each hash of a prompt."""
        return self.code("prompt_hash")

    @cached_property
    def question(self) -> np.ndarray:
        """A number for prompt and hash together: equal where as far as the log shows the same was asked."""
        both = joint([self.prompt, self.prompt_hash])
        return np.where((self.prompt < 0) & (self.prompt_hash < 0), -1, both)

    def _visible_texts(self, name: str) -> np.ndarray:
        """Return the code of each text; -1 for none, an empty one, or a placeholder."""
        code, texts = self.labels(name)
        empty = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0)
        short = pc.less_equal(pc.utf8_length(texts), _LONGEST_PLACEHOLDER)
        hidden = pc.and_(short, pc.match_substring_regex(texts, _PLACEHOLDER))
        unknown = pc.or_(empty, hidden).to_numpy(zero_copy_only=False)
        return np.where(np.append(unknown, True)[code], -1, code)

    # -- prices -------------------------------------------------------------------------------------------------------

    def rates(self, prices: Prices | None, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the rate of each meter for some calls, in US dollars per token."""
        return meter_rates(self.calls.iloc[rows], prices)


def joint(codes: list[np.ndarray]) -> np.ndarray:
    """Return one number for the codes of each row together, equal where all of them are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.detectors.facts import joint
    >>> joint([np.array([0, 0, 1, 0]), np.array([5, 6, 5, 5])]).tolist()
    [0, 1, 2, 0]
    """
    number = codes[0]
    for code in codes[1:]:
        low = int(code.min(initial=0))
        width = int(code.max(initial=0)) - low + 1
        number = pd.factorize(number * width + (code - low))[0]
    return pd.factorize(number)[0]


@dataclass(frozen=True)
class Lane:
    """Rows sorted by a group and, within it, by time; ``group`` holds the group of each, side by side."""

    row: np.ndarray
    group: np.ndarray

    @cached_property
    def follows(self) -> np.ndarray:
        """Whether each row follows another one of its group."""
        same = np.zeros(len(self.row), bool)
        same[1:] = self.group[1:] == self.group[:-1]
        return same

    @cached_property
    def size(self) -> np.ndarray:
        """The number of rows of the group of each row."""
        return np.bincount(self.number)[self.number] if len(self.row) else self.number

    @cached_property
    def number(self) -> np.ndarray:
        """The groups numbered from 0, in their order."""
        return np.cumsum(~self.follows) - 1

    def only(self, kept: np.ndarray) -> "Lane":
        """Keep the rows that a mask selects."""
        return Lane(self.row[kept], self.group[kept])

    def split(self, begins: np.ndarray) -> "Lane":
        """Begin a new group at each marked row as well."""
        return Lane(self.row, np.cumsum(begins | ~self.follows) - 1)

    def previous(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the value of the row before it; meaningless for the first of a group."""
        return np.roll(values[self.row], 1)

    def any(self, mask: np.ndarray) -> np.ndarray:
        """Return for each row whether the mask holds for any row of its group."""
        return self.sum(mask.astype(float)) > 0

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the sum of its group."""
        return np.bincount(self.number, values)[self.number] if len(self.row) else np.zeros(0)

    def reduce(self, values: np.ndarray, how: np.ufunc) -> np.ndarray:
        """Return for each row what a function such as ``np.minimum`` makes of its group."""
        if not len(self.row):
            return values
        return how.reduceat(values, np.flatnonzero(~self.follows))[self.number]

    def median(self, values: np.ndarray) -> np.ndarray:
        """Return for each row the median of its group."""
        order = np.lexsort((values, self.number))
        counts = np.bincount(self.number) if len(self.row) else np.zeros(0, np.int64)
        starts = counts.cumsum() - counts
        ranked = values[order]
        middle = (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2]) / 2
        return middle[self.number]


def lanes(facts: Facts, group: np.ndarray, rows: np.ndarray) -> Lane:
    """Sort rows by group and time; rows of equal time keep their order."""
    order = rows[np.lexsort((facts.start[rows], group[rows]))]
    return Lane(order, group[order])


def is_periodic(facts: Facts, lane: Lane) -> np.ndarray:
    """Return for each row whether its group asks at regular times: at least 4 gaps, of 10 s or more, about equal."""
    gap = np.where(lane.follows, facts.start[lane.row] - lane.previous(facts.start), 0) / SECOND
    gaps = lane.only(lane.follows)
    value = gap[lane.follows]
    number = np.bincount(lane.number, lane.follows)[lane.number] if len(lane.row) else np.zeros(0)
    mean = np.divide(lane.sum(gap), number, out=np.zeros(len(number)), where=number > 0)
    spread = np.where(lane.follows, (gap - mean) ** 2, 0.0)
    deviation = np.sqrt(np.divide(lane.sum(spread), number, out=np.zeros(len(number)), where=number > 0))
    middle = np.zeros(len(lane.row))
    middle[lane.follows] = gaps.median(value)
    middle = lane.reduce(middle, np.maximum)
    periodic: np.ndarray = (number >= 4) & (middle >= 10) & (deviation < 0.15 * mean)
    return periodic


def distinct_codes(lane: Lane, codes: np.ndarray) -> np.ndarray:
    """Return for each call the number of distinct values in its group."""
    if not len(lane.row):
        return np.zeros(0)
    new = np.zeros(len(lane.row), bool)
    new[np.unique(joint([lane.number, codes[lane.row]]), return_index=True)[1]] = True
    return lane.sum(new.astype(float))
