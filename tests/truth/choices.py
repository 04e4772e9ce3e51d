"""Waste: a large model for a label or small talk, and nightly jobs at full price."""

import json

from .prices import MODELS
from .registry import waste
from .world import DAY, HOUR, MINUTE, World, hidden, system, user

LARGE = {
    "openai": ("gpt-4o", "gpt-4.1", "gpt-5"),
    "anthropic": ("claude-sonnet-4-5", "claude-opus-4-5", "claude-opus-4-1"),
    "google": ("gemini-2.5-pro",),
}
LABELS = (
    ("billing", "technical", "sales", "other"), ("positive", "negative", "neutral"), ("yes", "no"), ("A", "B", "C"),
    ("spam", "ham"), ("low", "medium", "high", "urgent"), ("refund", "exchange", "question"),
)  # fmt: skip
SMALL_TALK = (
    "hi", "Hello!", "good morning", "thanks!", "Thank you so much", "ok", "yes", "no thanks", "great, bye", "hey there",
    "Danke!", "hola", "perfect, thank you", "Good evening :)", "yep", "cool", "bye", "ok thanks", "Hallo", "no",
)  # fmt: skip
REPLIES = (
    "Hello! How can I help you today?", "You're welcome! Anything else?", "Glad to hear it. Have a good day!",
    "Hi there, what can I do for you?", "Gern geschehen!", "Good morning! What shall we look at?", "Goodbye!",
)  # fmt: skip


NIGHTLY = ("nightly-summaries", "nightly-tags", "reindex", "enrich-profiles", "weekly-digest", "backfill")


def large(world: World, vendors: tuple[str, ...]) -> str:
    return world.draw.choice(LARGE[world.draw.choice(vendors)])


def _smaller(model: str) -> dict[str, object]:
    return {"model": MODELS[model].cheaper, "reasoning": 64}


@waste("overkill_models", saas=5, agents=3, pipelines=5)
def labels_by_a_large_model(world: World) -> None:
    """Tickets, mails or reviews are given one of a few labels, each by a model made for harder work."""
    who, at = world.customer(), world.office()
    texts, model, labels = world.texts(who), large(world, who.vendors), world.words(LABELS)
    verb = world.draw.choice(("Classify the text", "Route this", "Label it"))
    task = f"{verb} as one of: {', '.join(labels)}. Answer with the label."
    as_json = world.draw.random() < 0.25
    for _ in range(world.draw.randrange(60, 140)):
        label = world.draw.choice(labels)
        answer = json.dumps({"label": label}) if as_json else label
        thought = world.draw.choice((64, 128, 192)) if model == "gpt-5" else 0
        call = world.call(
            who, at, model, [system(task), user(texts.passage(world.draw.randrange(60, 900)))], answer, temperature=0.0,
            reasoning=thought, route="/v1/classify", name="classify", user_id=world.user(who), sound=_smaller(model),
        )  # fmt: skip
        at = call.end + world.draw.uniform(2, 300)


@waste("overkill_models", saas=4, agents=2)
def small_talk_with_a_large_model(world: World) -> None:
    """Greetings and thanks go to the same large model as everything else."""
    who = world.customer()
    texts, model = world.texts(who), large(world, who.vendors)
    task = system(texts.role())
    for _ in range(world.draw.randrange(25, 60)):
        words = world.words(SMALL_TALK)
        world.call(
            who, world.office(), model, [task, user(words)], world.draw.choice(REPLIES), temperature=0.7, shown=words,
            user_id=world.user(who), session_id=world.id("sess-"), route="/v1/chat", name="chat", stream=True,
            reasoning=64 if model == "gpt-5" else 0, sound=_smaller(model),
        )  # fmt: skip


@waste("overkill_models", saas=3, agents=2, pipelines=2)
def a_large_model_to_choose_the_route(world: World) -> None:
    """A router asks a large model which handler is to take the request; its answer is one word."""
    who, at = world.customer(), world.office()
    texts, model = world.texts(who), large(world, who.vendors)
    names = [f"{word}_handler" for word in ("search", "refund", "chat", "code", "human")]
    task = system("Decide which handler takes the message: " + "; ".join(f"{name}: {texts.fact()}" for name in names))
    for _ in range(world.draw.randrange(40, 80)):
        call = world.call(
            who, at, model, [task, user(texts.question())], world.draw.choice(names), temperature=0.0,
            user_id=world.user(who), route="/v1/route", name="router", reasoning=64 if model == "gpt-5" else 0,
            sound=_smaller(model),
        )  # fmt: skip
        at = call.end + world.draw.uniform(5, 400)


@waste("batchable_calls", saas=1, pipelines=1)
def nightly_job_at_full_price(world: World) -> None:
    """Every night some dozens of documents are worked through, and nobody waits for them."""
    who = world.customer("openai", "anthropic")
    vendor = world.draw.choice([vendor for vendor in who.vendors if vendor != "google"])
    model = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}[vendor]
    texts = world.texts(who)
    task, begin, name = system(texts.role()), world.draw.uniform(1, 4) * HOUR, world.draw.choice(NIGHTLY)
    for day in range(world.draw.randrange(2, 4)):
        at = day * DAY + begin + world.draw.uniform(0, 10) * MINUTE
        for _ in range(world.draw.randrange(45, 70)):
            file = hidden("file", world.id("file-"), world.draw.randrange(1500, 6000))
            call = world.call(
                who, at, model, [task, file, user(texts.passage(60))], texts.answer(world.draw.randrange(60, 200)),
                temperature=0.3, route="/jobs/nightly", name=name, sound={"batch": True},
            )  # fmt: skip
            at = call.end + world.draw.uniform(0.1, 3)


@waste("batchable_calls", saas=1, agents=1, pipelines=2)
def evaluation_every_evening(world: World) -> None:
    """An evaluation suite runs each evening on the standard tier; its report is read the next morning."""
    who = world.customer("openai")
    texts, model = world.texts(who), world.draw.choice(("gpt-4o", "gpt-4.1"))
    begin = world.draw.uniform(19, 22) * HOUR
    suite = [
        (texts.question(), texts.passage(world.draw.randrange(60, 250))) for _ in range(world.draw.randrange(45, 60))
    ]
    for day in range(3):
        at = day * DAY + begin + world.draw.uniform(0, 15) * MINUTE
        for question, context in suite:
            call = world.call(
                who, at, model, [hidden("file", context[:40], 1500), user(f"{question}\n\n{context}")],
                texts.answer(world.draw.randrange(80, 200)), temperature=0.0, route="/evals", name="nightly-eval",
                tags='{"purpose": "evaluation"}', sound={"batch": True},
            )  # fmt: skip
            at = call.end + world.draw.uniform(0.05, 1)
