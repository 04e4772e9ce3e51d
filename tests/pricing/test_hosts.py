"""Open models have the price of the host that ran them, or none: never that of another."""

import math

import pandas as pd
import pytest

import crashlens_frame as cf

MILLION = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
OWN = {"pricing": {"mistral-nemo": {"input_price_per_1m": 1, "output_price_per_1m": 2}}}


def cost(model: str, provider: str | None, prices: object = "shipped") -> float:
    calls = cf.as_calls(pd.DataFrame([{"trace_id": "t", "model": model, "provider": provider, **MILLION}]))
    book = cf.PriceBook.default() if prices == "shipped" else cf.PriceBook.load(prices)  # type: ignore[arg-type]
    of_many = cf.add_cost(calls, book)["cost"].item()
    try:
        of_one = book.cost(model=model, provider=provider, **MILLION)
    except cf.UnknownModelError:
        of_one = math.nan
    assert of_many == pytest.approx(of_one, nan_ok=True)
    return float(of_many)


@pytest.mark.parametrize("provider", ["groq", "Groq"])
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-oss-120b", 0.15 + 0.60),  # https://groq.com/pricing
        ("groq/openai/gpt-oss-120b", 0.15 + 0.60),
        ("meta-llama/llama-4-maverick-17b-128e-instruct", 0.20 + 0.60),
        ("llama-3.3-70b-versatile", 0.59 + 0.79),
    ],
)
def test_a_model_has_the_price_of_its_host(model: str, provider: str, expected: float) -> None:
    assert cost(model, provider) == pytest.approx(expected)


@pytest.mark.parametrize(
    "provider", ["ollama", "hosted_vllm", "vLLM", "lm_studio", "local", "cerebras", "Fireworks AI"]
)
@pytest.mark.parametrize("model", ["mistral-nemo", "mistral/mistral-nemo", "deepseek-chat", "openai/gpt-oss-120b"])
def test_a_host_without_prices_does_not_have_those_of_the_maker(model: str, provider: str) -> None:
    assert math.isnan(cost(model, provider))


@pytest.mark.parametrize("model", ["gpt-oss-120b", "openai/gpt-oss-20b"])
def test_a_model_that_only_hosts_run_has_no_price_without_one(model: str) -> None:
    assert math.isnan(cost(model, None))


@pytest.mark.parametrize("provider", [None, "mistral", "mistral_ai", "openrouter", "my-gateway", "azure"])
def test_makers_and_gateways_have_the_price_of_the_maker(provider: str | None) -> None:
    assert cost("mistral-nemo", provider) == cost("mistral-nemo", "mistral") > 0


@pytest.mark.parametrize("provider", [None, "ollama", "groq", "mistral"])
def test_a_price_of_ones_own_without_a_provider_holds_everywhere(provider: str | None) -> None:
    assert cost("mistral-nemo", provider, OWN) == 3.0


def test_a_price_of_ones_own_for_a_host_holds_there_alone() -> None:
    prices = {"pricing": {"ollama/mistral-nemo": {"input_price_per_1m": 0, "output_price_per_1m": 0.5}}}
    book = cf.PriceBook.default().merge(prices)
    assert book.cost(model="mistral-nemo", provider="ollama", **MILLION) == 0.5
    assert book.cost(model="mistral-nemo", **MILLION) != 0.5


def test_the_reason_names_the_host() -> None:
    book = cf.LogBook()
    book.log(model="mistral-nemo", provider="Ollama", prompt="Hi", input_tokens=3, output_tokens=5)
    assert cf.unpriced(book.df)["reason"].tolist() == ["no price for the model at ollama"]
    with pytest.raises(cf.UnknownModelError, match="no price is known for model 'ollama/mistral-nemo'"):
        cf.PriceBook.default().resolve("mistral-nemo", provider="ollama")


def test_explain_names_the_entry_of_the_host() -> None:
    book = cf.LogBook()
    for provider in ("groq", "mistral", None):
        book.log(model="llama-3.3-70b-versatile", provider=provider, prompt="Hi", input_tokens=3, output_tokens=5)
    found = cf.add_cost(book.df, reprice=True, explain=True)[["price_model", "price_rule"]]
    assert found["price_model"].tolist() == ["groq/llama-3.3-70b-versatile"] * 3
    assert found["price_rule"].tolist() == ["id", "alias", "alias"]
