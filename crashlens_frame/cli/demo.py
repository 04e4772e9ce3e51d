"""The command demo: everything once, without input."""

import os
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..detectors import find_waste
from ..io import to_jsonl, to_parquet
from ..plot import plot_waste
from ..report import findings_table, summarize
from ..simulate import simulate_incidents
from ..words import printable
from . import options
from .output import terminal_columns, working

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
    click.echo(summarize(calls, findings).to_text(terminal_columns()))
    click.echo(f"\nThe most wasteful findings\n{findings_table(findings, limit=5).to_text(terminal_columns())}")
    shown = printable(str(folder))
    click.echo(f"\nWritten to {shown}: logs.jsonl, logs.parquet, waste.png\n")
    click.echo(f"On the command line:\n  crashlens-frame scan {shown}/logs.jsonl --fail-on-waste 1")
    click.echo(f"In a notebook:\n  cf.read_parquet({str(folder / 'logs.parquet')!r}).crashlens.waste()")


def _draw_waste(calls: pd.DataFrame, findings: pd.DataFrame, target: Path) -> None:
    os.environ.setdefault("MPLBACKEND", "agg")  # a file needs no screen; matplotlib reads it when first imported
    figure: Any = plot_waste(calls, findings=findings).figure
    figure.savefig(target, dpi=150)
