"""What the Explorer costs in the kernel: until all that the browser shows first is ready, and a change of it."""

from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

_TEAMS = cycle([("search",), ("legal", "support"), ()])


def _shown(folder: Path) -> Any:
    explorer = cf.Explorer(data.calls(folder))
    next(_TEAMS)
    return explorer


def _drawn(name: str, calls: Any) -> None:
    from crashlens_frame.plot.svg import draw_svg

    draw_svg(getattr(calls.crashlens.plot, name))


def _filtered(explorer: Any) -> None:
    explorer.filters.labels["team"].value = next(_TEAMS)
    assert not explorer.status.value


CASES = (
    Case("`Explorer`, 1,000,000 calls, until the first view is ready", OURS, cf.Explorer, data.calls),
    *(
        Case(f"`plot.{name}`, 1,000,000 calls, to a picture", OURS, partial(_drawn, name), data.calls)
        for name in ("cost", "waste", "latency", "tokens", "heatmap")
    ),
    Case("a filter changed: figures, plot and findings again", OURS, _filtered, _shown, runs=9),
)
