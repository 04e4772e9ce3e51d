"""Sound: the same or nearly the same prompt many times, for a reason."""

import json

from .fallbacks import models_of
from .registry import Turn, cached, converse, sound
from .repeats import job, middle
from .retries import large_model
from .texts import Texts, tokens_of
from .world import DAY, HOUR, MINUTE, World, hidden, system, user

# what people paste into a chat about their code
PASTED = (
    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "KeyError: 'total'", "Killed: 9",
    "ValidationError: 2 validation errors for Settings", "SyntaxError: invalid syntax (main.py, line 7)",
    "Error: Cannot find module './orders'", "ModuleNotFoundError: No module named 'yaml'", "it prints nothing at all",
    "Could not parse the configuration: unexpected token on line 3",
)  # fmt: skip


@sound("retry_loops", saas=7, agents=7, pipelines=9)
def parallel_samples(world: World) -> None:
    """Best of n: one prompt is sent several times at the same moment, and the best answer is kept."""
    who, at, trace = world.customer("openai"), world.office(), world.id()
    model, segments, texts = world.draw.choice(("gpt-4o", "gpt-4.1", "gpt-5-mini")), job(world, who), world.texts(who)
    person = world.user(who)
    for _ in range(world.draw.randrange(3, 9)):
        world.call(
            who, at + world.draw.uniform(0, 0.05), model, segments, texts.answer(world.draw.randrange(100, 400)),
            trace_id=trace, temperature=0.9, latency=world.draw.uniform(2, 9), user_id=person, route="/v1/answer",
            name="answer",
        )  # fmt: skip


@sound("retry_loops", saas=7, agents=7, pipelines=9)
def samples_one_after_the_other(world: World) -> None:
    """Self-consistency: five to nine answers to one question, one after the other, and a vote."""
    who, at, trace = world.customer(), world.office(), world.id()
    model, segments, texts = middle(world, who), job(world, who), world.texts(who)
    for number in range(world.draw.choice((5, 5, 7, 9))):
        call = world.call(
            who, at, model, cached(model, segments), texts.answer(world.draw.randrange(80, 300)), trace_id=trace,
            temperature=0.8, route="/v1/answer", name="answer", tags=json.dumps({"sample": number}),
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.01, 0.3)


@sound("retry_loops", saas=4, agents=3, pipelines=4)
def refused_and_then_served(world: World) -> None:
    """Two or three 429s or 503s, which nobody bills, with the pauses of the SDK; then the answer."""
    who, at, trace = world.customer(), world.office(), world.id()
    model, segments, attempt = middle(world, who), job(world, who), 0
    error = world.draw.choice(
        ("429 Too Many Requests", "529 overloaded_error", "503 Service Unavailable", "Connection refused")
    )
    for attempt in range(world.draw.choice((1, 2, 2))):
        refused = world.refused(who, at, model, segments, trace_id=trace, retry_count=attempt, error=error)
        at = refused.end + world.backoff(attempt)
    world.call(
        who, at, model, segments, world.texts(who).answer(250), trace_id=trace, retry_count=attempt + 1, name="answer"
    )


@sound("retry_loops", saas=10, agents=6)
def regenerate_button(world: World) -> None:
    """A person does not like the text and asks for another one, two or three times."""
    who, at = world.customer(), world.office()
    model, texts, person, session = middle(world, who), world.texts(who), world.user(who), world.id("sess-")
    segments = [system(texts.role()), user(f"Write a text for our page. {texts.question()} {texts.passage(60)}")]
    for _ in range(world.draw.randrange(2, 5)):
        call = world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(150, 500)), temperature=1.0, user_id=person,
            session_id=session, route="/v1/write", name="write", stream=True,
        )  # fmt: skip
        at = call.end + max(8.0, world.think(25))


