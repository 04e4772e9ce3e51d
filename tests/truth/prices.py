"""Public rates in US dollars per million tokens, what a call costs by them, and how the prompt caches of vendors work.

Written down here once more and not taken from the package, which is what the labels are there to check.
"""

from collections.abc import Sequence
from typing import NamedTuple

METERS = ("fresh", "read", "write", "output")


class Rates(NamedTuple):
    """Rates of one model; ``minimum`` is the shortest prefix that its vendor caches."""

    vendor: str
    fresh: float
    read: float
    write: float
    write_1h: float
    output: float
    minimum: int
    cheaper: str | None = None


def _openai(fresh: float, read: float, output: float, cheaper: str | None = None) -> Rates:
    return Rates("openai", fresh, read, 0.0, 0.0, output, 1024, cheaper)


def _anthropic(fresh: float, output: float, minimum: int, cheaper: str | None = None) -> Rates:
    return Rates("anthropic", fresh, fresh / 10, fresh * 1.25, fresh * 2, output, minimum, cheaper)


def _google(fresh: float, read: float, output: float, minimum: int, cheaper: str | None = None) -> Rates:
    return Rates("google", fresh, read, 0.0, 0.0, output, minimum, cheaper)


MODELS: dict[str, Rates] = {
    "gpt-4o": _openai(2.5, 1.25, 10, "gpt-4o-mini"),
    "gpt-4o-mini": _openai(0.15, 0.075, 0.6),
    "gpt-4.1": _openai(2, 0.5, 8, "gpt-4.1-mini"),
    "gpt-4.1-mini": _openai(0.4, 0.1, 1.6),
    "gpt-5": _openai(1.25, 0.125, 10, "gpt-5-mini"),
    "gpt-5-mini": _openai(0.25, 0.025, 2),
    "o4-mini": _openai(1.1, 0.275, 4.4),
    "claude-sonnet-4-5": _anthropic(3, 15, 1024, "claude-haiku-4-5"),
    "claude-haiku-4-5": _anthropic(1, 5, 4096),
    "claude-opus-4-5": _anthropic(5, 25, 4096, "claude-haiku-4-5"),
    "claude-opus-4-1": _anthropic(15, 75, 1024, "claude-haiku-4-5"),
    "gemini-2.5-pro": _google(1.25, 0.125, 10, 4096, "gemini-2.5-flash"),
    "gemini-2.5-flash": _google(0.3, 0.03, 2.5, 1024),
}


# the vendors cut texts into tokens of different sizes; a segment counts those of Anthropic
TOKENS = {"openai": 0.88, "anthropic": 1.0, "google": 0.94}


class Segment(NamedTuple):
    """A part of a prompt. ``text`` is what the log shows of it ("" of tool definitions and attached files)."""

    role: str
    text: str
    tokens: int
    key: str  # what a cache compares
    mark: str | None = None  # cache_control of Anthropic at its end: "5m" or "1h"


class Usage(NamedTuple):
    """Tokens of a call by what they are billed as; ``write_1h`` is a part of ``write``."""

    fresh: int = 0
    read: int = 0
    write: int = 0
    write_1h: int = 0
    output: int = 0

    @property
    def input(self) -> int:
        return self.fresh + self.read + self.write


def cost_by_meter(usage: Usage, model: str, *, batch: bool = False) -> dict[str, float]:
    """Return what a call costs, in US dollars for each meter."""
    rates = MODELS[model]
    per_token = 1e-6 * (0.5 if batch else 1.0)
    return {
        "fresh": usage.fresh * rates.fresh * per_token,
        "read": usage.read * rates.read * per_token,
        "write": ((usage.write - usage.write_1h) * rates.write + usage.write_1h * rates.write_1h) * per_token,
        "output": usage.output * rates.output * per_token,
    }


_Chain = list[tuple[tuple[str, str, int], int]]  # the key and the tokens of each beginning of a prompt


class _Entry(NamedTuple):
    ready: float
    expires: float
    idle: float


class PromptCache:
    """The prompt caches of all vendors, asked call by call in time order.

    Anthropic caches what ``cache_control`` marks, for 5 minutes or an hour from the last use. OpenAI caches by itself,
    in steps of 128 tokens from 1,024 on, for 5 to 10 idle minutes, and misses now and then. Gemini caches by itself and
    promises nothing. What is written can be read when the answer begins.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, int], _Entry] = {}

    def use(
        self, owner: str, model: str, segments: Sequence[Segment], *, at: float, ready: float, luck: float
    ) -> Usage:
        """Return the input tokens of a call by how they are billed, and remember the call."""
        rates, code, size = MODELS[model], 0, 0
        chain: _Chain = []
        for segment in segments:
            code, size = hash((code, segment.key)), size + round(segment.tokens * TOKENS[rates.vendor])
            chain.append(((owner, model, code), size))
        live = [n for n, (key, _) in enumerate(chain) if self._live(key, at)]
        if rates.vendor == "anthropic":
            read, write, long = self._marked(chain, segments, live, at, ready, rates.minimum)
        else:
            read, write, long = self._automatic(chain, live, at, ready, luck, rates), 0, 0
        return Usage(size - read - write, read, write, long)

    def _live(self, key: tuple[str, str, int], at: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.ready <= at < entry.expires

    def _automatic(self, chain: _Chain, live: list[int], at: float, ready: float, luck: float, rates: Rates) -> int:
        idle = 300 + 300 * luck
        for key, _ in chain:
            old = self._entries.get(key)
            self._entries[key] = _Entry(min(ready, old.ready) if old and old.expires > at else ready, at + idle, idle)
        missed = luck < (0.02 if rates.vendor == "openai" else 0.3)
        size = chain[live[-1]][1] if live and not missed else 0
        size -= size % 128
        return size if size >= max(rates.minimum, 1024) else 0

    def _marked(
        self, chain: _Chain, segments: Sequence[Segment], live: list[int], at: float, ready: float, minimum: int
    ) -> tuple[int, int, int]:
        marks = [n for n, segment in enumerate(segments) if segment.mark and chain[n][1] >= minimum]
        if not marks:
            return 0, 0, 0
        live = [n for n in live if n <= marks[-1]]
        for n in live:
            entry = self._entries[chain[n][0]]
            self._entries[chain[n][0]] = entry._replace(expires=at + entry.idle)
        done = read = chain[live[-1]][1] if live else 0
        long = 0
        for n in marks:
            key, size = chain[n]
            if size <= done:
                continue
            idle = 3600 if segments[n].mark == "1h" else 300
            long += size - done if idle == 3600 else 0
            self._entries[key] = _Entry(ready, at + idle, idle)
            done = size
        return read, done - read, long
