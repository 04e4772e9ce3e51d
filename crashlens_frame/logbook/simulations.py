"""The simulations of a book: calls as real clients make them, logged to the book."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from ..frame import table_from_frame
from ..pricing import PriceBook
from ..simulate import patterns as simulate
from .ledger import Ledger


class Simulations:
    """The methods of a book that simulate calls."""

    _ledger: Ledger
    _prices: PriceBook

    def simulate_retries(self, model: str, prompt: str, response: str | None = None, **options: Any) -> str:
        """Log a simulated retry loop; the options are those of :func:`crashlens_frame.simulate_retries`.

        A seed that the book has used before yields another trace.

        Returns
        -------
        str
            The trace id.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> book = cf.LogBook()
        >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=3, seed=1)
        >>> book.df["level"].tolist()
        ['error', 'error', 'error', 'info']
        """
        return self._simulate(simulate.simulate_retries, model, prompt, response, **options)

    def simulate_fallback(self, model: str, prompt: str, response: str | None = None, **options: Any) -> str:
        """Log a simulated fallback and return its trace id; see :func:`crashlens_frame.simulate_fallback`."""
        return self._simulate(simulate.simulate_fallback, model, prompt, response, **options)

    def simulate_overkill(self, model: str, prompt: str, response: str | None = None, **options: Any) -> str:
        """Log a simulated overkill and return its trace id; see :func:`crashlens_frame.simulate_overkill`."""
        return self._simulate(simulate.simulate_overkill, model, prompt, response, **options)

    def simulate_workload(self, traces: int = 10_000, **options: Any) -> None:
        """Log weeks of simulated traffic; the options are those of :func:`crashlens_frame.simulate_workload`.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> book = cf.LogBook()
        >>> book.simulate_workload(traces=100, seed=7, days=1)
        >>> book.df["trace_id"].nunique()
        100
        """
        self._ledger.add_table(table_from_frame(simulate.simulate_workload(traces, prices=self._prices, **options)))

    def _simulate(self, simulation: Callable[..., pd.DataFrame], *call: Any, **options: Any) -> str:
        seed, used = (
            options.get("seed"),
            set(self._ledger.frame()["trace_id"]) if options.get("trace_id") is None else set(),
        )
        calls = simulation(*call, **options)
        for attempt in count(1):
            if (trace_id := str(calls["trace_id"].iloc[0])) not in used:
                break
            calls = simulation(*call, **{**options, "seed": (*np.atleast_1d(seed or 0), attempt)})
        self._ledger.add_table(table_from_frame(calls))
        return trace_id
