"""Sound: chats and jobs whose caches work as well as they can, or which have nothing to cache."""

from .agents import head_of, steps
from .choices import NIGHTLY
from .registry import Turn, converse, sound
from .repeats import job, middle
from .world import DAY, HOUR, MINUTE, World, hidden, system, user

CHAT = {
    "openai": ("gpt-4o", "gpt-4.1", "gpt-5-mini", "gpt-4.1-mini"),
    "anthropic": ("claude-sonnet-4-5", "claude-haiku-4-5"),
}


def _chat_model(world: World, vendors: tuple[str, ...]) -> str:
    return world.draw.choice(CHAT[world.draw.choice([vendor for vendor in vendors if vendor in CHAT])])


@sound("cache_misses", saas=60, agents=25)
def chat_with_a_cache(world: World) -> None:
    """A conversation of some turns, its system prompt and history cached; people answer within minutes."""
    who = world.customer("openai", "anthropic")
    texts = world.texts(who)
    head = [system(texts.role(), pad=world.draw.randrange(4500, 18000))]
    turns = [
        Turn(min(world.think(45), 280), user(texts.question()), texts.answer(world.draw.randrange(60, 300)))
        for _ in range(world.draw.randrange(2, 8))
    ]
    converse(
        world, who, _chat_model(world, who.vendors), world.office(), head, turns, trace_id=world.id(), temperature=0.7,
        session_id=world.id("sess-"), user_id=world.user(who), route="/v1/chat", name="chat", stream=True,
    )  # fmt: skip


@sound("cache_misses", saas=6, agents=3, pipelines=3)
def chat_that_crosses_the_minimum(world: World) -> None:
    """The first turns are too short for any cache; then it begins to work by itself."""
    who = world.customer("openai") if world.mix != "pipelines" else world.customer("openai", "anthropic")
    texts = world.texts(who)
    turns = [
        Turn(min(world.think(40), 250), user(f"{texts.question()} {texts.passage(40)}"), texts.answer(150))
        for _ in range(world.draw.randrange(5, 12))
    ]
    converse(
        world, who, _chat_model(world, who.vendors), world.office(), [system(texts.role())], turns, trace_id=world.id(),
        session_id=world.id("sess-"), user_id=world.user(who), route="/v1/chat", name="chat", temperature=0.7,
    )  # fmt: skip


@sound("cache_misses", saas=2, agents=2, pipelines=2)
def lane_seldom_used(world: World) -> None:
    """A route with a long cached prompt is used a few times within a minute, and then not for hours."""
    who = world.customer("anthropic")
    texts, model = world.texts(who), "claude-sonnet-4-5"
    head = system(texts.role(), "5m", pad=world.draw.randrange(6000, 14000))
    for day in range(4):
        at = world.office(day)
        for _ in range(world.draw.randrange(3, 7)):
            call = world.call(
                who, at, model, [head, user(texts.question())], texts.answer(120), temperature=0.3,
                user_id=world.user(who), route="/v1/assist", name="assist",
            )  # fmt: skip
            at = call.end + world.draw.uniform(5, 60)


@sound("cache_misses", saas=2, agents=1, pipelines=2)
def lane_seldom_used_of_gpt(world: World) -> None:
    """A long fixed prompt every half hour or less: OpenAI has forgotten it each time, and nothing can be done."""
    who, at = world.customer("openai"), world.office()
    texts = world.texts(who)
    head = system(texts.role(), pad=world.draw.randrange(4000, 9000))
    for _ in range(world.draw.randrange(6, 14)):
        world.call(
            who, at, "gpt-4.1", [head, user(texts.question())], texts.answer(140), temperature=0.3,
            user_id=world.user(who), route="/v1/assist", name="assist",
        )  # fmt: skip
        at += world.draw.uniform(25, 110) * MINUTE


