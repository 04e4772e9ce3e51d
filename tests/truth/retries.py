"""Waste: the same question asked again because the answer was not taken, or was cut off."""

import json

from .prices import Segment
from .registry import THROWN, companions, waste
from .world import Customer, World, hidden, system, tool, user

TIMEOUTS = ("Request timed out.", "httpx.ReadTimeout", "ETIMEDOUT: socket hang up", "APITimeoutError", "deadline")
LARGE = {
    "openai": ("gpt-4o", "gpt-4.1", "gpt-5"),
    "anthropic": ("claude-sonnet-4-5", "claude-opus-4-5"),
    "google": ("gemini-2.5-pro",),
}
# what programs append when an answer cannot be parsed, in the words of common libraries and of hurried people
COMPLAINTS = (
    "Validation error: 1 validation error for Invoice\ntotal\n  Input should be a valid number. Correct the call.",
    "Your answer was invalid JSON: Expecting ',' delimiter: line 4 column 17 (char 212). Please try again.",
    "Could not parse the output. Return only JSON that matches the schema.",
    "json.decoder.JSONDecodeError: Unterminated string starting at: line 1 column 88. Fix it and answer again.",
    "Deine Antwort war kein gültiges JSON. Bitte nur das Objekt ausgeben.",
    "La respuesta no es un JSON válido. Devuelve solo el objeto.",
    "OutputParserException: Failed to parse Invoice from completion. Got: Expecting property name in double quotes.",
    "SyntaxError: Unexpected token 'S', \"Sure! Here\"... is not valid JSON. Reply with JSON only.",
    "ZodError: [{\"code\":\"invalid_type\",\"path\":[\"items\",0,\"count\"],\"message\":\"Expected number\"}]",
    "jsonschema.exceptions.ValidationError: 'contact' is a required property. Fix your previous answer.",
    "Recall the function correctly, fix the errors: number: field required (type=value_error.missing)",
    "La réponse n'est pas un JSON valide, recommence sans texte autour.",
)  # fmt: skip
OTHER_WORDS = (
    "The keys `total` and `due_date` are absent. Answer once more with every key of the form.",
    "Only the object please, no prose before it and no code fence after it.",
    "Your output ended in the middle of the list. Send it whole.",
    "We expected a list under `items`, you sent a sentence. Again.",
    "That does not load on our side: single quotes around names. Use double ones.",
    "`count` has to be a whole number, yours holds letters. Repeat the answer with that repaired.",
    "Il manque des champs obligatoires, renvoie l'objet complet.",
    "This was the third of four sections. We need one structure with all four in it.",
    "Amounts without the currency sign, dates as YYYY-MM-DD. Do it over.",
    "No table this time: we read it by machine. Same content, curly braces.",
    "You left out the contact. Everything else stays as it is; send the full thing.",
    "Das Feld total fehlt. Noch einmal, vollständig.",
    "Checked and refused: 2 of 5 fields have the wrong kind. Corrected version, nothing else.",
    "The importer stopped at your first line. It takes a bare object.",
    "Falta el número de factura; repite la salida entera.",
)


def document_of(world: World, who: Customer, least: int = 4000, most: int = 20000) -> list[Segment]:
    """Make a task and a document; a part of the document is an attached file, which the log does not show."""
    texts = world.texts(who)
    task = f"{texts.role()}\nReturn JSON with vendor, number, total, contact and items."
    shown = texts.passage(world.draw.randrange(250, 700))
    return [
        system(task),
        hidden("file", world.id("file-"), world.draw.randrange(least, most)),
        user(f"{texts.question()}\n\n{shown}"),
    ]


def large_model(world: World, who: Customer) -> str:
    return world.draw.choice(LARGE[world.draw.choice(who.vendors)])


