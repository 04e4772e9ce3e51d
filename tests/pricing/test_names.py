"""Which price a logged name has, and which it must never have."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.pricing.names import Resolution, place_of

BOOK = cf.PriceBook.default()


@pytest.mark.parametrize(
    ("name", "model", "rule"),
    [
        ("gpt-4o", "gpt-4o", "id"),
        ("gpt-4o-2024-11-20", "gpt-4o", "alias"),
        ("GPT-4o", "gpt-4o", "lower case"),
        ("openai/gpt-4o", "gpt-4o", "provider prefix"),
        ("azure/gpt-4o", "gpt-4o", "provider prefix"),
        ("azure/gpt-4o-2024-11-20", "gpt-4o", "provider prefix"),
        ("openrouter/openai/gpt-4o", "gpt-4o", "provider prefix"),
        ("openai:gpt-4o", "gpt-4o", "provider before a colon"),
        ("openai::gpt-4o-2024-11-20", "gpt-4o", "provider before a colon"),
        ("google-gla:gemini-2.5-pro", "gemini-2.5-pro", "provider before a colon"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", "publisher"),
        ("projects/p/locations/global/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", "publisher"),
        ("gpt-4o-2024-12-24", "gpt-4o", "date suffix"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5",
         "region prefix, vendor prefix, revision suffix, date suffix"),
        ("bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5",
         "provider prefix, region prefix, vendor prefix, revision suffix, date suffix"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku", "vendor prefix, revision suffix, date suffix"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "provider prefix, date suffix"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", "provider prefix"),
        ("claude-opus-4.1-20250805", "claude-opus-4-1", "date suffix"),
        ("gpt-4-1", "gpt-4.1", "version spelling"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro", "provider prefix"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet", "date suffix"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet", "latest suffix"),
        ("gpt-4-32k", "gpt-4-32k", "id"),
        ("gpt-4-0125-preview", "gpt-4-turbo", "alias"),
        ("gpt-35-turbo-1106", "gpt-3.5-turbo-1106", "Azure spelling"),
        ("ft:gpt-4o-mini-2024-07-18:acme::9f3", "ft:gpt-4o-mini", "fine-tuned, date suffix"),
        ("azure/eu/gpt-4o-2024-11-20", "gpt-4o", "provider prefix, region prefix"),
        ("bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku",
         "provider prefix, region prefix, vendor prefix, revision suffix, date suffix"),
        ("vertex_ai/claude-opus-5@default", "claude-opus-5", "provider prefix, default suffix"),
        ("us.meta.llama3-1-8b-instruct-v1:0", "meta.llama3-1-8b-instruct", "region prefix, revision suffix"),
        ("groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile", "id"),
    ],
)  # fmt: skip
def test_a_name_and_the_rule_that_it_goes_by(name: str, model: str, rule: str) -> None:
    assert BOOK.resolve(name) == Resolution(name, model, rule)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-9", "gpt-4o-2099-01-01x", "my-finetune-x", "", "gpt", "gpt-4o-2099-13-01", "gpt-4o-20990132",
        "ft:gpt-4.1:acme::9f3", "openai:my-model", "bedrock:eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "ft:gpt-5:acme::9f3", "together_ai/gpt-4o", "fireworks/deepseek-chat",
        "openrouter/deepseek/deepseek-chat:free", "gpt-4o-mini-mini", "claude-sonnet-4-55", "llama-3.3-70b", "gpt-4o ",
    ],
)  # fmt: skip
def test_a_name_that_must_stay_unknown(name: str) -> None:
    with pytest.raises(cf.UnknownModelError):
        BOOK.resolve(name)


SIZE_WORDS = (
    "mini",
    "nano",
    "micro",
    "small",
    "medium",
    "large",
    "pro",
    "lite",
    "flash",
    "turbo",
    "max",
    "haiku",
    "opus",
)


def version(name: str) -> str:
    """Return the words and numbers of a name without the date of a snapshot: they tell models apart."""
    bare = re.sub(r"[-@]20\d\d-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])$", "", name)
    return re.sub(r"(?<=\d)\.(?=\d)", "-", bare)


def named(name: str, model: str) -> bool:
    """Whether the name is an id or alias of the model in the price file."""
    return version(name) in map(version, BOOK.entries[model].aliases)


@given(model=st.sampled_from(BOOK.models), data=st.data())
def test_no_price_crosses_a_digit(model: str, data: st.DataObject) -> None:
    places = [place for place, character in enumerate(model) if character.isdigit()]
    assume(places)
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != model[place]]))
    name = model[:place] + other + model[place + 1 :]
    assume(version(name) != version(model))
    found = BOOK.find(name)
    assert found is None or found.model != model or named(name, model)


@given(model=st.sampled_from(BOOK.models), word=st.sampled_from(SIZE_WORDS), digit=st.sampled_from("0123456789"))
def test_no_price_crosses_a_size_word(model: str, word: str, digit: str) -> None:
    for name in (f"{model}-{word}", f"{model}.{digit}", f"{model}{digit}", f"{model}-{digit}", f"{word}-{model}"):
        found = BOOK.find(name)
        assert found is None or found.model != model or named(name, model)
    for known in SIZE_WORDS:
        if f"-{known}" in model and (found := BOOK.find(model.replace(f"-{known}", "", 1))):
            assert found.model != model


def test_the_error_for_an_unknown_name_has_the_nearest_ids_and_the_yaml() -> None:
    with pytest.raises(cf.UnknownModelError) as caught:
        BOOK.resolve("azure/gpt-4p")
    assert str(caught.value) == (
        "no price is known for model 'azure/gpt-4p'; nearest: gpt-4, gpt-4o, gpt-5.4. To price it, add to a price"
        " file:\n"
        'pricing:\n  "azure/gpt-4p":\n    input_price_per_1m: ...\n    output_price_per_1m: ...'
    )


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("gpt-4o", (None, None)),
        ("openrouter/openai/gpt-4o", (None, None)),
        ("us.anthropic.claude-sonnet-4-6", ("bedrock", "us")),
        ("bedrock/global.anthropic.claude-sonnet-4-6", ("bedrock", "global")),
        ("bedrock/us-gov-west-1/anthropic.claude-v2", ("bedrock", "us-gov-west-1")),
        ("bedrock/claude_platform/claude-opus-5", (None, None)),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", ("bedrock", None)),
        ("AZURE/EU/gpt-4o", ("azure", "eu")),
        ("azure/gpt-4o", ("azure", None)),
        ("vertex_ai/claude-sonnet-4-5@20250929", ("vertex_ai", None)),
    ],
)
def test_the_host_and_the_region_of_a_name_are_kept(name: str, place: tuple[str | None, str | None]) -> None:
    assert place_of(name) == place


def test_names_that_differ_in_a_dot_alone_are_two_models() -> None:
    rates = {"input_price_per_1m": 1, "output_price_per_1m": 1}
    book = cf.PriceBook.load({"pricing": {"m-1-5": rates, "m-1.5": rates}})
    assert [book.resolve(name).model for name in ("m-1-5", "m-1.5")] == ["m-1-5", "m-1.5"]
    assert book.find("M-1.5") == Resolution("M-1.5", "m-1.5", "lower case")
