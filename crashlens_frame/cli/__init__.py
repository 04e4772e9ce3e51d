"""The command line: parse, call one function, print. Data goes to stdout, notes go to stderr."""

import io
import sys
import warnings
from importlib.metadata import version
from typing import Any

import click

from ..errors import CrashlensFrameError, CrashlensFrameWarning, RejectedLinesWarning, UnpricedWarning
from ..pricing import PriceBook
from ..words import printable_lines
from . import check, compare, demo, files, focus, live, logs, options, redact, report, reports
from .output import one_line, print_warning

__all__ = ["main"]

_LONGEST_SUMMARY = 200  # characters


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands in their order, each with its whole summary."""
        rows = [(name, command.get_short_help_str(_LONGEST_SUMMARY)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _print_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    """Print the version, and the day on which the shipped prices were checked."""
    if not is_asked:
        return
    prices = PriceBook.default()
    click.echo(f"crashlens-frame {version('crashlens-frame')}, prices of {prices.checked} ({prices.source})")
    ctx.exit()


@click.group(
    epilog=options.example("crashlens-frame analyze ~/.claude/projects"),
    cls=_Commands,
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


# the order is that of the help and the documentation
for _command in (
    logs.log,
    logs.init_config,
    reports.analyze,
    reports.scan,
    report.report,
    reports.dashboard,
    check.check,
    compare.compare,
    live.watch,
    files.simulate,
    files.convert,
    redact.redact,
    focus.focus,
    demo.demo,
):
    main.add_command(_command)
