"""Sound: several models for one prompt by plan or in need, and large models for short prompts that are hard."""

import json

from .choices import large
from .fallbacks import models_of
from .prices import MODELS
from .registry import cached, sound
from .repeats import job, middle
from .world import MINUTE, World, hidden, system, user

HARD = (
    "Prove that the square root of 2 is irrational.", "Prove that there are infinitely many primes of the form 4k+3.",
    "Is P = NP relative to a random oracle?", "Find all integers x with x^4 + 4 prime.", "Design a lock-free queue.",
    "Explain Gödel's second theorem to a lawyer.", "What is wrong with this proof by induction of equal horses?",
    "Derive the Black-Scholes equation.", "Why is the sky dark at night?", "Integrate sqrt(tan x).",
    "List the invariants of Raft and show that each is needed.", "Translate Rilke's Panther into English verse.",
)  # fmt: skip
WRITE = (
    "Write a short story about a lighthouse keeper.", "Write chapter one of a novel set in Lisbon.",
    "Write a wedding speech.", "Write a 2000 word essay on tides.", "Write a blog post about sourdough.",
    "Plan a week in Kyoto.", "Write the terms of a bet between two poets.", "Draft a marketing plan.",
)  # fmt: skip


@sound("fallback_storms", saas=1, agents=2, pipelines=4)
def evaluation_over_models(world: World) -> None:
    """A panel: each of many prompts goes to the same three or four models, to compare them."""
    who, at = world.customer(), world.office()
    texts, models = world.texts(who), models_of(who)
    panel = world.draw.sample(models, min(len(models), world.draw.choice((3, 4))))
    for _ in range(world.draw.randrange(10, 18)):
        segments, trace = job(world, who, (500, 2500)), world.id()
        for model in panel:
            call = world.call(
                who, at, model, segments, texts.answer(world.draw.randrange(60, 250)), trace_id=trace, temperature=0.0,
                route="/evals", name="panel",
            )  # fmt: skip
            at = call.end + world.draw.uniform(0.02, 0.3)


@sound("fallback_failures", saas=8, agents=6, pipelines=8)
def cascade_on_low_confidence(world: World) -> None:
    """A small model answers most questions; where it is not sure, the same goes to a large one, as planned."""
    who, at = world.customer(), world.office()
    texts = world.texts(who)
    small, large_one = sorted(world.draw.sample(models_of(who), 2), key=lambda model: MODELS[model].output)
    is_marked, reason = world.draw.random() < 0.6, world.draw.choice(("low_confidence", "quality", "escalation"))
    for _ in range(world.draw.randrange(4, 10)):
        segments, trace, person = job(world, who, (500, 3000)), world.id(), world.user(who)
        first = world.call(
            who, at, small, segments, texts.answer(80), trace_id=trace, temperature=0.2, user_id=person,
            route="/v1/answer", name="answer",
        )  # fmt: skip
        if world.draw.random() < 0.45:
            world.call(
                who, first.end + 0.05, large_one, segments, texts.answer(200), trace_id=trace, temperature=0.2,
                user_id=person, route="/v1/answer", name="answer", fallback_attempted=is_marked or None,
                fallback_reason=reason if is_marked else None, fallback_model=large_one if is_marked else None,
            )  # fmt: skip
        at = first.end + world.draw.uniform(20, 600)


@sound("fallback_storms", saas=3, agents=2, pipelines=3)
def failover_in_an_outage(world: World) -> None:
    """The provider is down for an hour; each request is refused once or twice, and another model answers."""
    who, at = world.customer(), world.office()
    texts, models = world.texts(who), models_of(who)
    main, spare = world.draw.sample(models, 2)
    error = world.draw.choice(("503 Service Unavailable", "529 overloaded_error", "500 Internal Server Error"))
    for _ in range(world.draw.randrange(8, 16)):
        segments, trace, start = job(world, who), world.id(), at
        for attempt in range(world.draw.choice((1, 2, 3))):
            start = world.refused(who, start, main, segments, trace_id=trace, error=error, retry_count=attempt).end
            start += world.backoff(attempt)
        world.call(
            who, start, spare, segments, texts.answer(200), trace_id=trace, fallback_attempted=True,
            fallback_reason=error, fallback_model=spare, route="/v1/answer", name="answer",
        )  # fmt: skip
        at += world.draw.uniform(1, 6) * MINUTE


