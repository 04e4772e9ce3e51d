"""Sound: agents that get on, however often they do alike things."""

import json
from typing import Any

from .agents import head_of, next_tool, steps, strong
from .registry import Turn, cached, converse, sound
from .world import Call, World, hidden, tool, user


def _columns(world: World, **more: Any) -> dict[str, Any]:
    return {
        "trace_id": world.id(), "session_id": world.id("sess-"), "agent": "agent", "name": "step", "route": "/agent",
        "temperature": 0.7,
    } | more  # fmt: skip


@sound("stuck_agents", saas=5, agents=16, pipelines=3)
def agent_that_gets_on(world: World) -> None:
    """Read, search, edit, test: other arguments, other results, a cache that works."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 7000),
        steps(world, who, world.draw.randrange(8, 24), size=(60, 350)), user_id=world.user(who), **_columns(world),
    )  # fmt: skip


@sound("stuck_agents", saas=2, agents=10)
def tests_until_they_pass(world: World) -> None:
    """An agent runs the same tests after each edit; the arguments are the same, the results are not."""
    _edits_and_tests(world)


@sound("stuck_agents", agents=3)
def tests_in_a_log_of_last_messages(world: World) -> None:
    """As above; the log holds of each prompt its last message alone, and so before each run of the tests the same."""
    for call in _edits_and_tests(world):
        call.columns["prompt"] = "ok" if call.segments[-1].text.startswith("ok") else call.segments[-1].text


def _edits_and_tests(world: World) -> list[Call]:
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    test = ("run_tests", {"arg": "tests/test_orders.py"})
    turns, ask, failing = [], user(texts.question()), world.draw.randrange(9, 20)
    for number in range(world.draw.randrange(5, 9)):
        turns.append(Turn(world.draw.uniform(1, 8), ask, None, (next_tool(world, who),)))
        turns.append(Turn(world.draw.uniform(0.5, 3), tool(f"ok, changed {number + 1} lines"), None, (test,)))
        failing = max(0, failing - world.draw.randrange(1, 4))
        ask = tool(f"{failing} failed, {120 - failing} passed\n{texts.passage(70) if failing else ''}")
    turns.append(Turn(1, ask, texts.answer(100)))
    return converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 7000), turns, user_id=world.user(who),
        **_columns(world),
    )  # fmt: skip


@sound("stuck_agents", saas=2, agents=10, pipelines=1)
def agent_that_polls_a_job(world: World) -> None:
    """An agent has started a job and asks for its state until it is done; often it hears "running" and no more."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    poll = (world.draw.choice(("get_status", "check_build", "describe_job")), {"id": texts.hex(8)})
    turns, ask, done, every = [], user(texts.question()), 0, world.draw.choice((10.0, 20.0, 45.0))
    terse = world.draw.random() < 0.4
    while done < 100:
        turns.append(Turn(every + world.draw.uniform(0, 2), ask, None, (poll,)))
        done = min(100, done + world.draw.randrange(4, 19))
        state = {"state": "done" if done == 100 else "running"}
        ask = tool(json.dumps(state | ({} if terse else {"progress": done, "log": texts.fact()[:60]})))
    turns.append(Turn(1, ask, texts.answer(80)))
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 6000), turns, user_id=world.user(who),
        **_columns(world),
    )  # fmt: skip


@sound("retry_loops", saas=5, agents=12, pipelines=2)
def only_the_question_is_logged(world: World) -> None:
    """The log shows the user's question at every step of an agent; what tools brought is only seen in the counts."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    ask = texts.question()
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 6000),
        steps(world, who, world.draw.randrange(6, 16), first=ask), shown=ask, prompt_hash=None,
        **_columns(world, temperature=0.0, user_id=world.user(who)),
    )  # fmt: skip


@sound("stuck_agents", saas=1, agents=4)
def pages_of_a_list(world: World) -> None:
    """One tool, page after page: the arguments differ by a number."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    turns, ask = [], user(texts.question())
    for page in range(world.draw.randrange(7, 15)):
        turns.append(Turn(world.draw.uniform(0.3, 2), ask, None, (("list_items", {"page": page, "size": 50}),)))
        ask = tool(texts.passage(world.draw.randrange(150, 300)))
    turns.append(Turn(1, ask, texts.answer(150)))
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 6500), turns, user_id=world.user(who),
        **_columns(world),
    )  # fmt: skip


