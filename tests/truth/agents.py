"""Waste: agents that turn in circles, and agents that resend and pay for all they know at every step."""

from collections.abc import Sequence
from typing import Any

from .prices import MODELS
from .registry import THROWN, Turn, converse, waste
from .texts import Texts
from .world import Call, Customer, World, hidden, system, tool, user

TOOLS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "code": (
        ("read_file", ("src/orders.py", "src/session.ts", "tests/test_orders.py", "README.md", "src/db/pool.go")),
        ("run_tests", ("tests/test_orders.py", "-k rounding", "--lf", "tests/api")),
        ("edit_file", ("src/orders.py", "src/session.ts", "src/db/pool.go")),
        ("grep", ("TODO", "SessionStore", "def parse_", "deadlock", "import asyncio")),
    ),
    "ops": (
        ("get_metrics", ("checkout-api p95", "kafka lag", "node cpu", "error_rate")),
        ("kubectl", ("get pods -n shop", "describe pod ingest-7", "logs ingest-7 --tail 50", "rollout status")),
        ("query_logs", ("level=error", "service=cdn", "trace=9f1", "timeout")),
    ),
    "other": (
        ("web_search", ("ferry strike 2026", "chip plant budget", "harbour tunnel costs", "grain deal reactions")),
        ("open_page", ("https://example.org/a/1", "https://example.org/b/7", "https://example.com/report")),
        ("lookup", ("customer 4411", "order 99812", "contract 7", "supplier Alpenkraft")),
    ),
}  # fmt: skip


def next_tool(world: World, who: Customer) -> tuple[str, dict[str, Any]]:
    """Choose a tool and new arguments."""
    name, arguments = world.draw.choice(TOOLS.get(who.domain, TOOLS["other"]))
    return name, {"arg": world.draw.choice(arguments), "offset": world.draw.randrange(400)}


def head_of(world: World, texts: Texts, tools: int = 3500) -> list:
    """Make the system prompt of an agent, with the definitions of its tools."""
    return [
        hidden("tools", f"tools-{texts.draw.randrange(5)}-{tools}", tools),
        system(texts.role() + texts.passage(250)),
    ]


def steps(
    world: World, who: Customer, count: int, *, first: str | None = None, size: tuple[int, int] = (60, 220)
) -> list[Turn]:
    """Make the steps of an agent that gets on: other tools, other results, at last an answer."""
    texts, turns, ask = world.texts(who), [], user(first or world.texts(who).question())
    for number in range(count):
        last = number == count - 1
        called = () if last else (next_tool(world, who),)
        turns.append(Turn(world.draw.uniform(0.2, 6), ask, texts.answer(120 if last else 25), called))
        ask = tool(texts.passage(world.draw.randrange(*size)))
    return turns


def strong(world: World, who: Customer) -> str:
    models = {"openai": ("gpt-5", "gpt-4.1"), "anthropic": ("claude-sonnet-4-5", "claude-opus-4-5")}
    return world.draw.choice(models[world.draw.choice([vendor for vendor in who.vendors if vendor in models])])


def _run(
    world: World, who: Customer, turns: Sequence[Turn], good: int, *, at: float | None = None, tools: int = 3500
) -> list[Call]:
    """Play an agent whose calls after the first few are thrown away."""
    texts = world.texts(who)
    return converse(
        world, who, strong(world, who), world.office() if at is None else at, head_of(world, texts, tools), turns,
        trace_id=world.id(), session_id=world.id("sess-"), agent=f"{who.domain}-agent", name="step", temperature=0.7,
        route="/agent", user_id=world.user(who), sound=lambda _, number: THROWN if number >= good else None,
    )  # fmt: skip


@waste("stuck_agents", saas=1, agents=8, pipelines=1)
def the_same_tool_again(world: World) -> None:
    """An agent calls one tool with the same arguments over and over, though it reports the same each time."""
    _same_tool(world)


@waste("stuck_agents", saas=1, agents=3)
def the_same_tool_in_a_log_of_last_messages(world: World) -> None:
    """As above; the log holds of each prompt its last message alone, which is the same again and again."""
    for call in _same_tool(world):
        call.columns["prompt"] = call.segments[-1].text


@waste("stuck_agents", agents=3)
def the_same_tool_in_a_log_without_texts(world: World) -> None:
    """As above; the log holds tool calls and numbers of tokens, and no texts."""
    for call in _same_tool(world):
        call.columns |= {"prompt": None, "response": None}


def _same_tool(world: World) -> list[Call]:
    who = world.customer("openai", "anthropic")
    texts, call = world.texts(who), next_tool(world, who)
    turns, result = steps(world, who, world.draw.randrange(2, 7))[:-1], texts.passage(world.draw.randrange(60, 300))
    good = len(turns) + 2
    ask = tool(texts.passage(120))
    for _ in range(world.draw.randrange(9, 26)):
        thought = world.draw.choice(("Let me check that again.", "I will try once more.", "", texts.question()))
        turns.append(Turn(world.draw.uniform(0.3, 4), ask, thought or None, (call,)))
        ask = tool(result)
    return _run(world, who, turns, good, tools=world.draw.randrange(3000, 15000))


