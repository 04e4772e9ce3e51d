"""Waste: a long prefix paid in full or written again where it could have been read from the cache."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from .agents import head_of, steps
from .prices import Segment
from .registry import Turn, converse, waste
from .texts import NAMES, tokens_of
from .world import HOUR, MINUTE, MONDAY, Call, Customer, World, hidden, marked, system, user

SONNET = "claude-sonnet-4-5"
Make = Callable[[Segment, int, float], list[Segment]]


# how people put the time into prompts
CLOCKS = ("Current time: %Y-%m-%dT%H:%M:%SZ", "Today is %A, %d %B %Y, %H:%M:%S.", "<now>%d.%m.%Y %H:%M:%S</now>")


def clock_text(style: str, at: float) -> str:
    return (MONDAY + timedelta(seconds=at)).strftime(style)


def questions(
    world: World, who: Customer, model: str, at: float, count: int, wait: tuple[float, float], make: Make,
    sound: Make | None = None, *, out: tuple[int, int] = (60, 250), **columns: Any,
) -> list[Call]:  # fmt: skip
    """Ask one question after the other over the same head; ``make`` and ``sound`` get the question and its number."""
    texts, calls = world.texts(who), []
    for number in range(count):
        ask = user(texts.question() + " " + texts.passage(world.draw.randrange(5, 80)))
        call = world.call(
            who, at, model, make(ask, number, at), texts.answer(world.draw.randrange(*out)), temperature=0.3,
            sound={"segments": sound(ask, number, at)} if sound else None, **({"user_id": world.user(who)} | columns),
        )  # fmt: skip
        calls.append(call)
        at = max(call.end, at) + world.draw.uniform(*wait)
    return calls


@waste("cache_misses", saas=1, agents=1, pipelines=1)
def clock_in_front(world: World) -> None:
    """The system prompt begins with the time, to the second: Claude writes the prefix each time and never reads it."""
    _clock_in_front(world)


@waste("cache_misses", saas=1, pipelines=1)
def clock_in_front_in_a_log_without_prompts(world: World) -> None:
    """As above; the log holds hashes in place of the prompts."""
    for call in _clock_in_front(world):
        call.columns |= {"prompt": None, "response": None}


def _clock_in_front(world: World) -> list[Call]:
    who = world.customer("anthropic")
    role, pad, style = world.texts(who).role(), world.draw.randrange(5000, 12000), world.words(CLOCKS)

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(f"{clock_text(style, at)}\n{role}", "5m", pad=pad), ask]

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(role, "5m", pad=pad), user(clock_text(style, at)), ask]

    return questions(
        world,
        who,
        SONNET,
        world.office(),
        world.draw.randrange(14, 30),
        (5, 200),
        make,
        sound,
        route="/v1/assist",
        name="assist",
    )


@waste("cache_misses", saas=2, agents=2, pipelines=2)
def clock_in_front_of_gpt(world: World) -> None:
    """The same with OpenAI, which would have cached the prefix by itself."""
    who = world.customer("openai")
    role, pad, style = world.texts(who).role(), world.draw.randrange(6000, 14000), world.words(CLOCKS)
    model = world.draw.choice(("gpt-4.1", "gpt-5", "gpt-4o"))

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(f"{clock_text(style, at)}\n{role}", pad=pad), ask]

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(role, pad=pad), user(clock_text(style, at)), ask]

    questions(
        world,
        who,
        model,
        world.office(),
        world.draw.randrange(20, 45),
        (4, 120),
        make,
        sound,
        route="/v1/assist",
        name="assist",
    )


@waste("cache_misses", saas=2, agents=2, pipelines=1)
def read_after_it_expired(world: World) -> None:
    """A person thinks for 6 to 20 minutes between turns; the 5 minutes of the cache are over each time."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    head = [
        hidden("tools", world.id(), 2500),
        system(texts.role()),
        hidden("file", world.id(), world.draw.randrange(18000, 45000)),
    ]
    turns = [
        Turn(world.draw.uniform(6, 20) * MINUTE, user(texts.question()), texts.answer(world.draw.randrange(80, 300)))
        for _ in range(world.draw.randrange(4, 8))
    ]

    def long(parts: list[Segment], number: int) -> dict[str, Any]:
        return {"segments": marked(parts, "1h")}

    converse(
        world, who, SONNET, world.office(), head, turns, trace_id=world.id(), session_id=world.id("sess-"),
        user_id=world.user(who), route="/v1/chat", name="chat", sound=long,
    )  # fmt: skip