@sound("stuck_agents", saas=1, agents=4)
def browser_that_scrolls(world: World) -> None:
    """An agent presses the same key again and again, and each time sees another part of the page as a picture."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    scroll = ("computer", {"action": "scroll", "direction": "down"})
    turns, ask = [], user(texts.question())
    for _ in range(world.draw.randrange(5, 9)):
        turns.append(Turn(world.draw.uniform(1, 4), ask, texts.fact(), (scroll,)))
        ask = hidden("tool", world.id("screenshot-"), 1500)
    turns.append(Turn(1, ask, texts.answer(120)))
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 6000), turns, user_id=world.user(who),
        **_columns(world),
    )  # fmt: skip


@sound("stuck_agents", agents=3, saas=1)
def sub_agents_with_tasks(world: World) -> None:
    """A planner hands a task to each of several sub-agents, which work at the same time over one cached context."""
    who = world.customer("anthropic")
    texts, at, session = world.texts(who), world.office(), world.id("sess-")
    head = head_of(world, texts, 9000)
    first = converse(
        world, who, "claude-sonnet-4-5", at, head, steps(world, who, 2), **_columns(world, session_id=session)
    )
    for branch in range(world.draw.randrange(2, 5)):
        converse(
            world, who, "claude-sonnet-4-5", first[-1].end + world.draw.uniform(0, 1), head,
            steps(world, who, world.draw.randrange(3, 8)),
            **_columns(world, session_id=session, agent=f"sub-{branch}", parent_id=first[-1].columns["event_id"]),
        )  # fmt: skip


@sound("cache_misses", saas=3, agents=9)
def a_day_with_a_coding_agent(world: World) -> None:
    """Hours of work in one session, with pauses of more than an hour, after which the cache is written once more."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    turns = []
    for _ in range(world.draw.randrange(2, 4)):
        part = steps(world, who, world.draw.randrange(6, 14), size=(80, 300))
        turns += [part[0]._replace(wait=world.draw.uniform(70, 200) * 60), *part[1:]]
    converse(
        world, who, "claude-sonnet-4-5", world.office() - 3600, head_of(world, texts, 12000), turns,
        user_id=world.user(who), **_columns(world),
    )  # fmt: skip


@sound("stuck_agents", saas=1, agents=5, pipelines=1)
def tool_that_fails_twice(world: World) -> None:
    """A tool is not to be reached, the agent tries it once more, it works, and the agent goes on."""
    who = world.customer("openai", "anthropic")
    texts, call = world.texts(who), next_tool(world, who)
    turns = steps(world, who, world.draw.randrange(3, 6))[:-1]
    turns.append(Turn(1, tool(texts.passage(80)), None, (call,)))
    turns.append(Turn(2, tool(f"Error: connection reset ({texts.hex(4)})"), "Once more.", (call,)))
    rest = steps(world, who, world.draw.randrange(4, 8))
    turns += [rest[0]._replace(ask=tool(texts.passage(200))), *rest[1:]]
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 7000), turns, user_id=world.user(who),
        **_columns(world),
    )  # fmt: skip


@sound("fallback_storms", saas=2, agents=10)
def transcript_of_two_models(world: World) -> None:
    """A coding agent hands small steps to a smaller model, and its transcript shows only the user's question."""
    who = world.customer("anthropic")
    texts, at = world.texts(who), world.office()
    columns = _columns(world, prompt_hash=None, user_id=world.user(who), shown=texts.question())
    history = [*head_of(world, texts, 8000), user(columns["shown"])]
    for number in range(world.draw.randrange(5, 12)):
        model = "claude-haiku-4-5" if number % 3 == 2 else "claude-opus-4-5"
        call = world.call(
            who, at, model, cached(model, history), texts.answer(30), tools=(next_tool(world, who),), **columns
        )
        history += [call.answer, tool(texts.passage(world.draw.randrange(60, 300)))]
        at = call.end + world.draw.uniform(0.5, 8)


@sound("stuck_agents", saas=2, agents=8)
def transcript_of_tests_and_edits(world: World) -> None:
    """A coding agent runs the same tests after each edit, and its transcript does not show what they brought."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    ask = texts.question()
    turns, test = [], ("run_tests", {"arg": "-q"})
    for number in range(world.draw.randrange(4, 8)):
        result = tool(f"{9 - number} failed\n{texts.passage(50)}") if turns else user(ask)
        turns.append(Turn(world.draw.uniform(1, 8), result, None, (next_tool(world, who),)))
        turns.append(Turn(world.draw.uniform(1, 9), tool("ok"), None, (test,)))
    converse(
        world, who, strong(world, who), world.office(), head_of(world, texts, 7000), turns, shown=ask,
        **_columns(world, prompt_hash=None, user_id=world.user(who)),
    )  # fmt: skip
