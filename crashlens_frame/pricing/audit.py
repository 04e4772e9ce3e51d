"""Compare the shipped prices with genai-prices and LiteLLM: ``python -m crashlens_frame.pricing.audit``."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .book import PriceBook
from .regions import region_factor

# a dozen days on both sides of known changes; 08:00 UTC is a peak hour
DAYS = (
    "2024-06-01", "2024-12-01", "2025-06-09", "2025-06-10", "2025-09-01", "2025-10-01", "2025-12-03", "2026-03-01",
    "2026-06-01", "2026-08-31", "2026-10-12", "2026-11-27",
)  # fmt: skip
# providers of LiteLLM's list whose chat models are compared
LITELLM_PROVIDERS = (
    "openai", "anthropic", "gemini", "xai", "deepseek", "mistral", "bedrock", "bedrock_converse", "azure",
    "vertex_ai-anthropic_models", "groq", "cohere", "cohere_chat",
)  # fmt: skip
_ROUNDED = 0.02  # hosts round the prices of regions to cents


class Difference(NamedTuple):
    """A price that is not that of a public list, and which of the two is likelier right."""

    list_name: str
    name: str
    model: str | None
    day: str
    meter: str
    ours: float
    theirs: float
    likelier: str


def differences() -> Iterator[Difference]:
    """Yield the differences of the shipped prices from both lists, in US dollars per million tokens.

    For genai-prices each model is compared on twelve days, and the first day of a difference is given; LiteLLM has no
    dates and is compared on the last day.
    """
    ours, theirs = PriceBook.default(), PriceBook.from_genai_prices()
    for name in theirs.models:
        for meter in ("input", "output"):
            for day in DAYS:
                pair = _rate(ours, name, meter, day), _rate(theirs, name, meter, day)
                if not _alike(*pair):
                    yield _difference("genai-prices", ours, name, day, meter, *pair)
                    break
    path = litellm_path()
    if path is None:
        return
    listed = PriceBook.from_litellm(path)
    for name in litellm_names(listed, path):
        for meter in ("input", "output"):
            steps = listed.entries[name].periods[0].rates[meter]
            pair = _rate(ours, name, meter, DAYS[-1]), steps[0][1]
            if not _alike(*pair):
                yield _difference("LiteLLM", ours, name, DAYS[-1], meter, *pair)


def litellm_path() -> Path | None:
    """Return the path of the price list of the installed LiteLLM; None where it is not installed."""
    found = find_spec("litellm")  # does not import it: that would look for a newer list in the network
    if found is None or found.origin is None:
        return None
    return Path(found.origin).with_name("model_prices_and_context_window_backup.json")


def litellm_names(listed: PriceBook, path: Path) -> list[str]:
    """Return the names of the chat models of the twelve providers that have a price in LiteLLM's list."""
    import json

    models = json.loads(path.read_text(encoding="utf-8"))
    return [
        name
        for name in listed.models
        if models[name].get("litellm_provider") in LITELLM_PROVIDERS
        and models[name].get("mode") in ("chat", "completion", "responses")
    ]


def _rate(book: PriceBook, name: str, meter: str, day: str) -> float:
    """Return the rate of a meter for a short call of a logged name, in US dollars per million tokens; NaN: unknown."""
    found = book.find(name)
    if found is None:
        return float("nan")
    at = pd.Timestamp(f"{day}T08:00Z").value // 1000
    lists = book.table.lists
    rate = lists.rate_of_one(meter, lists.level_of_one(lists.position[found.model], -1, at, 0))
    return rate * region_factor(book, name, None, None)


def _alike(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= _ROUNDED * abs(theirs) + 1e-9


def _difference(
    list_name: str, book: PriceBook, name: str, day: str, meter: str, ours: float, theirs: float
) -> Difference:
    found = book.find(name)
    entry = book.entries[found.model] if found else None
    if entry is None:
        likelier = "theirs: we have no price"
    elif entry.source:
        likelier = f"ours: {entry.source}"
    else:
        likelier = "ours: genai-prices, which has dates"
    return Difference(list_name, name, entry.model if entry else None, day, meter, round(ours, 6), theirs, likelier)


def print_differences() -> None:
    """Print each difference in a line."""
    import sys

    for each in differences():
        sys.stdout.write("\t".join(map(str, each)) + "\n")


if __name__ == "__main__":
    print_differences()
