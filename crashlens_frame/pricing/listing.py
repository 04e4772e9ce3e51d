"""The prices of a book as a frame, and what is known of them."""

from collections.abc import Iterable
from datetime import date
from html import escape
from typing import TYPE_CHECKING

from ..times import now_us
from ..words import printable
from .price_file import METERS, WEEKDAYS, Entry, Period, hours_text
from .timeline import levels_of

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS = 20  # of the table in a notebook


def price_frame(entries: Iterable[Entry]) -> "pd.DataFrame":
    """Return one row for each model, variant, date and number of input tokens at which a price changes."""
    import pandas as pd

    rows = [
        (entry, period, variant, above, rates)
        for entry in entries
        for period in entry.periods
        for variant in (None, *period.variants)
        for above, rates in levels_of({**period.rates, **(period.variants[variant] if variant else {})})
    ]
    frame = pd.DataFrame(
        {
            "model": [entry.model for entry, *_ in rows],
            "provider": [entry.provider for entry, *_ in rows],
            "variant": [variant for _, _, variant, *_ in rows],
            "from": pd.to_datetime(pd.Series([period.since for _, period, *_ in rows]), utc=True),
            "hours": [_hours(period) for _, period, *_ in rows],
            "above": [above for *_, above, _ in rows],
        }
    )
    rates = pd.DataFrame([rates for *_, rates in rows], columns=[meter.name for meter in METERS], dtype="float64")
    return pd.concat([frame, rates], axis=1)


def price_html(prices: "pd.DataFrame", title: str) -> str:
    """Return the first and last prices as a table in a notebook."""
    html: str = prices.to_html(index=False, na_rep="", max_rows=_MAX_ROWS, notebook=True)
    return f"<p>{escape(title)}, US dollars per million tokens</p>{html}"


def _hours(period: Period) -> str | None:
    if period.between is None:
        return None
    days = "" if len(period.days) == len(WEEKDAYS) else f" {' '.join(WEEKDAYS[day] for day in period.days)}"
    return f"{hours_text(period.between)}{days}"


def days_since(day: date) -> "pd.Timedelta":
    """Return how long ago a day was, in whole days."""
    import pandas as pd

    return pd.Timestamp(now_us(), unit="us").normalize() - pd.Timestamp(day)


def price_facts(**facts: object) -> str:
    """Return what is known of a price book, for its representation."""
    return printable("".join(f", {name} {fact}" for name, fact in facts.items() if fact))
