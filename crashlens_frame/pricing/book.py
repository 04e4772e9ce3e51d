"""PriceBook: prices of models, resolved by name and applied to columns of calls."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UnknownModelError
from ..formats import time_option
from ..times import now_us
from .names import Names, Resolution
from .price_file import METERS, Entry, PriceFile, dump_price_file, hours_text, read_price_file
from .public_lists import genai_prices, litellm_prices
from .rates import RateTable, levels_of

_MAX_ROWS = 20  # of the table in a notebook


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

    See Also
    --------
    PriceBook.load : from a file or a mapping
    PriceBook.default : the prices that the package ships

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

    @classmethod
    def load(cls, source: "Prices | None") -> "PriceBook":
        """Read prices.

        Parameters
        ----------
        source
            Path of a YAML file, a mapping of the same form, or a PriceBook, which is returned as it is. None: the
            prices that the package ships.

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
        """Return the prices that the package ships.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> len(cf.PriceBook.default().models) >= 150
        True
        """
        return _shipped()

    @classmethod
    def from_genai_prices(cls) -> "PriceBook":
        """Read the prices of text models from the installed genai-prices (extra ``prices``).

        Returns
        -------
        PriceBook
            Models of OpenAI, Anthropic, Google, Mistral, DeepSeek, xAI, Cohere and Meta under their own names, and
            those that Groq and Together host under ``groq/...`` and ``together_ai/...``. It names no cheaper
            alternatives, as these are a matter of judgement.

        Raises
        ------
        MissingExtraError
            genai-prices is not installed.

        Notes
        -----
        Source: https://github.com/pydantic/genai-prices. Prices of images, audio and web searches are left out.

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

    def resolve(self, name: str) -> Resolution:
        """Find the model that a logged name means.

        Parameters
        ----------
        name
            Name of a model as in logs: it may have a provider, a region, the date of a snapshot and the like.

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
        """
        return self._names.resolve(name)

    def cost(
        self,
        *,
        model: str,
        input_tokens: int,
        output_tokens: int,
        cached_input_tokens: int = 0,
        cache_write_tokens: int = 0,
        cache_write_1h_tokens: int = 0,
        service_tier: str | None = None,
        at: Any = None,
    ) -> float:
        """Price one call.

        Parameters
        ----------
        model
            Name of the model, as in logs.
        input_tokens, output_tokens
            Numbers of tokens. Cached and cache-written tokens are part of the input, reasoning is part of the output.
        cached_input_tokens, cache_write_tokens
            Input tokens that were read from a cache, and written to one.
        cache_write_1h_tokens
            Cache-written tokens that are kept for an hour.
        service_tier
            ``"batch"``, ``"flex"``, ``"priority"``; the base prices if the model has no prices for it.
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
            No price is known for the model, or no price on that day.
        InvalidOptionError
            ``at`` is not a time.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.PriceBook.default().cost(model="o3", input_tokens=1_000_000, output_tokens=100_000, at="2025-06-09")
        14.0
        """
        found = self.resolve(model)
        tokens = {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cached_input_tokens": cached_input_tokens,
            "cache_write_tokens": cache_write_tokens,
            "cache_write_1h_tokens": cache_write_1h_tokens,
        }
        time = now_us() if at is None else time_option("at", at)
        variant = self.table.variant(service_tier)
        cost = self.table.cost_of_one(self.position[found.model], variant, time, tokens)
        if math.isnan(cost):
            raise UnknownModelError(f"no price of {found.model} is known for {at}: its first price begins later")
        return cost

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
        names = {name for entry in self.entries.values() for name in (entry.model, *entry.aliases)}
        if not isinstance(other, PriceBook):
            other = _book_from_file(read_price_file(other, other_models=names))
        replaced = {name for entry in other.entries.values() for name in (entry.model, *entry.aliases)}
        kept = {
            model: replace(entry, aliases=tuple(alias for alias in entry.aliases if alias not in replaced))
            for model, entry in self.entries.items()
            if model not in replaced
        }
        sources = " and ".join(source for source in (self.source, other.source) if source) or None
        return PriceBook({**kept, **other.entries}, sources, other.checked or self.checked)

    def dump(self, target: str | PathLike[str]) -> None:
        """Write the prices as a YAML file of the full form.

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
        Path(target).write_text(dump_price_file(PriceFile(self.entries, self.source, self.checked)), encoding="utf-8")

    def to_frame(self) -> pd.DataFrame:
        """Return the prices as a frame.

        Returns
        -------
        DataFrame
            One row for each model, variant, date and number of input tokens at which a price changes: ``model``,
            ``provider``, ``variant`` (null: base), ``from`` (null: always), ``hours`` (UTC; null: all), ``above``
            (number of input tokens above which the row holds), and ``input``, ``output``, ``cached_input``,
            ``cache_write``, ``cache_write_1h`` in US dollars per million tokens.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> rates = {"input_price_per_1m": 30, "output_price_per_1m": 60}
        >>> cf.PriceBook.load({"pricing": {"gpt-4": rates}}).to_frame()[["model", "above", "input", "output"]]
           model  above  input  output
        0  gpt-4      0   30.0    60.0
        """
        rows = [
            (entry, period, variant, above, rates)
            for entry in self.entries.values()
            for period in entry.periods
            for variant in (None, *period.variants)
            for above, rates in levels_of({**period.rates, **(period.variants[variant] if variant else {})})
        ]
        frame = pd.DataFrame(
            {
                "model": [entry.model for entry, *_ in rows],
                "provider": [entry.provider for entry, *_ in rows],
                "variant": [variant for _, _, variant, *_ in rows],
                "from": pd.to_datetime(pd.Series([period.since for _, period, *_ in rows]), utc=True),
                "hours": [hours_text(period.between) if period.between else None for _, period, *_ in rows],
                "above": [above for *_, above, _ in rows],
            }
        )
        rates = pd.DataFrame([rates for *_, rates in rows], columns=[meter.name for meter in METERS], dtype="float64")
        return pd.concat([frame, rates], axis=1)

    def find(self, name: str) -> Resolution | None:
        """Find the model that a logged name means; None where it means none."""
        return self._names.find(name)

    @cached_property
    def table(self) -> RateTable:
        """The rates as arrays."""
        return RateTable(tuple(self.entries.values()))

    @cached_property
    def _names(self) -> Names:
        return Names(
            {model: model for model in self.entries},
            {alias: entry.model for entry in self.entries.values() for alias in entry.aliases},
        )

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The position of each model in the rate table."""
        return {model: position for position, model in enumerate(self.entries)}

    def __repr__(self) -> str:
        facts = [f"{len(self.entries)} models"]
        if self.source:
            facts.append(f"source {self.source}")
        if self.checked:
            facts.append(f"checked {self.checked}")
        return f"PriceBook({', '.join(facts)})"

    def _repr_html_(self) -> str:
        html: str = self.to_frame().to_html(index=False, na_rep="", max_rows=_MAX_ROWS, notebook=True)
        return f"<p>{escape(repr(self))}, US dollars per million tokens</p>{html}"


Prices = str | PathLike[str] | Mapping[str, Any] | PriceBook


def _book_from_file(file: PriceFile) -> PriceBook:
    return PriceBook(file.entries, file.source, file.checked)


@lru_cache(maxsize=1)
def _shipped() -> PriceBook:
    from importlib.resources import as_file, files

    with as_file(files(__package__).joinpath("prices.yaml")) as path:
        return PriceBook.load(path)