@waste("cache_misses", saas=2, agents=1, pipelines=2)
def written_and_never_read(world: World) -> None:
    """Each document is asked about once, and marked for the cache all the same."""
    who, at = world.customer("anthropic"), world.office()
    texts = world.texts(who)
    for _ in range(world.draw.randrange(12, 26)):
        document = hidden("file", world.id("file-"), world.draw.randrange(12000, 40000))
        head, ask = system(texts.role()), user(f"{texts.question()} {texts.passage(40)}")
        call = world.call(
            who, at, SONNET, [head, document._replace(mark="5m"), ask], texts.answer(150), temperature=0.2,
            user_id=world.user(who), route="/v1/analyse", name="analyse", sound={"segments": [head, document, ask]},
        )  # fmt: skip
        at = call.end + world.draw.uniform(20, 400)


@waste("cache_misses", saas=1, agents=1, pipelines=1)
def an_hour_for_minutes(world: World) -> None:
    """The hour's cache, at twice the price, for calls that follow each other within a minute or two."""
    who = world.customer("anthropic")
    texts, at = world.texts(who), world.office()
    for _ in range(3):
        head = [hidden("tools", world.id(), world.draw.randrange(20000, 50000)), system(texts.role())]
        columns = {"trace_id": world.id(), "session_id": world.id("sess-"), "route": "/v1/chat", "name": "chat"}
        end = questions(
            world, who, SONNET, at, world.draw.randrange(4, 8), (5, 130),
            lambda ask, number, at, head=head: [head[0], head[1]._replace(mark="1h"), ask],
            lambda ask, number, at, head=head: [head[0], head[1]._replace(mark="5m"), ask], **columns,
        )[-1].end  # fmt: skip
        at = end + world.draw.uniform(0.5, 2) * HOUR


@waste("cache_misses", saas=1, agents=1, pipelines=2)
def never_asked_for(world: World) -> None:
    """A long fixed prompt on Claude, hundreds of times, without cache_control."""
    who = world.customer("anthropic")
    role, pad = world.texts(who).role(), world.draw.randrange(4200, 9000)

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(role, pad=pad), ask]

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(role, "5m", pad=pad), ask]

    model = world.draw.choice((SONNET, SONNET, "claude-haiku-4-5"))
    questions(
        world,
        who,
        model,
        world.office(),
        world.draw.randrange(25, 70),
        (2, 70),
        make,
        sound,
        route="/v1/check",
        name="check",
    )


@waste("cache_misses", saas=1, agents=1, pipelines=2)
def all_at_the_same_moment(world: World) -> None:
    """Eight or more calls over one long document start together, so that each writes it; one should go first."""
    who = world.customer("anthropic")
    texts, at = world.texts(who), world.office()
    head = [system(texts.role()), hidden("file", world.id("file-"), world.draw.randrange(15000, 32000), "5m")]
    trace, whole = world.id(), sum(part.tokens for part in head)
    for number, delay in enumerate(sorted(world.draw.uniform(0, 0.4) for _ in range(world.draw.randrange(8, 15)))):
        world.call(
            who, at + delay, SONNET, [*head, user(texts.question())], texts.answer(world.draw.randrange(60, 300)),
            trace_id=trace, temperature=0.3, latency=world.draw.uniform(3, 9), route="/v1/analyse", name="analyse",
            sound={"warm": whole} if number else None,
        )  # fmt: skip


