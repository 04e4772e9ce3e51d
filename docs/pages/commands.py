"""The page of the command line, from the commands themselves."""

from pathlib import Path

import click

from crashlens_frame.cli import main

from .markdown import block, table, write

_WIDTH = 100


def write_pages(folder: Path, root: Path) -> None:
    """Write the page into the folder."""
    parts = []
    for name, command in main.commands.items():
        context = click.Context(command, info_name=f"crashlens-frame {name}", max_content_width=_WIDTH)
        usage = command.get_usage(context).removeprefix("Usage: ")
        parts += [f"## {name}", block(usage), _text(command.help or ""), _options(command)]
    write(
        folder / "cli.md",
        "# Command line",
        "`crashlens-frame COMMAND`, or `python -m crashlens_frame COMMAND`. Data goes to stdout, notes to"
        " stderr, and `-` is stdin or stdout.",
        "Exit 0: done; 1: the error, or the limit that was crossed, is explained in one line; 2: usage.",
        *parts,
    )


def _text(text: str) -> str:
    r"""Return the help of a command, in which ``\b`` begins a block whose lines stay as they are."""
    paragraphs = text.replace("\r", "").split("\n\n")
    return "\n\n".join(
        block(part.removeprefix("\b\n"), "sh") if part.startswith("\b") else " ".join(part.split())
        for part in paragraphs
    )


def _options(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        choices = f" ({', '.join(option.type.choices)})" if isinstance(option.type, click.Choice) else ""
        default = f" Default: `{option.default}`." if option.show_default else ""
        rows.append((names, f"{option.help}{default}{choices}"))
    return table(("option", "what it does"), rows) if rows else ""
