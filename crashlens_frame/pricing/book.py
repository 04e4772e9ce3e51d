"""PriceBook: prices of models, resolved by name and applied to columns of calls."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import file_errors
from .combine import discount_rule, merged_entries
from .hosts import name_at
from .listing import days_since, price_facts, price_frame, price_html
from .names import Names, Resolution
from .one_call import Meaning, cost_of_call, moment, why_unknown
from .price_file import Entry, PriceFile, Rules, dump_price_file, read_price_file
from .public_lists import genai_prices, litellm_prices
from .rate_lists import RateLists

if TYPE_CHECKING:  # a call is priced without them
    import pandas as pd

    from .rates import RateTable


@dataclass(frozen=True, repr=False)
class PriceBook:
    """Prices of models, by name, day, number of input tokens and service tier.

    Attributes
    ----------
    entries
        The prices by the id of the model.
    source
        Where the prices come from; None where the file does not say it.
    checked
        Day on which they were last compared with their source.
    rules
        Launches of service tiers, factors of regions, and discounts.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> prices = cf.PriceBook.load({"pricing": {"gpt-4": {"input_price_per_1k": 0.03, "output_price_per_1k": 0.06}}})
    >>> prices.cost(model="gpt-4", input_tokens=1000, output_tokens=500)
    0.06
    """

    entries: Mapping[str, Entry]
    source: str | None = None
    checked: date | None = None
    rules: Rules = field(default_factory=Rules)

    @classmethod
    def load(cls, source: "Prices | None") -> "PriceBook":
        """Read prices.

        Parameters
        ----------
        source
            A YAML file, a mapping of the same form, or a PriceBook, which stays as it is. None: the shipped prices.

        Raises
        ------
        PriceFileError
            The prices are not of the right form. The text names file, line and key.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.load({"pricing": {"m": {"input_price_per_1m": "3 dollars", "output_price_per_1m": 6}}})
        Traceback (most recent call last):
        crashlens_frame.errors.PriceFileError: mapping: pricing.m.input_price_per_1m is "3 dollars", expected a number
        from 0 on
        """
        if source is None:
            return _shipped()
        return source if isinstance(source, PriceBook) else _book_from_file(read_price_file(source))

    @classmethod
    def default(cls) -> "PriceBook":
        """Return the prices that the package ships."""
        return _shipped()

    @classmethod
    def from_genai_prices(cls) -> "PriceBook":
        """Read the prices of text models from the installed genai-prices (extra ``prices``).

        Returns
        -------
        PriceBook
            Models of OpenAI, Anthropic, Google, Mistral, DeepSeek, xAI, Cohere and Meta under their own names, and
            those that Groq and Together host under ``groq/...`` and ``together_ai/...``. It names no cheaper
            alternatives, as these are a matter of judgement. Prices of images and of speech are left out.

        Raises
        ------
        MissingExtraError
            genai-prices (https://github.com/pydantic/genai-prices) is not installed.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.from_genai_prices().cost(model="gpt-4", input_tokens=1000, output_tokens=0)
        0.03
        """
        return _book_from_file(genai_prices())

    @classmethod
    def from_litellm(cls, path: str | PathLike[str]) -> "PriceBook":
        """Read the prices of text models from LiteLLM's ``model_prices_and_context_window.json``.

        Parameters
        ----------
        path
            Path of the JSON file, as LiteLLM publishes it.

        Returns
        -------
        PriceBook
            The models with a price for texts; those whose prices are 0 throughout are left out, as LiteLLM writes 0 for
            unknown prices. The ``description`` of an entry names the prices of the list that were not taken.

        Raises
        ------
        PriceFileError
            The file cannot be read, or is not of this form.
        """
        return _book_from_file(litellm_prices(path))

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the models, in the order of the file."""
        return tuple(self.entries)

    def age(self) -> "pd.Timedelta | None":
        """Return how long ago the prices were compared with their source; None where the file does not say it.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.default().age().days >= 0
        True
        """
        return days_since(self.checked) if self.checked else None

    def resolve(self, name: str, provider: str | None = None) -> Resolution:
        """Find the model that a logged name means.

        Parameters
        ----------
        name
            Name of a model as in logs: it may have a provider, a region, the date of a snapshot and the like.
        provider
            Who ran the model, as logged: a host of open models, such as Groq or Ollama, has prices of its own.

        Returns
        -------
        Resolution
            ``name``, ``model`` (id of the entry) and ``rule`` (by which rule the name means it).

        Raises
        ------
        UnknownModelError
            No rule finds a price. The text holds the three nearest ids and the YAML to add.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.default().resolve("us.anthropic.claude-sonnet-4-5-20250929-v1:0").model
        'claude-sonnet-4-5'
        >>> cf.PriceBook.default().resolve("openai/gpt-oss-20b", provider="groq").model
        'groq/openai/gpt-oss-20b'
        """
        return self._names.resolve(name_at(self, name, provider))

    def cost(
        self,
        *,
        model: str,
        input_tokens: int,
        output_tokens: int,
        cached_input_tokens: int = 0,
        cache_write_tokens: int = 0,
        cache_write_1h_tokens: int = 0,
        audio_input_tokens: int = 0,
        reasoning_tokens: int = 0,
        audio_output_tokens: int = 0,
        web_searches: int = 0,
        service_tier: str | None = None,
        region: str | None = None,
        provider: str | None = None,
        at: Any = None,
    ) -> float:
        """Price one call.

        Parameters
        ----------
        model
            Name of the model, as in logs.
        input_tokens, output_tokens
            Numbers of tokens. Cached and cache-written tokens are part of the input, reasoning is part of the output.
        cached_input_tokens, cache_write_tokens, cache_write_1h_tokens
            Input tokens that were read from a cache, and written to one; those that are kept there for an hour.
        audio_input_tokens, reasoning_tokens, audio_output_tokens
            Input tokens that are audio; output tokens spent on reasoning, and those that are audio.
        web_searches
            Number of uses of a search tool that the provider bills.
        service_tier
            ``"batch"``, ``"flex"`` (the base prices if the model has no prices for them), ``"priority"``, ``"fast"``.
        region, provider
            Where the call was served and by whom, if the price depends on it, such as ``"us"`` and ``"bedrock"``.
        at
            Time of the call: a date, a datetime, ISO 8601 text or an epoch number. Without a time zone it is
            in UTC. None: now.

        Returns
        -------
        float
            US dollars.

        Raises
        ------
        UnknownModelError
            No price is known for the model, no price on that day, or no rate for something that the call used.
        InvalidCallError
            A part is larger than its whole.
        InvalidOptionError
            ``at`` is not a time.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.default().cost(model="o3", input_tokens=1_000_000, output_tokens=100_000, at="2025-06-09")
        14.0
        """
        found = self.resolve(model, provider)
        call = {
            "model": model, "timestamp": moment(at),
            "input_tokens": input_tokens, "output_tokens": output_tokens, "cached_input_tokens": cached_input_tokens,
            "cache_write_tokens": cache_write_tokens, "cache_write_1h_tokens": cache_write_1h_tokens,
            "audio_input_tokens": audio_input_tokens, "reasoning_tokens": reasoning_tokens,
            "audio_output_tokens": audio_output_tokens, "web_searches": web_searches,
            "service_tier": service_tier, "region": region, "provider": provider,
        }  # fmt: skip
        cost = cost_of_call(self, call)
        if math.isnan(cost):
            raise why_unknown(self, found.model, call, at)
        return cost

    def discount(self, of: str, share: float, from_: Any = None) -> "PriceBook":
        """Return a book with a negotiated discount.

        Parameters
        ----------
        of
            A provider, such as ``"anthropic"``, or a model.
        share
            Share of the price that is taken off: 0.12 for 12 %.
        from_
            First day of the discount, as a date or ISO 8601 text; None: it has always been there.

        Raises
        ------
        InvalidOptionError
            ``of`` is neither a provider nor a model of the book, ``share`` is not between 0 and 1, or ``from_`` is no
            day.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> prices = cf.PriceBook.default().discount("openai", 0.1)
        >>> prices.cost(model="gpt-4", input_tokens=1000, output_tokens=0)
        0.027
        """
        rule = discount_rule(found.model if (found := self.find(of)) else of, share, from_, self.entries)
        return replace(self, rules=self.rules | Rules(discounts=(rule,)))

    def cheaper_alternative(self, name: str) -> str | None:
        """Return the cheaper model of the same family that the prices name for a model; None where they name none.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.default().cheaper_alternative("gpt-4")
        'gpt-4o-mini'
        """
        found = self.find(name)
        return self.entries[found.model].cheaper_alternative if found else None

    def merge(self, other: "Prices") -> "PriceBook":
        """Return a book with the prices of both; for a model that both have, the other's prices.

        Parameters
        ----------
        other
            Path, mapping or PriceBook. It may name models of this book as cheaper alternatives.

        Raises
        ------
        PriceFileError
            The prices are not of the right form.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> own = {"pricing": {"my-model": {"input_price_per_1m": 1, "output_price_per_1m": 2}}}
        >>> cf.PriceBook.default().merge(own).cost(model="my-model", input_tokens=10, output_tokens=0)
        1e-05
        """
        if not isinstance(other, PriceBook):
            names = {name for entry in self.entries.values() for name in (entry.model, *entry.aliases)}
            other = _book_from_file(read_price_file(other, other_models=names))
        sources = " and ".join(filter(None, (self.source, other.source))) or None
        entries = merged_entries(self.entries, other.entries)
        return PriceBook(entries, sources, other.checked or self.checked, self.rules | other.rules)

    def dump(self, target: str | PathLike[str]) -> None:
        """Write the prices as a YAML file of the full form.

        Raises
        ------
        FileNotFoundError, FileAccessError
            There is no such folder, or the file cannot be written.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import crashlens_frame as cf
        >>> with TemporaryDirectory() as folder:
        ...     cf.PriceBook.default().dump(Path(folder, "mine.yaml"))
        ...     cf.PriceBook.load(Path(folder, "mine.yaml")) == cf.PriceBook.default()
        True
        """
        with file_errors(target):
            text = dump_price_file(PriceFile(self.entries, self.source, self.checked, self.rules))
            Path(target).write_text(text, encoding="utf-8")

    def to_frame(self) -> "pd.DataFrame":
        """Return the prices as a frame.

        Returns
        -------
        DataFrame
            One row for each model, variant, date and number of input tokens at which a price changes: ``model``,
            ``provider``, ``variant`` (null: base), ``from`` (null: always), ``hours`` (UTC; null: all), ``above``
            (number of input tokens above which the row holds), and the rate of each meter: ``input``, ``output``,
            ``cached_input`` and so on in US dollars per million tokens, ``web_search`` and ``request`` per thousand.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> rates = {"input_price_per_1m": 30, "output_price_per_1m": 60}
        >>> cf.PriceBook.load({"pricing": {"gpt-4": rates}}).to_frame()[["model", "above", "input", "output"]]
           model  above  input  output
        0  gpt-4      0   30.0    60.0
        """
        return price_frame(self.entries.values())

    def find(self, name: str) -> Resolution | None:
        """Find the model that a logged name means; None where it means none."""
        return self._names.find(name)

    @cached_property
    def meanings(self) -> dict[tuple[str | None, ...], Meaning | None]:
        """What the labels of single calls mean, remembered for the next ones."""
        return {}

    @cached_property
    def table(self) -> "RateTable":
        """The rates as arrays, for many calls."""
        from .rates import RateTable

        return RateTable(RateLists(tuple(self.entries.values()), self.rules))

    @cached_property
    def _names(self) -> Names:
        aliases = {alias: entry.model for entry in self.entries.values() for alias in entry.aliases}
        return Names({model: model for model in self.entries}, aliases)

    def __repr__(self) -> str:
        return f"PriceBook({len(self.entries)} models{price_facts(source=self.source, checked=self.checked)})"

    def _repr_html_(self) -> str:
        return price_html(self.to_frame(), repr(self))


Prices = str | PathLike[str] | Mapping[str, Any] | PriceBook


def _book_from_file(file: PriceFile) -> PriceBook:
    return PriceBook(file.entries, file.source, file.checked, file.rules)


@lru_cache(maxsize=1)
def _shipped() -> PriceBook:
    return PriceBook.load(Path(__file__).with_name("prices.yaml"))