@sound("cache_misses", saas=1, agents=1, pipelines=2)
def lane_too_slow_for_a_cache(world: World) -> None:
    """A long fixed prompt on Claude twice a day or so, not marked: writing it would cost more than it saves."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    head = system(texts.role(), pad=world.draw.randrange(4000, 9000))
    for day in range(5):
        for _ in range(2):
            world.call(
                who, world.office(day), "claude-sonnet-4-5", [head, user(texts.question())], texts.answer(160),
                temperature=0.3, user_id=world.user(who), route="/v1/assist", name="assist",
            )  # fmt: skip


@sound("cache_misses", saas=5, agents=5, pipelines=8)
def each_document_once(world: World) -> None:
    """Long documents, each asked about once and not marked: there is nothing to read again."""
    who, at = world.customer(), world.office()
    texts, model = world.texts(who), middle(world, who)
    task = system(texts.role())
    for _ in range(world.draw.randrange(10, 25)):
        file = hidden("file", world.id("file-"), world.draw.randrange(4000, 28000))
        call = world.call(
            who, at, model, [task, file, user(texts.question())], texts.answer(200), temperature=0.3,
            user_id=world.user(who), route="/v1/analyse", name="analyse",
        )  # fmt: skip
        at = call.end + world.draw.uniform(10, 400)


@sound("cache_misses", saas=1, agents=3, pipelines=1)
def branch_from_the_middle(world: World) -> None:
    """A person edits an earlier message and goes on from there: what comes before it is read from the cache."""
    who = world.customer("anthropic")
    texts, session = world.texts(who), world.id("sess-")
    head = head_of(world, texts, 9000)
    turns = [Turn(min(world.think(20), 60), user(texts.question()), texts.answer(200)) for _ in range(4)]
    columns = {"session_id": session, "user_id": world.user(who), "route": "/v1/chat", "name": "chat"}
    calls = converse(world, who, "claude-sonnet-4-5", world.office(), head, turns, trace_id=world.id(), **columns)
    edited = Turn(20, user(texts.question()), texts.answer(200))
    kept = [*head, turns[0].ask, calls[0].answer]
    converse(world, who, "claude-sonnet-4-5", calls[-1].end, kept, [edited], trace_id=world.id(), **columns)


@sound("cache_misses", saas=2, agents=1, pipelines=1)
def hour_cache_that_pays(world: World) -> None:
    """A person works on a long document with pauses of 6 to 40 minutes, and the hour's cache holds all the time."""
    who = world.customer("anthropic")
    texts = world.texts(who)
    head = [system(texts.role()), hidden("file", world.id("file-"), world.draw.randrange(15000, 40000))]
    turns = [
        Turn(world.draw.uniform(6, 40) * MINUTE, user(texts.question()), texts.answer(200))
        for _ in range(world.draw.randrange(4, 8))
    ]
    converse(
        world, who, "claude-sonnet-4-5", 7.5 * HOUR + world.draw.randrange(5) * DAY, head, turns, trace_id=world.id(),
        cache="1h", session_id=world.id("sess-"), user_id=world.user(who), route="/v1/chat", name="chat",
    )  # fmt: skip


@sound("cache_misses", saas=1, agents=2)
def plan_with_one_build_with_another(world: World) -> None:
    """A session is planned on a large model and carried out on another, with a short hand-over and no way back."""
    who = world.customer("anthropic")
    texts, columns = world.texts(who), {"session_id": world.id("sess-"), "route": "/agent", "agent": "planner"}
    columns["user_id"] = world.user(who)
    planned = converse(
        world, who, "claude-opus-4-5", world.office(), head_of(world, texts, 6000),
        [Turn(5, user(texts.question()), texts.answer(200)) for _ in range(3)], trace_id=world.id(), **columns,
    )  # fmt: skip
    turns = [Turn(5, user(f"Plan:\n{texts.passage(150)}"), texts.answer(100))]
    turns += [Turn(9, user(texts.question()), texts.answer(150)) for _ in range(4)]
    head = [system(texts.role(), pad=5000)]
    converse(world, who, "claude-sonnet-4-5", planned[-1].end, head, turns, trace_id=world.id(), **columns)


