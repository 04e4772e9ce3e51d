"""The page of the command line, from the commands themselves."""

from pathlib import Path

import click

from crashlens_frame.cli import main

from .markdown import block, table, write

_WIDTH = 100
_COMPLETION = """\
## Completion with the tab key

Commands, options, their values and file names. One line for your shell:

- bash 4.4 or newer, in `~/.bashrc`: `eval "$(_CRASHLENS_FRAME_COMPLETE=bash_source crashlens-frame)"`
- zsh, in `~/.zshrc`: `eval "$(_CRASHLENS_FRAME_COMPLETE=zsh_source crashlens-frame)"`
- fish, in `~/.config/fish/config.fish`: `_CRASHLENS_FRAME_COMPLETE=fish_source crashlens-frame | source`

## Colours

None: what is printed is the same on a terminal, in a file and with `NO_COLOR`. On a terminal, a line on stderr names
what is being done, and goes away when it is done.
"""


def write_pages(folder: Path, root: Path) -> None:
    """Write the page into the folder."""
    parts = []
    for name, command in main.commands.items():
        context = click.Context(command, info_name=f"crashlens-frame {name}", max_content_width=_WIDTH)
        usage = command.get_usage(context).removeprefix("Usage: ")
        parts += [
            f"## {name}",
            block(usage),
            _text(command.help or ""),
            _example(command.epilog or ""),
            _options(command),
        ]
    write(
        folder / "cli.md",
        "# Command line",
        "`crashlens-frame COMMAND`, or `python -m crashlens_frame COMMAND`. Data goes to stdout, notes to"
        " stderr, and `-` is stdin or stdout.",
        "Exit 0: done; 1: the error, or the limit that was crossed, is explained in one line; 2: usage.",
        _COMPLETION,
        *parts,
    )


def _text(text: str) -> str:
    """Return the help of a command as paragraphs."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _example(epilog: str) -> str:
    return block(epilog.partition("Example:\n")[2].strip(), "sh")


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
