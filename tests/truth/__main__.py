"""Print how true the claims of detectors are: ``python -m tests.truth [--seeds 1 2 3] [--mix saas] [--peer]``."""

import argparse
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add

import crashlens_frame as cf

from . import MIXES, REPORTING_SEEDS, frame_of, make_traffic
from .claims import crashlens_claims, our_claims, real_crashlens
from .registry import KINDS, SCENARIOS
from .score import Claim, Row, Score, score

DEFAULT, CRASHLENS, REAL = "default", 'rules="crashlens"', "the real CrashLens"
HEADINGS = {DEFAULT: "default", CRASHLENS: "crashlens", REAL: "the real"}

Scores = dict[str, dict[str, Score]]  # by rules, then by mix


def measure(seeds: Iterable[int], mixes: Iterable[str], *, peer: bool = False) -> Scores:
    """Return the score of each set of rules on the logs of each mix."""
    rules: dict[str, Callable[..., list[Claim]]] = {
        DEFAULT: our_claims,
        CRASHLENS: lambda calls: our_claims(calls, rules="crashlens"),
    }
    if peer:
        crashlens = real_crashlens()
        if crashlens is None:
            raise SystemExit("the real CrashLens is not installed; see CONTRIBUTING.md")
        rules[REAL] = lambda calls: crashlens_claims(calls, crashlens)
    scores: Scores = {name: {} for name in rules}
    for mix in mixes:
        for seed in seeds:
            traffic = make_traffic(seed, mix)
            calls = cf.as_calls(frame_of(traffic))
            for name, claims in rules.items():
                scored = score(traffic.labels, claims(calls), log=f"{seed}/{mix}/")
                scores[name][mix] = scores[name].get(mix, Score()) + scored
    return scores


def total(by_mix: dict[str, Score]) -> Score:
    return reduce(add, by_mix.values())


def table(scores: Scores) -> list[str]:
    """Return the lines of the report, at most 80 characters each."""
    totals = {name: total(by_mix) for name, by_mix in scores.items()}
    whole = next(iter(totals.values()))
    wasted = whole.total.wasted
    lines = [
        f"{whole.calls:,} calls, ${whole.billed:,.2f} billed, ${wasted:,.2f} wasted "
        f"({wasted / whole.billed:.0%}); US dollars below",
        "",
        f"{'rules':<22}{'claimed':>9}{'true':>9}{'false':>9}{'missed':>9}{'precision':>11}{'recall':>9}",
    ]
    for name, each in totals.items():
        lines += [_shares(name, each.total), _shares("  certain and likely", each.sure)]
        lines += [_shares(f"  {mix}", by_mix.total) for mix, by_mix in scores[name].items()]
    lines += ["", "incidents of a cent or more, at least half of their dollars found"]
    for name, each in totals.items():
        found, number = each.incidents_found()
        lines.append(f"  {name:<22}{found:>7,} of {number:,}")
    for name, each in totals.items():
        lines += ["", f"{name:<22}{'claimed':>9}{'true':>9}{'false':>9}{'wasted':>11}{'found':>9}{'missed':>9}"]
        lines += [_amounts(kind, each.detectors.get(kind, Row())) for kind in KINDS]
    return [*lines, "", *_by_scenario(totals)]


def _shares(name: str, row: Row) -> str:
    shares = [f"{share:.0%}" if share is not None else "-" for share in (row.precision, row.recall)]
    return f"{name:<22}{row.claimed:9.2f}{row.true:9.2f}{row.false:9.2f}{row.missed:9.2f}{shares[0]:>11}{shares[1]:>9}"


def _amounts(kind: str, row: Row) -> str:
    claims = f"{row.claimed:9.2f}{row.true:9.2f}{row.false:9.2f}"
    return f"  {kind:<20}{claims}{row.wasted:11.2f}{row.found:9.2f}{row.missed:9.2f}"


def _by_scenario(totals: dict[str, Score]) -> list[str]:
    """Return a line for each scenario: what was wasted; by each set of rules, what was found and falsely claimed."""
    lines = [
        f"{'':<42}" + "".join(f"{HEADINGS[name]:>13}" for name in totals),
        f"{'scenario':<34}{'wasted':>8}" + f"{'found':>7}{'false':>6}" * len(totals),
    ]
    for name in sorted(SCENARIOS, key=lambda name: (SCENARIOS[name].kind is None, KINDS.index(SCENARIOS[name].like))):
        rows = [each.scenarios.get(name, Row()) for each in totals.values()]
        amounts = "".join(f"{row.found:7.2f}{row.false:6.2f}" for row in rows)
        lines.append(f"{name:<34}{rows[0].wasted:8.2f}{amounts}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=REPORTING_SEEDS, help="seeds of the logs")
    parser.add_argument("--mix", choices=MIXES, nargs="+", default=MIXES, help="mixes of customers")
    parser.add_argument("--peer", action="store_true", help="run the real CrashLens as well")
    given = parser.parse_args()
    print("\n".join(table(measure(given.seeds, given.mix, peer=given.peer))))


if __name__ == "__main__":
    main()
