"""The prices of a model over time: its periods, the launches of service tiers, and discounts, as spans."""

import math
from collections.abc import Mapping
from datetime import date, time
from typing import NamedTuple

from .price_file import METERS, Entry, Period, Rates, Rules, TierLaunch, tier_thresholds

ALWAYS = -(2**63)  # before every time; as a NumPy time it is NaT
# where the rates of a level come from: base prices, prices of the tier, a ratio to the base prices
BASE, STATED, BY_RATIO = range(3)
DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
NO_PRICE = {meter.name: math.nan for meter in METERS}

# pairs of a number of input tokens and the rate of each meter above it
Levels = tuple[tuple[int, Mapping[str, float]], ...]


class Tariff(NamedTuple):
    """Levels of rates, where they come from (BASE, STATED, BY_RATIO), and the share taken off by discounts."""

    levels: Levels
    origin: int
    discount: float


class Window(NamedTuple):
    """Tariff of some hours of the day, in microseconds, on some days of the week, as bits (1: Monday)."""

    begin: int
    end: int
    days: int
    tariff: Tariff


class Span(NamedTuple):
    """The prices of a model from one time to the next."""

    since: int
    tariff: Tariff
    windows: tuple[Window, ...]


def timeline(entry: Entry, variant: str | None, rules: Rules) -> list[Span]:
    """Return the spans of a model in order of time; neighbours with equal prices are one span."""
    launches = _launches(entry, variant, rules)
    days = {period.since or date.min for period in entry.periods} | {launch.since for launch in launches} | {date.min}
    days |= {discount.since for discount in rules.discounts if discount.since and discount.of in _owners(entry)}
    spans: list[Span] = []
    for since in sorted(days):
        span = _span_from(entry, variant, launches, rules, since)
        if not spans or span[1:] != spans[-1][1:]:
            spans.append(span)
    return spans


def variants_of(entry: Entry, rules: Rules) -> set[str]:
    """Return the variants that a model has prices for, at any time."""
    stated = {variant for period in entry.periods for variant in period.variants}
    return stated | {
        launch.tier for launch in rules.service_tiers if launch.provider == entry.provider and launch.factor is not None
    }


def _launches(entry: Entry, variant: str | None, rules: Rules) -> list[TierLaunch]:
    return [each for each in rules.service_tiers if (each.provider, each.tier) == (entry.provider, variant)]


def _owners(entry: Entry) -> tuple[str | None, ...]:
    return entry.model, entry.provider


def _span_from(entry: Entry, variant: str | None, launches: list[TierLaunch], rules: Rules, day: date) -> Span:
    """Return the prices from a day on: the last period in force, and the windows listed after it."""
    kept = 1.0
    for discount in rules.discounts:
        if discount.of in _owners(entry) and (discount.since or date.min) <= day:
            kept *= 1 - discount.share
    all_day = Tariff(((0, NO_PRICE),), BASE, 0.0)
    windows: list[Window] = []
    for period in entry.periods:
        if (period.since or date.min) > day:
            continue
        rates, origin = _rates(entry, period, variant, [launch for launch in launches if launch.since <= day])
        tariff = Tariff(_scaled(levels_of(rates), kept), origin, float(f"{1 - kept:.12g}"))
        if period.between is None:
            all_day, windows = tariff, []
        else:
            begin, end = (_microseconds(clock) for clock in period.between)
            windows.append(Window(begin, end, sum(1 << each for each in period.days), tariff))
    return Span(ALWAYS if day == date.min else (day.toordinal() - _EPOCH) * DAY_US, all_day, tuple(windows))


def _rates(entry: Entry, period: Period, variant: str | None, launches: list[TierLaunch]) -> tuple[Rates, int]:
    """Return the rates of a period for a variant, and where they come from."""
    if variant is not None and variant in period.variants:
        return {**period.rates, **period.variants[variant]}, STATED
    for launch in launches:
        if launch.factor is not None:
            tokens = [meter.name for meter in METERS if meter.name in period.rates and meter.per == 1_000_000]
            return {**period.rates, **{name: _times(period.rates[name], launch.factor) for name in tokens}}, BY_RATIO
        later = next((each for each in entry.periods if variant in each.variants), None)
        # windows without prices for the variant have none: the ratio is that of the prices of the whole day
        if later is not None and period.between is None:
            return {**period.rates, **_by_ratio(period.rates, later.rates, later.variants[str(variant)])}, BY_RATIO
    return period.rates, BASE


def _by_ratio(rates: Rates, later: Rates, variant: Rates) -> Rates:
    """Return rates in the ratio that the rates of a variant have to the base rates of their own period."""
    return {
        name: _times(rates[name], variant[name][0][1] / later[name][0][1])
        for name in variant
        if name in rates and name in later and later[name][0][1]
    }


def _times(steps: tuple[tuple[int, float], ...], factor: float) -> tuple[tuple[int, float], ...]:
    return tuple((above, float(f"{rate * factor:.12g}")) for above, rate in steps)


def _scaled(levels: Levels, factor: float) -> Levels:
    if factor == 1:
        return levels
    return tuple((above, {name: rate * factor for name, rate in rates.items()}) for above, rates in levels)


def levels_of(rates: Rates) -> Levels:
    """Return the rate of every meter, also of those without a rate of their own, above each number of input tokens.

    Examples
    --------
    >>> from crashlens_frame.pricing.timeline import levels_of
    >>> levels = levels_of({"input": ((0, 1.0), (50, 2.0)), "output": ((0, 8.0),)})
    >>> [(above, rates["cached_input"], rates["reasoning"], rates["web_search"]) for above, rates in levels]
    [(0, 1.0, 8.0, nan), (50, 2.0, 8.0, nan)]
    """
    steps = dict(rates)
    for meter in METERS:
        if meter.name not in steps:
            steps[meter.name] = steps[meter.same_rate_as] if meter.same_rate_as else ((0, meter.default_rate),)
    thresholds = tier_thresholds(steps)
    if not thresholds:  # as of nearly all models
        return ((0, {name: pairs[0][1] for name, pairs in steps.items()}),)
    return tuple(
        (above, {name: [rate for start, rate in pairs if start <= above][-1] for name, pairs in steps.items()})
        for above in (0, *thresholds)
    )


def _microseconds(clock: time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000
