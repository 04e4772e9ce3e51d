"""The cards: the figures of a view, and how they changed since the period before. Texts, no widget."""

from collections.abc import Callable

import pandas as pd

from ..plot import duration_text
from ..words import UNKNOWN, digits, money, percent
from .markup import Card
from .views import Figures

_SEARCHING = "…"


def cards_of(now: Figures, before: Figures | None, *, is_searched: bool = True) -> dict[str, Card]:
    """Return the cards of figures.

    Parameters
    ----------
    now
        What is seen.
    before
        The period before; None if there is nothing to compare with.
    is_searched
        Whether the waste is known yet.

    Examples
    --------
    >>> from crashlens_frame.widgets.figures import cards_of
    >>> from crashlens_frame.widgets.views import Figures
    >>> march, april = (Figures(cost, 1.0, 0.0, 100, 900.0, 0.0) for cost in (10.0, 12.5))
    >>> cards_of(april, march)["Spend"].change
    '▲ +25.0 %'
    """
    waste, saving = (money(value) if is_searched else _SEARCHING for value in (now.waste_cost, now.could_save))
    share = f"{percent(now.waste_cost, now.cost)} of the spend" if is_searched else "looking for waste"
    p95 = (
        Card(UNKNOWN, "no call has a latency")
        if pd.isna(now.p95_latency_ms)
        else Card(duration_text(now.p95_latency_ms), "5 % take longer", *_change(now, before, "p95_latency_ms"))
    )
    return {
        "Spend": Card(money(now.cost), _was("of priced calls", before, money, "cost"), *_change(now, before, "cost")),
        "Waste": Card(waste, share, *_change(now, before, "waste_cost")),
        "Could save": Card(saving, "if somebody agrees", *_change(now, before, "could_save")),
        "Calls": Card(digits(now.n_calls), _was("", before, digits, "n_calls"), _change(now, before, "n_calls")[0]),
        "p95 latency": p95,
        "Unpriced": Card(percent(now.unpriced_share, 1), "of calls, cost unknown"),
    }


def _was(otherwise: str, before: Figures | None, write: Callable[[float], str], name: str) -> str:
    return otherwise if before is None else f"before: {write(getattr(before, name))}"


def _change(now: Figures, before: Figures | None, name: str) -> tuple[str, str]:
    """Return how a figure changed, with an arrow, and whether that is worse; more is worse of all but calls."""
    if before is None:
        return "", "same"
    new, old = getattr(now, name), getattr(before, name)
    if pd.isna(new) or pd.isna(old):
        return "", "same"
    if new == old:
        return "= as before", "same"
    sign, arrow, mood = ("+", "▲", "worse") if new > old else ("-", "▼", "better")
    text = percent(abs(new - old), old) if old > 0 else "before: none"
    return f"{arrow} {sign}{text}" if old > 0 else f"{arrow} {text}", mood
