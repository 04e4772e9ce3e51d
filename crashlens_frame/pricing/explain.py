"""Why a call costs what it costs, or why its cost is unknown."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._core import exact_sums
from ..formats import READING, UNCLEAR
from ..frame import checked_calls
from .book import PriceBook, Prices
from .columns import costs_elsewhere, has_label, labels_from_codes
from .hosts import host_of
from .names import place_of
from .price_file import METERS
from .priced import PricedCalls, price_calls
from .tiers import STANDARD
from .timeline import BY_RATIO


def explanation(calls: pd.DataFrame, priced: PricedCalls, book: PriceBook, is_unknown: np.ndarray) -> dict[str, Any]:
    """Return the columns that explain each price."""
    table, level, groups = book.table, priced.level, priced.groups
    found, name = groups.names.values(), priced.of_groups(groups.name)
    factor = priced.of_groups(groups.factor)
    factors = factor if (groups.factor != 1).any() else 1
    return {
        "price_model": labels_from_codes([each.model if each else None for each in found], name),
        "price_rule": labels_from_codes([each.rule if each else None for each in found], name),
        "price_variant": _price_variants(priced),
        "price_derived": table.origin.take(level) == BY_RATIO,
        "price_from": pd.DatetimeIndex(table.since.take(level).view("M8[us]")).tz_localize("UTC"),  # ALWAYS is NaT
        "price_above": pd.array(table.above.take(level), dtype="Int64"),
        "price_region_factor": factor,
        "price_discount": table.discount.take(level),
        **{
            meter.rate_key: table.rates[meter.name].take(level) * (factors if meter.per == 1_000_000 else 1)
            for meter in METERS
        },
        "unknown_because": labels_from_codes(*unknown_reasons(calls, priced, book, is_unknown)),
    }


def unpriced(calls: pd.DataFrame, prices: Prices | None = None) -> pd.DataFrame:
    """Return the models that have calls of unknown cost, and why their cost is unknown.

    Parameters
    ----------
    calls
        Frame of calls with ``model``, ``cost``, ``input_tokens`` and ``output_tokens``; the other columns that
        ``add_cost`` reads are read too, and ``level``.
    prices
        Prices, in any form that ``PriceBook.load`` takes; None: the shipped prices.

    Returns
    -------
    DataFrame
        One row per model and reason, most calls first: ``model`` (null: none was logged), ``reason``, ``n_calls``,
        ``input_tokens``, ``output_tokens`` (sums of the known numbers; null: none is known), ``share`` (of all calls, 0
        to 1). Reasons are texts such as "no price for the model", "no output tokens", "5 web searches without a rate"
        (of each call), "service tier priority without a rate", "cost in another currency" and "failed call".

    Raises
    ------
    MissingColumnsError
        A needed column is missing.
    PriceFileError
        The prices are not of the right form.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="my-finetune-x", prompt="Hi", input_tokens=3, output_tokens=5)
    >>> cf.unpriced(book.df)[["model", "reason", "n_calls"]]
               model                  reason  n_calls
    0  my-finetune-x  no price for the model        1
    """
    needed = ["model", "input_tokens", "output_tokens"]
    calls = checked_calls(calls, needs=(*needed, "cost"))
    unknown = calls[calls["cost"].isna().to_numpy()]
    book = PriceBook.load(prices)
    reasons, code = unknown_reasons(unknown, price_calls(unknown, book), book, np.ones(len(unknown), bool))
    reason = labels_from_codes(reasons, code).astype("str")
    by_model = (
        unknown[needed].assign(model=unknown["model"].astype("str"), reason=reason)
        .groupby(["model", "reason"], dropna=False, sort=True)
    )  # fmt: skip
    models = exact_sums(by_model)
    models.insert(0, "n_calls", by_model.size())
    models = models.astype("Int64").sort_values("n_calls", ascending=False, kind="stable").reset_index()
    return models.assign(share=models["n_calls"].to_numpy(np.float64) / max(len(calls), 1))


def unknown_reasons(
    calls: pd.DataFrame, priced: PricedCalls, book: PriceBook, is_unknown: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Return the reasons why costs are unknown, and the position of the reason of each call; -1: its cost is known.

    If there are several reasons, the first of this list counts.
    """
    if not is_unknown.any():
        return [], np.full(len(calls), -1)
    groups = priced.groups
    name = priced.of_groups(groups.name)
    n_sent, n_written = priced.units["input_tokens"], priced.units["output_tokens"]
    no_sent, no_written = np.isnan(n_sent), np.isnan(n_written)
    no_model = np.array([*(found is None for found in groups.names.values()), False])[name]
    searches = priced.units.get("web_searches", np.zeros(len(calls)))
    no_search_rate = (searches > 0) & np.isnan(book.table.rates["web_search"][priced.level])
    tests: list[tuple[np.ndarray, str]] = [
        (costs_elsewhere(calls), "cost in another currency"),
        (has_label(calls, READING, UNCLEAR) & (no_sent | no_written), "counts of tokens contradict one another"),
        (has_label(calls, "level", "error") & (no_sent | no_written), "failed call"),
        (name < 0, "no model"),
        *_at_hosts(no_model, name, list(groups.names)),
        (no_model, "no price for the model"),
        (np.isnan(book.table.rates["input"][priced.level]), "no price at that time"),
        (no_sent & no_written, "no tokens"),
        (no_sent, "no input tokens"),
        (no_written, "no output tokens"),
        *((is_exceeded, f"parts exceed {whole}") for whole, is_exceeded in _exceeded_wholes(priced)),
        *_labelled("service tier", priced.is_without_tier, priced.of_groups(groups.tier), groups.tiers),
        *_labelled("region", np.isnan(priced.of_groups(groups.factor)), *_regions(priced)),
        *(
            (
                no_search_rate & (searches == number),
                f"{number:,.0f} web search{'' if number == 1 else 'es'} without a rate",
            )
            for number in np.unique(searches[no_search_rate & is_unknown])
        ),
        (np.isnan(priced.cost), "parts of the cost unknown"),
        (np.ones(len(calls), bool), "not priced"),
    ]
    code = np.select([test for test, _ in tests], range(len(tests)), -1)
    return [reason for _, reason in tests], np.where(is_unknown, code, -1)