@waste("retry_loops", saas=9, agents=6, pipelines=10)
def sdk_timeouts(world: World) -> None:
    """The client's timeout is too short; the SDK sends the request three times, and the provider bills each."""
    who = world.customer()
    model, segments, trace = large_model(world, who), document_of(world, who, 12000, 40000), world.id()
    at, limit, answered = world.office(), world.draw.choice((20.0, 30.0, 60.0)), world.draw.random() < 0.6
    person, output = world.user(who), world.draw.randrange(900, 2600)
    if world.draw.random() < 0.4:
        companions(world, who, at, at + 2 * limit, trace_id=trace, user_id=person, route="/v1/extract")
    for attempt in range(3):
        columns = {
            "trace_id": trace,
            "retry_count": attempt,
            "user_id": person,
            "route": "/v1/extract",
            "name": "extract",
        }
        if attempt == 2 and answered:
            world.call(who, at, model, segments, world.texts(who).record(), output=output, **columns)
            return
        # where none of the three answers, one try was needed all the same: the first, which cost most
        thrown = THROWN if attempt or answered else None
        call = world.timed_out(
            who, at, model, segments, after=limit, output=output, error=world.words(TIMEOUTS), sound=thrown,
            **columns,
        )  # fmt: skip
        at = call.end + world.backoff(attempt)


@waste("retry_loops", saas=8, agents=4, pipelines=11)
def same_prompt_again(world: World) -> None:
    """The answer is no JSON, and the program sends the same prompt again at temperature 0, up to ten times."""
    who = world.customer()
    model, segments, texts = large_model(world, who), document_of(world, who), world.texts(who)
    trace, at, person = world.id(), world.office(), world.user(who)
    tries, start = world.draw.choice((2, 3, 3, 4, 5, 8, 10)), at
    for attempt in range(tries):
        good = attempt == tries - 1
        call = world.call(
            who, at, model, segments, texts.record() if good else texts.broken_record(), trace_id=trace,
            temperature=0.0, user_id=person, route="/v1/extract", name="extract", sound=None if good else THROWN,
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.1, 3)
    companions(world, who, start, at, trace_id=trace, user_id=person, route="/v1/extract")


def _reask(world: World, complaints: tuple[str, ...], temperature: float) -> None:
    who = world.customer()
    model, texts = large_model(world, who), world.texts(who)
    head, at, trace, person = document_of(world, who), world.office(), world.id(), world.user(who)
    tries, history, start = world.draw.choice((2, 2, 3, 4)), list(head), at
    for attempt in range(tries):
        good = attempt == tries - 1
        call = world.call(
            who, at, model, history, texts.record() if good else texts.broken_record(), trace_id=trace, user_id=person,
            temperature=temperature, route="/v1/extract", name="extract", sound=None if good else THROWN,
        )  # fmt: skip
        history = [*history, call.answer, user(world.words(complaints))]
        at = call.end + world.draw.uniform(0.05, 1.5)
    if world.draw.random() < 0.5:
        companions(world, who, start, at, trace_id=trace, user_id=person, route="/v1/extract")


@waste("retry_loops", saas=8, agents=5, pipelines=10)
def asked_again_with_the_error(world: World) -> None:
    """The next prompt holds the bad answer and the message of the parser, as Instructor and LangChain do it."""
    _reask(world, COMPLAINTS, 0.7)


@waste("retry_loops", saas=8, agents=5, pipelines=9)
def asked_again_in_other_words(world: World) -> None:
    """The next prompt holds the bad answer and a complaint in words of its own."""
    _reask(world, OTHER_WORDS, 0.4)


@waste("retry_loops", saas=4, agents=4, pipelines=5)
def function_call_asked_again(world: World) -> None:
    """The answer is a function call whose arguments do not pass; the library asks again and quotes what is wrong."""
    who = world.customer()
    model, texts = large_model(world, who), world.texts(who)
    history, at, trace = document_of(world, who), world.office(), world.id()
    tries = world.draw.choice((2, 2, 3, 3))
    for attempt in range(tries):
        good = attempt == tries - 1
        fields = json.loads(texts.record()) | ({} if good else {"total": texts.fact()})
        call = world.call(
            who, at, model, history, None, tools=[("Invoice", fields)], trace_id=trace, temperature=0.0,
            route="/v1/extract", name="extract", sound=None if good else THROWN,
        )  # fmt: skip
        wrong = f"1 validation error for Invoice\ntotal\n  Input should be a valid number, got {texts.fact()!r}"
        history = [*history, call.answer, tool(wrong)]
        at = call.end + world.draw.uniform(0.05, 0.8)


