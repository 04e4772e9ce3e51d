"""Hostile values for each option of the functions that make, count, watch and show calls, an option at a time."""

import inspect
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

import crashlens_frame as cf

from .doors import INVOICE, LIMITS
from .frames import usual
from .walk import walk

VALUES: tuple[Any, ...] = (
    None,
    -1,
    0,
    2**70,
    1e300,
    math.nan,
    math.inf,
    True,
    1.5,
    "",
    "\x1b[31mred",
    "half \ud800",
    "x" * 3000,
    "0001-01-01",
    "9999-12-31",
    b"\xff",
    [],
    [None],
    {},
    {"a": object()},
    object(),
    pd.NaT,
    range(3),
    lambda *_: None,
)
CALLS = usual()


def _trace(**options: Any) -> None:
    with cf.live.trace(**options):
        pass


def _budget(**options: Any) -> None:
    with cf.live.budget(**options):
        pass


def _serve(**options: Any) -> None:
    cf.live.serve_otlp(**options).close()


def _type(**typed: Any) -> None:
    """Type into the fields of a form what a browser may send, and log it."""
    form = cf.LogForm(cf.LogBook())
    try:
        for name, value in typed.items():
            getattr(form, name).value = value if isinstance(value, str) else str(value)
        form.submit()
    finally:
        form.close()


def _explore(calls: pd.DataFrame, **options: Any) -> None:
    cf.Explorer(calls, **options).close()


def _restore(state: Any) -> None:
    """Bring an address to an Explorer, as a link does."""
    explorer = cf.Explorer(CALLS)
    try:
        explorer.page.state = state if isinstance(state, str) else str(state)
        for name in ("tz", "trace", "by", "open", "since", "period", "is.team", "is.\x00", "without"):
            explorer.restore(f"{name}={state}&period=own+days&until={state}")
    finally:
        explorer.close()


class Option:
    """A function, the arguments with which it works, and the ones that are replaced; None: all but flags."""

    def __init__(self, function: Callable[..., Any], *replaced: str, **works: Any) -> None:
        self.function, self.works = function, works
        parameters = inspect.signature(function).parameters.values()
        self.replaced = replaced or tuple(
            each.name
            for each in parameters
            if not isinstance(each.default, bool) and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        )


SIMULATED = {"model": "gpt-4", "prompt": "p", "start": "2026-03-02", "seed": 1}
OPTIONS: dict[str, Option] = {
    "simulate_fallback": Option(cf.simulate_fallback, **SIMULATED),
    "simulate_retries": Option(cf.simulate_retries, **SIMULATED),
    "simulate_overkill": Option(cf.simulate_overkill, **SIMULATED),
    "simulate_workload": Option(cf.simulate_workload, traces=5),
    "simulate_incidents": Option(cf.simulate_incidents, traces=5),
    "count_tokens": Option(cf.count_tokens, "texts", "model", "client", "progress", texts="text", model="gpt-4"),
    "add_tokens": Option(cf.add_tokens, calls=CALLS),
    "anomalies": Option(cf.anomalies, calls=CALLS),
    "broken_rules": Option(cf.broken_rules, calls=CALLS, limits=LIMITS),
    "budgets": Option(cf.budgets, calls=CALLS, limits=LIMITS),
    "change": Option(cf.change, calls=CALLS),
    "compare": Option(cf.compare, before=CALLS, after=CALLS),
    "cost_increase": Option(cf.cost_increase, before=CALLS, after=CALLS),
    "explain_change": Option(cf.explain_change, before=CALLS, after=CALLS),
    "forecast": Option(cf.forecast, calls=CALLS),
    "reconcile": Option(cf.reconcile, calls=CALLS, invoice=INVOICE),
    "redact": Option(cf.redact, calls=CALLS, content="hash", key="k"),
    "redact, masked": Option(cf.redact, calls=CALLS),
    "to_focus": Option(cf.to_focus, "calls", "account", "prices", calls=CALLS),
    "find_stuck_agents": Option(cf.find_stuck_agents, calls=CALLS),
    "find_waste": Option(cf.find_waste, calls=CALLS),
    "by": Option(cf.by, "calls", "freq", "tz", "prices", calls=CALLS),
    "Budgets.load": Option(cf.Budgets.load),
    "PriceBook.load": Option(cf.PriceBook.load),
    "live.trace": Option(_trace, "name", *(column.name for column in cf.CALLS)),
    "live.budget": Option(_budget, "usd", "per", usd=5),
    "live.serve_otlp": Option(_serve, "book", "port", "host", "token", "team", book=cf.LogBook(), port=0),
    "live.watch": Option(
        cf.live.watch, "client", "book", "redact", "team", "tags", client=httpx.Client(), book=cf.LogBook()
    ),
    "live.SpanExporter": Option(cf.live.SpanExporter, "book", "team", book=cf.LogBook()),
    "LogForm": Option(cf.LogForm),
    "LogForm, typed": Option(_type, "model", "prompt", "response", "trace", "team", "route", model="m", prompt="p"),
    "Explorer": Option(_explore, "calls", "thresholds", "prices", "budgets", "tz", "name", "state", calls=CALLS),
    "Explorer, restored": Option(_restore),
}
SLOW = {"Explorer": 12, "Explorer, restored": 6, "LogForm, typed": 5, "reconcile": 2}  # as in walk.py


def option_walks(every: int = 1) -> Iterator[tuple[str, str, Any]]:
    """Yield a function, an option and a value for it, one of so many."""
    count = 0
    for name, option in OPTIONS.items():
        for replaced in option.replaced:
            for value in VALUES:
                count += 1
                if count % (every * (SLOW.get(name, 1) if every > 1 else 1)) == 0:
                    yield name, replaced, value


def walk_option(name: str, replaced: str, value: Any) -> str | None:
    """Return what a function raised that is no error of the package, with a value for an option; None: nothing."""
    option = OPTIONS[name]

    def door(_: pd.DataFrame, __: Path) -> None:
        option.function(**{**option.works, replaced: value})

    return walk(CALLS, door)
