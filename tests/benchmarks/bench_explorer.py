"""What the Explorer costs in the kernel: until all that the browser shows first is ready, and a change of it."""

import asyncio
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

_TEAMS = cycle([("search",), ("legal", "support"), ()])


def _first_view(calls: Any) -> None:
    """Make the Explorer as a notebook does, whose loop searches for waste when the first view is there."""

    async def look() -> None:
        cf.Explorer(calls).close()

    asyncio.run(look())


def _shown(folder: Path) -> tuple[Any, Any]:
    loop = asyncio.new_event_loop()

    async def look() -> Any:
        explorer = cf.Explorer(data.calls(folder))
        explorer.study.searched  # noqa: B018  which searches
        return explorer

    explorer = loop.run_until_complete(look())
    next(_TEAMS)
    return loop, explorer


def _many_models(folder: Path) -> Any:
    calls = data.calls(folder).head(200_000)
    return calls.assign(model=pd.Categorical([f"model-{number}" for number in range(len(calls))]))


def _drawn(name: str, calls: Any) -> None:
    from crashlens_frame.plot.svg import draw_svg

    draw_svg(getattr(calls.crashlens.plot, name))


def _filtered(shown: tuple[Any, Any]) -> None:
    loop, explorer = shown

    async def click() -> None:
        explorer.filters.labels["team"].value = next(_TEAMS)

    loop.run_until_complete(click())
    assert not explorer.status.value


CASES = (
    Case("`Explorer`, 1,000,000 calls, until the first view is ready", OURS, _first_view, data.calls),
    Case("`Explorer`, 200,000 calls of as many models, all of it", OURS, cf.Explorer, _many_models),
    *(
        Case(f"`plot.{name}`, 1,000,000 calls, to a picture", OURS, partial(_drawn, name), data.calls)
        for name in ("cost", "waste", "latency", "tokens", "heatmap")
    ),
    Case("a filter changed: figures, chart and counts again", OURS, _filtered, _shown, runs=9),
)
