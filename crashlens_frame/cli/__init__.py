"""The command line: parse, call one function, print. Data goes to stdout, notes go to stderr."""

import io
import sys
import warnings
from typing import Any

import click

from ..errors import CrashlensFrameError, CrashlensFrameWarning, RejectedLinesWarning, UnpricedWarning
from ..words import printable_lines
from . import check, compare, demo, files, focus, live, logs, redact, reports
from .output import one_line, print_warning

__all__ = ["main"]


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


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crashlens-frame", prog_name="crashlens-frame")
def main() -> None:
    """Log LLM calls, know what each one cost, find the money wasted."""


# the order is that of the README
for _command in (
    logs.log,
    logs.init_config,
    reports.analyze,
    reports.scan,
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
