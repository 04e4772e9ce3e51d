"""The table of the prices that the package ships."""

from pathlib import Path

import pandas as pd

import crashlens_frame as cf

from .markdown import contents, table, write

_METERS = ("input", "cached_input", "cache_write", "output")


def write_pages(folder: Path, root: Path) -> None:
    """Write a page for each provider into the folder ``prices``."""
    book = cf.PriceBook.default()
    rows = _current(book.to_frame())
    providers = sorted(rows["provider"].unique())
    for provider in providers:
        own = rows[rows["provider"] == provider]
        prices = own[list(_METERS)].map(lambda rate: "" if pd.isna(rate) else f"{rate:g}")
        write(
            folder / "prices" / f"{provider}.md",
            f"# {provider}",
            f"US dollars per million tokens on {book.checked}, without a tier, up to the first step of long prompts."
            " A model without a rate of the cache bills what it reads at the rate of its input.",
            table(
                ("model", *(name.replace("_", " ") for name in _METERS)),
                ([f"`{model}`", *row] for model, row in zip(own["model"], prices.to_numpy().tolist(), strict=True)),
            ),
        )
    count = rows["model"].nunique()
    write(
        folder / "prices" / "list.md",
        "# All shipped prices",
        f"{count} models of {len(providers)} providers, from {book.source}, checked on {book.checked}."
        " `cf.PriceBook.default().to_frame()` has them with every date, tier, step and meter.",
        contents(providers),
    )


def _current(prices: pd.DataFrame) -> pd.DataFrame:
    """Return the last price of each model without a variant, at the lowest number of tokens and the first hours."""
    base = prices[prices["variant"].isna() & (prices["above"] == 0)]
    return base.sort_values(["provider", "model", "from"], na_position="first").groupby("model", as_index=False).last()
