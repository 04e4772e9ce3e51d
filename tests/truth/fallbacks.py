"""Waste: one prompt paid on several models of one trace."""

from .prices import MODELS, Segment
from .registry import THROWN, companions, waste
from .world import Customer, World, hidden, system, user

FAMILIES = {
    "openai": ("gpt-4.1-mini", "gpt-4o", "gpt-4.1", "gpt-5", "gpt-5-mini", "gpt-4o-mini"),
    "anthropic": ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"),
    "google": ("gemini-2.5-flash", "gemini-2.5-pro"),
}
TECHNICAL = (
    "timeout", "validation_failed", "parse_error", "latency_budget_exceeded", "schema_mismatch", "bad_output",
    "guardrail_rejected", "content_type", "primary_failed",
)  # fmt: skip


def models_of(who: Customer) -> list[str]:
    return [model for vendor in who.vendors for model in FAMILIES[vendor]]


def _request(world: World, who: Customer, attached: tuple[int, int] = (6000, 25000)) -> list[Segment]:
    texts = world.texts(who)
    return [
        system(texts.role()),
        hidden("file", world.id("file-"), world.draw.randrange(*attached)),
        user(f"{texts.question()}\n\n{texts.passage(world.draw.randrange(80, 500))}"),
    ]


@waste("fallback_storms", saas=6, agents=5, pipelines=6)
def down_the_list_of_models(world: World) -> None:
    """A router tries model after model; each answers, and a check that no answer can pass rejects it."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments, person = world.texts(who), _request(world, who), world.user(who)
    models = models_of(who)
    chosen = world.draw.sample(models, min(len(models), world.draw.choice((3, 3, 4, 5))))
    reason, start = world.words(TECHNICAL), at
    for place, model in enumerate(chosen):
        last = place == len(chosen) - 1
        call = world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(80, 400)), trace_id=trace, temperature=0.7,
            user_id=person, route="/v1/answer", name="answer", sound=None if last else THROWN,
            fallback_attempted=place > 0 or None, fallback_reason=reason if place else None,
            fallback_model=model if place else None,
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.1, 4)
    if world.draw.random() < 0.5:
        companions(world, who, start, at, trace_id=trace, user_id=person, route="/v1/answer")


@waste("fallback_storms", saas=4, agents=4, pipelines=4)
def unmarked_storm(world: World) -> None:
    """As above, in a log that does not mark fallbacks; the prompt wanders over four models and back again."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments, models = world.texts(who), _request(world, who), models_of(who)
    chosen = world.draw.sample(models, min(len(models), 4))
    chosen += chosen[: world.draw.randrange(1, 3)]
    for place, model in enumerate(chosen):
        last = place == len(chosen) - 1
        call = world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(80, 300)), trace_id=trace, temperature=0.7,
            route="/v1/answer", name="answer", sound=None if last else THROWN,
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.1, 6)


@waste("fallback_storms", saas=3, agents=2, pipelines=3)
def timeouts_over_models(world: World) -> None:
    """A gateway stops waiting for two models after 30 seconds each; both are billed, and the third answers."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments, models = world.texts(who), _request(world, who, (12000, 30000)), models_of(who)
    chosen = (world.draw.sample(models, 3) if len(models) > 2 else [*models, models[0]])[:3]
    for place, model in enumerate(chosen[:2]):
        call = world.timed_out(
            who, at, model, segments, after=30, output=world.draw.randrange(700, 1800), trace_id=trace, sound=THROWN,
            fallback_attempted=place > 0 or None, fallback_reason="timeout" if place else None, route="/v1/answer",
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.05, 0.5)
    world.call(
        who, at, chosen[2], segments, texts.answer(300), trace_id=trace, fallback_attempted=True,
        fallback_reason="timeout", fallback_model=chosen[2], route="/v1/answer",
    )  # fmt: skip


@waste("fallback_storms", saas=8, agents=4, pipelines=1)
def raced_models(world: World) -> None:
    """Two models are asked at the same moment, the first answer is shown, the other is dropped and paid."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments, person = world.texts(who), _request(world, who), world.user(who)
    models = world.draw.sample(models_of(who), 2)
    latencies = sorted(world.draw.uniform(1.5, 9) for _ in models)
    for model, latency, delay in zip(models, latencies, (0.0, 0.02), strict=True):
        world.call(
            who, at + delay, model, segments, texts.answer(world.draw.randrange(100, 300)), trace_id=trace,
            temperature=0.7, latency=latency, user_id=person, route="/v1/answer", name="answer", stream=True,
            sound=THROWN if delay else None,
        )  # fmt: skip


@waste("fallback_failures", saas=9, agents=7, pipelines=9)
def failover_after_an_answer(world: World) -> None:
    """The small model had answered; the client took it for a failure and asked a larger one."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments, person = world.texts(who), _request(world, who), world.user(who)
    small, large = sorted(world.draw.sample(models_of(who), 2), key=lambda model: MODELS[model].output)
    first = world.call(
        who, at, small, segments, texts.answer(world.draw.randrange(120, 400)), trace_id=trace, temperature=0.7,
        user_id=person, route="/v1/answer", name="answer",
    )  # fmt: skip
    world.call(
        who, first.end + world.draw.uniform(0.02, 3), large, segments, texts.answer(world.draw.randrange(120, 400)),
        trace_id=trace, temperature=0.7, user_id=person, route="/v1/answer", name="answer", fallback_attempted=True,
        fallback_reason=world.words(TECHNICAL), fallback_model=large, sound=THROWN,
    )  # fmt: skip
    if world.draw.random() < 0.5:
        companions(world, who, at, first.end, trace_id=trace, user_id=person, route="/v1/answer")


@waste("fallback_failures", saas=6, agents=5, pipelines=6)
def failover_sideways(world: World) -> None:
    """The main model answers late but whole; at the deadline the gateway had sent the same to its neighbour."""
    who, at, trace = world.customer(), world.office(), world.id()
    texts, segments = world.texts(who), _request(world, who, (10000, 25000))
    models = [model for model in models_of(who) if MODELS[model].output >= 8] or models_of(who)
    first, second = world.draw.sample(models, 2) if len(models) > 1 else models * 2
    deadline = world.draw.choice((8.0, 10.0, 15.0))
    world.call(
        who, at, first, segments, texts.answer(350), trace_id=trace, latency=deadline + world.draw.uniform(0.3, 4),
        route="/v1/answer", name="answer", temperature=0.5,
    )  # fmt: skip
    world.call(
        who, at + deadline, second, segments, texts.answer(300), trace_id=trace, route="/v1/answer", name="answer",
        temperature=0.5, fallback_attempted=True, fallback_reason="slow_response", fallback_model=second, sound=THROWN,
    )  # fmt: skip
