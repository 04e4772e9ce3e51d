"""Read price files: YAML to entries. Every mistake is an error that names file, line and key."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, time
from itertools import pairwise
from os import PathLike
from typing import Any

from ..._core import Node, YamlReader, yaml_text
from ...errors import PriceFileError
from .entries import WEEKDAYS, Entry, Period, PriceFile, Rates
from .meters import METERS
from .rules import FIELD_OF_KEY, REQUIRED, SECTIONS, Rules

# key of a rate: its meter, and what makes the rate one for as many units as the meter has. 0.15 per thousand is 150 per
# million, where the product would be 149.99999999999997
_RATES = {
    f"{meter.name}_{word}_per_{unit}": (meter.name, meter.per / n_units)
    for meter in METERS
    for word in ("price", "rate", "cost")
    for unit, n_units in (("1k", 1_000), ("1m", 1_000_000))
}
_REQUIRED = tuple(meter.name for meter in METERS if meter.is_required)
_SECTIONS = tuple(section for section, *_ in SECTIONS)
_FILE_KEYS = ("schema_version", "currency", "source", "checked", "pricing", "models", *_SECTIONS)
# CrashLens keeps its settings beside the prices
_CRASHLENS_KEYS = ("thresholds", "waste_calculation", "cost_calculation")
_ENTRY_TEXTS = ("provider", "description", "cheaper_alternative", "source")
_ENTRY_KEYS = (*_ENTRY_TEXTS, "checked", "aliases", "prices")
_PERIOD_KEYS = ("from", "between", "days", "tiers", "variants")


def read_price_file(source: str | PathLike[str] | Mapping[str, Any], other_models: Collection[str] = ()) -> PriceFile:
    """Read a price file, or a mapping of the same form.

    Parameters
    ----------
    source
        Path of a YAML file, or a mapping of the same form.
    other_models
        Names that a ``cheaper_alternative`` may name in addition to those of the file.

    Raises
    ------
    PriceFileError
        The file is not of the right form. The text names file, line and key.

    Examples
    --------
    >>> from crashlens_frame.pricing.price_file.read import read_price_file
    >>> rates = {"input_price_per_1k": 0.03, "output_price_per_1k": 0.06}
    >>> read_price_file({"pricing": {"gpt-4": rates}}).entries["gpt-4"].periods[0].rates["input"]
    ((0, 30.0),)
    """
    name, text = yaml_text(source, PriceFileError)
    return _Reader(name, other_models).file(text)


class _Reader(YamlReader):
    """Read the nodes of a price file."""

    def __init__(self, name: str, other_models: Collection[str]) -> None:
        super().__init__(name, PriceFileError)
        self._other_models = other_models
        self._aliases: list[tuple[str, str, Node]] = []
        self._alternatives: list[tuple[str, str, Node]] = []

    def file(self, text: str) -> PriceFile:
        root = self.root(text)
        if root is None:
            raise PriceFileError(f'{self._name}: is empty, expected a mapping with the key "pricing"')
        top = self.mapping(root, "the file", (*_FILE_KEYS, *_CRASHLENS_KEYS))
        section = "models" if "models" in top else "pricing"
        has_prices = section in top
        if not (has_prices or "discounts" in top) or {"models", "pricing"} <= top.keys():
            raise self.error(root, "the file", 'needs one of the keys "pricing" and "models", and not both')
        if "schema_version" in top and self.text(top["schema_version"], "schema_version") != "1":
            raise self.error(top["schema_version"], "schema_version", "is not 1, the only version there is")
        if "currency" in top and self.text(top["currency"], "currency") != "USD":
            raise self.error(top["currency"], "currency", "is not USD; convert the prices to US dollars")
        entries = {
            model: self.entry(model, node, f"{section}.{model}")
            for model, node in (self.mapping(top[section], section) if has_prices else {}).items()
        }
        self.check_names(entries)
        return PriceFile(
            entries,
            self.text(top["source"], "source") if "source" in top else None,
            self.day(top["checked"], "checked") if "checked" in top else None,
            Rules(**{name: self.rules(top[name], name, rule, keys) for name, rule, keys in SECTIONS if name in top}),
        )

    def rules(self, node: Node, section: str, rule: Callable[..., Any], keys: Mapping[str, str]) -> Any:
        rules = []
        for number, item in enumerate(self.items(node, section)):
            place = f"{section}[{number}]"
            fields = self.mapping(item, place, tuple(keys))
            for key in REQUIRED[section]:
                if key not in fields:
                    raise self.error(item, place, f"has no {key}")
            values = {key: getattr(self, keys[key])(value, f"{place}.{key}") for key, value in fields.items()}
            if values.get("share", 0) > 1:
                raise self.error(fields["share"], f"{place}.share", "is above 1; 0.12 is a discount of 12 %")
            rules.append(rule(**{FIELD_OF_KEY.get(key, key): value for key, value in values.items()}))
        return tuple(rules)

    def entry(self, model: str, node: Node, key: str) -> Entry:
        fields = self.mapping(node, key)
        rates = {name: value for name, value in fields.items() if name not in _ENTRY_KEYS}
        if "prices" in fields and rates:
            name, value = next(iter(rates.items()))
            raise self.error(value, f"{key}.{name}", 'is beside the key "prices"; move it into an item of "prices"')
        if "prices" in fields:
            rows = self.items(fields["prices"], f"{key}.prices")
            periods = tuple(self.period(row, f"{key}.prices[{number}]") for number, row in enumerate(rows))
            if not periods:
                raise self.error(fields["prices"], f"{key}.prices", "is empty, expected at least one price")
        else:
            periods = (self.period(node, key, ignored=_ENTRY_KEYS),)
        always = [period for period in periods if period.between is None]
        for earlier, later in pairwise(always):
            if later.since is None or (earlier.since or date.min) >= later.since:
                raise self.error(fields["prices"], f"{key}.prices", "is not sorted by its from dates, oldest first")
        texts = {name: self.text(fields[name], f"{key}.{name}") for name in _ENTRY_TEXTS if name in fields}
        if "cheaper_alternative" in fields:
            self._alternatives.append((model, texts["cheaper_alternative"], fields["cheaper_alternative"]))
        nodes = self.items(fields["aliases"], f"{key}.aliases") if "aliases" in fields else []
        aliases = tuple(self.text(alias, f"{key}.aliases") for alias in nodes)
        self._aliases += [(model, alias, node) for alias, node in zip(aliases, nodes, strict=True)]
        checked = self.day(fields["checked"], f"{key}.checked") if "checked" in fields else None
        return Entry(model, periods, aliases=aliases, checked=checked, **texts)

    def period(self, node: Node, key: str, ignored: Collection[str] = ()) -> Period:
        fields = {name: value for name, value in self.mapping(node, key).items() if name not in ignored}
        variants = self.mapping(fields["variants"], f"{key}.variants") if "variants" in fields else {}
        return Period(
            self.rates(node, key, fields, ignored=_PERIOD_KEYS, required=_REQUIRED),
            self.day(fields["from"], f"{key}.from") if "from" in fields else None,
            self.hours(fields["between"], f"{key}.between") if "between" in fields else None,
            {
                name.lower(): self.rates(
                    variant, f"{key}.variants.{name}", self.mapping(variant, f"{key}.variants.{name}"), ("tiers",)
                )
                for name, variant in variants.items()
            },
            self.weekdays(fields["days"], f"{key}.days") if "days" in fields else tuple(range(7)),
        )

    def rates(
        self,
        node: Node,
        key: str,
        fields: Mapping[str, Node],
        ignored: Collection[str],
        required: Collection[str] = (),
    ) -> Rates:
        steps = {meter: [(0, rate)] for meter, rate in self.level(fields, key, ignored)}
        for meter in required:
            if meter not in steps:
                raise self.error(node, key, f"has no {meter}_price_per_1m")
        last = 0
        for number, tier in enumerate(self.items(fields["tiers"], f"{key}.tiers")) if "tiers" in fields else ():
            place = f"{key}.tiers[{number}]"
            level = self.mapping(tier, place)
            if "above" not in level:
                raise self.error(tier, place, "has no above, the number of input tokens above which its prices hold")
            above = self.number(level["above"], f"{place}.above")
            if above <= last or above != int(above):
                problem = f"is {above:g}, expected a whole number above {last}"
                raise self.error(level["above"], f"{place}.above", problem)
            last = int(above)
            for meter, rate in self.level(level, place, ("above",)):
                if meter not in steps:
                    raise self.error(tier, place, f"has a price of {meter}, which has no price below the tier")
                steps[meter].append((last, rate))
        return {meter.name: tuple(steps[meter.name]) for meter in METERS if meter.name in steps}

    def level(self, fields: Mapping[str, Node], key: str, other_keys: Collection[str]) -> Iterator[tuple[str, float]]:
        """Yield the name and the rate of each meter; ``other_keys`` may be at this place as well."""
        seen = set()
        for name, node in fields.items():
            if name in other_keys:
                continue
            if name not in _RATES:
                expected = ", ".join((*(meter.rate_key for meter in METERS), *other_keys))
                raise self.error(node, f"{key}.{name}", f"is an unknown key, expected one of {expected}")
            meter, factor = _RATES[name]
            if meter in seen:
                raise self.error(node, f"{key}.{name}", f"is a second price of {meter}; delete one of them")
            seen.add(meter)
            rate = self.number(node, f"{key}.{name}")
            yield meter, rate if factor == 1 else float(f"{rate * factor:.15g}")

    def check_names(self, entries: Collection[str]) -> None:
        owner = {model: model for model in entries}
        for model, alias, node in self._aliases:
            if alias in owner:
                raise self.error(node, model, f"has the alias {alias!r}, which is also a name of {owner[alias]!r}")
            owner[alias] = model
        for model, other, node in self._alternatives:
            if other not in owner and other not in self._other_models:
                raise self.error(node, model, f"has the cheaper_alternative {other!r}, which is no model of the file")

    def weekdays(self, node: Node, key: str) -> tuple[int, ...]:
        names = self.texts(node, key)
        if not names or set(names) - set(WEEKDAYS):
            raise self.error(node, key, f"is [{', '.join(names)}], expected days out of {', '.join(WEEKDAYS)}")
        return tuple(sorted({WEEKDAYS.index(name) for name in names}))

    def hours(self, node: Node, key: str) -> tuple[time, time]:
        return self.scalar(node, key, _hours, "times of the day in UTC such as 01:00-04:00")


def _hours(text: str) -> tuple[time, time]:
    begin, end = (time.fromisoformat(edge) for edge in text.split("-"))
    if begin == end or begin.tzinfo or end.tzinfo:
        raise ValueError("not hours in UTC")
    return begin, end
