"""Files of budgets and rules: YAML to data. Every mistake is an error that names file, line and key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from ..._core import Node, YamlReader, yaml_text
from ...errors import BudgetFileError
from ..fields import check_field
from .conditions import Comparison, Condition, Junction
from .guard import guard_condition
from .when import parse_when

CALENDAR = {"day": "D", "week": "W", "month": "MS"}
ACTIONS = ("fail", "warn")
_ROLLING = re.compile(r"([1-9]\d*)\s?(h|d) rolling")
_BUDGET_KEYS = ("name", "match", "each", "per", "tz", "limit_usd", "warn_at")
_RULE_KEYS = ("name", "match", "when", "action")
_GUARD_KEYS = ("id", "if", "action", "severity", "description", "suggestion")
# guard lets the severity alone decide; without a severity the action does
_GUARD_SEVERITIES = {"warn": "warn", "error": "fail", "fatal": "fail"}
_GUARD_ACTIONS = {"warn": "warn", "error": "fail", "fail_ci": "fail"}
_EVERY_CALL = Junction("and", ())
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """A limit in US dollars for the calls that match, each group of them and each period apart."""

    name: str
    limit_usd: float
    per: str
    match: Condition = _EVERY_CALL
    each: tuple[str, ...] = ()
    tz: str = "UTC"
    warn_at: float = 0.8


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that no call should fulfil, and whether a check fails or warns if a call does."""

    name: str
    action: str
    condition: Condition
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets and the rules of a file.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> limits = cf.Budgets.load({"budgets": [{"name": "all", "per": "month", "limit_usd": 500}]})
    >>> limits.budgets[0].limit_usd
    500.0
    """

    budgets: tuple[SpendLimit, ...] = ()
    rules: tuple[Rule, ...] = ()

    @classmethod
    def load(cls, source: "BudgetSource") -> "Budgets":
        """Return the budgets and rules of a YAML file, a mapping of the same form, or budgets that are loaded.

        Parameters
        ----------
        source
            Path of a file with the keys ``budgets`` and ``rules``, or of a rules file of CrashLens guard. A budget has
            ``name``, ``limit_usd`` and ``per`` (day, week, month, or a rolling period such as ``1d rolling`` or ``6h
            rolling``), and may have ``match`` (field: value, pattern or list of them), ``each`` (a field or a list:
            each of its values has the limit), ``tz`` (UTC when not given) and ``warn_at`` (share of the limit, 0.8 when
            not given). A rule has ``name``, ``match`` or ``when`` (an expression) or both, and ``action`` (fail, warn).

        Raises
        ------
        BudgetFileError
            The file is not of the right form. The text names file, line and key.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> rules = [{"name": "prompt size", "when": "input_tokens > 100000", "action": "warn"}]
        >>> cf.Budgets.load({"rules": rules}).rules[0].action
        'warn'
        """
        if isinstance(source, Budgets):
            return source
        name, text = yaml_text(source, BudgetFileError)
        return _Reader(name, BudgetFileError).file(name, text)


BudgetSource: TypeAlias = str | PathLike[str] | Mapping[str, Any] | Budgets


class _Reader(YamlReader):
    """Read the nodes of a file of budgets."""

    def file(self, name: str, text: str) -> Budgets:
        root = self.root(text)
        if root is None:
            raise BudgetFileError(f'{name}: is empty, expected a mapping with the key "budgets" or "rules"')
        top = self.mapping(root, "the file", ("budgets", "rules"))
        limits = Budgets(
            tuple(self.budget(node, f"budgets[{n}]") for n, node in enumerate(self.section(top, "budgets"))),
            tuple(self.rule(node, f"rules[{n}]") for n, node in enumerate(self.section(top, "rules"))),
        )
        if not limits.budgets and not limits.rules:
            raise self.error(root, "the file", "has no budget and no rule, so nothing would be checked")
        for section, named in (("budgets", limits.budgets), ("rules", limits.rules)):
            names = [each.name for each in named]
            for number, each in enumerate(names):
                if each in names[:number]:
                    node = self.items(top[section], section)[number]
                    raise self.error(node, f"{section}[{number}].name", f"is {each!r}, as an earlier name is")
        return limits

    def section(self, top: Mapping[str, Node], name: str) -> list[Node]:
        return self.items(top[name], name) if name in top else []

    def budget(self, node: Node, key: str) -> SpendLimit:
        fields = self.mapping(node, key, _BUDGET_KEYS)
        self.check_required(node, key, fields, ("name", "per", "limit_usd"))
        options: dict[str, Any] = {}
        if "match" in fields:
            options["match"] = self.match(fields["match"], f"{key}.match")
        if "each" in fields:
            options["each"] = self.each(fields["each"], f"{key}.each")
        if "tz" in fields:
            options["tz"] = self.scalar(fields["tz"], f"{key}.tz", _zone, "a time zone such as Europe/Paris")
        if "warn_at" in fields:
            options["warn_at"] = self.number(fields["warn_at"], f"{key}.warn_at")
            if options["warn_at"] > 1:
                raise self.error(fields["warn_at"], f"{key}.warn_at", "is above 1; 0.8 warns at 80 % of the limit")
        return SpendLimit(
            self.text(fields["name"], f"{key}.name"),
            self.number(fields["limit_usd"], f"{key}.limit_usd"),
            self.scalar(fields["per"], f"{key}.per", _per, "day, week, month, or a rolling period such as 1d rolling"),
            **options,
        )

    def rule(self, node: Node, key: str) -> Rule:
        keys = self.mapping(node, key)
        if "id" in keys or "if" in keys:
            return self.guard_rule(node, key)
        fields = self.mapping(node, key, _RULE_KEYS)
        self.check_required(node, key, fields, ("name", "action"))
        conditions: list[Condition] = []
        if "match" in fields:
            conditions.append(self.match(fields["match"], f"{key}.match"))
        if "when" in fields:
            conditions.append(self.when(fields["when"], f"{key}.when"))
        if not conditions:
            raise self.error(node, key, "has neither match nor when, expected at least one of them")
        action = self.choice(fields["action"], f"{key}.action", ACTIONS)
        return Rule(self.text(fields["name"], f"{key}.name"), action, Junction("and", tuple(conditions)))

    def guard_rule(self, node: Node, key: str) -> Rule:
        """Return a rule of CrashLens guard."""
        fields = self.mapping(node, key, _GUARD_KEYS)
        self.check_required(node, key, fields, ("id", "if", "action"))
        action = _GUARD_ACTIONS[self.choice(fields["action"], f"{key}.action", tuple(_GUARD_ACTIONS))]
        if "severity" in fields:
            action = _GUARD_SEVERITIES[self.choice(fields["severity"], f"{key}.severity", tuple(_GUARD_SEVERITIES))]
        description = self.text(fields["description"], f"{key}.description") if "description" in fields else None
        condition = guard_condition(self, fields["if"], f"{key}.if")
        return Rule(self.text(fields["id"], f"{key}.id"), action, condition, description)

    def match(self, node: Node, key: str) -> Condition:
        """Return the condition that all fields of a mapping have one of their values or patterns."""
        conditions = []
        for name, value in self.mapping(node, key).items():
            self.check_is_field(value, f"{key}.{name}", name)
            texts = self.texts(value, f"{key}.{name}") if value.id == "sequence" else None
            texts = (self.text(value, f"{key}.{name}"),) if texts is None else texts
            conditions.append(Junction("or", tuple(_matching(name, text) for text in texts)))
        return Junction("and", tuple(conditions))

    def each(self, node: Node, key: str) -> tuple[str, ...]:
        names = self.texts(node, key) if node.id == "sequence" else (self.text(node, key),)
        for name in names:
            self.check_is_field(node, key, name)
        return names

    def when(self, node: Node, key: str) -> Condition:
        text = self.text(node, key)
        try:
            return parse_when(text)
        except ValueError as problem:
            raise self.error(node, key, f"is no expression, {problem}") from None

    def check_is_field(self, node: Node, key: str, name: str) -> None:
        problem = check_field(name)
        if problem:
            raise self.error(node, key, f"{problem} (found {name})")

    def check_required(self, node: Node, key: str, fields: Mapping[str, Node], required: tuple[str, ...]) -> None:
        for name in required:
            if name not in fields:
                raise self.error(node, key, f"has no {name}")

    def choice(self, node: Node, key: str, allowed: tuple[str, ...]) -> str:
        text = self.text(node, key)
        if text not in allowed:
            raise self.error(node, key, f'is "{text}", expected one of {", ".join(allowed)}')
        return text


def rolling_length(per: str) -> str | None:
    """Return the length of a rolling period as pandas writes it; None for a period of the calendar.

    Examples
    --------
    >>> from crashlens_frame.watch.budgets.file import rolling_length
    >>> rolling_length("1d rolling"), rolling_length("month")
    ('1D', None)
    """
    found = _ROLLING.fullmatch(per)
    return f"{found[1]}{'D' if found[2] == 'd' else 'h'}" if found else None


def _per(text: str) -> str:
    if text not in CALENDAR and rolling_length(text) is None:
        raise ValueError("no period")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (LookupError, OSError) as error:  # a name that is a folder of the database is an OSError
        raise ValueError("no time zone") from error
    return text


def _matching(field: str, text: str) -> Condition:
    """Return the comparison with a value, or with a pattern such as ``claude-opus*``."""
    return Comparison(field, "like" if _WILD.search(text) else "==", text)
