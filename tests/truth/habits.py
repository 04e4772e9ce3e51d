"""Waste and sound calls in logs with other habits: a trace for each call, hashes for texts, no answers, jitter."""

from .registry import THROWN, sound, waste
from .repeats import MIDDLE, job, middle
from .world import MINUTE, World, system, user

MASKS = ("[REDACTED]", "<hidden>", "***", None)


@sound("repeated_calls", saas=4, agents=3, pipelines=4)
def samples_in_traces_of_their_own(world: World) -> None:
    """Best of n, by a gateway that makes a trace of each request."""
    who, at = world.customer("openai"), world.office()
    model, segments, texts, person = middle(world, who), job(world, who), world.texts(who), world.user(who)
    for _ in range(world.draw.randrange(3, 7)):
        world.call(
            who, at + world.draw.uniform(0, 0.2), model, segments, texts.answer(world.draw.randrange(100, 400)),
            temperature=0.9, latency=world.draw.uniform(2, 8), user_id=person, route="/v1/ideas", name="ideas",
        )  # fmt: skip


@sound("repeated_calls", saas=2, agents=2, pipelines=4)
def map_and_reduce_with_hashes_alone(world: World) -> None:
    """A document is summed up part by part, and the parts together; the log holds hashes of the prompts."""
    who, at, texts = world.customer(), world.office(), world.texts(world.customer())
    model, role, mask = middle(world, who), system(texts.role()), world.words(MASKS)
    for part in range(world.draw.randrange(8, 25)):
        call = world.call(
            who, at, model, [role, user(texts.passage(world.draw.choice((300, 300, 300, 120))))], texts.answer(60),
            shown=mask, temperature=0.0, route="/jobs/sum", name="map", prompt_hash=world.id(),
        )  # fmt: skip
        call.columns["response"] = mask
        at += world.draw.uniform(0.1, 1.5) if part else 0.0


@waste("repeated_calls", saas=3, agents=3, pipelines=5)
def delivered_twice_with_hashes_alone(world: World) -> None:
    """A queue delivers its message again; the log holds neither prompts nor answers, but hashes."""
    who, at, digest = world.customer(), world.office(), world.id()
    model, segments, texts, mask = (
        middle(world, who),
        job(world, who, (9000, 24000)),
        world.texts(who),
        world.words(MASKS),
    )
    for delivery in range(2):
        call = world.call(
            who, at, model, segments, texts.answer(200), shown=mask, temperature=0.0, route="/v1/report", name="report",
            prompt_hash=digest, sound=THROWN if delivery else None,
        )  # fmt: skip
        call.columns["prompt"] = call.columns["response"] = mask
        at += world.draw.choice((30.0, 60.0, 300.0)) + world.draw.uniform(0.1, 2)


@waste("fallback_storms", saas=3, agents=3, pipelines=3)
def storm_whose_answers_are_left_out(world: World) -> None:
    """A client goes down its list of models though each has answered; the log has no answers."""
    who, at, trace = world.customer(), world.office(), world.id()
    segments, models = job(world, who, (6000, 15000)), MIDDLE[who.vendors[0]]
    chosen = [models[number % len(models)] for number in range(3)]
    for number, model in enumerate(chosen):
        call = world.call(
            who, at, model, segments, None, output=world.draw.randrange(100, 400), trace_id=trace, temperature=0.5,
            route="/v1/extract", name="extract", sound=THROWN if number < 2 else None,
        )  # fmt: skip
        at = call.end + world.backoff(number)


@sound("repeated_calls", saas=3, agents=3, pipelines=3)
def poller_with_jitter(world: World) -> None:
    """A probe asks the same every few minutes, give or take a sixth, to see whether the provider is up."""
    who, at, model = world.customer(), world.night(), world.draw.choice(("gpt-4.1-mini", "claude-haiku-4-5"))
    every, segments = world.draw.uniform(2, 9) * MINUTE, [user("Please answer with the word up and nothing else.")]
    for _ in range(world.draw.randrange(12, 40)):
        world.call(who, at, model, segments, "up", temperature=0.0, route="/health", name="probe")
        at += every * world.draw.uniform(0.84, 1.16)


@sound("repeated_calls", saas=3, agents=2)
def retry_pressed_by_a_person(world: World) -> None:
    """A person does not like the answer and presses retry, which makes a new trace and another answer."""
    who, at = world.customer(), world.office()
    model, segments, texts, person = middle(world, who), job(world, who), world.texts(who), world.user(who)
    for _ in range(world.draw.choice((2, 3))):
        call = world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(100, 400)), temperature=1.0, user_id=person,
            route="/v1/chat", name="chat",
        )  # fmt: skip
        at = call.end + world.think(20)