@sound("retry_loops", saas=5, agents=3, pipelines=1)
def asked_to_change_the_text(world: World) -> None:
    """A person wants it shorter, warmer, in French: the next prompt holds the last answer, and both are of use."""
    who = world.customer()
    model, texts = large_model(world, who), world.texts(who)
    wishes = (
        "Shorter please.", "Make it warmer.", "Now in French.", "Not quite, I meant the second one.", "Add a headline.",
        "Please try again with less jargon.", "Good, but the list should be prose.", "And as JSON for our importer?",
        "Wrong customer, it is Casa Verde.",
    )  # fmt: skip
    turns = [Turn(0, user(f"{texts.question()} {texts.passage(40)}"), texts.answer(150))]
    for _ in range(world.draw.randrange(1, 5)):
        turns.append(Turn(world.think(30), user(world.words(wishes)), texts.answer(150)))
    converse(
        world, who, model, world.office(), [system(texts.role())], turns, session_id=world.id("sess-"),
        trace_id=world.id(), temperature=0.7, user_id=world.user(who), route="/v1/write", name="write",
    )  # fmt: skip


@sound("retry_loops", saas=2, agents=5)
def errors_pasted_by_a_person(world: World) -> None:
    """Somebody runs the code that the assistant wrote, and pastes what came out: the message of a parser, at times."""
    who, at = world.customer(), world.office()
    model, texts = large_model(world, who), Texts(world.draw, "code")
    turns = [Turn(0, user(f"Write a script: {texts.question()}"), texts.answer(250))]
    for _ in range(world.draw.randrange(1, 4)):
        comment = world.draw.choice(("I ran it:", "still broken", "now this:", "Almost, but:", "what does that mean?"))
        turns.append(Turn(max(15.0, world.think(60)), user(f"{comment}\n{world.words(PASTED)}"), texts.answer(200)))
    converse(
        world, who, model, at, [system(texts.role())], turns, session_id=world.id("sess-"), trace_id=world.id(),
        temperature=0.5, user_id=world.user(who), route="/v1/chat", name="chat", stream=True,
    )  # fmt: skip


@sound("repeated_calls", saas=2, agents=2, pipelines=2)
def heartbeat(world: World) -> None:
    """A monitor asks for one word each minute or each five, to see whether the provider answers."""
    who, at = world.customer(), world.office()
    model, every, trace = middle(world, who), world.draw.choice((60.0, 300.0)), world.id()
    one_trace = world.draw.random() < 0.5
    for number in range(60):
        start = at + number * every + world.draw.uniform(0, 0.8)
        world.call(
            who, start, model, [user("ping, answer with pong")], "pong", trace_id=trace if one_trace else world.id(),
            temperature=0.0, route="/health", name="heartbeat",
        )  # fmt: skip


@sound("repeated_calls", saas=2, agents=2, pipelines=3)
def watched_at_regular_times(world: World) -> None:
    """Every 5 or 10 minutes the same question about numbers that a tool brings; the log shows the question."""
    who, at = world.customer(), world.office()
    model, texts, every = middle(world, who), world.texts(who), world.draw.choice((300.0, 600.0))
    ask = texts.question()
    for number in range(world.draw.randrange(20, 40)):
        numbers = hidden("tool", f"{ask}/{number}", world.draw.randrange(900, 980))
        start = at + number * every + world.draw.uniform(0, 3)
        world.call(
            who, start, model, [system("You watch a dashboard."), numbers, user(ask)], texts.answer(60), shown=ask,
            temperature=0.1, route="/cron/watch", name="watch",
        )  # fmt: skip


@sound("repeated_calls", saas=1, pipelines=1)
def load_test(world: World) -> None:
    """Some hundreds of equal requests within minutes, to measure what a new deployment holds."""
    who, at = world.customer(), world.night()
    model, texts = middle(world, who), world.texts(who)
    segments = [system(texts.role()), user(texts.question())]
    for _ in range(160):
        at += world.draw.expovariate(1 / 1.2)
        world.call(
            who, at, model, segments, texts.answer(60), temperature=0.0, route="/v1/answer", name="answer",
            tags='{"env": "staging"}', user_id=None,
        )  # fmt: skip


