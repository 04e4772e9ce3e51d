"""A page for each detector of the roster: its rule, an example of what it finds, and how true its claims are."""

from inspect import getdoc
from pathlib import Path
from typing import Any

import pandas as pd

import crashlens_frame as cf
from crashlens_frame.detectors import ROSTER, Detector
from crashlens_frame.words import money, percent
from tests.truth import MIXES, REPORTING_SEEDS, frame_of, make_traffic
from tests.truth.claims import our_claims
from tests.truth.registry import SCENARIOS
from tests.truth.score import Row, Score, score

from .markdown import block, contents, table, write

_CERTAINTY = {
    "certain": "paid twice or thrown away: arithmetic",
    "likely": "a rule that has exceptions",
    "candidate": "saves money if somebody agrees that less would do",
}

_BEFORE = """\
# Detectors

Patterns of waste, in their order of precedence: of two that claim the same dollars of a call, the first keeps them, so
no dollar is counted twice. `df.crashlens.waste()` runs them all.
"""
_AFTER = """\
## How true is that?

On logs of labelled traffic that the rules were not developed on ({calls} calls, {billed} billed, {wasted} wasted,
{scenarios} scenarios, many of them sound ones that only look like waste), the detectors claim {claimed}, and {true} of
that is true: precision {precision}, recall {recall}, by dollars. `python -m tests.truth` prints it; these pages were
made from the same run. [A notebook](../notebooks/08_how_true.ipynb) shows where it is wrong.

## Not sure that you agree with a rule?

Each detector is a function with thresholds of its own, such as `cf.find_retry_loops(df, max_wait="10s")`. With
`rules="crashlens"` four of them find what `crashlens scan` 2.20.0 finds.
"""
_HOW_TRUE = """\
On the labelled logs it claims {claimed}, and {true} of that is true: precision {precision}. Of {wasted} that were
wasted in this way {found} are found, by this detector or an earlier one: recall {recall}.
"""


def write_pages(folder: Path, root: Path) -> None:
    """Write them into the folder ``detectors``."""
    scored, findings = _measure()
    for detector in ROSTER:
        own = findings[(findings["detector"] == detector.name) & (findings["counted_cost"] > 0)]
        example = own.sort_values("counted_cost", ascending=False).iloc[0]
        write(folder / "detectors" / f"{detector.name}.md", *_page(detector, scored, example))
    rows = (
        (f"[{d.title}]({d.name}.md)", d.certainty, d.summary, _share(scored.detectors[d.name], "precision"))
        for d in ROSTER
    )
    write(
        folder / "detectors" / "index.md",
        _BEFORE,
        table(("detector", "certainty", "what it finds", "true of the dollars it claims"), rows),
        _AFTER.format(
            calls=f"{scored.calls:,}",
            billed=money(scored.billed),
            scenarios=len(SCENARIOS),
            **_amounts(scored.total),
        ),
        contents([each.name for each in ROSTER], hidden=True),
    )


def _amounts(row: Row) -> dict[str, str]:
    """Return the figures of a row, written for people."""
    dollars = {name: money(getattr(row, name)) for name in ("wasted", "found", "claimed", "true")}
    return {**dollars, "precision": _share(row, "precision"), "recall": _share(row, "recall")}


def _measure() -> tuple[Score, pd.DataFrame]:
    """Return the score on the logs that are reported, and what was found in one of each mix."""
    scored, found = Score(), []
    for mix in MIXES:
        for seed in REPORTING_SEEDS:
            traffic = make_traffic(seed, mix)
            calls = cf.as_calls(frame_of(traffic))
            scored += score(traffic.labels, our_claims(calls), log=f"{seed}/{mix}/")
            if seed == REPORTING_SEEDS[0]:
                found.append(cf.find_waste(calls))
    return scored, pd.concat(found, ignore_index=True)


def _page(detector: Detector, scored: Score, example: "pd.Series[Any]") -> list[str]:
    rule = (getdoc(detector.find) or "").partition("\nParameters\n")[0]
    thresholds = [(f"`{name}`", f"`{default!r}`") for name, default in detector.thresholds.items()]
    function = f"{{func}}`cf.find_{detector.name} <crashlens_frame.find_{detector.name}>`"
    needs = " and ".join(" or ".join(f"`{column}`" for column in columns) for columns in detector.looks_at)
    code = f"df.crashlens.{detector.name}()"
    return [
        f"# {detector.title.capitalize()}",
        f"{detector.summary[0].upper()}{detector.summary[1:]}.",
        f"Certainty: *{detector.certainty}*, {_CERTAINTY[detector.certainty]}.",
        block(code, "python"),
        f"## The rule\n\n{_markdown(rule)}",
        f"Needs {needs}; where no call has it, the report says that the detector could not look." if needs else "",
        table(("threshold", "default"), thresholds) if thresholds else "",
        f"What each means: {function}." if thresholds else f"It has no thresholds: {function}.",
        "## An example",
        f"> {example['description']}",
        f"Cost {money(example['cost'])}, {_verb(detector)} {money(example['counted_cost'])}.",
        f"What to change: {example['savings_note']}",
        "## How true it is",
        _HOW_TRUE.format(**_amounts(scored.detectors[detector.name])),
        table(("what happens", "wasted", "found", "falsely claimed"), _scenarios(detector.name, scored)),
        "Rows without waste are sound traffic that only looks like it.",
        f"## Source\n\n`crashlens_frame/detectors/{detector.name}.py`. {_peer(detector)}",
    ]


def _scenarios(detector: str, scored: Score) -> list[tuple[str, ...]]:
    like = [each for each in SCENARIOS.values() if each.like == detector]
    rows = []
    for each in sorted(like, key=lambda each: -scored.scenarios[each.name].wasted):
        row = scored.scenarios[each.name]
        what = " ".join((each.play.__doc__ or "").partition("\n\n")[0].split())
        rows.append((what, *(f"${amount:.2f}" for amount in (row.wasted, row.found, row.false))))
    return rows


def _share(row: Row, name: str) -> str:
    share = getattr(row, name)
    return "unknown" if share is None else percent(share, 1)


def _markdown(text: str) -> str:
    return text.replace("``", "`")


def _verb(detector: Detector) -> str:
    return "could have saved" if detector.certainty == "candidate" else "wasted"


def _peer(detector: Detector) -> str:
    if not detector.in_crashlens:
        return "CrashLens has no such detector."
    return 'CrashLens has a detector of this name; `rules="crashlens"` finds what its version 2.20.0 finds.'