@waste("retry_loops", saas=2, agents=2, pipelines=3)
def retries_within_retries(world: World) -> None:
    """The program repeats three times what the SDK has tried three times: nine attempts, each billed."""
    who = world.customer()
    model, segments = large_model(world, who), document_of(world, who, 3000, 9000)
    trace, at = world.id(), world.office()
    output, served = world.draw.randrange(700, 1500), world.draw.random() < 0.5
    for attempt in range(9):
        columns = {"trace_id": trace, "retry_count": attempt % 3, "route": "/v1/extract", "name": "extract"}
        if attempt == 8 and served:
            world.call(who, at, model, segments, world.texts(who).record(), output=output, **columns)
            return
        thrown = THROWN if attempt or served else None
        call = world.timed_out(who, at, model, segments, after=20.0, output=output, sound=thrown, **columns)
        at = call.end + (world.backoff(attempt % 3) if attempt % 3 < 2 else world.draw.uniform(4, 10))


@waste("retry_loops", saas=2, agents=2, pipelines=2)
def validator_never_content(world: World) -> None:
    """A validator is too strict, and nothing limits the attempts: dozens of the same, without a pause."""
    who = world.customer()
    model, segments, texts = large_model(world, who), document_of(world, who, 1500, 5000), world.texts(who)
    trace, at, answers = world.id(), world.night(), [texts.record() for _ in range(3)]
    tries = world.draw.randrange(14, 45)
    for attempt in range(tries):
        call = world.call(
            who, at, model, segments, world.draw.choice(answers), trace_id=trace, temperature=0.2, name="extract",
            retry_count=attempt, route="/v1/extract", sound=THROWN if attempt < tries - 1 else None,
        )  # fmt: skip
        at = call.end + world.draw.uniform(0.01, 0.4)


@waste("retry_loops", saas=6, agents=5, pipelines=7)
def a_trace_for_each_attempt(world: World) -> None:
    """A decorator repeats the whole request, so that each attempt has a trace of its own within the session."""
    who = world.customer()
    model, segments, texts = large_model(world, who), document_of(world, who, 8000, 25000), world.texts(who)
    session, at, person, tries = world.id("sess-"), world.office(), world.user(who), world.draw.choice((2, 3, 4))
    for attempt in range(tries):
        good = attempt == tries - 1
        call = world.call(
            who, at, model, segments, texts.record() if good else texts.broken_record(), session_id=session,
            retry_count=attempt, temperature=0.5, user_id=person, route="/v1/extract", name="extract",
            sound=None if good else THROWN,
        )  # fmt: skip
        at = call.end + 2**attempt * world.draw.uniform(0.8, 1.2)


@waste("retry_loops", saas=3, agents=2, pipelines=3)
def free_refusals_and_a_paid_loop(world: World) -> None:
    """A burst of 429s costs nothing; behind it the same request times out twice, which does."""
    who = world.customer()
    model, segments = large_model(world, who), document_of(world, who, 12000, 30000)
    trace, at = world.id(), world.office()
    for attempt in range(world.draw.randrange(3, 9)):
        at = world.refused(who, at, model, segments, trace_id=trace, retry_count=attempt).end + world.backoff(attempt)
    for attempt in range(2):
        call = world.timed_out(
            who, at, model, segments, after=45, output=world.draw.randrange(800, 2000), trace_id=trace,
            retry_count=attempt, sound=THROWN,
        )  # fmt: skip
        at = call.end + world.backoff(attempt)
    world.call(who, at, model, segments, world.texts(who).record(), trace_id=trace, retry_count=2)