@sound("repeated_calls", saas=3, agents=2, pipelines=4)
def many_files_at_once(world: World) -> None:
    """Somebody uploads dozens of files; each prompt begins with the same words and ends with another file."""
    who, at = world.customer(), world.office()
    model, texts, person = middle(world, who), world.texts(who), world.user(who)
    task = system(f"{texts.role()}\nSum up the attached file in two sentences.")
    hide = world.draw.random() < 0.5
    for _ in range(world.draw.randrange(20, 45)):
        length = world.draw.randrange(250, 900)
        file = hidden("file", world.id("file-"), length * 4) if hide else user(texts.passage(length))
        world.call(
            who, at, model, [task, file], texts.answer(70), temperature=0.2, user_id=person, route="/v1/summary",
            name="summary",
        )  # fmt: skip
        at += world.draw.uniform(0.1, 2)


@sound("repeated_calls", saas=5, agents=1)
def many_people_ask_the_same(world: World) -> None:
    """After an announcement many people ask alike; each gets an answer of their own account."""
    who, at = world.customer(), world.office()
    model, texts = middle(world, who), world.texts(who)
    ask = texts.question()
    for _ in range(world.draw.randrange(6, 16)):
        account = hidden("file", world.id("account-"), world.draw.randrange(300, 900))
        world.call(
            who, at, model, [system(texts.role()), account, user(ask)], texts.answer(130), shown=ask, temperature=0.7,
            user_id=world.user(who), session_id=world.id("sess-"), route="/v1/chat", name="chat",
        )  # fmt: skip
        at += world.draw.uniform(0.2, 12) * MINUTE


@sound("repeated_calls", saas=5, agents=3, pipelines=6)
def redacted_prompts(world: World) -> None:
    """Prompts are taken out before they are logged, so that all look equal; their lengths differ."""
    who, at = world.customer(), world.office()
    model, texts = middle(world, who), world.texts(who)
    trace = world.id()
    mask = world.draw.choice(("[REDACTED]", "redacted-by-litellm", "<redacted>", "***"))
    for _ in range(world.draw.randrange(8, 20)):
        call = world.call(
            who, at, model, [system(texts.role()), user(texts.passage(world.draw.randrange(100, 1500)))],
            texts.answer(120), shown=mask, response=mask, temperature=0.0,
            trace_id=world.draw.choice((trace, world.id())), user_id=world.user(who), route="/v1/chat",
            name="chat", prompt_hash=None,
        )  # fmt: skip
        at = call.end + world.draw.uniform(3, 50)


@sound("repeated_calls", saas=6, agents=3, pipelines=7)
def one_question_many_pictures(world: World) -> None:
    """One question about each of many pictures, which the log does not hold; of one size, so counts are alike."""
    who, at = world.customer(), world.office()
    model, texts, person = middle(world, who), world.texts(who), world.user(who)
    ask, size = user("Describe the damage in this photo, and how bad it is."), world.draw.choice((765, 1105, 1398))
    sizes = (0, 0, 170, -170)
    trace = world.id()
    for _ in range(world.draw.randrange(6, 18)):
        picture = hidden("image", world.id("img-"), size + world.draw.choice(sizes))
        segments = [ask, picture]
        # without a hash nothing in a log shows that the pictures differ
        call = world.call(
            who, at, model, segments, texts.answer(110), temperature=0.0, trace_id=trace, user_id=person,
            name="extract", route="/v1/extract", shown=ask.text, prompt_hash=world.id()[:16],
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.5, 20)


@sound("repeated_calls", saas=4, agents=2, pipelines=4)
def answered_by_the_gateway(world: World) -> None:
    """A gateway answers what it was asked before out of its own cache; that is logged, and costs nothing."""
    who, at = world.customer(), world.office()
    model, segments, texts = middle(world, who), job(world, who), world.texts(who)
    answer, size = texts.answer(150), sum(part.tokens for part in segments)
    for number in range(world.draw.randrange(3, 9)):
        # the gateway reports the usage of the answer that it had kept
        world.call(
            who, at, model, segments, answer, temperature=0.0, user_id=world.user(who), route="/v1/summary",
            name="summary", free=number > 0, finish_reason="stop", tags='{"cache_hit": true}' if number else None,
            input_tokens=size, output_tokens=tokens_of(answer),
        )  # fmt: skip
        at += world.draw.uniform(5, 300)


