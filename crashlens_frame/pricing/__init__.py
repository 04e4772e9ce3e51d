"""Prices: price files and public lists, which price a logged name has, and what calls cost or would have cost."""

from .book import PriceBook, Prices
from .cost import PRICED, add_cost, alternatives, fill_cost, mean_rate, unpriced
from .names import forms
from .what_if import reprice, reprice_calls

__all__ = [
    "PRICED",
    "PriceBook",
    "Prices",
    "add_cost",
    "alternatives",
    "fill_cost",
    "forms",
    "mean_rate",
    "reprice",
    "reprice_calls",
    "unpriced",
]