@sound("fallback_storms", saas=10, agents=8, pipelines=8)
def router_writer_checker(world: World) -> None:
    """One request passes through three models, each with a task of its own, within seconds."""
    who, at = world.customer(), world.office()
    texts, trace, person, models = world.texts(who), world.id(), world.user(who), models_of(who)
    ask = texts.question()
    plan = (
        ("route", f"Which of our sources answers this, and why? {ask}", 40),
        ("write", f"Write the answer from these notes.\n{texts.passage(200)}\n{ask}", 300),
        ("check", f"List every sentence that the notes do not bear out.\n{texts.passage(250)}", 120),
    )
    for name, prompt, size in plan:
        call = world.call(
            who, at, world.draw.choice(models), [system(texts.role()), user(prompt)], texts.answer(size), name=name,
            trace_id=trace, temperature=0.3, user_id=person, route="/v1/answer",
        )  # fmt: skip
        at = call.end + 0.05


@sound("overkill_models", saas=2, agents=2, pipelines=3)
def judge(world: World) -> None:
    """A large model judges answers of a smaller one; its verdict is a number, and hard to come by."""
    who, at = world.customer(), world.office()
    texts, model = world.texts(who), large(world, who.vendors)
    with_reason = world.draw.random() < 0.6
    for _ in range(world.draw.randrange(15, 30)):
        rubric = system("You are a strict judge. Rate the answer from 1 to 10 for truth and completeness.")
        pair = user(f"Question: {texts.question()}\nReference: {texts.passage(150)}\nAnswer: {texts.answer(150)}")
        verdict = {"score": world.draw.randrange(1, 11)} | ({"why": texts.passage(40)} if with_reason else {})
        answer = json.dumps(verdict) if with_reason else str(verdict["score"])
        call = world.call(
            who, at, model, [rubric, pair], answer, temperature=0.0, route="/evals", name="judge",
            reasoning=world.draw.randrange(300, 900) if model == "gpt-5" else 0,
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.2, 3)


@sound("overkill_models", saas=6, agents=4, pipelines=4)
def hard_short_questions(world: World) -> None:
    """Short prompts, hard questions, large models, and answers to match."""
    who = world.customer()
    texts, model = world.texts(who), large(world, who.vendors)
    for ask in {world.words(HARD): None for _ in range(9)}:
        world.call(
            who, world.office(), model, [user(ask)], texts.answer(world.draw.randrange(400, 1800)), temperature=0.7,
            user_id=world.user(who), route="/v1/chat", name="chat",
            reasoning=world.draw.randrange(800, 4000) if model == "gpt-5" else 0,
        )  # fmt: skip


@sound("overkill_models", saas=7, agents=4, pipelines=5)
def long_answers_to_short_prompts(world: World) -> None:
    """Eight words are enough to order a novel."""
    who = world.customer()
    texts, model = world.texts(who), large(world, who.vendors)
    for ask in {world.words(WRITE): None for _ in range(6)}:
        world.call(
            who, world.office(), model, [user(ask)], texts.answer(world.draw.randrange(1200, 3000)), temperature=1.0,
            user_id=world.user(who), route="/v1/write", name="write", stream=True,
        )  # fmt: skip


@sound("overkill_models", saas=3, agents=2, pipelines=4)
def short_answers_from_long_documents(world: World) -> None:
    """A date, a sum or a clause number out of a long contract: few words, each of them different, and hard to find."""
    who, at = world.customer(), world.office()
    texts, model = world.texts(who), large(world, who.vendors)
    for _ in range(world.draw.randrange(8, 20)):
        number = world.draw.randrange(1, 10**6)
        found = world.draw.choice((f"Section {number % 90}.{number % 7}", f"EUR {number}", f"{number % 28 + 1} March"))
        file = hidden("file", world.id("file-"), world.draw.randrange(4000, 12000))
        call = world.call(
            who, at, model, [file, user(texts.question())], found, temperature=0.0, user_id=world.user(who),
            route="/v1/analyse", name="analyse",
        )  # fmt: skip
        at = call.end + world.draw.uniform(10, 300)