@sound("repeated_calls", saas=2, agents=1, pipelines=3)
def asked_again_another_day(world: World) -> None:
    """The same report is asked for on several days; what it is about has changed meanwhile."""
    who = world.customer()
    model, segments, texts = middle(world, who), job(world, who), world.texts(who)
    person, start = world.user(who), world.office(0)
    for day in range(5):
        at = start + day * DAY + world.draw.uniform(-1, 1) * HOUR
        world.call(
            who, at, model, segments, texts.answer(300), temperature=0.3, user_id=person, route="/v1/report",
            name="report",
        )  # fmt: skip


@sound("repeated_calls", saas=2, agents=2, pipelines=2)
def shadow_of_a_new_model(world: World) -> None:
    """A new model gets a copy of the real requests for some days, before it takes over."""
    who, at = world.customer(), world.office()
    texts = world.texts(who)
    models = models_of(who)
    now, soon = world.draw.sample(models, 2) if len(models) > 1 else models * 2
    for _ in range(world.draw.randrange(12, 25)):
        segments, person = job(world, who), world.user(who)
        for model, tags in ((now, None), (soon, '{"shadow": true}')):
            world.call(
                who, at + (world.draw.uniform(0.05, 1) if tags else 0), model, segments, texts.answer(140),
                temperature=0.5, user_id=person, route="/v1/answer", name="answer", tags=tags,
            )  # fmt: skip
        at += world.draw.uniform(10, 400)


@sound("repeated_calls", saas=1, agents=1, pipelines=2)
def made_up_data(world: World) -> None:
    """One prompt, dozens of times at temperature 1, each time for another example to train on."""
    who, at = world.customer(), world.office()
    model, texts = middle(world, who), world.texts(who)
    segments = [system("You write examples for a data set."), user(f"Write a new one like this: {texts.passage(120)}")]
    for _ in range(world.draw.randrange(25, 60)):
        call = world.call(
            who, at, model, segments, texts.answer(world.draw.randrange(120, 400)), temperature=1.0, route="/jobs/make",
            name="make-examples",
        )  # fmt: skip
        at = call.end + world.draw.choice((world.draw.uniform(0.02, 0.2), world.draw.uniform(5, 60)))


@sound("retry_loops", saas=3, agents=2, pipelines=3)
def questions_about_one_document(world: World) -> None:
    """One document, several questions one after the other: the prompts begin alike and end otherwise."""
    who, at, trace = world.customer("openai"), world.office(), world.id()
    texts, model = world.texts(who), world.draw.choice(("gpt-4o", "gpt-4.1", "gpt-5-mini"))
    document = [system(texts.role()), user(texts.passage(world.draw.randrange(300, 900)))]
    for _ in range(world.draw.randrange(3, 7)):
        call = world.call(
            who, at, model, [*document, user(texts.question())], texts.answer(90), trace_id=trace, temperature=0.0,
            route="/v1/extract", name="extract", user_id=world.user(who),
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.05, 1)


@sound("retry_loops", saas=3, agents=2)
def stopped_and_asked_otherwise(world: World) -> None:
    """A person stops the answer after a few lines and asks something else; what had come is billed."""
    who, at = world.customer(), world.office()
    model, texts, head = middle(world, who), world.texts(who), job(world, who)
    columns = {"session_id": world.id("sess-"), "user_id": world.user(who), "route": "/v1/chat", "name": "chat"}
    columns |= {"stream": True, "temperature": 0.7}
    head = [*head[1:-1], head[0], head[-1]]
    call = world.call(
        who, at, model, cached(model, head), texts.answer(30), finish_reason="aborted", billed="estimated",
        token_source="estimated", **columns,
    )  # fmt: skip
    otherwise = cached(model, [*head[:-1], user(texts.question())])
    world.call(who, call.end + world.think(15), model, otherwise, texts.answer(200), **columns)
