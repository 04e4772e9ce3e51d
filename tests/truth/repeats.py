"""Waste: the same question paid by another trace: redeliveries, hedges, restarts, double clicks."""

from .prices import Segment
from .registry import THROWN, waste
from .world import HOUR, MINUTE, Customer, World, hidden, system, user

MIDDLE = {
    "openai": ("gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-5-mini"),
    "anthropic": ("claude-sonnet-4-5", "claude-haiku-4-5"),
    "google": ("gemini-2.5-flash", "gemini-2.5-pro"),
}


def middle(world: World, who: Customer) -> str:
    return world.draw.choice(MIDDLE[world.draw.choice(who.vendors)])


def job(world: World, who: Customer, attached: tuple[int, int] = (4000, 18000), shown: int = 300) -> list[Segment]:
    texts = world.texts(who)
    return [
        system(texts.role()),
        hidden("file", world.id("file-"), world.draw.randrange(*attached)),
        user(f"{texts.question()}\n\n{texts.passage(world.draw.randrange(shown // 3, shown * 2))}"),
    ]


@waste("repeated_calls", saas=8, agents=5, pipelines=14)
def delivered_twice(world: World) -> None:
    """The queue delivers a message again, because its worker took longer than the visibility timeout."""
    who = world.customer()
    model, segments, texts, at = middle(world, who), job(world, who, (12000, 30000)), world.texts(who), world.office()
    person, number, timeout = world.user(who), world.id("job-"), world.draw.choice((30.0, 60.0, 120.0, 600.0))
    for delivery in range(world.draw.choice((2, 2, 2, 3))):
        world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(150, 500)), temperature=0.7, user_id=person,
            route="/v1/report", name="report", tags=f'{{"job": "{number}"}}', sound=THROWN if delivery else None,
        )  # fmt: skip
        at += timeout + world.draw.uniform(0.1, 2)


@waste("repeated_calls", saas=12, agents=6, pipelines=6)
def hedged_requests(world: World) -> None:
    """A client sends the request again when no answer came within its usual time, and takes the first to come."""
    who = world.customer()
    model, segments, texts, at = middle(world, who), job(world, who, (8000, 20000)), world.texts(who), world.office()
    person, delay = world.user(who), world.draw.uniform(1.0, 2.8)
    for hedge in range(2):
        world.call(
            who, at + hedge * delay, model, segments, texts.answer(250), temperature=0.6, user_id=person, stream=True,
            latency=world.draw.uniform(3, 7), route="/v1/write", name="write", sound=THROWN if hedge else None,
        )  # fmt: skip


@waste("repeated_calls", saas=1, agents=1, pipelines=2)
def job_from_its_beginning(world: World) -> None:
    """A job fails near its end and is started again from its beginning, hours later."""
    who, at = world.customer(), world.night()
    texts, model, source = world.texts(who), middle(world, who), world.id("batch-")
    documents = [job(world, who, (1500, 6000), 120) for _ in range(world.draw.randrange(35, 70))]
    done = len(documents) - world.draw.randrange(1, 6)
    for part, documents_left in enumerate((documents[:done], documents)):
        clock = at + part * world.draw.uniform(2.0, 5.0) * HOUR
        for number, segments in enumerate(documents_left):
            call = world.call(
                who, clock, model, segments, texts.answer(90), temperature=0.4, route="/jobs/enrich", name="enrich",
                tags=f'{{"source": "{source}"}}', sound=THROWN if part and number < done else None,
            )  # fmt: skip
            clock = call.end + world.draw.uniform(0.05, 1.0)


@waste("repeated_calls", saas=10, agents=4)
def double_click(world: World) -> None:
    """A person clicks twice, and both requests go through."""
    who = world.customer()
    model, segments, texts, at = middle(world, who), job(world, who), world.texts(who), world.office()
    person, delay = world.user(who), world.draw.uniform(0.12, 0.9)
    for click in range(2):
        world.call(
            who, at + click * delay, model, segments, texts.answer(200), temperature=1.0, user_id=person,
            route="/v1/write", name="write", sound=THROWN if click else None,
        )  # fmt: skip


@waste("repeated_calls", saas=4, agents=2, pipelines=4)
def an_answer_nobody_keeps(world: World) -> None:
    """A summary is made again whenever somebody opens the page, at temperature 0; it could have been kept."""
    who, at = world.customer(), world.office()
    model, segments, texts = middle(world, who), job(world, who, (8000, 25000)), world.texts(who)
    summary = texts.answer(150)
    for view in range(world.draw.randrange(4, 12)):
        world.call(
            who, at, model, segments, summary if world.draw.random() < 0.7 else texts.answer(150), temperature=0.0,
            user_id=world.user(who), route="/v1/summary", name="summary", sound=THROWN if view else None,
        )  # fmt: skip
        at += world.draw.uniform(1, 9) * MINUTE


@waste("repeated_calls", saas=1, agents=1, pipelines=3)
def two_schedulers(world: World) -> None:
    """Two replicas of a service run the same schedule, and each does all of it."""
    who, at = world.customer(), world.night()
    model, texts = middle(world, who), world.texts(who)
    for _ in range(world.draw.randrange(6, 14)):
        segments = job(world, who, (4000, 12000), 150)
        late = world.draw.uniform(0.01, 1.4)
        for replica in range(2):
            call = world.call(
                who, at + replica * late, model, segments, texts.answer(120), temperature=0.2, route="/cron/digest",
                name="digest", tags=f'{{"host": "worker-{replica}"}}', sound=THROWN if replica else None,
            )  # fmt: skip
        at = call.end + world.draw.uniform(0.5, 6)


@waste("repeated_calls", saas=1, agents=4, pipelines=1)
def sub_agents_ask_the_same(world: World) -> None:
    """Several sub-agents read the same page and have it summed up, each in a trace of its own."""
    who, at = world.customer(), world.office()
    model, texts, session = middle(world, who), world.texts(who), world.id("sess-")
    page = job(world, who, (12000, 30000))
    for number in range(world.draw.randrange(3, 6)):
        world.call(
            who, at, model, page, texts.answer(160), temperature=0.1, session_id=session, agent=f"reader-{number}",
            name="read", route="/agent", sound=THROWN if number else None,
        )  # fmt: skip
        at += world.draw.uniform(9, 60)
