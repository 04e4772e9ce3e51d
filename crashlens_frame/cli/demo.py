"""The command demo: everything once, without input."""

import os
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..detectors import find_waste
from ..io import to_jsonl, to_parquet
from ..plot import plot_waste
from ..report import Report, frame_records, summarize
from ..simulate import simulate_incidents
from ..words import money, printable
from . import options
from .output import terminal_columns, working

_MOST_NAMED = 3
_SEED = 7  # so that the demo is the same on every day


@click.command(epilog=options.example("crashlens-frame demo --output demo"))
@click.option(
    "--output", type=click.Path(), default="crashlens-frame-demo", show_default=True, help="Folder to write to."
)
def demo(output: str) -> None:
    """Simulate a day on which the bill goes up, report why, and write log and plot to a folder."""
    with working("simulating"):
        calls = simulate_incidents(seed=_SEED)
    findings = find_waste(calls)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with working("writing"):
        to_jsonl(calls, folder / "logs.jsonl")
        to_parquet(calls, folder / "logs.parquet")
        _draw_waste(calls, findings, folder / "waste.png")
    report = summarize(calls, findings)
    click.echo(report.to_text(terminal_columns()))
    click.echo(f"\n{_in_short(report)}")
    shown = printable(str(folder))
    click.echo(f"\nWritten to {shown}: logs.jsonl, logs.parquet, waste.png\n")
    click.echo("Go on with your own logs, or with these:")
    click.echo("  crashlens-frame analyze ~/.claude/projects")
    click.echo(f"  crashlens-frame report {shown}/logs.jsonl -o bill.html")
    click.echo(f"  crashlens-frame scan {shown}/logs.jsonl --fail-on-waste 1")
    click.echo(f"In a notebook:\n  cf.read_parquet({str(folder / 'logs.parquet')!r}).crashlens.waste()")


def _in_short(report: Report) -> str:
    """Write the story of the day: what stands at the end of a long output is what a terminal shows."""
    wasted, cost = report.waste["waste_cost"].sum(), report.cost
    lines = [
        f"  {money(row['waste_cost']):>6}  {row['pattern'].partition(':')[0]} ({row['team']}, {row['route']})"
        for row in frame_records(report.patterns.head(_MOST_NAMED))
    ]
    return "\n".join([f"In short: {money(wasted)} of {money(cost)} was wasted, most of it by", *lines])


def _draw_waste(calls: pd.DataFrame, findings: pd.DataFrame, target: Path) -> None:
    os.environ.setdefault("MPLBACKEND", "agg")  # a file needs no screen; matplotlib reads it when first imported
    figure: Any = plot_waste(calls, findings=findings).figure
    figure.savefig(target, dpi=150)