# -- cut off ----------------------------------------------------------------------------------------------------------


def _cut(world: World, tries: int, wait: tuple[float, float], *, new_traces: bool) -> None:
    who = world.customer()
    model, texts, trace, at = large_model(world, who), world.texts(who), world.id(), world.office()
    segments = document_of(world, who, 8000, 30000)
    limit, whole, person = world.draw.choice((1024, 2048, 4096)), texts.answer(500), world.user(who)
    for attempt in range(tries):
        good = attempt == tries - 1
        call = world.call(
            who, at, model, segments, whole if good else whole[: world.draw.randrange(800, 1600)],
            output=round(limit * 1.3) if good else limit, finish_reason="stop" if good else "length",
            trace_id=world.id() if new_traces else trace, temperature=0.3, user_id=person, route="/v1/report",
            name="report", sound=None if good else THROWN,
        )  # fmt: skip
        at = call.end + world.draw.uniform(*wait)


@waste("cut_answers", saas=6, agents=5, pipelines=7)
def cut_and_asked_again(world: World) -> None:
    """The answer ends at max_tokens, is thrown away, and asked for with a larger limit."""
    _cut(world, world.draw.choice((2, 2, 3)), (0.5, 30), new_traces=False)


@waste("cut_answers", saas=2, agents=2, pipelines=5)
def cut_and_run_again_later(world: World) -> None:
    """A worker finds the cut answer at the end of its pass and runs the document again, some minutes later."""
    _cut(world, 2, (150, 1500), new_traces=True)


@waste("cut_answers", saas=1, agents=2)
def cut_in_a_log_without_prompts(world: World) -> None:
    """A cut answer is asked for again in the same trace; the log holds neither prompts nor hashes of them."""
    first = len(world.calls)
    _cut(world, 2, (0.5, 20), new_traces=False)
    for call in world.calls[first:]:
        call.columns |= {"prompt": None, "response": None, "prompt_hash": None, "prefix_hash": None}


@waste("cut_answers", saas=5, agents=6, pipelines=5)
def thought_itself_empty(world: World) -> None:
    """A reasoning model spends all of max_completion_tokens on thinking; nothing is left for the answer."""
    who = world.customer("openai")
    model, texts, trace, at = world.draw.choice(("gpt-5", "o4-mini")), world.texts(who), world.id(), world.office()
    segments = [system(texts.role()), user(f"{texts.question()}\n\n{texts.passage(600)}")]
    limit = world.draw.choice((2048, 4096, 8192))
    call = world.call(
        who, at, model, segments, None, output=limit, reasoning=limit, finish_reason="length", trace_id=trace,
        route="/v1/analyse", sound=THROWN,
    )  # fmt: skip
    if world.draw.random() < 0.7:
        thought = limit + world.draw.randrange(1, 2000)
        answer = texts.answer(200)
        world.call(
            who, call.end + world.draw.uniform(0.5, 20), model, segments, answer, reasoning=thought, trace_id=trace,
            route="/v1/analyse",
        )  # fmt: skip


@waste("cut_answers", saas=3, agents=3, pipelines=1)
def cut_in_a_conversation(world: World) -> None:
    """A person gets half an answer, and asks for all of it again, in the same words."""
    who = world.customer()
    model, texts = large_model(world, who), world.texts(who)
    ask = user(f"{texts.question()} {texts.question()}\n\n{texts.passage(900)}")
    head = [system(texts.role()), hidden("file", world.id("file-"), 6000)]
    columns = {"session_id": world.id("sess-"), "user_id": world.user(who), "route": "/v1/chat"}
    first = world.call(
        who, world.office(), model, [*head, ask], texts.answer(1000), finish_reason="length", sound=THROWN, **columns
    )
    wait = min(100.0, world.think(25))
    world.call(who, first.end + wait, model, first.segments, texts.answer(1500), **columns)
