"""What a price file holds, and how it is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

# US dollars per million tokens: of all of a call's tokens once it has more than so many input tokens. The first step
# begins at 0 and always holds.
Steps = tuple[tuple[int, float], ...]
Rates = Mapping[str, Steps]

METERS = ("input", "output", "cached_input", "cache_write", "cache_write_1h")


@dataclass(frozen=True, slots=True)
class Period:
    """The prices of a model from a day on, always or between two times of the day (UTC)."""

    rates: Rates
    since: date | None = None
    between: tuple[time, time] | None = None
    variants: Mapping[str, Rates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A model: its names and its prices. Of the periods in force, the last one listed counts."""

    model: str
    periods: tuple[Period, ...]
    provider: str | None = None
    description: str | None = None
    aliases: tuple[str, ...] = ()
    cheaper_alternative: str | None = None


@dataclass(frozen=True, slots=True)
class PriceFile:
    """Entries by the id of their model, and where they are from."""

    entries: Mapping[str, Entry]
    source: str | None = None
    checked: date | None = None


def dump_price_file(file: PriceFile) -> str:
    """Write entries as YAML of the full form.

    Examples
    --------
    >>> from crashlens_frame.pricing.price_file.entries import dump_price_file
    >>> from crashlens_frame.pricing.price_file.read import read_price_file
    >>> rates = {"input_price_per_1k": 0.03, "output_price_per_1k": 0.06}
    >>> print(dump_price_file(read_price_file({"pricing": {"gpt-4": rates}})))
    schema_version: 1
    currency: USD
    pricing:
      gpt-4:
        prices:
        - {input_price_per_1m: 30, output_price_per_1m: 60}
    <BLANKLINE>
    """
    import yaml  # here, as most programs write no prices

    class Dumper(yaml.SafeDumper):
        """Repeats equal values instead of pointing from one to the other."""

        def ignore_aliases(self, _: Any) -> bool:
            return True

    top: dict[str, Any] = {"schema_version": 1, "currency": "USD", "source": file.source, "checked": file.checked}
    top["pricing"] = {model: _entry(entry) for model, entry in file.entries.items()}
    return yaml.dump(
        {key: value for key, value in top.items() if value is not None},
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=120,
    )


def _entry(entry: Entry) -> dict[str, Any]:
    own = {
        "provider": entry.provider,
        "description": entry.description,
        "aliases": list(entry.aliases) or None,
        "cheaper_alternative": entry.cheaper_alternative,
    }
    return {key: value for key, value in own.items() if value is not None} | {
        "prices": [_period(period) for period in entry.periods]
    }


def _period(period: Period) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if period.since is not None:
        own["from"] = period.since
    if period.between is not None:
        own["between"] = hours_text(period.between)
    own |= _rates(period.rates)
    if period.variants:
        own["variants"] = {name: _rates(rates) for name, rates in period.variants.items()}
    return own


def hours_text(hours: tuple[time, time]) -> str:
    """Write hours of the day as price files have them, such as 01:00-04:00."""
    return "-".join(edge.isoformat().removesuffix(":00") for edge in hours)


def _rates(rates: Rates) -> dict[str, Any]:
    own: dict[str, Any] = {f"{kind}_price_per_1m": _number(steps[0][1]) for kind, steps in rates.items()}
    tiers = [
        {"above": above} | {f"{kind}_price_per_1m": _number(rate) for kind, rate in _at(rates, above)}
        for above in tier_thresholds(rates)
    ]
    return own | ({"tiers": tiers} if tiers else {})


def tier_thresholds(rates: Rates) -> list[int]:
    """Give the numbers of input tokens above which some rate changes, in rising order."""
    return sorted({above for steps in rates.values() for above, _ in steps[1:]})


def _at(rates: Rates, above: int) -> Iterator[tuple[str, float]]:
    for kind, steps in rates.items():
        yield from ((kind, rate) for start, rate in steps if start == above)


def _number(rate: float) -> float | int:
    return int(rate) if rate == int(rate) else rate
