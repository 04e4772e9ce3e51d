"""What a price file holds, and how it is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from .meters import METERS
from .rules import FIELD_OF_KEY, SECTIONS, Rules

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Pairs of a number of input tokens and a rate in US dollars per million tokens (or thousand uses). A call with more
# input tokens than that has this rate for all of its tokens. The first step begins at 0 and always holds.
Steps = tuple[tuple[int, float], ...]
Rates = Mapping[str, Steps]  # by the name of the meter


@dataclass(frozen=True, slots=True)
class Period:
    """The prices of a model from a day on, always or between two times (UTC) of some days of the week (0: Monday)."""

    rates: Rates
    since: date | None = None
    between: tuple[time, time] | None = None
    variants: Mapping[str, Rates] = field(default_factory=dict)
    days: tuple[int, ...] = tuple(range(7))


@dataclass(frozen=True, slots=True)
class Entry:
    """A model: its names and its prices. If several periods are in force, the last one listed counts.

    ``source`` and ``checked`` are those of the entry where they differ from those of the file.
    """

    model: str
    periods: tuple[Period, ...]
    provider: str | None = None
    description: str | None = None
    aliases: tuple[str, ...] = ()
    cheaper_alternative: str | None = None
    source: str | None = None
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class PriceFile:
    """Entries by the id of their model, and where they come from."""

    entries: Mapping[str, Entry]
    source: str | None = None
    checked: date | None = None
    rules: Rules = field(default_factory=Rules)


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
        """Write equal values again instead of YAML references from one to the other."""

        def ignore_aliases(self, _: Any) -> bool:
            return True

    top: dict[str, Any] = {"schema_version": 1, "currency": "USD", "source": file.source, "checked": file.checked}
    top |= {section: _items(getattr(file.rules, section), keys) for section, _, keys in SECTIONS}
    top["pricing"] = {model: _entry(entry) for model, entry in file.entries.items()}
    return yaml.dump(
        {key: value for key, value in top.items() if value is not None and value != []},
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=120,
    )


def _items(rules: Sequence[Any], keys: Iterable[str]) -> list[dict[str, Any]]:
    """Return rules as items of a section, without the fields that are not given."""
    values = ({key: getattr(rule, FIELD_OF_KEY.get(key, key)) for key in keys} for rule in rules)
    return [
        {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in rule.items()
            if value not in (None, ())
        }
        for rule in values
    ]


def _entry(entry: Entry) -> dict[str, Any]:
    texts = {
        "provider": entry.provider,
        "description": entry.description,
        "aliases": list(entry.aliases) or None,
        "cheaper_alternative": entry.cheaper_alternative,
        "source": entry.source,
        "checked": entry.checked,
    }
    return {key: value for key, value in texts.items() if value is not None} | {
        "prices": [_period(period) for period in entry.periods]
    }


def _period(period: Period) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if period.since is not None:
        fields["from"] = period.since
    if period.between is not None:
        fields["between"] = hours_text(period.between)
    if len(period.days) < len(WEEKDAYS):
        fields["days"] = [WEEKDAYS[day] for day in period.days]
    fields |= _rates(period.rates)
    if period.variants:
        fields["variants"] = {name: _rates(rates) for name, rates in period.variants.items()}
    return fields


def hours_text(hours: tuple[time, time]) -> str:
    """Write hours of the day as in price files, such as 01:00-04:00."""
    return "-".join(edge.isoformat().removesuffix(":00") for edge in hours)


def _rates(rates: Rates) -> dict[str, Any]:
    tiers = [{"above": above} | _rates_at(rates, above) for above in tier_thresholds(rates)]
    return _rates_at(rates, 0) | ({"tiers": tiers} if tiers else {})


def tier_thresholds(rates: Rates) -> list[int]:
    """Return the numbers of input tokens above which a rate changes, in rising order."""
    return sorted({above for steps in rates.values() for above, _ in steps[1:]})


def _rates_at(rates: Rates, above: int) -> dict[str, Any]:
    """Return the rates that begin above a number of input tokens, by their keys in price files."""
    return {
        meter.rate_key: _number(rate) for meter in METERS for start, rate in rates.get(meter.name, ()) if start == above
    }


def _number(rate: float) -> float | int:
    return int(rate) if rate == int(rate) else rate