@sound("batchable_calls", saas=1, pipelines=3)
def nightly_job_by_batch(world: World) -> None:
    """A nightly job on the batch tier, at half the price."""
    who = world.customer("openai", "anthropic")
    model = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}[who.vendors[0]]
    texts, begin, name = world.texts(who), world.draw.uniform(1, 3) * HOUR, world.draw.choice(NIGHTLY)
    task = system(texts.role())
    for day in range(2):
        at = day * DAY + begin
        for _ in range(world.draw.randrange(40, 60)):
            file = hidden("file", world.id("file-"), world.draw.randrange(1000, 4000))
            world.call(
                who, at, model, [task, file, user(texts.passage(40))], texts.answer(150), temperature=0.3,
                route="/jobs/nightly", name=name, service_tier="batch",
            )  # fmt: skip
            at += world.draw.uniform(0, 8)


@sound("batchable_calls", saas=2, agents=1, pipelines=1)
def busy_at_nine_each_morning(world: World) -> None:
    """At nine o'clock everybody opens the application and waits for an answer: a burst each day, but no batch."""
    who = world.customer()
    texts, model = world.texts(who), middle(world, who)
    for day in range(3):
        at = day * DAY + 9 * HOUR + world.draw.uniform(0, 6) * MINUTE
        for _ in range(world.draw.randrange(42, 55)):
            at += world.draw.uniform(2, 25)
            world.call(
                who, at, model, job(world, who, (200, 1500), 150), texts.answer(90), temperature=0.6, stream=True,
                user_id=world.user(who), route="/v1/briefing", name="briefing",
            )  # fmt: skip


@sound("batchable_calls", saas=3, agents=3, pipelines=5)
def documents_as_they_come(world: World) -> None:
    """Documents are worked through as they arrive during the day; somebody waits for each."""
    who = world.customer()
    texts, model = world.texts(who), middle(world, who)
    for _ in range(world.draw.randrange(40, 70)):
        world.call(
            who, world.office(), model, job(world, who, (1500, 16000), 200), texts.record(), temperature=0.0,
            route="/v1/extract", name="extract",
        )  # fmt: skip


@sound("growing_context", saas=1, agents=2, pipelines=1)
def context_that_grows_by_the_document(world: World) -> None:
    """A map-reduce: summaries of ever longer chapters; inputs grow by chance, and nothing is sent twice."""
    who, at = world.customer(), world.office()
    texts, model, trace = world.texts(who), middle(world, who), world.id()
    for size in sorted(world.draw.randrange(1500, 14000) for _ in range(world.draw.randrange(6, 10))):
        chapter = hidden("file", world.id("chapter-"), size)
        call = world.call(
            who, at, model, [system(texts.role()), chapter, user("Sum this chapter up.")], texts.answer(180),
            trace_id=trace, temperature=0.3, route="/jobs/book", name="chapter",
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.2, 3)


@sound("cache_misses", saas=5, agents=5, pipelines=6)
def cached_prompt_much_used(world: World) -> None:
    """A long fixed prompt, marked, under steady use: written now and then and read all the time."""
    who, at = world.customer("anthropic"), world.office()
    texts = world.texts(who)
    head = [system(texts.role(), pad=world.draw.randrange(5000, 12000))]
    for _ in range(world.draw.randrange(25, 50)):
        call = world.call(
            who, at, "claude-sonnet-4-5", [head[0]._replace(mark="5m"), user(texts.question())], texts.answer(100),
            temperature=0.2, user_id=world.user(who), route="/v1/assist", name="assist",
        )  # fmt: skip
        at = call.end + world.draw.expovariate(1 / 70)


