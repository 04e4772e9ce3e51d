"""Prices: price files and public lists, which price a logged name has, and what calls cost or would have cost."""

from .book import PriceBook, Prices
from .cost import PRICE_COLUMNS, RATE_COLUMNS, add_cost, cheaper_alternatives, fill_cost, mean_rate, meter_rates
from .explain import unpriced
from .names import name_forms
from .parts import PART_METERS, cost_parts
from .what_if import reprice, reprice_calls

__all__ = [
    "PART_METERS",
    "PRICE_COLUMNS",
    "RATE_COLUMNS",
    "PriceBook",
    "Prices",
    "add_cost",
    "cheaper_alternatives",
    "cost_parts",
    "fill_cost",
    "mean_rate",
    "meter_rates",
    "name_forms",
    "reprice",
    "reprice_calls",
    "unpriced",
]