@waste("cache_misses", saas=2, agents=3)
def models_by_turns(world: World) -> None:
    """A router chooses a model for each turn of a long session; the cache of the other one is of no use."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    head = [*head_of(world, texts, 4000), hidden("file", world.id("file-"), world.draw.randrange(14000, 30000))]
    count = world.draw.randrange(5, 9)
    history, at, model, seen = list(head), world.office(), SONNET, 0
    columns = {"trace_id": world.id(), "session_id": world.id("sess-"), "user_id": world.user(who), "route": "/v1/chat"}
    for _ in range(count):
        history.append(user(texts.question()))
        chosen = world.draw.choice((SONNET, "claude-opus-4-5", "claude-haiku-4-5"))
        # what the last model had cached is paid for again by the new one
        warm = {"warm": seen} if chosen != model and seen else None
        call = world.call(who, at, chosen, marked(history), texts.answer(120), sound=warm, name="chat", **columns)
        seen, model = sum(part.tokens for part in history), chosen
        history.append(call.answer)
        at = call.end + min(world.think(60), 240)


@waste("cache_misses", saas=1, agents=2, pipelines=1)
def tools_in_any_order(world: World) -> None:
    """The tool definitions come out of a set, in another order after each start of the process."""
    who = world.customer("anthropic", "openai")
    vendor = world.draw.choice([vendor for vendor in who.vendors if vendor != "google"])
    model = SONNET if vendor == "anthropic" else "gpt-4.1"
    texts, size = world.texts(who), world.draw.randrange(7000, 15000)
    role = system(texts.role())

    def head(order: int) -> list[Segment]:
        return [hidden("tools", f"tools-{order}", size), role]

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return marked([*head(world.draw.randrange(5000)), ask])

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return marked([*head(0), ask])

    questions(
        world,
        who,
        model,
        world.office(),
        world.draw.randrange(14, 32),
        (3, 150),
        make,
        sound,
        route="/v1/tools",
        name="plan",
    )


@waste("cache_misses", saas=1, agents=2, pipelines=1)
def branches_with_a_headline(world: World) -> None:
    """Each sub-agent gets a line of its own in front of the context that all share; behind it would be as good."""
    who = world.customer("anthropic")
    texts, at = world.texts(who), world.office()
    shared = hidden("file", world.id("context-"), world.draw.randrange(12000, 26000))
    session = world.id("sess-")
    for branch in range(world.draw.randrange(5, 10)):
        name = system(f"You are sub-agent {branch} of run {texts.hex(5)}: {texts.question()}")
        ask = user(texts.question())
        call = world.call(
            who, at, SONNET, [name, shared._replace(mark="5m"), ask], texts.answer(200), session_id=session,
            agent=f"sub-{branch}", route="/agent", sound={"segments": [shared._replace(mark="5m"), name, ask]},
        )  # fmt: skip
        at = call.end + world.draw.uniform(1, 30)


@waste("cache_misses", saas=2, agents=3)
def trimmed_from_the_front(world: World) -> None:
    """A chat keeps its last messages only and drops the oldest at each turn, so that the prefix is new each time."""
    who = world.customer("openai", "anthropic")
    vendor = world.draw.choice([vendor for vendor in who.vendors if vendor != "google"])
    model = SONNET if vendor == "anthropic" else "gpt-4.1"
    texts = world.texts(who)
    head = [system(texts.role())]
    turns = [
        Turn(min(world.think(), 200), user(f"{texts.question()} {texts.passage(500)}"), texts.answer(400))
        for _ in range(world.draw.randrange(14, 24))
    ]

    def window(parts: list[Segment], number: int) -> list[Segment]:
        return marked([*head, *parts[1:][-11:]])

    def sound(parts: list[Segment], number: int) -> dict[str, Any]:
        # drops six messages now and then, and keeps the beginning still meanwhile
        begin = max(0, (len(parts) - 1 - 11) // 6 * 6)
        return {"segments": marked([*head, *parts[1:][begin:]])}

    converse(
        world, who, model, world.office(), head, turns, sent=window, sound=sound, trace_id=world.id(),
        session_id=world.id("sess-"), user_id=world.user(who), route="/v1/chat", name="chat", temperature=0.7,
    )  # fmt: skip


@waste("cache_misses", saas=1, agents=1, pipelines=1)
def prefix_broken_by_a_deploy(world: World) -> None:
    """After a deploy the system prompt contains a request id; before it, the cache worked."""
    who = world.customer("anthropic")
    texts, pad = world.texts(who), world.draw.randrange(6000, 14000)
    role = texts.role()

    def still(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(role, "5m", pad=pad), ask]

    def broken(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(f"request_id={texts.hex(12)}\n{role}", "5m", pad=pad), ask]

    day = world.draw.randrange(1, 4)
    for after in (0, 1):
        questions(
            world, who, SONNET, world.office(day + after), world.draw.randrange(18, 30), (5, 160),
            broken if after else still, still if after else None, route="/v1/assist", name="assist",
        )  # fmt: skip


@waste("cache_misses", saas=1, agents=3, pipelines=1)
def tool_results_rewritten(world: World) -> None:
    """An agent shortens older tool results as it goes, here and there, and so breaks the prefix at every step."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    turns = steps(world, who, world.draw.randrange(10, 18), size=(300, 700))

    def edited(parts: list[Segment], number: int) -> list[Segment]:
        short = f"[result shortened at step {number}]"
        keep = [part if part.role != "tool" or place == len(parts) - 1 else part._replace(
            text=part.text[:120] + short, key=part.key + short, tokens=tokens_of(part.text[:120] + short)
        ) for place, part in enumerate(parts)]  # fmt: skip
        return marked(keep)

    def sound(parts: list[Segment], number: int) -> dict[str, Any]:
        return {"segments": marked(parts)}

    head = [system(texts.role()), hidden("file", world.id("repo-"), world.draw.randrange(9000, 16000))]
    converse(
        world, who, SONNET, world.office(), head, turns, sent=edited, sound=sound, trace_id=world.id(),
        session_id=world.id("sess-"), agent="editor", route="/agent", user_id=world.user(who),
    )  # fmt: skip


