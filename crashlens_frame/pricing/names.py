"""Which entry of a price file a logged model name means. The rules are a table; the code only applies them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from ..errors import UnknownModelError

# gateways that keep the maker's names and prices; hosts of open models are not here, as they have prices of their own
_GATEWAYS = (
    "anthropic", "azure", "azure_ai", "azure_openai", "bedrock", "bedrock_converse", "cohere", "converse", "deepseek",
    "claude_platform", "gemini", "google", "invoke", "mistral", "mistralai", "models", "openai", "openrouter",
    "vertex_ai", "x-ai", "xai",
)  # fmt: skip
_VENDORS = ("anthropic", "cohere", "deepseek", "google", "mistral", "openai", "xai", "zai")
_COLONS = ("anthropic", "cohere", "deepseek", "gemini", "google", "google-gla", "mistral", "mistralai", "openai", "xai")
_REGIONS = ("apac", "au", "ca", "eu", "global", "in", "jp", "us", "us-gov")
_PLACE = rf"{'|'.join(_REGIONS)}|global-standard|[a-z]{{2}}(?:-gov)?-[a-z]+-\d"
_YEAR_MONTH_DAY = r"20\d\d(-?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"

# Name, pattern and replacement. Each rule removes where a model was called or which snapshot it is, never a part that
# distinguishes models: no rule changes a version number or a word such as mini. ":free" and the like have prices of
# their own, so they stay.
NAME_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("lower case", re.compile(r"^.*[A-Z].*$", re.DOTALL), ""),
    ("provider prefix", re.compile(rf"^(?:{'|'.join(_GATEWAYS)})/"), ""),
    # not of hosts whose region is a part of the price, as they write it elsewhere
    ("provider before a colon", re.compile(rf"^(?:{'|'.join(_COLONS)})::?(?=.)"), ""),
    ("publisher", re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/"), ""),
    ("region prefix", re.compile(rf"^(?:(?:{'|'.join(_REGIONS)})\.|(?:{_PLACE})/)"), ""),
    ("vendor prefix", re.compile(rf"^(?:{'|'.join(_VENDORS)})\.(?=[a-z])"), ""),
    ("fine-tuned", re.compile(r"^(ft:[^:]+):.*$", re.DOTALL), r"\1"),
    ("default suffix", re.compile(r"@default$"), ""),
    ("revision suffix", re.compile(r"-v\d+(?::\d+)?$"), ""),
    ("date suffix", re.compile(rf"(?<=.)[-@]{_YEAR_MONTH_DAY}$"), ""),
    ("latest suffix", re.compile(r"-latest$"), ""),
    ("Azure spelling", re.compile(r"^gpt-35(?=-|$)"), "gpt-3.5"),
)

# Host and pattern of the names that it has; the group is the region, where a name has one.
_HOST_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("azure", re.compile(rf"^(?:.*/)?azure(?:_ai|_openai)?/(?:({_PLACE})/)?")),
    ("bedrock", re.compile(rf"^(?:.*/)?bedrock(?:_converse)?/(?:converse/|invoke/)?({_PLACE})/")),
    ("bedrock", re.compile(rf"^(?:.*/)?({'|'.join(_REGIONS)})\.(?=[a-z])")),
    ("bedrock", re.compile(r"^(?:.*/)?bedrock(?:_converse)?/()(?!claude_platform)")),
    (
        "bedrock",
        re.compile(rf"^()(?:{'|'.join(_VENDORS)}|ai21|amazon|meta|minimax|moonshotai?|nvidia|qwen|writer)\.[a-z]"),
    ),
    ("vertex_ai", re.compile(r"^(?:.*/)?vertex_ai/()")),
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The entry that a name means, and the rule that found it.

    Attributes
    ----------
    name
        The name as logged.
    model
        Id of the entry.
    rule
        ``"id"``, ``"alias"``, or the rules that were applied, joined by commas: ``"provider prefix, date suffix"``.
    """

    name: str
    model: str
    rule: str


def name_forms(name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names that a logged name may mean, the most literal first, each with the rules that were applied.

    Examples
    --------
    >>> from crashlens_frame.pricing.names import name_forms
    >>> [form for form, rules in name_forms("us.anthropic.claude-sonnet-4-5-20250929-v1:0")]
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0',
     'claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5']
    """
    used: tuple[str, ...] = ()
    yield name, used
    for rule, pattern, replacement in NAME_RULES:
        # a name may have several prefixes: openrouter/openai/gpt-4o
        while pattern.search(name):
            name = name.lower() if rule == "lower case" else pattern.sub(replacement, name)
            if rule not in used:
                used = (*used, rule)
            yield name, used


@lru_cache(maxsize=1024)
def place_of(name: str) -> tuple[str | None, str | None]:
    """Return the host and the region that a logged name has, each None where it has none.

    Examples
    --------
    >>> from crashlens_frame.pricing.names import place_of
    >>> place_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), place_of("azure/eu/gpt-4o"), place_of("gpt-4o")
    (('bedrock', 'us'), ('azure', 'eu'), (None, None))
    """
    for host, pattern in _HOST_RULES:
        if match := pattern.match(name.lower()):
            return host, match[1] or None
    return None, None


class Names:
    """The ids and aliases of a price book, in which names are looked up."""

    def __init__(self, ids: Mapping[str, str], aliases: Mapping[str, str]) -> None:
        self._ids = ids
        self._aliases = aliases
        self._found: dict[str, Resolution | None] = {}
        self._dashed: dict[str, str | None] = {}
        for name, model in (*ids.items(), *aliases.items()):
            key = _dashed(name)
            # if the names of two models differ only in dots and dashes, a third spelling means neither of them
            self._dashed[key] = model if self._dashed.get(key, model) == model else None

    def resolve(self, name: str) -> Resolution:
        """Find the entry that a name means.

        Raises
        ------
        UnknownModelError
            No rule finds an entry. The text holds the three nearest ids and the YAML that would price the name.
        """
        found = self.find(name)
        if found is None:
            raise UnknownModelError(self._unknown(name))
        return found

    def find(self, name: str) -> Resolution | None:
        """Find the entry that a name means; None where no rule finds one."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> Resolution | None:
        for form, rules in name_forms(name):
            for rule, model in (
                ("id", self._ids.get(form)),
                ("alias", self._aliases.get(form)),
                ("version spelling", self._dashed.get(_dashed(form))),
            ):
                if model is not None:
                    literal = rule in ("id", "alias")
                    return Resolution(name, model, ", ".join(rules if literal and rules else (*rules, rule)))
        return None

    def _unknown(self, name: str) -> str:
        *_, (plain, _) = name_forms(name)
        near = get_close_matches(plain, self._ids, n=3, cutoff=0.5)
        nearest = f"; nearest: {', '.join(near)}" if near else ""
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return (
            f"no price is known for model {name!r}{nearest}. To price it, add to a price file:\n"
            f"pricing:\n  {quoted}:\n    input_price_per_1m: ...\n    output_price_per_1m: ..."
        )


def _dashed(name: str) -> str:
    """Write version numbers in one way: claude-sonnet-4.5 is claude-sonnet-4-5."""
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name)