@sound("overkill_models", saas=2, agents=2, pipelines=2)
def labels_by_a_small_model(world: World) -> None:
    """Labels, and a model that is small already."""
    who, at = world.customer(), world.office()
    texts, small = (
        world.texts(who),
        {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "google": "gemini-2.5-flash"},
    )
    model = small[world.draw.choice(who.vendors)]
    for _ in range(world.draw.randrange(30, 60)):
        call = world.call(
            who, at, model, [system("Is this urgent? yes or no."), user(texts.passage(world.draw.randrange(30, 200)))],
            world.draw.choice(("yes", "no", "no")), temperature=0.0, route="/v1/classify", name="classify",
            user_id=world.user(who),
        )  # fmt: skip
        at = call.end + world.draw.uniform(2, 200)


@sound("cut_answers", saas=3, agents=1, pipelines=3)
def cut_on_purpose(world: World) -> None:
    """A preview or a title needs few tokens, so max_tokens is small; nothing is asked again."""
    who, at = world.customer(), world.office()
    model, texts = middle(world, who), world.texts(who)
    for _ in range(world.draw.randrange(6, 15)):
        segments = [system("Begin a summary; it will be cut."), user(texts.passage(world.draw.randrange(200, 900)))]
        call = world.call(
            who, at, model, segments, texts.answer(45), output=64, finish_reason="length", temperature=0.3,
            user_id=world.user(who), route="/v1/summary", name="summary",
        )  # fmt: skip
        at = call.end + world.draw.uniform(2, 90)


@sound("cut_answers", saas=3, agents=2, pipelines=3)
def cut_and_continued(world: World) -> None:
    """The answer was cut, the program sends it back, and the model goes on where it stopped: nothing is lost."""
    who, at = world.customer(), world.office()
    model, texts, trace = middle(world, who), world.texts(who), world.id()
    history = job(world, who)
    for part in range(world.draw.choice((2, 2, 3))):
        call = world.call(
            who, at, model, cached(model, history), texts.answer(600), output=1024,
            finish_reason="length" if part == 0 else "stop", trace_id=trace, temperature=0.5, route="/v1/report",
            name="report",
        )  # fmt: skip
        history = [*history, call.answer, user("Continue exactly where you stopped.")]
        at = call.end + world.draw.uniform(0.1, 2)


@sound("fallback_storms", saas=2, pipelines=2)
def new_model_beside_the_old_one(world: World) -> None:
    """Each request goes to the old model and to the one on trial, at once; nothing in the log says so."""
    who = world.customer()
    texts, pair, at = world.texts(who), world.draw.sample(models_of(who), 2), world.office()
    for _ in range(world.draw.randrange(8, 20)):
        segments, trace = job(world, who, (100, 900)), world.id()
        at += world.draw.uniform(5, 300)
        for model in pair:
            start = at + world.draw.uniform(0, 0.05)
            world.call(who, start, model, segments, texts.answer(200), trace_id=trace, route="/v1/answer")


@sound("fallback_failures", saas=2, agents=1, pipelines=2)
def two_models_compared_by_a_person(world: World) -> None:
    """An arena: a person sees two answers side by side and votes."""
    who = world.customer()
    texts, models = world.texts(who), models_of(who)
    for _ in range(world.draw.randrange(4, 9)):
        pair, segments, trace, person = (
            world.draw.sample(models, 2),
            job(world, who, (100, 900)),
            world.id(),
            world.user(who),
        )
        at = world.office()
        for model in pair:
            world.call(
                who, at, model, segments, texts.answer(200), trace_id=trace, temperature=0.9, user_id=person,
                route="/v1/answer", name="answer", tags='{"experiment": "arena"}', latency=world.draw.uniform(2, 8),
            )  # fmt: skip