@waste("cache_misses", saas=3, agents=2, pipelines=1)
def long_chat_without_cache(world: World) -> None:
    """People talk about a long document with Claude, turn after turn, and nothing is marked for the cache."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    head = [system(texts.role()), hidden("file", world.id("file-"), world.draw.randrange(6000, 20000))]
    turns = [
        Turn(min(world.think(50), 270), user(texts.question()), texts.answer(world.draw.randrange(60, 250)))
        for _ in range(world.draw.randrange(4, 9))
    ]
    converse(
        world, who, SONNET, world.office(), head, turns, cache=None, sound=lambda parts, _: {"segments": marked(parts)},
        trace_id=world.id(), session_id=world.id("sess-"), user_id=world.user(who), route="/v1/chat", name="chat",
    )  # fmt: skip


@waste("cache_misses", saas=2, agents=1)
def name_in_front(world: World) -> None:
    """The system prompt begins with the name of the user, so that no two users share its eight thousand tokens."""
    who = world.customer("anthropic", "openai")
    vendor = world.draw.choice([vendor for vendor in who.vendors if vendor != "google"])
    model = SONNET if vendor == "anthropic" else "gpt-4.1"
    texts, pad, at = world.texts(who), world.draw.randrange(6000, 12000), world.office()
    shared = texts.role()
    for _ in range(world.draw.randrange(9, 16)):
        person, name = world.user(who), f"The user is {texts.draw.choice(NAMES)} ({texts.hex(6)})."
        turns = [
            Turn(world.draw.uniform(8, 60), user(texts.question()), texts.answer(100))
            for _ in range(world.draw.randrange(1, 3))
        ]

        def sound(parts: list[Segment], number: int, name: str = name) -> dict[str, Any]:
            return {"segments": marked([system(shared, pad=pad), user(name), *parts[1:]])}

        converse(
            world, who, model, at, [system(f"{name}\n{shared}", pad=pad)], turns, sound=sound, trace_id=world.id(),
            session_id=world.id("sess-"), user_id=person, route="/v1/chat", name="chat", temperature=0.5,
        )  # fmt: skip
        at += world.draw.uniform(20, 150)


# where the time stands in a prompt that is logged whole, with the handbook that it is about
PLACES = ("{time}\n{role}\n{book}", "{role}\n{time}\n{book}", "{time} {role} {book}")


def handbook(world: World, who: Customer) -> tuple[str, str]:
    """Return a role in one line and some pages of text, all of which the log holds."""
    texts = world.texts(who)
    return texts.role().replace("\n", " "), texts.passage(world.draw.randrange(5000, 10000))


@waste("cache_misses", saas=1, pipelines=1)
def clock_in_a_whole_prompt(world: World) -> None:
    """The log holds whole prompts: pages of text behind a time that changes with each call to OpenAI."""
    who, place, style = world.customer("openai"), world.words(PLACES), world.words(CLOCKS)
    role, book = handbook(world, who)

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(place.format(time=clock_text(style, at), role=role, book=book)), ask]

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return [system(f"{role} {book}"), user(clock_text(style, at)), ask]

    questions(
        world, who, world.draw.choice(("gpt-4.1", "gpt-5", "gpt-4o")), world.office(), world.draw.randrange(20, 40),
        (4, 100), make, sound, route="/v1/handbook", name="handbook",
    )  # fmt: skip


@waste("cache_misses", saas=1, agents=1, pipelines=1)
def whole_prompt_never_asked_for(world: World) -> None:
    """The log holds whole prompts: pages of fixed text to Claude without cache_control, minute by minute."""
    who = world.customer("anthropic")
    head = system("\n".join(handbook(world, who)))

    def make(ask: Segment, number: int, at: float) -> list[Segment]:
        return [head, ask]

    def sound(ask: Segment, number: int, at: float) -> list[Segment]:
        return [head._replace(mark="5m"), ask]

    questions(
        world, who, SONNET, world.office(), world.draw.randrange(16, 40), (4, 150), make, sound, route="/v1/handbook",
        name="handbook",
    )  # fmt: skip


@waste("cache_misses", agents=1, pipelines=1)
def started_together_without_texts(world: World) -> None:
    """Workers begin at once with one long prefix, and the log holds neither texts nor hashes nor a common trace."""
    who = world.customer("anthropic")
    world.content = False
    for _ in range(2):
        head, at = hidden("tools", world.id(), world.draw.randrange(12000, 30000), "5m"), world.office()
        for number in range(world.draw.randrange(5, 10)):
            world.call(
                who, at + number * world.draw.uniform(0.01, 0.2), SONNET, [head, user(world.texts(who).question())],
                "So.", output=world.draw.randrange(150, 500), latency=world.draw.uniform(4, 12), prefix_hash=None,
                prompt_hash=None, route="/v1/workers", name="worker", sound={"warm": head.tokens} if number else None,
            )  # fmt: skip
