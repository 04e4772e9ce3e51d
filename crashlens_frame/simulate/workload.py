"""Weeks of mixed traffic of several applications, built as columns: normal calls, and each pattern of waste.

Every draw is a whole number of NumPy's PCG64, and all arithmetic is with whole numbers, so a seed yields the same log
on every machine. Each word of the texts is one token of OpenAI's models, so the tokens of a text are its words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class App(NamedTuple):
    """An application: its share of the traffic, its names, its models, the system tokens of each call.

    One that only ``sorts`` sends no documents: its models would not hold them.
    """

    weight: int
    route: str
    team: str
    name: str
    models: tuple[str, str, str]  # strong, middle, small
    system_tokens: int
    reasons: bool = False
    sorts: bool = False


class Kind(NamedTuple):
    """A kind of trace: its share of the traffic and how many calls it makes."""

    weight: int
    least: int
    most: int


APPS = (
    App(32, "/v1/chat", "support", "helpdesk", ("gpt-4-turbo", "gpt-4o", "gpt-4o-mini"), 820),
    App(22, "/v1/search", "search", "answers", ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"), 0),
    App(
        16,
        "/v1/documents",
        "legal",
        "contract-review",
        ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5"),
        2048,
    ),
    App(16, "/v1/assistant", "engineering", "coding-assistant", ("gpt-5", "gpt-5-mini", "gpt-5-nano"), 1536, True),
    App(14, "/batch/tickets", "support", "ticket-triage", ("gpt-4", "gpt-4o", "gpt-3.5-turbo"), 0, sorts=True),
)

# the weights add up to a thousand
CALL_KINDS = {
    "single": Kind(704, 1, 1),
    "agent": Kind(90, 3, 7),
    "hiccup": Kind(50, 2, 3),  # fails once or twice, too few for a loop
    "failing": Kind(20, 4, 9),  # a retry loop of calls that fail
    "rejecting": Kind(12, 4, 7),  # a retry loop of calls that answer, but not in the form asked for
    "storm": Kind(12, 3, 6),
    "second_opinion": Kind(22, 2, 2),  # a fallback failure: after a small model, a strong one is asked the same
    "overkill": Kind(90, 1, 1),
}
_SINGLE, _AGENT, _HICCUP, _FAILING, _REJECTING, _STORM, _SECOND_OPINION, _OVERKILL = range(len(CALL_KINDS))
_MOVING = (_STORM, _SECOND_OPINION)

# strong, middle, small: which models normal calls use, and the milliseconds of each per token
_MODEL_WEIGHTS = (2, 3, 5)
_TOKEN_MS = np.array([34, 19, 9])
_STEPS = len(_MODEL_WEIGHTS)
_STRONG, _MIDDLE, _SMALL = range(_STEPS)

_CACHED_FROM = 1024  # tokens

_HOUR_WEIGHTS = (3, 2, 2, 2, 2, 3, 6, 12, 22, 30, 33, 31, 26, 29, 33, 32, 28, 22, 15, 11, 9, 7, 5, 4)
_DAY_WEIGHTS = (10, 11, 11, 10, 9, 3, 2)  # from Monday

# the last one alone is billed: the client stops waiting, while the provider goes on
_ERRORS = ("429 Too Many Requests", "503 Service Unavailable", "500 Internal Server Error", "Request timed out.")
_ERROR_WEIGHTS = (45, 20, 10, 25)
_ERROR_MS = np.array([130, 260, 420, 20_000])
_TIMEOUT = len(_ERRORS) - 1
_POOR = "answer below the quality threshold"

# quantiles of lengths and durations: a value is drawn evenly between two neighbours
_SHORT_WORDS = (3, 4, 5, 6, 9)
_LONG_WORDS = (28, 32, 37, 43, 50, 60, 73, 90)
_ANSWER_WORDS = (4, 12, 20, 29, 40, 53, 70, 94, 150)
_STUB_WORDS = (6, 8, 11)
_REASONING_TOKENS = (64, 128, 192, 320, 640, 1600)
_FIRST_TOKEN_MS = (180, 260, 330, 400, 490, 610, 800, 1200, 2600)
_PAUSE_MS = (300, 600, 1000, 1800, 3200, 8000)

_ASKED = ("Translate", "Define", "List", "Show", "Find", "Name")
_TASKED = ("Review", "Compare", "Draft", "Check", "Write", "Plan")
_ANSWERED = ("Yes", "The", "This", "Each", "Our", "Here")
_INNER = (
    ("new", "old", "open", "late", "small", "large", "first", "last", "next", "full",
     "short", "long", "main", "local", "early", "final", "public", "internal", "annual", "weekly"),
    ("order", "invoice", "customer", "contract", "report", "ticket", "meeting", "product", "account", "payment",
     "team", "service", "project", "budget", "policy", "request", "market", "office", "review", "plan"),
    ("and", "for", "with", "of", "in", "on", "to", "by", "from", "before",
     "after", "under", "over", "against", "about", "without", "near", "like", "than", "or"),
)  # fmt: skip

_SIZES = (1_024, 6_144, 6_144, 256)  # of the pools: short prompts, long prompts, answers, stubs
_SHORT, _LONG, _ANSWER, _STUB = np.cumsum((0, *_SIZES[:-1]))  # where each pool begins
_CHUNK = 1 << 20  # rows whose texts stay well below two gigabytes

_LEAST, _MOST = np.array([[kind.least, kind.most] for kind in CALL_KINDS.values()]).T
_REASONS = np.array([app.reasons for app in APPS])
_HOUR = 3_600_000_000
_THURSDAY = 3  # the first day of 1970


def simulate_traffic(
    traces: int, *, draw: np.random.Generator, days: int, start: int, document_tokens: int = 0
) -> pa.Table:
    """Draw the calls of a number of traces, in the order of their starts.

    Parameters
    ----------
    traces
        Number of traces.
    draw
        Source of every draw.
    days
        Days over which the traces begin.
    start
        Begin of the first day, in microseconds since 1970.
    document_tokens
        Tokens that each call sends beside its question, but for those that sort.

    Returns
    -------
    Table
        CALLS, without costs but those of the failed attempts that no provider bills.

    Examples
    --------
    >>> import numpy as np
    >>> from crashlens_frame.simulate.workload import simulate_traffic
    >>> len(simulate_traffic(10, draw=np.random.default_rng(1), days=1, start=0)["trace_id"].unique())
    10
    """
    ids = _hexadecimal(draw.bytes(16 * traces))
    texts = _pools(draw)
    system = np.array([app.system_tokens + (0 if app.sorts else document_tokens) for app in APPS])
    calls = _calls(draw, traces, texts, system, days=days, start=start)
    order = np.argsort(calls["time"], kind="stable")
    return _table({name: values[order] for name, values in calls.items()}, ids, texts)


def _calls(
    draw: np.random.Generator, traces: int, texts: pa.Array, system_tokens: np.ndarray, *, days: int, start: int
) -> dict[str, np.ndarray]:
    """Draw what happens: one entry per call, one trace after the other; system tokens are those of each application."""
    kind = _weighted(draw, [kind.weight for kind in CALL_KINDS.values()], traces)
    length = draw.integers(_LEAST[kind], _MOST[kind], endpoint=True)
    begin = start + _begins(draw, kind, days, start)
    trace = np.repeat(np.arange(traces), length)
    first = np.repeat(np.cumsum(length) - length, length)
    place = np.arange(len(trace)) - first
    app = _weighted(draw, [app.weight for app in APPS], traces)[trace]
    error = _weighted(draw, _ERROR_WEIGHTS, traces)[trace]
    kind, length = kind[trace], length[trace]
    step, retry = _steps(draw, kind, place, length, first)
    failed = _failed(draw, kind, place == length - 1, first)
    prompt, answer = _texts_of(draw, kind, place, length, step, first)
    gives_up = np.isin(kind, _MOVING) & (np.append(step, 0)[1:] != step) & (place < length - 1)

    words = pc.add(pc.count_substring(texts, " "), 1).to_numpy()
    system = np.where(prompt < _LONG, 0, system_tokens[app])
    reasoning = np.where(_REASONS[app] & ~failed, _between(draw, _REASONING_TOKENS, len(trace)), 0)
    output = np.where(failed, 0, words[answer] + reasoning)
    answering = _between(draw, _FIRST_TOKEN_MS, len(trace)) + output * _TOKEN_MS[step]
    latency = np.where(failed, _jittered(draw, _ERROR_MS[error]), answering)
    ends = np.cumsum(latency + _waits(draw, kind, place, first))
    return {
        "trace": trace,
        "time": begin[trace] + 1000 * (np.concatenate([[0], ends])[:-1] - np.concatenate([[0], ends])[first]),
        "app": app,
        "error": error,
        "model": app * _STEPS + step,
        "next_model": np.where(gives_up, np.append(app * _STEPS + step, 0)[1:], -1),
        "moved": gives_up | (np.isin(kind, _MOVING) & (step != step[first])),
        "reason": np.where(kind == _SECOND_OPINION, len(_ERRORS), error),
        "failed": failed,
        "retry": retry,
        "prompt": prompt,
        "answer": answer,
        "input": words[prompt] + system,
        "output": output,
        "cached": np.where((system < _CACHED_FROM) | failed | (draw.integers(0, 4, len(trace)) == 0), 0, system),
        "reasoning": reasoning,
        "latency": latency,
    }


def _table(calls: dict[str, np.ndarray], ids: pa.Array, texts: pa.Array) -> pa.Table:
    """Return the columns of CALLS that the traffic fills."""
    models = [model for app in APPS for model in app.models]
    failed = calls["failed"]
    free = failed & (calls["error"] != _TIMEOUT)
    uncached = calls["cached"] == 0
    columns = {
        "trace_id": _taken(ids, calls["trace"]),
        "timestamp": pa.array(calls["time"]).cast(pa.timestamp("us", "UTC")),
        "model": _labels(models, calls["model"]),
        "prompt": _taken(texts, calls["prompt"]),
        "response": _taken(texts, np.where(failed, -1, calls["answer"])),
        "input_tokens": pa.array(calls["input"], mask=free),
        "output_tokens": pa.array(calls["output"], mask=free),
        "cost": pa.array(np.zeros(len(free)), mask=~free),
        "cost_source": _labels(["reported"], free - 1),
        "billed": _labels(["yes", "no"], free.astype(int)),
        "latency_ms": calls["latency"],
        "retry_count": calls["retry"],
        "fallback_model": _labels(models, calls["next_model"]),
        "cached_input_tokens": pa.array(calls["cached"], mask=uncached),
        "reasoning_tokens": pa.array(calls["reasoning"], mask=calls["reasoning"] == 0),
        "type": _labels(["generation"], np.zeros(len(failed), int)),
        "level": _labels(["info", "error"], failed.astype(int)),
        "finish_reason": _labels(["stop"], -failed.astype(int)),
        "name": _labels([app.name for app in APPS], calls["app"]),
        "route": _labels([app.route for app in APPS], calls["app"]),
        "team": _labels([app.team for app in APPS], calls["app"]),
        "source": _labels(["simulation"], np.zeros(len(failed), int)),
        "fallback_attempted": calls["moved"],
        "fallback_reason": _taken(pa.array([*_ERRORS, _POOR]), np.where(calls["moved"], calls["reason"], -1)),
        "error": _taken(pa.array(_ERRORS), np.where(failed, calls["error"], -1)),
        "token_source": _labels(["reported"], -free.astype(int)),
    }
    return pa.table(columns)


# -- what happens -----------------------------------------------------------------------------------------------------


def _begins(draw: np.random.Generator, kind: np.ndarray, days: int, start: int) -> np.ndarray:
    """Draw when each trace begins, in microseconds from the start: most by day and on weekdays.

    Half of the failing traces begin within a few hours, as when a provider is down.
    """
    hours = start // _HOUR + np.arange(24 * days)
    weights = np.take(_HOUR_WEIGHTS, hours % 24) * np.take(_DAY_WEIGHTS, (hours // 24 + _THURSDAY) % 7)
    hour = _weighted(draw, weights, len(kind))
    down = _weighted(draw, weights, 1 + days // 6)
    struck = np.isin(kind, (_FAILING, _STORM)) & (draw.integers(0, 2, len(kind)) == 0)
    hour = np.where(struck, down[draw.integers(0, len(down), len(kind))], hour)
    begins: np.ndarray = hour * _HOUR + draw.integers(0, _HOUR // 1000, len(kind)) * 1000
    return begins


def _steps(
    draw: np.random.Generator, kind: np.ndarray, place: np.ndarray, length: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw which model of its application each call uses; count its retries on that model."""
    any_step = _weighted(draw, _MODEL_WEIGHTS, len(kind))
    models = np.where(length > 4, 3, 2)
    storm = place * models // length
    step = np.select(
        [kind == _STORM, kind == _SECOND_OPINION, kind == _OVERKILL, np.isin(kind, (_SINGLE, _AGENT))],
        [storm, np.where(place == 0, _SMALL, _STRONG), _STRONG, any_step],
        any_step[first],
    )
    retry = np.select(
        [kind == _STORM, np.isin(kind, (_HICCUP, _FAILING, _REJECTING))],
        [place + -storm * length // models, place],
        0,
    )
    return step, retry


def _failed(draw: np.random.Generator, kind: np.ndarray, last: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Draw which calls fail: all of a loop but the last, in one loop of six also the last, and 1% of other calls."""
    loops = np.isin(kind, (_FAILING, _STORM)) & (~last | (draw.integers(0, 6, len(kind)) == 0)[first])
    single = np.isin(kind, (_SINGLE, _AGENT)) & (draw.integers(0, 100, len(kind)) == 0)
    failed: np.ndarray = loops | single | ((kind == _HICCUP) & ~last)
    return failed


def _texts_of(
    draw: np.random.Generator,
    kind: np.ndarray,
    place: np.ndarray,
    length: np.ndarray,
    step: np.ndarray,
    first: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the texts of each call: a trace sends the same again, but an agent a new one each time."""
    short, long, answers, stubs = _SIZES
    number = draw.integers(0, long, len(kind))[first] + np.where(kind == _AGENT, place, 0)
    brief = (kind == _OVERKILL) | ((kind == _SINGLE) & (step == _SMALL) & (draw.integers(0, 2, len(kind)) == 0))
    prompt = np.where(brief, _SHORT + number % short, _LONG + number % long)
    curt = ((kind == _REJECTING) | (kind == _SECOND_OPINION)) & (place < length - 1)
    answer = np.where(curt, _STUB + draw.integers(0, stubs, len(kind)), _ANSWER + draw.integers(0, answers, len(kind)))
    return prompt, answer


def _waits(draw: np.random.Generator, kind: np.ndarray, place: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Draw the milliseconds from the end of each call to the next: a third doubling, constant and none each."""
    doubling = np.minimum(1000 << np.minimum(place, 6), 60_000)
    wait = np.choose(draw.integers(0, 3, len(kind))[first], [doubling, 2000, 0])
    pauses = np.isin(kind, (_AGENT, _SECOND_OPINION))
    return np.where(pauses, _between(draw, _PAUSE_MS, len(kind)), _jittered(draw, wait))


# -- texts ------------------------------------------------------------------------------------------------------------


def _pools(draw: np.random.Generator) -> pa.Array:
    """Draw the texts of all pools."""
    kinds = zip(_SIZES, (_SHORT_WORDS, _LONG_WORDS, _ANSWER_WORDS, _STUB_WORDS), strict=True)
    words = np.concatenate([_between(draw, quantiles, size) for size, quantiles in kinds])
    begins = np.repeat((0, 1, 2, 2), _SIZES) * len(_ASKED) + draw.integers(0, len(_ASKED), len(words))
    offsets = np.concatenate([[0], np.cumsum(words)])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], words)
    vocabulary = [*_ASKED, *_TASKED, *_ANSWERED, *(word for words in _INNER for word in words)]
    words_drawn = len(vocabulary) - 3 * len(_INNER[0]) + (place - 1) % 3 * len(_INNER[0])
    words_drawn += draw.integers(0, len(_INNER[0]), len(place))
    words_drawn[offsets[:-1]] = begins
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(vocabulary).take(pa.array(words_drawn)))
    return pc.binary_join(lists, " ")


def _hexadecimal(data: bytes) -> pa.Array:
    """Write every 16 bytes as a text of 32 digits."""
    offsets = np.arange(0, 2 * len(data) + 1, 32, dtype=np.int64)
    buffers = [pa.py_buffer(offsets), pa.py_buffer(data.hex().encode())]
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers)


def _taken(texts: pa.Array, rows: np.ndarray) -> pa.ChunkedArray:
    """Return the text of each row, null where its number is negative."""
    chunks = [rows[begin : begin + _CHUNK] for begin in range(0, len(rows), _CHUNK)]
    return pa.chunked_array([texts.take(pa.array(chunk, mask=chunk < 0)) for chunk in chunks], texts.type)


def _labels(names: list[str], codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), names)


# -- draws ------------------------------------------------------------------------------------------------------------


def _weighted(draw: np.random.Generator, weights: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
    """Draw positions of weights, each as often as its weight says."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, draw.integers(0, bounds[-1], size), side="right")


def _between(draw: np.random.Generator, quantiles: Sequence[int], size: int) -> np.ndarray:
    """Draw whole numbers, equally many between any two neighbouring quantiles."""
    bounds = np.array(quantiles)
    part, rest = np.divmod(draw.integers(0, 1000 * (len(bounds) - 1), size), 1000)
    drawn: np.ndarray = bounds[part] + (bounds[part + 1] - bounds[part]) * rest // 1000
    return drawn


def _jittered(draw: np.random.Generator, milliseconds: np.ndarray) -> np.ndarray:
    """Add up to a tenth to each."""
    jittered: np.ndarray = milliseconds + milliseconds * draw.integers(0, 101, len(milliseconds)) // 1000
    return jittered
