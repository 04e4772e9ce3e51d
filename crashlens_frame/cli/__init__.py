"""The command line: parse, call one function, print. Data goes to stdout, notes go to stderr."""

import io
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pandas as pd

from .. import dashboard as dashboards
from ..detectors import find_waste
from ..errors import (
    CrashlensFrameError,
    CrashlensFrameWarning,
    RejectedLinesWarning,
    UnknownTraceError,
    UnpricedWarning,
)
from ..io import append_jsonl, open_atomic, read_logs, to_jsonl, to_parquet
from ..logbook import LogBook
from ..pricing import PriceBook, add_cost
from ..report import calls_table, escape_markdown, findings_table, frame_records, json_text, summarize
from ..simulate import simulate_workload
from ..tokens import add_tokens
from ..words import UNKNOWN, digits, money, percent, printable, quantity

_REJECTS_SHOWN = 5
_MODELS_NAMED = 5
_EXAMPLES: tuple[dict[str, Any], ...] = (
    {"model": "gpt-4o-mini", "prompt": "Name two rivers of France", "response": "Loire, Seine", "latency_ms": 640},
    {"model": "gpt-4o", "prompt": "Translate 'good night' into Dutch", "response": "goedenacht", "latency_ms": 910},
    {"model": "claude-sonnet-4-5", "prompt": "Review this clause", "response": "One-sided.", "latency_ms": 2300},
)
# a Monday, whatever the day today: the demo is the same for everyone
_MORNING: dict[str, Any] = {"traces": 1500, "seed": 7, "days": 1, "start": "2026-03-02T06:00:00Z"}


