"""The list of scenarios, filled by the modules that play them, and the conversation that many of them share."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .prices import MODELS, Segment
from .world import Call, Customer, World, marked, system, user

Play = Callable[[World], None]

# a sound client does not make this call at all
THROWN = False

KINDS = (
    "retry_loops", "cut_answers", "fallback_storms", "fallback_failures", "stuck_agents", "repeated_calls",
    "cache_misses", "growing_context", "overkill_models", "batchable_calls",
)  # fmt: skip
# saved only if somebody agrees that less would do
CANDIDATES = ("growing_context", "overkill_models", "batchable_calls")


class Scenario(NamedTuple):
    """One way in which calls are made; ``kind`` is that of its waste, ``like`` the kind that a sound one resembles."""

    name: str
    kind: str | None
    like: str
    runs: dict[str, int]
    play: Play


SCENARIOS: dict[str, Scenario] = {}


def waste(kind: str, **runs: int) -> Callable[[Play], Play]:
    """List a scenario that wastes money, with how often it is played in each mix."""
    return lambda play: _listed(Scenario(play.__name__, kind, kind, runs, play))


def sound(like: str, **runs: int) -> Callable[[Play], Play]:
    """List a scenario that wastes nothing, though it looks like it."""
    return lambda play: _listed(Scenario(play.__name__, None, like, runs, play))


def _listed(scenario: Scenario) -> Play:
    assert scenario.name not in SCENARIOS, scenario.name
    SCENARIOS[scenario.name] = scenario
    return scenario.play


class Turn(NamedTuple):
    """What happens next in a conversation: after a wait somebody asks, or a tool reports, and the model answers."""

    wait: float
    ask: Segment
    answer: str | None
    tools: Sequence[tuple[str, dict[str, Any]]] = ()


def cached(model: str, segments: Sequence[Segment], ttl: str | None = "5m") -> list[Segment]:
    """Mark a prompt for the cache, where the vendor of the model wants to be asked."""
    return marked(segments, ttl) if ttl and MODELS[model].vendor == "anthropic" else list(segments)


def converse(
    world: World, who: Customer, model: str, at: float, head: Sequence[Segment], turns: Sequence[Turn], *,
    cache: str | None = "5m", sent: Callable[[list[Segment], int], Sequence[Segment]] | None = None,
    sound: Callable[[list[Segment], int], Any] | None = None, **columns: Any,
) -> list[Call]:  # fmt: skip
    """Send a growing history turn by turn. ``sent`` changes what is sent, ``sound`` is what a sound client does."""
    history = list(head)
    calls: list[Call] = []
    if who.sessions and "session_id" in columns:
        columns.pop("trace_id", None)
    for number, turn in enumerate(turns):
        history.append(turn.ask)
        parts = list(history)
        segments = sent(parts, number) if sent else cached(model, parts, cache)
        before = calls[-1].columns["event_id"] if calls else None
        call = world.call(
            who, at + turn.wait, model, segments, turn.answer, tools=turn.tools,
            sound=sound(parts, number) if sound else None, **({"parent_id": before} | columns),
        )  # fmt: skip
        history.append(call.answer)
        calls.append(call)
        at = call.end
    return calls


SMALL = {"openai": "gpt-4.1-mini", "anthropic": "claude-haiku-4-5", "google": "gemini-2.5-flash"}


def companions(world: World, who: Customer, at: float, end: float, **columns: Any) -> None:
    """Make the sound calls of a request around its main one: query, moderation, title; some in the midst of it."""
    texts, model = world.texts(who), SMALL[who.vendors[0]]
    plan = (
        ("rewrite-query", at - world.draw.uniform(1.5, 4), "Rewrite as a search query.", 15),
        ("moderate", at + (end - at) * world.draw.random(), "Is there anything unsafe in this? Explain.", 40),
        ("title", end + world.draw.uniform(0.2, 3), "Find a title and a teaser for this conversation.", 30),
    )
    for name, start, task, size in plan:
        if world.draw.random() < 0.6:
            segments = [system(task), user(f"{texts.question()} {texts.passage(40)}")]
            world.call(who, start, model, segments, texts.answer(size), name=name, aside=True, **columns)