@waste("stuck_agents", agents=3)
def stuck_over_night(world: World) -> None:
    """As above, for hours, since nobody watches: the result is an error, the agent tries again."""
    who = world.customer("openai", "anthropic")
    texts, call = world.texts(who), next_tool(world, who)
    error = f"Error: permission denied ({texts.hex(6)})"
    turns = steps(world, who, 4)[:-1]
    good = len(turns) + 2
    ask = tool(texts.passage(100))
    for _ in range(world.draw.randrange(45, 80)):
        turns.append(Turn(world.draw.uniform(2, 160), ask, "That did not work. Trying again.", (call,)))
        ask = tool(error)
    _run(world, who, turns, good, at=world.night(), tools=9000)


@waste("stuck_agents", saas=1, agents=6)
def two_tools_in_turn(world: World) -> None:
    """An agent edits, the tests fail in the same way, it edits back; two calls follow each other for ever."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    pair, results = [next_tool(world, who), next_tool(world, who)], [texts.passage(80), texts.passage(150)]
    turns, ask = steps(world, who, 4)[:-1], tool(texts.passage(60))
    good = len(turns) + 4
    for number in range(world.draw.randrange(12, 28)):
        turns.append(Turn(world.draw.uniform(0.5, 5), ask, None, (pair[number % 2],)))
        ask = tool(results[number % 2])
    _run(world, who, turns, good, tools=world.draw.randrange(4000, 12000))


@waste("stuck_agents", saas=1, agents=5)
def they_thank_each_other(world: World) -> None:
    """Two agents have finished, and neither stops talking."""
    who = world.customer("openai", "anthropic")
    thanks = ("Thank you! Is there anything else?", "No, thank you. Is there anything else I can do for you?")
    turns = steps(world, who, world.draw.randrange(3, 6), size=(200, 400))
    good = len(turns) + 2
    for number in range(world.draw.randrange(10, 30)):
        turns.append(Turn(world.draw.uniform(0.3, 2), user(thanks[number % 2]), thanks[(number + 1) % 2]))
    _run(world, who, turns, good, tools=8000)


@waste("stuck_agents", agents=4, pipelines=1)
def the_same_answer_but_for_numbers(world: World) -> None:
    """An agent without tools counts its own attempts and returns the same plan each time."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    plan = texts.passage(60)
    turns = [Turn(0, user(texts.question()), texts.answer(90))]
    for number in range(1, world.draw.randrange(10, 20)):
        ask = user(f"Continue. ({number * world.draw.randrange(2, 5)} minutes used)")
        turns.append(Turn(world.draw.uniform(1, 8), ask, f"Attempt {number}: {plan}"))
    _run(world, who, turns, 3, tools=10000)


# -- all of it again at every step ------------------------------------------------------------------------------------


def _growing(
    world: World, who: Customer, model: str, count: int, size: tuple[int, int], tools: int, **more: Any
) -> None:
    """Play an agent whose history is paid in full each time; a sound client marks it, or keeps its beginning still."""
    texts = world.texts(who)
    cached = MODELS[model].vendor == "anthropic"
    clock = texts.hex(6)

    def sent(parts: list, number: int) -> list:
        return parts if cached else [system(f"Memory {clock}-{number}: {number} of {count} steps."), *parts]

    def sound(parts: list, number: int) -> dict[str, Any]:
        still = [*parts[:-1], parts[-1]._replace(mark="5m")]
        note = [] if cached else [system(f"Memory {clock}-{number}: {number} of {count} steps.")]
        return {"segments": still + note}

    converse(
        world, who, model, world.office(), head_of(world, texts, tools), steps(world, who, count, size=size),
        sent=sent, sound=sound, trace_id=world.id(), session_id=world.id("sess-"), agent="worker", name="step",
        route="/agent", temperature=0.5, user_id=world.user(who), **more,
    )  # fmt: skip


@waste("growing_context", saas=2, agents=7, pipelines=2)
def history_paid_in_full(world: World) -> None:
    """An agent on Claude without cache_control: every step pays for the whole history."""
    who = world.customer("anthropic")
    model = world.draw.choice(("claude-sonnet-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"))
    _growing(world, who, model, world.draw.randrange(8, 20), (250, 600), 600)


@waste("growing_context", saas=2, agents=6)
def memory_in_front(world: World) -> None:
    """An agent on GPT that writes its memory in front of the history, so that nothing behind it is cached."""
    who = world.customer("openai")
    _growing(world, who, world.draw.choice(("gpt-4.1", "gpt-5")), world.draw.randrange(8, 20), (250, 600), 1500)