class _Commands(click.Group):
    """The commands, which explain each expected error and each warning in one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # a terminal that cannot show a character shows its escape
                stream.reconfigure(errors="backslashreplace")
        with warnings.catch_warnings():
            warnings.simplefilter("always", CrashlensFrameWarning)
            # the lines themselves and the unpriced models are shown
            warnings.simplefilter("ignore", RejectedLinesWarning)
            warnings.simplefilter("ignore", UnpricedWarning)
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise
            except (CrashlensFrameError, OSError) as error:
                raise click.ClickException(_one_line(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crashlens-frame", prog_name="crashlens-frame")
def main() -> None:
    """Log LLM calls, know what each one cost, find the money wasted."""


_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
_SCHEMA = click.option(
    "--schema",
    type=click.Choice(["crashlens", "flat"]),
    default="crashlens",
    show_default=True,
    help="Keys of the lines: those that CrashLens reads as well, or the Log Schema alone.",
)
_CONFIG = click.option("--config", type=click.Path(), help="YAML file of prices; the shipped ones when not given.")
_LOGS = click.argument("logs", nargs=-1, required=True)


@main.command()
@click.option("--model", help="Name of the model that was called.")
@click.option("--prompt", help="Text that was sent.")
@click.option("--response", help="Text that came back; without it the call failed.")
@click.option("--output", default="logs.jsonl", show_default=True, help="File that the calls are appended to.")
@click.option("--trace-id", help="Trace that the calls belong to; a new one when not given.")
@click.option("--simulate-retries", type=click.IntRange(min=1), metavar="N", help="Log the call and N retries of it.")
@click.option("--simulate-fallback", is_flag=True, help="Log the call and the fallback to another model.")
@click.option("--simulate-overkill", is_flag=True, help="Log the call as one that a cheaper model could have answered.")
@_CONFIG
@_SCHEMA
@click.option("--demo", is_flag=True, help="Log built-in example calls; needs no --model and no --prompt.")
@click.option("--dev-mode", is_flag=True, help="Print the calls as a table and write nothing.")
def log(output: str, config: str | None, schema: str, demo: bool, dev_mode: bool, **call: Any) -> None:
    """Log one call, or a simulated pattern of waste made of it.

    Several simulations are logged as traces of their own, unless --trace-id puts them into one.
    """
    book = LogBook(pricing=config)
    if not demo:
        _log_call(book, **call)
    elif any(value is not None and value is not False for value in call.values()):
        raise click.UsageError("--demo logs calls of its own; leave out what tells of another one.")
    else:
        _log_examples(book)
    calls = book.df
    _tell_unpriced(calls)
    if dev_mode:
        click.echo(calls_table(calls).to_text(_width()))
        _note(f"dev mode: nothing was written to {output}")
        return
    append = to_jsonl if output == "-" else append_jsonl
    append(calls, output, schema=schema)
    traces = calls["trace_id"].drop_duplicates().tolist()
    _note(f"logged {quantity(len(calls), 'call')} to {output}, cost {money(calls['cost'].sum(min_count=1))}")
    for trace in traces:
        _note(f"trace {trace}")


@main.command("init-config")
@click.option("--config", default="pricing.yaml", show_default=True, help="File to write.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def init_config(config: str, force: bool) -> None:
    """Write a commented file of prices to start from."""
    if config != "-" and Path(config).exists() and not force:
        raise click.ClickException(f"{config} exists; --force overwrites it")
    with open_atomic(config) as stream:
        stream.write(files("crashlens_frame.pricing").joinpath("starter_prices.yaml").read_bytes())
    _note(f"wrote {config}")


@main.command()
@_LOGS
@click.option("--model", help="Only calls of this model.")
@click.option("--trace-id", help="Only calls of this trace.")
@_CONFIG
@_FORMAT
def analyze(logs: tuple[str, ...], model: str | None, trace_id: str | None, config: str | None, form: str) -> None:
    """Sum up LOGS: calls, cost, tokens, latency, by model, what is unpriced, what was wasted.

    LOGS are JSONL files (.gz and .zst too), Parquet files, patterns of such, or - for stdin.
    """
    calls, prices = _read_priced(logs, config)
    if trace_id is not None:
        calls = calls[calls["trace_id"] == trace_id].reset_index(drop=True)
        if calls.empty:
            raise UnknownTraceError(f"no call belongs to the trace {trace_id!r}; trace ids are compared as they are")
    if model is not None:
        models = calls["model"].cat.categories.tolist()
        calls = calls[calls["model"] == model].reset_index(drop=True)
        if calls.empty:
            near = get_close_matches(model, models, n=3, cutoff=0.3) or list(models[:3])
            raise click.ClickException(f"no call is of the model {model!r}; the log has {', '.join(near) or 'none'}")
    with _working("looking for waste"):
        report = summarize(calls, prices=prices)
    _tell_unpriced(calls)
    texts = {"table": lambda: report.to_text(_width()), "json": report.to_json, "markdown": report.to_markdown}
    click.echo(texts[form]())


@main.command()
@_LOGS
@_CONFIG
@_FORMAT
@click.option("--fail-on-waste", type=click.FloatRange(min=0), metavar="USD", help="Exit 1 if more was wasted.")
def scan(logs: tuple[str, ...], config: str | None, form: str, fail_on_waste: float | None) -> None:
    """Find the money wasted in LOGS, finding by finding.

    LOGS are JSONL files (.gz and .zst too), Parquet files, patterns of such, or - for stdin.
    """
    calls, prices = _read_priced(logs, config)
    with _working("looking for waste"):
        findings = find_waste(calls, prices=prices)
        report = summarize(calls, findings)
    _tell_unpriced(calls)
    total = (
        f"{money(report.waste_cost)} wasted in {quantity(int(report.waste['n_findings'].sum()), 'finding')},"
        f" {percent(report.waste_cost, report.cost)} of {money(report.cost)} for {quantity(report.events, 'call')}"
    )
    if form == "json":
        waste = {"cost": report.cost, "waste_cost": report.waste_cost, "waste": frame_records(report.waste)}
        click.echo(json_text({**waste, "findings": frame_records(findings)}))
    elif form == "markdown":
        table = findings_table(findings).to_markdown()
        click.echo(f"{table}\n\n{escape_markdown(total)}" if len(findings) else escape_markdown(total))
    else:
        table = findings_table(findings).to_text(_width())
        click.echo(f"{table}\n\n{total}" if len(findings) else total)
    if fail_on_waste is not None and report.waste_cost > fail_on_waste:
        raise click.ClickException(f"waste of {money(report.waste_cost)} exceeds the limit of {money(fail_on_waste)}")


@main.command()
@_LOGS
@_CONFIG
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of the page; a free one when not given.")
@click.option("--theme", type=click.Choice(dashboards.THEMES), default="light", show_default=True, help="Colours.")
@click.option("--no-browser", is_flag=True, help="Print the address and leave the browser alone.")
def dashboard(logs: tuple[str, ...], config: str | None, port: int, theme: str, no_browser: bool) -> None:
    """Show LOGS as a dashboard in the browser, for this machine alone; Ctrl+C ends it."""
    calls, _ = _read_priced(logs, config)
    _tell_unpriced(calls)

    def ready(address: str) -> None:
        click.echo(address)
        _note("serving this machine alone; Ctrl+C ends it")

    path = None if config is None else str(Path(config).resolve())
    dashboards.serve(calls, config=path, port=port, theme=theme, browser=not no_browser, ready=ready)


@main.command()
@click.option("--output", required=True, help="File to write, as Parquet if it ends in .parquet, else as JSONL.")
@click.option("--traces", type=click.IntRange(min=0), default=10_000, show_default=True, help="Number of traces.")
@click.option("--seed", type=int, help="The same seed gives the same calls.")
@_SCHEMA
def simulate(output: str, traces: int, seed: int | None, schema: str) -> None:
    """Write a month of simulated traffic, with every pattern of waste in it."""
    with _working("simulating"):
        calls = simulate_workload(traces, seed=seed)
    with _working("writing"):
        _write(calls, output, schema)
    _note(f"wrote {quantity(len(calls), 'call')} in {quantity(traces, 'trace')} to {output}")


@main.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@_SCHEMA
def convert(source: str, target: str, schema: str) -> None:
    """Convert a log IN between JSONL and Parquet, by the ending of OUT: .jsonl, .jsonl.gz, .jsonl.zst or .parquet."""
    with _working("reading"):
        calls = _read([source])
    with _working("writing"):
        _write(calls, target, schema)
    _tell_unpriced(calls, remedy="")
    _note(f"wrote {quantity(len(calls), 'call')} to {target}")


@main.command()
@click.option("--output", default="crashlens-frame-demo", show_default=True, help="Folder to write to.")
def demo(output: str) -> None:
    """Simulate a morning of traffic, show what it cost and what was wasted, and write log and picture to a folder."""
    with _working("simulating"):
        calls = simulate_workload(**_MORNING)
    findings = find_waste(calls)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with _working("writing"):
        to_jsonl(calls, folder / "logs.jsonl")
        to_parquet(calls, folder / "logs.parquet")
        _draw_waste(calls, findings, folder / "waste.png")
    click.echo(summarize(calls, findings).to_text(_width()))
    click.echo(f"\nThe most wasteful findings\n{findings_table(findings, limit=10).to_text(_width())}")
    click.echo(f"\nWritten to {folder}: logs.jsonl, logs.parquet, waste.png\n")
    click.echo(f"On the command line:\n  crashlens-frame scan {folder / 'logs.jsonl'} --fail-on-waste 1")
    click.echo(f"In a notebook:\n  cf.read_parquet({str(folder / 'logs.parquet')!r}).crashlens.waste()")


def _log_call(
    book: LogBook,
    *,
    model: str | None,
    prompt: str | None,
    response: str | None,
    trace_id: str | None,
    simulate_retries: int | None,
    simulate_fallback: bool,
    simulate_overkill: bool,
) -> None:
    """Log a call, or each simulation that was asked for, one after the other."""
    if model is None or prompt is None:
        option = "--model" if model is None else "--prompt"
        raise click.UsageError(f"Missing option '{option}'; or let --demo log example calls.")
    simulations: list[Callable[..., str]] = []
    if simulate_retries is not None:
        simulations.append(partial(book.simulate_retries, retries=simulate_retries))
    if simulate_fallback:
        simulations.append(book.simulate_fallback)
    if simulate_overkill:
        simulations.append(book.simulate_overkill)
    if not simulations:
        book.log(model=model, prompt=prompt, response=response, trace_id=trace_id)
    start = None
    for each in simulations:
        each(model, prompt, response, trace_id=trace_id, start=start)
        calls = book.df
        start = (calls["timestamp"] + pd.to_timedelta(calls["latency_ms"].fillna(0), unit="ms")).max()


def _log_examples(book: LogBook) -> None:
    for example in _EXAMPLES:
        book.log(**example)
    book.simulate_retries("gpt-4", "Summarize the minutes of the board", "They agreed.", retries=4, seed=1)
    book.simulate_fallback("gpt-3.5-turbo", "Draft a reply to the customer", "Dear customer", seed=1)
    book.simulate_overkill("gpt-4", "Hi", "Hello!", seed=1)


def _read(logs: Iterable[str]) -> pd.DataFrame:
    """Read logs of any kind, and say what cannot be read."""
    calls, rejects = read_logs(logs)
    _show_rejects(rejects)
    return calls


def _read_priced(logs: Iterable[str], config: str | None) -> tuple[pd.DataFrame, PriceBook]:
    """Read logs, count tokens and price calls where the logs do not say; give the prices as well."""
    prices = PriceBook.default() if config is None else PriceBook.load(config)
    with _working("reading"):
        calls = _read(logs)
    with _working("counting and pricing"):
        return add_cost(add_tokens(calls), prices), prices


def _write(calls: pd.DataFrame, target: str, schema: str) -> None:
    if target.endswith(".parquet"):
        to_parquet(calls, target)
    else:
        to_jsonl(calls, target, schema=schema)


def _draw_waste(calls: pd.DataFrame, findings: pd.DataFrame, target: Path) -> None:
    os.environ.setdefault("MPLBACKEND", "agg")  # a picture needs no screen
    from ..plot import plot_waste

    figure: Any = plot_waste(calls, findings=findings).figure
    figure.savefig(target, dpi=150)


def _show_rejects(rejects: pd.DataFrame) -> None:
    head = rejects.head(_REJECTS_SHOWN)
    for source, line, reason in zip(head["source"], head["line"], head["reason"], strict=True):
        _note(f"rejected {source}:{line}: {reason}")
    if len(rejects) > len(head):
        _note(f"rejected {quantity(len(rejects) - len(head), 'more line')}")


def _tell_unpriced(calls: pd.DataFrame, remedy: str = "; --config FILE prices further models") -> None:
    """Say which models have calls of unknown cost."""
    models = calls.loc[calls["cost"].isna(), "model"].astype("str").fillna(UNKNOWN).value_counts()
    if len(models):
        names = ", ".join(f"{model} ({digits(number)})" for model, number in models.head(_MODELS_NAMED).items())
        more = f" and {quantity(len(models) - _MODELS_NAMED, 'more model')}" if len(models) > _MODELS_NAMED else ""
        _note(f"warning: the cost of {quantity(models.sum(), 'call')} is unknown: {names}{more}{remedy}")


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _note(f"warning: {message}")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(" ".join(str(error).split()))


def _note(text: str) -> None:
    click.echo(printable(text), err=True)


def _width() -> int:
    return shutil.get_terminal_size().columns


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Say on a terminal what is being done, for as long as it is."""
    if not sys.stderr.isatty():
        yield
        return
    click.echo(f"{what} ...", err=True, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
