"""What a price book becomes when other prices or discounts are added to it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..errors import InvalidOptionError
from ..times import EPOCH
from .price_file import Discount, Entry


def merged_entries(ours: Mapping[str, Entry], others: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries of both; a name that both have means the entry of the other."""
    replaced = {name for entry in others.values() for name in (entry.model, *entry.aliases)}
    kept = {
        model: replace(entry, aliases=tuple(alias for alias in entry.aliases if alias not in replaced))
        for model, entry in ours.items()
        if model not in replaced
    }
    return {**kept, **others}


def discount_rule(of: str, share: float, from_: Any, entries: Mapping[str, Entry]) -> Discount:
    """Return a discount on a model or a provider, its values checked."""
    if of not in entries and of not in {entry.provider for entry in entries.values()}:
        raise InvalidOptionError(f"of is {of!r}, expected a provider or a model of the price book")
    if not 0 <= share <= 1:
        raise InvalidOptionError(f"share is {share!r}, expected a number from 0 to 1, such as 0.12 for 12 %")
    if from_ is None:
        return Discount(of, share, None)
    from ..formats import time_option

    return Discount(of, share, (EPOCH + timedelta(microseconds=time_option("from_", from_))).date())
