"""Commands that write files of calls: simulate and convert."""

from pathlib import Path

import click
import pandas as pd

from ..io import list_files, to_csv, to_jsonl, to_parquet
from ..pricing import unpriced
from ..simulate import simulate_workload
from . import options
from .inputs import read_calls
from .output import print_unpriced, print_written, working

_WRITTEN = (".jsonl", ".ndjson", ".log", ".parquet", ".csv")


@click.command(epilog=options.example("crashlens-frame simulate --output month.jsonl --traces 1000 --seed 7"))
@click.option("--output", type=click.Path(), required=True, help="File to write: .jsonl, .parquet or .csv.")
@click.option("--traces", type=click.IntRange(min=0), default=10_000, show_default=True, help="Number of traces.")
@click.option("--seed", type=int, help="The same seed makes the same calls.")
@options.schema
def simulate(output: str, traces: int, seed: int | None, schema: str) -> None:
    """Write a month of simulated calls, with every pattern of waste among them."""
    check_target(output)
    with working("simulating"):
        calls = simulate_workload(traces, seed=seed)
    write_calls(calls, output, schema)
    print_written(calls, output, traces)


@click.command(epilog=options.example("crashlens-frame convert export.json.gz calls.parquet"))
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("target", metavar="OUT", type=click.Path())
@options.schema
@options.max_rejects
def convert(source: str, target: str, schema: str, max_rejects: float) -> None:
    """Convert the logs IN to JSON Lines, Parquet or CSV, by the ending of OUT: .jsonl, .parquet or .csv.

    IN is a file of any kind, a folder, a pattern of file names, or - for stdin. JSON Lines and CSV may also end in .gz
    or .zst.
    """
    check_target(target)
    if target != "-" and Path(target).exists() and any(_is_same(file, target) for file in list_files(source)):
        raise click.ClickException(f"{target} is a log that is read, and would be replaced; choose another name")
    calls = read_calls([source], None, max_rejects, priced=False)
    write_calls(calls, target, schema)
    print_unpriced(unpriced(calls), remedy="")
    print_written(calls, target)


def check_target(target: str) -> None:
    """Check that files with the ending of a target are written."""
    if target != "-" and not target.removesuffix(".gz").removesuffix(".zst").endswith(_WRITTEN):
        raise click.ClickException(f"{target} has another ending than those that are written: {', '.join(_WRITTEN)}")


def _is_same(file: object, target: str) -> bool:
    return isinstance(file, str) and file != "-" and Path(file).samefile(target)


def write_calls(calls: pd.DataFrame, target: str, schema: str) -> None:
    """Write calls to a file, in the form that its ending names."""
    with working("writing"):
        if target.endswith(".parquet"):
            to_parquet(calls, target)
        elif Path(target.removesuffix(".gz").removesuffix(".zst")).suffix == ".csv":
            to_csv(calls, target)
        else:
            to_jsonl(calls, target, format=schema)
