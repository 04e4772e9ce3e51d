"""Price files read: YAML to entries. Every mistake is an error that names file, line and key."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, time
from itertools import pairwise
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ...errors import PriceFileError
from .entries import METERS, Entry, Period, PriceFile, Rates

Node: TypeAlias = Any  # a node of YAML; PyYAML is imported where a file is read, because that takes long

_RATE = re.compile(rf"({'|'.join(sorted(METERS, key=len, reverse=True))})_(?:price|rate|cost)_per_(1k|1m)")
_FILE_KEYS = ("schema_version", "currency", "source", "checked", "pricing", "models")
# CrashLens keeps its settings beside the prices
_CRASHLENS_KEYS = ("thresholds", "waste_calculation", "cost_calculation")
_ENTRY_TEXTS = ("provider", "description", "cheaper_alternative")
_ENTRY_KEYS = (*_ENTRY_TEXTS, "aliases", "prices")
_PERIOD_KEYS = ("from", "between", "tiers", "variants")
_T = TypeVar("_T")


def read_price_file(source: str | PathLike[str] | Mapping[str, Any], known: Collection[str] = ()) -> PriceFile:
    """Read a price file, or a mapping of its form.

    Parameters
    ----------
    source
        Path of a YAML file, or a mapping of the same form.
    known
        Names that a ``cheaper_alternative`` may name beside those of the file.

    Raises
    ------
    PriceFileError
        The file breaks a rule of its form. The text names file, line and key.

    Examples
    --------
    >>> from crashlens_frame.pricing.price_file.read import read_price_file
    >>> rates = {"input_price_per_1k": 0.03, "output_price_per_1k": 0.06}
    >>> read_price_file({"pricing": {"gpt-4": rates}}).entries["gpt-4"].periods[0].rates["input"]
    ((0, 30.0),)
    """
    if isinstance(source, Mapping):
        name, text = "mapping", _dumped(source)
    else:
        name = fspath(source)
        try:
            text = Path(name).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise PriceFileError(f"{name}: cannot be read ({error.strerror}); check the path") from error
        except UnicodeDecodeError as error:
            raise PriceFileError(f"{name}: is not UTF-8 text at byte {error.start}; save it as UTF-8") from error
    return _Reader(name, known).file(text)


def _dumped(source: Mapping[str, Any]) -> str:
    import yaml

    try:
        return yaml.safe_dump(_plain(source), sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise PriceFileError(f"mapping: {error}; expected text, numbers, dates, lists and mappings") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


class _Reader:
    """Reads the nodes of one file; it exists to say in errors which file that is."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self._name = name
        self._known = known
        self._aliases: list[tuple[str, str, Node]] = []
        self._alternatives: list[tuple[str, str, Node]] = []

    def fail(self, node: Node, key: str, finding: str) -> PriceFileError:
        where = "" if self._name == "mapping" else f":{node.start_mark.line + 1}"
        return PriceFileError(f"{self._name}{where}: {key}{' ' if key else ''}{finding}")

    def file(self, text: str) -> PriceFile:
        import yaml

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            root = yaml.compose(text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise PriceFileError(f"{self._name}{line}: is not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise PriceFileError(f"{self._name}: is not YAML: {error}") from error
        if root is None:
            raise PriceFileError(f'{self._name}: is empty, expected a mapping with the key "pricing"')
        top = self.mapping(root, "the file", (*_FILE_KEYS, *_CRASHLENS_KEYS))
        section = "models" if "models" in top else "pricing"
        if section not in top or {"models", "pricing"} <= top.keys():
            raise self.fail(root, "the file", 'needs one of the keys "pricing" and "models", and not both')
        if "schema_version" in top and self.text(top["schema_version"], "schema_version") != "1":
            raise self.fail(top["schema_version"], "schema_version", "is not 1, the only version there is")
        if "currency" in top and self.text(top["currency"], "currency") != "USD":
            raise self.fail(top["currency"], "currency", "is not USD; convert the prices to US dollars")
        entries = {
            model: self.entry(model, node, f"{section}.{model}")
            for model, node in self.mapping(top[section], section).items()
        }
        self.check_names(entries)
        return PriceFile(
            entries,
            self.text(top["source"], "source") if "source" in top else None,
            self.day(top["checked"], "checked") if "checked" in top else None,
        )

    def entry(self, model: str, node: Node, key: str) -> Entry:
        own = self.mapping(node, key)
        rated = {name: one for name, one in own.items() if name not in _ENTRY_KEYS}
        if "prices" in own and rated:
            name, one = next(iter(rated.items()))
            raise self.fail(one, f"{key}.{name}", 'stands beside "prices"; put it into one of them')
        if "prices" in own:
            rows = self.items(own["prices"], f"{key}.prices")
            periods = tuple(self.period(row, f"{key}.prices[{at}]") for at, row in enumerate(rows))
            if not periods:
                raise self.fail(own["prices"], f"{key}.prices", "is empty, expected at least one price")
        else:
            periods = (self.period(node, key, passed=_ENTRY_KEYS),)
        always = [period for period in periods if period.between is None]
        for earlier, later in pairwise(always):
            if later.since is None or (earlier.since or date.min) >= later.since:
                raise self.fail(own["prices"], f"{key}.prices", "is not in the order of its from dates, oldest first")
        texts = {name: self.text(own[name], f"{key}.{name}") for name in _ENTRY_TEXTS if name in own}
        if "cheaper_alternative" in own:
            self._alternatives.append((model, texts["cheaper_alternative"], own["cheaper_alternative"]))
        nodes = self.items(own["aliases"], f"{key}.aliases") if "aliases" in own else []
        aliases = tuple(self.text(one, f"{key}.aliases") for one in nodes)
        self._aliases += [(model, alias, one) for alias, one in zip(aliases, nodes, strict=True)]
        return Entry(model, periods, aliases=aliases, **texts)

    def period(self, node: Node, key: str, passed: Collection[str] = ()) -> Period:
        own = {name: one for name, one in self.mapping(node, key).items() if name not in passed}
        variants = self.mapping(own["variants"], f"{key}.variants") if "variants" in own else {}
        return Period(
            self.rates(node, key, own, passed=_PERIOD_KEYS, needs=("input", "output")),
            self.day(own["from"], f"{key}.from") if "from" in own else None,
            self.hours(own["between"], f"{key}.between") if "between" in own else None,
            {
                name.lower(): self.rates(
                    one, f"{key}.variants.{name}", self.mapping(one, f"{key}.variants.{name}"), ("tiers",)
                )
                for name, one in variants.items()
            },
        )

    def rates(
        self,
        node: Node,
        key: str,
        own: Mapping[str, Node],
        passed: Collection[str],
        needs: Collection[str] = (),
    ) -> Rates:
        steps = {
            kind: [(0, rate)]
            for kind, rate in self.level({k: v for k, v in own.items() if k not in passed}, key, passed)
        }
        for kind in needs:
            if kind not in steps:
                raise self.fail(node, key, f"has no {kind}_price_per_1m")
        last = 0
        for at, tier in enumerate(self.items(own["tiers"], f"{key}.tiers")) if "tiers" in own else ():
            place = f"{key}.tiers[{at}]"
            level = self.mapping(tier, place)
            if "above" not in level:
                raise self.fail(tier, place, "has no above, the number of input tokens from which on it holds")
            above = self.number(level["above"], f"{place}.above")
            if above <= last or above != int(above):
                raise self.fail(level["above"], f"{place}.above", f"is {above:g}, expected a whole number above {last}")
            last = int(above)
            for kind, rate in self.level({k: v for k, v in level.items() if k != "above"}, place, ("above",)):
                if kind not in steps:
                    raise self.fail(tier, place, f"has {kind}, which has no price below the tier")
                steps[kind].append((last, rate))
        return {kind: tuple(steps[kind]) for kind in METERS if kind in steps}

    def level(self, own: Mapping[str, Node], key: str, others: Collection[str]) -> Iterator[tuple[str, float]]:
        seen = set()
        for name, node in own.items():
            found = _RATE.fullmatch(name)
            if found is None:
                wanted = ", ".join((*(f"{kind}_price_per_1m" for kind in METERS), *others))
                raise self.fail(node, f"{key}.{name}", f"is an unknown key, expected one of {wanted}")
            kind, unit = found.groups()
            if kind in seen:
                raise self.fail(node, f"{key}.{name}", f"gives the price of {kind} a second time")
            seen.add(kind)
            rate = self.number(node, f"{key}.{name}")
            # 0.15 a thousand is 150 a million, where the product would be 149.99999999999997
            yield kind, float(f"{rate * 1000:.15g}") if unit == "1k" else rate

    def check_names(self, entries: Collection[str]) -> None:
        owner = {model: model for model in entries}
        for model, alias, node in self._aliases:
            if alias in owner:
                raise self.fail(node, model, f"has the alias {alias!r}, which also names {owner[alias]!r}")
            owner[alias] = model
        for model, other, node in self._alternatives:
            if other not in owner and other not in self._known:
                raise self.fail(node, model, f"has the cheaper_alternative {other!r}, which names no model here")

    def mapping(self, node: Node, key: str, allowed: Collection[str] = ()) -> dict[str, Node]:
        if node.id != "mapping":
            raise self.fail(node, key, f"is {_kind(node)}, expected a mapping")
        found: dict[str, Node] = {}
        for name_node, value in node.value:
            if name_node.id != "scalar" or not name_node.value:
                raise self.fail(name_node, key, "has a key that is not text")
            name = name_node.value
            if name in found:
                raise self.fail(name_node, f"{key}.{name}", "stands twice; delete one of them")
            if allowed and name not in allowed:
                raise self.fail(name_node, name, f"is an unknown key, expected one of {', '.join(allowed)}")
            found[name] = value
        return found

    def items(self, node: Node, key: str) -> list[Node]:
        if node.id != "sequence":
            raise self.fail(node, key, f"is {_kind(node)}, expected a list")
        return list(node.value)

    def text(self, node: Node, key: str) -> str:
        return self.scalar(node, key, str, "text")

    def number(self, node: Node, key: str) -> float:
        number = self.scalar(node, key, float, "a number from 0 on", plain=True)
        if not 0 <= number < float("inf"):
            raise self.fail(node, key, f"is {node.value}, expected a number from 0 on")
        return number

    def day(self, node: Node, key: str) -> date:
        return self.scalar(node, key, date.fromisoformat, "a day such as 2026-11-23")

    def hours(self, node: Node, key: str) -> tuple[time, time]:
        return self.scalar(node, key, _hours, "times of the day in UTC such as 01:00-04:00")

    def scalar(self, node: Node, key: str, convert: Callable[[str], _T], wanted: str, *, plain: bool = False) -> _T:
        if node.id != "scalar" or node.tag.endswith(":null"):
            raise self.fail(node, key, f"is {_kind(node)}, expected {wanted}")
        try:
            if plain and node.style:
                raise ValueError("quoted")
            return convert(node.value)
        except ValueError:
            raise self.fail(node, key, f'is "{node.value}", expected {wanted}') from None


def _kind(node: Node) -> str:
    if node.id == "scalar":
        return "null" if node.tag.endswith(":null") else f'"{node.value}"'
    return "a mapping" if node.id == "mapping" else "a list"


def _hours(text: str) -> tuple[time, time]:
    begin, end = (time.fromisoformat(edge) for edge in text.split("-"))
    if begin == end or begin.tzinfo or end.tzinfo:
        raise ValueError("no hours in UTC")
    return begin, end
