"""The world in which the scenarios are played: customers with their habits of logging, a clock, calls, and the labels.

A scenario makes calls; each may carry what a sound client would have done in its place. When all are made, they run in
time order through the prompt caches of the vendors twice: as they were sent, and as a sound client would have sent
them. The difference in dollars is the label.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from .prices import METERS, MODELS, PromptCache, Segment, Usage, cost_by_meter
from .texts import Texts, tokens_of

MIXES = ("saas", "agents", "pipelines")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)

# the table CALLS of the design, new columns included
COLUMNS = (
    "trace_id", "event_id", "session_id", "parent_id", "timestamp", "latency_ms", "model", "provider", "prompt",
    "response", "tool_calls", "temperature", "stream", "prefix_hash", "prompt_hash", "input_tokens", "output_tokens",
    "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens", "audio_input_tokens",
    "audio_output_tokens", "web_searches", "cost", "cost_source", "service_tier", "region", "billed", "finish_reason",
    "level", "error", "retry_count", "fallback_model", "fallback_attempted", "fallback_reason", "team", "route", "name",
    "user_id", "agent", "source", "tags", "type", "log_format", "token_source", "extra",
)  # fmt: skip


class Customer(NamedTuple):
    """Who makes calls, and what the logs of that customer hold."""

    name: str
    vendors: tuple[str, ...]
    domain: str
    teams: tuple[str, ...]
    users: int  # 0: no users are logged
    temperatures: bool = True
    hashes: bool = True
    retries: bool = True  # whether retry_count is logged
    naming: str = "plain"  # "plain", "dated" or "gateway": how models are called
    sessions: bool = False  # whether each call is a trace of its own, and only session_id holds a conversation together


CUSTOMERS: dict[str, tuple[Customer, ...]] = {
    "saas": (
        Customer("helply", ("openai",), "support", ("support", "growth"), 400, hashes=False, sessions=True),
        Customer("lexora", ("anthropic",), "legal", ("contracts",), 60, naming="dated"),
        Customer("shopwise", ("openai", "anthropic", "google"), "shop", ("search", "catalog"), 900, naming="gateway"),
    ),
    "agents": (
        Customer("forge", ("anthropic",), "code", ("platform", "mobile"), 25, naming="dated"),
        Customer("opsbot", ("openai",), "ops", ("sre",), 12, hashes=False, sessions=True),
        Customer("scout", ("openai", "anthropic", "google"), "news", ("research",), 30, naming="gateway"),
    ),
    "pipelines": (
        Customer("ledgerline", ("openai",), "finance", ("payables",), 0, naming="dated"),
        Customer("newswire", ("anthropic", "google"), "news", ("desk", "archive"), 0, retries=False),
        Customer("labelworks", ("openai", "anthropic", "google"), "shop", ("evals",), 0, temperatures=False),
    ),
}
_DATES = {"openai": "-2025-08-07", "anthropic": "-20250929", "google": ""}
_DATED = {"gpt-5", "gpt-5-mini", "claude-sonnet-4-5"}  # whose dates these are
_REASONS = {"gpt-5", "gpt-5-mini", "o4-mini"}
REPORTED_FROM = 100  # the seeds from here on are for reporting

Sound = Any  # None: as sent; False: not at all; or what differs: segments, model, batch, reasoning, warm


@dataclass
class Call:
    """One attempt at a provider, before it is billed."""

    who: Customer
    at: float
    end: float
    model: str
    segments: Sequence[Segment]
    output: int
    reasoning: int
    columns: dict[str, Any]
    sound: Sound
    scenario: str
    kind: str | None
    incident: str | None
    luck: float
    content: bool

    @property
    def answer(self) -> Segment:
        """The answer as a part of the next prompt."""
        text = self.columns["response"] or self.columns["tool_calls"] or ""
        return Segment("assistant", text, max(1, self.output - self.reasoning), f"{self.columns['event_id']}{text}")

    def record(self) -> dict[str, Any]:
        """Return what the log holds of the call."""
        hidden_texts = {} if self.content else dict.fromkeys(("prompt", "response", "tool_calls"))
        return self.columns | hidden_texts


@dataclass(frozen=True)
class Label:
    """The truth about a call, in US dollars for each meter: what was paid, and what a sound client would have saved."""

    incident: str | None
    scenario: str
    kind: str | None
    paid: dict[str, float]
    saved: dict[str, float]


@dataclass(frozen=True)
class Traffic:
    """Records with all columns of CALLS, in time order, and the label of each."""

    records: list[dict[str, Any]]
    labels: list[Label]


def system(text: str, mark: str | None = None, *, pad: int = 0) -> Segment:
    """Make a system prompt; ``pad`` is the length of tool definitions that the log does not show."""
    return Segment("system", text, tokens_of(text) + pad, f"{text}/{pad}", mark)


def hidden(role: str, name: str, tokens: int, mark: str | None = None) -> Segment:
    """Make what is sent and not logged: tool definitions, an attached file, an image."""
    return Segment(role, "", tokens, name, mark)


def user(text: str, mark: str | None = None) -> Segment:
    return Segment("user", text, tokens_of(text) + 4, text, mark)


def tool(text: str) -> Segment:
    return Segment("tool", text, tokens_of(text) + 8, text)


def marked(segments: Iterable[Segment], ttl: str | None = "5m") -> list[Segment]:
    """Put cache_control where the documentation advises it: at the end of the system prompt and of the last message."""
    parts = list(segments)
    heads = [n for n, part in enumerate(parts) if part.role in ("tools", "system")]
    for n in {*heads[-1:], len(parts) - 1}:
        parts[n] = parts[n]._replace(mark=ttl)
    return parts


def _text(segments: Sequence[Segment]) -> str:
    shown = [part for part in segments if part.text]
    return shown[0].text if len(shown) == 1 else "\n\n".join(f"{part.role}: {part.text}" for part in shown)


def _hash(segments: Iterable[Segment]) -> str:
    return hashlib.sha256("\0".join(part.key for part in segments).encode()).hexdigest()[:16]


@dataclass
class World:
    """One log of one mix of customers, scenario by scenario. Each run of a scenario draws from a Random of its own."""

    seed: int
    mix: str
    calls: list[Call] = field(default_factory=list)
    draw: Random = field(init=False)
    content: bool = field(init=False)  # whether prompts and answers are logged, or only their hashes
    _run: tuple[str, str | None, str | None] = field(init=False)

    def play(self, name: str, kind: str | None, run: int, scenario: Callable[["World"], None]) -> None:
        """Play one run of a scenario."""
        self.draw = Random(f"{self.seed}/{self.mix}/{name}/{run}")
        self._run = (name, kind, f"{name}-{run}" if kind else None)
        self.content = self.draw.random() >= 0.06
        scenario(self)

    def words(self, choices: Sequence[Any]) -> Any:
        """Choose a wording. Development sees two of three, so that reports are also about words that nobody saw."""
        unseen = self.seed >= REPORTED_FROM
        return self.draw.choice([choice for n, choice in enumerate(choices) if unseen or n % 3 < 2])

    # -- who and when -------------------------------------------------------------------------------------------------

    def customer(self, *vendors: str) -> Customer:
        """Return a customer of the mix that uses one of these vendors."""
        return self.draw.choice([one for one in CUSTOMERS[self.mix] if not vendors or {*one.vendors} & {*vendors}])

    def texts(self, who: Customer) -> Texts:
        return Texts(self.draw, who.domain)

    def user(self, who: Customer) -> str | None:
        return f"u-{self.draw.randrange(who.users):04d}" if who.users else None

    def id(self, prefix: str = "") -> str:
        return f"{prefix}{self.draw.getrandbits(96):024x}"

    def office(self, day: int | None = None) -> float:
        """Return a time of a working day, with less to do at noon and in the evening."""
        hour = self.draw.choice((self.draw.gauss(10.3, 1.2), self.draw.gauss(15, 1.6)))
        return (self.draw.randrange(5) if day is None else day) * DAY + min(max(hour, 6.5), 20) * HOUR

    def night(self, day: int | None = None) -> float:
        return (self.draw.randrange(5) if day is None else day) * DAY + self.draw.uniform(0.5, 4.5) * HOUR

    def think(self, median: float = 40.0) -> float:
        """Return how long a person reads and types, in seconds."""
        return median * self.draw.lognormvariate(0, 0.6)

    def backoff(self, attempt: int) -> float:
        """Return how long the SDKs of OpenAI and Anthropic wait: half a second, doubled up to 8 s, less jitter."""
        return min(8.0, 0.5 * 2**attempt) * self.draw.uniform(0.75, 1.0)

    # -- a call -------------------------------------------------------------------------------------------------------

    def call(
        self, who: Customer, at: float, model: str, segments: Sequence[Segment], answer: str | None = None, *,
        tools: Sequence[tuple[str, dict[str, Any]]] = (), output: int | None = None, reasoning: int = 0,
        latency: float | None = None, shown: str | None = None, sound: Sound = None, free: bool = False,
        aside: bool = False, temperature: float | None = None, retry_count: int | None = None,
        user_id: str | None = None, **columns: Any,
    ) -> Call:  # fmt: skip
        """Make an attempt; a ``free`` one costs nothing, one ``aside`` is sound in every scenario."""
        draw = self.draw
        made = json.dumps([{"name": name, "arguments": given} for name, given in tools]) if tools else None
        if model in _REASONS and not reasoning:
            reasoning = 64 * draw.randrange(1, 10) if output is None else output // 2
        if output is None:
            output = (tokens_of(answer) if answer else 0) + (tokens_of(made) if made else 0) + reasoning
        if latency is None:
            latency = 0.12 if free else 0.5 + output / draw.uniform(60, 110) + draw.random() * 0.4
        heads = [part for part in segments if part.role in ("tools", "system")]
        known = {
            "trace_id": self.id(), "event_id": self.id("msg_" if "claude" in model else "chatcmpl-"),
            "timestamp": MONDAY + timedelta(microseconds=round(at * 1e6)), "latency_ms": round(latency * 1000),
            "model": _logged_name(who, model), "provider": MODELS[model].vendor,
            "prompt": _text(segments) if shown is None else shown, "response": answer, "tool_calls": made,
            "temperature": temperature if who.temperatures else None, "stream": False,
            "prefix_hash": _hash(heads) if who.hashes and heads else None,
            "prompt_hash": _hash(segments) if who.hashes else None,
            "billed": "no" if free else "yes", "level": "info", "type": "generation", "log_format": "truth",
            "finish_reason": None if free else "tool_calls" if tools else "stop",
            "retry_count": retry_count if who.retries else None, "team": who.teams[0], "source": who.name,
            "user_id": user_id if who.users else None, "token_source": "reported", "cost_source": "reported",
        }  # fmt: skip
        name, kind, incident = self._run
        if aside:
            kind = incident = None
        call = Call(
            who, at, at + latency, model, segments, output, reasoning, dict.fromkeys(COLUMNS) | known | columns,
            sound, name, kind, incident, draw.random(), self.content,
        )  # fmt: skip
        self.calls.append(call)
        return call

    def refused(self, who: Customer, at: float, model: str, segments: Sequence[Segment], **columns: Any) -> Call:
        """Make an attempt that the provider refuses: a 429 unless the columns name another error."""
        columns = {"error": "429 Too Many Requests: rate_limit_exceeded", "level": "error"} | columns
        return self.call(who, at, model, segments, free=True, **columns)

    def timed_out(
        self, who: Customer, at: float, model: str, segments: Sequence[Segment], *, after: float, output: int,
        **columns: Any,
    ) -> Call:  # fmt: skip
        """Make an attempt that the client stops waiting for: the provider bills it, the log has no answer."""
        columns = {"error": "Request timed out.", "level": "error", "finish_reason": "aborted"} | columns
        return self.call(
            who, at, model, segments, output=output, latency=after, billed="estimated", token_source="estimated",
            **columns,
        )  # fmt: skip

    # -- the bill -----------------------------------------------------------------------------------------------------

    def traffic(self) -> Traffic:
        """Bill all calls in time order, as they were made and as a sound client would have made them."""
        order = sorted(self.calls, key=lambda call: call.at)
        real, ideal = PromptCache(), PromptCache()
        paid, needed = [], []
        for call in order:
            usage, cost = _billed(call, real, None)
            paid.append(cost)
            _fill(call, usage, cost)
            needed.append(_billed(call, ideal, call.sound)[1] if call.incident else cost)
            if not call.incident:
                _billed(call, ideal, None)
        return Traffic([call.record() for call in order], _labels(order, paid, needed))


def _logged_name(who: Customer, model: str) -> str:
    vendor = MODELS[model].vendor
    if who.naming == "gateway":
        return f"{vendor if vendor != 'google' else 'vertex_ai'}/{model}"
    return model + _DATES[vendor] if who.naming == "dated" and model in _DATED else model


def _billed(call: Call, cache: PromptCache, sound: Sound) -> tuple[Usage, dict[str, float]]:
    """Return the usage and the cost of a call, the way it was made or the sound way."""
    if call.columns["billed"] == "no":
        return Usage(), dict.fromkeys(METERS, 0.0)
    changed = sound or {}
    model = changed.get("model", call.model)
    segments = changed.get("segments", call.segments)
    usage = cache.use(
        call.who.name, model, segments, at=call.at, ready=call.at + 0.4 * (call.end - call.at), luck=call.luck
    )
    if "warm" in changed:  # this number of tokens could have been read from the cache
        usage = _warmed(usage, changed["warm"], step=1 if MODELS[model].vendor == "anthropic" else 128)
    reasoning = min(call.reasoning, changed.get("reasoning", call.reasoning))
    usage = usage._replace(output=call.output - call.reasoning + reasoning)
    batch = changed.get("batch", call.columns["service_tier"] == "batch")
    cost = cost_by_meter(usage, model, batch=batch)
    # a call that a sound client would not have made costs nothing, but the answer it got still warmed the cache
    return usage, dict.fromkeys(METERS, 0.0) if sound is False else cost


def _warmed(usage: Usage, tokens: int, step: int) -> Usage:
    """Read up to this number of tokens rather than write them or pay them in full."""
    more = max(0, min(tokens - tokens % step, usage.input) - usage.read)
    written = min(more, usage.write)
    return usage._replace(
        read=usage.read + more, write=usage.write - written, fresh=usage.fresh - (more - written),
        write_1h=min(usage.write_1h, usage.write - written),
    )  # fmt: skip


def _fill(call: Call, usage: Usage, cost: dict[str, float]) -> None:
    """Write down what the provider reports about a billed call."""
    columns = call.columns
    columns["cost"] = sum(cost.values())
    if columns["billed"] == "no":
        return
    anthropic = MODELS[call.model].vendor == "anthropic"
    columns |= {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cached_input_tokens": usage.read,
        "cache_write_tokens": usage.write if anthropic else None,
        "cache_write_1h_tokens": usage.write_1h if anthropic else None,
        "reasoning_tokens": call.reasoning if call.model in _REASONS else None,
    }


def _labels(calls: Sequence[Call], paid: Sequence[dict[str, float]], needed: Sequence[dict[str, float]]) -> list[Label]:
    """Compare both bills. Where the sound way costs more for one call of an incident, its other calls save less."""
    net = [sum(p.values()) - sum(n.values()) for p, n in zip(paid, needed, strict=True)]
    gains: dict[str, float] = {}
    losses: dict[str, float] = {}
    for call, saved in zip(calls, net, strict=True):
        if call.incident:
            kept = gains if saved > 0 else losses
            kept[call.incident] = kept.get(call.incident, 0.0) + saved
    labels = []
    for call, before, after, saved in zip(calls, paid, needed, net, strict=True):
        share = 0.0
        if call.incident and saved > 1e-12:
            share = saved * max(0.0, 1 + losses.get(call.incident, 0.0) / gains[call.incident])
        less = {meter: max(0.0, before[meter] - after[meter]) for meter in METERS}
        whole = sum(less.values())
        by_meter = {meter: less[meter] * share / whole if share else 0.0 for meter in METERS}
        labels.append(Label(call.incident, call.scenario, call.kind, before, by_meter))
    return labels