def _at_hosts(no_model: np.ndarray, name: np.ndarray, names: Sequence[str]) -> Iterator[tuple[np.ndarray, str]]:
    """Yield for each host of open models where calls of it have no price, and the reason."""
    hosts = [host_of(text.partition("/")[0]) if "/" in text else None for text in names]
    for host in sorted({host for host in hosts if host is not None}):
        is_there = np.array([*(each == host for each in hosts), False])[name]
        if (no_model & is_there).any():
            yield no_model & is_there, f"no price for the model at {host}"


def _exceeded_wholes(priced: PricedCalls) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each column whose parts may be larger than it, and where they are."""
    for whole in METERS:
        parts = [part.column for part in METERS if part.part_of == whole.name and part.column in priced.units]
        if parts:
            number = priced.units.get(str(whole.column), np.zeros(len(priced.cost)))
            yield str(whole.column), sum(priced.units[str(part)] for part in parts) > number


def _labelled(
    kind: str, is_without: np.ndarray, code: np.ndarray, labels: Sequence[str | None]
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield for each label that has no rate where that is so, and the reason."""
    for each in np.unique(code[is_without]):
        yield is_without & (code == each), f"{kind} {labels[each]} without a rate"


def _regions(priced: PricedCalls) -> tuple[np.ndarray, list[str | None]]:
    """Return the region of each call, that of its column or of its name, as codes and labels."""
    groups = priced.groups
    labels = [*groups.regions, *(place_of(name)[1] for name in groups.names), None]
    return priced.of_groups(np.where(groups.region >= 0, groups.region, len(groups.regions) + groups.name)), labels


def _price_variants(priced: PricedCalls) -> pd.Categorical:
    """Return the variant in force, with a note where there are no prices for the service tier at that time."""
    groups = priced.groups
    labels = [
        label
        for tier in groups.tiers
        for label in (None, tier.lower(), f"base: no prices for {tier}", f"no prices for {tier}")
    ]
    is_standard = priced.of_groups(groups.kind == STANDARD)
    place = np.where(priced.is_at_base, np.where(priced.is_without_tier, 3, 2), np.where(is_standard, 0, 1))
    tier = priced.of_groups(groups.tier)
    return labels_from_codes(labels, np.where((tier >= 0) & (priced.level > 0), tier * 4 + place, -1))
