"""What the region of a call does to its price: a factor, by host and model."""

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .names import place_of
from .price_file import RegionFactor

if TYPE_CHECKING:
    from .book import PriceBook

# the names that logs have for a host whose prices depend on the region
_HOSTS = {
    name: host
    for host, names in {
        "azure": ("azure", "azure_openai", "azure_ai", "az.ai.openai", "az.ai.inference", "azure.ai.openai"),
        "bedrock": ("bedrock", "bedrock_converse", "aws", "aws_bedrock", "aws.bedrock", "amazon_bedrock"),
        "vertex_ai": ("vertex_ai", "vertex", "gcp.vertex_ai", "google_vertex", "vertex_ai_anthropic_models"),
    }.items()
    for name in names
}
# words for "anywhere", where no region was asked for
_ANYWHERE = ("", "global", "global-standard", "not_available", "unknown")


def region_factor(book: "PriceBook", name: str | None, provider: str | None, region: str | None) -> float:
    """Return by what a book's price of tokens is multiplied; NaN where the region has no rate.

    Parameters
    ----------
    book
        The first of its factors of regions that matches counts.
    name, provider, region
        As logged. A region of its own column counts before that of the name.
    """
    if not name or (found := book.find(name)) is None:
        return 1.0
    entry = book.entries[found.model]
    host, region_of_name = place_of(found.name)
    region = (region or region_of_name or "").lower()
    if region in _ANYWHERE:
        return 1.0
    provider = (provider or "").lower().replace("-", "_")
    host = host or _HOSTS.get(provider) or provider or entry.provider
    of_model = [rule for rule in book.rules.regions if rule.host == host and _is_about(rule, entry.model)]
    if not of_model:
        return 1.0
    factors = (rule.factor for rule in of_model if _matches(region, rule.regions))
    return next(factors, math.nan)


def _is_about(rule: RegionFactor, model: str) -> bool:
    return _matches(model, rule.models) and not _matches(model, rule.but_not)


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