@sound("cache_misses", saas=1, agents=4)
def history_summed_up_once(world: World) -> None:
    """A long session is summed up once and goes on from the summary; the new prefix has to be written."""
    who = world.customer("anthropic")
    texts, head = world.texts(who), head_of(world, world.texts(who), 9000)
    columns = {"session_id": world.id("sess-"), "trace_id": world.id(), "agent": "agent", "route": "/agent"}
    first = converse(
        world, who, "claude-sonnet-4-5", world.office(), head, steps(world, who, 9, size=(200, 500)), **columns
    )
    summary = user(f"Summary of the session so far: {texts.passage(200)}")
    rest = steps(world, who, 6, size=(100, 300))
    converse(world, who, "claude-sonnet-4-5", first[-1].end, [*head, summary], rest, **columns)


@sound("cache_misses", saas=2, agents=1, pipelines=2)
def new_prompt_with_each_release(world: World) -> None:
    """The system prompt changes once or twice with a release, and is written once more each time."""
    who, at = world.customer("anthropic"), world.office()
    texts, pad = world.texts(who), world.draw.randrange(5000, 12000)
    for _ in range(2):
        head = system(texts.role(), "5m", pad=pad)
        for _ in range(world.draw.randrange(10, 20)):
            call = world.call(
                who, at, "claude-sonnet-4-5", [head, user(texts.question())], texts.answer(110), temperature=0.2,
                user_id=world.user(who), route="/v1/assist", name="assist",
            )  # fmt: skip
            at = call.end + world.draw.uniform(3, 110)


@sound("cache_misses", saas=2, agents=2, pipelines=2)
def gemini_caches_when_it_likes(world: World) -> None:
    """A long fixed prompt on Gemini is found in the cache at times; its maker promises nothing."""
    who, at = world.customer("google"), world.office()
    texts = world.texts(who)
    head = system(texts.role(), pad=world.draw.randrange(5000, 9000))
    for _ in range(world.draw.randrange(12, 25)):
        call = world.call(
            who, at, "gemini-2.5-pro", [head, user(texts.question())], texts.answer(130), temperature=0.3,
            user_id=world.user(who), route="/v1/assist", name="assist",
        )  # fmt: skip
        at = call.end + world.draw.uniform(10, 240)


@sound("cache_misses", pipelines=1, saas=1)
def tables_of_numbers(world: World) -> None:
    """Readings of one shape, some pages of digits each: nothing in common but the question and the shape."""
    who, at = world.customer("openai", "anthropic"), world.office()
    texts, model = world.texts(who), _chat_model(world, who.vendors)
    for _ in range(world.draw.randrange(14, 30)):
        lines = (
            f"{world.draw.random() * 100:09.5f},{world.draw.random():.6f}"
            for _ in range(world.draw.randrange(300, 500))
        )
        call = world.call(
            who, at, model, [system("Explain the outliers."), user("\n".join(lines))], texts.answer(120),
            temperature=0.3, route="/v1/readings", name="readings",
        )  # fmt: skip
        at = call.end + world.draw.uniform(3, 60)


@sound("cache_misses", saas=1, pipelines=1)
def tenants_with_long_prompts(world: World) -> None:
    """The prompts of many tenants begin alike and go on otherwise; the log holds them whole, and each asks seldom."""
    who, at = world.customer("openai", "anthropic"), world.office()
    texts, model = world.texts(who), _chat_model(world, who.vendors)
    role = texts.role().replace("\n", " ") + " " + texts.passage(60)
    tenants = [system(f"{role} {texts.passage(world.draw.randrange(1500, 3000))}") for _ in range(20)]
    for tenant in world.draw.sample(tenants, 20) * 2:
        call = world.call(
            who, at, model, [tenant, user(texts.question())], texts.answer(120), temperature=0.3,
            route="/v1/tenants", name="tenants",
        )  # fmt: skip
        at = call.end + world.draw.uniform(30, 90)
