"""Prices: price files and public lists, which price a logged name has, and what calls cost or would have cost."""

from .book import PriceBook, Prices
from .cost import PRICE_COLUMNS, add_cost, cheaper_alternatives, fill_cost, mean_rate, unpriced
from .names import name_forms
from .what_if import reprice, reprice_calls

__all__ = [
    "PRICE_COLUMNS",
    "PriceBook",
    "Prices",
    "add_cost",
    "cheaper_alternatives",
    "fill_cost",
    "mean_rate",
    "name_forms",
    "reprice",
    "reprice_calls",
    "unpriced",
]
