"""Commands that write files of calls: simulate and convert."""

import click
import pandas as pd

from ..io import to_jsonl, to_parquet
from ..simulate import simulate_workload
from . import options
from .inputs import read_calls
from .output import print_unpriced, print_written, working


@click.command()
@click.option("--output", required=True, help="File to write, as Parquet if it ends in .parquet, else as JSONL.")
@click.option("--traces", type=click.IntRange(min=0), default=10_000, show_default=True, help="Number of traces.")
@click.option("--seed", type=int, help="The same seed makes the same calls.")
@options.schema
def simulate(output: str, traces: int, seed: int | None, schema: str) -> None:
    """Write a month of simulated calls, with every pattern of waste among them."""
    with working("simulating"):
        calls = simulate_workload(traces, seed=seed)
    _write_calls(calls, output, schema)
    print_written(calls, output, traces)


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@options.schema
def convert(source: str, target: str, schema: str) -> None:
    """Convert the log IN to JSONL or Parquet, by the ending of OUT: .jsonl, .jsonl.gz, .jsonl.zst or .parquet."""
    calls = read_calls([source])
    _write_calls(calls, target, schema)
    print_unpriced(calls, remedy="")
    print_written(calls, target)


def _write_calls(calls: pd.DataFrame, target: str, schema: str) -> None:
    with working("writing"):
        if target.endswith(".parquet"):
            to_parquet(calls, target)
        else:
            to_jsonl(calls, target, format=schema)
