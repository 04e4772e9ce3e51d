"""The command line: parse, call one function, print. Data goes to stdout, notes go to stderr."""

import io
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..errors import CrashlensFrameError, CrashlensFrameWarning, RejectedLinesWarning, UnpricedWarning
from ..words import printable_lines
from . import options
from .output import one_line, print_warning

__all__ = ["main"]

# command -> its module, which is imported when the command is run, and its summary; in the order of the help
_COMMANDS = {
    "log": ("logs", "Log one call, or a pattern of waste that is simulated from it."),
    "init-config": ("logs", "Write a commented file of prices to start from."),
    "analyze": ("reports", "Summarize LOGS: calls, cost, tokens, latency, models, unpriced calls and waste."),
    "scan": ("reports", "Find the money wasted in LOGS, one finding per line."),
    "report": ("report", "Write LOGS as one HTML file to send and print: cost, change, waste and what to do."),
    "dashboard": ("dashboard", "Show LOGS as a dashboard in the browser, on this machine only; Ctrl+C ends it."),
    "check": ("check", "Check LOGS against budgets, rules and an earlier log; exit with 1 if one of them is broken."),
    "compare": ("compare", "Compare the cost of the log AFTER with that of the log BEFORE, group by group."),
    "watch": (
        "live",
        "Log the calls that coding agents and programs export with OpenTelemetry, until Ctrl+C.",
    ),
    "simulate": ("files", "Write a month of simulated calls, with every pattern of waste among them."),
    "convert": (
        "files",
        "Convert the logs IN to JSON Lines, Parquet or CSV, by the ending of OUT: .jsonl, .parquet or .csv.",
    ),
    "redact": (
        "redact",
        "Write the logs IN to OUT without e-mail addresses, phone and card numbers, keys and the like.",
    ),
    "focus": (
        "focus",
        "Write the costs of the logs IN to OUT as CSV of FOCUS 1.2, the FinOps Open Cost and Usage Specification.",
    ),
    "demo": ("demo", "Simulate a day on which the bill goes up, report why, and write log and plot to a folder."),
}


class _Modules(Mapping[str, click.Command]):
    """The commands by name; the module of a command is imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, _ = _COMMANDS[name]
        command: click.Command = getattr(import_module(f".{module}", __name__), name.replace("-", "_"))
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Commands(click.Group):
    """The commands, which explain each expected error and each warning in one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # a character that the terminal cannot show is written as its escape
                stream.reconfigure(errors="backslashreplace")
        with warnings.catch_warnings():
            warnings.simplefilter("always", CrashlensFrameWarning)
            # the commands print the rejected lines and the unpriced models themselves
            warnings.simplefilter("ignore", RejectedLinesWarning)
            warnings.simplefilter("ignore", UnpricedWarning)
            warnings.showwarning = print_warning
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise
            except click.ClickException as error:
                error.message = printable_lines(error.message)  # type: ignore[misc]  # of a usage error the rest is needed
                raise
            except (CrashlensFrameError, OSError) as error:
                raise click.ClickException(one_line(error)) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command, with its whole summary and without importing it, or an option."""
        # the script for fish ends a help at its first comma
        commands = [
            CompletionItem(name, help=summary.replace(",", ";"))
            for name, (_, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands in their order, each with its whole summary."""
        rows = [(name, summary) for name, (_, summary) in _COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _print_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    """Print the version, and the day on which the shipped prices were checked."""
    if not is_asked:
        return
    from importlib.metadata import version

    from ..pricing import PriceBook

    prices = PriceBook.default()
    click.echo(f"crashlens-frame {version('crashlens-frame')}, prices of {prices.checked} ({prices.source})")
    ctx.exit()


@click.group(
    epilog=options.example("crashlens-frame analyze ~/.claude/projects"),
    cls=_Commands,
    commands=_Modules(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and the day of the prices.",
)
def main() -> None:
    """Log LLM calls, know what each one cost, find the money wasted."""
