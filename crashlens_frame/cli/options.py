"""Options and arguments that several commands share."""

import click

form = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="Form of the output.",
)
schema = click.option(
    "--schema",
    type=click.Choice(["crashlens", "flat"]),
    default="crashlens",
    show_default=True,
    help="Keys of each line: those that CrashLens reads too, or the Log Schema alone.",
)
config = click.option("--config", type=click.Path(), help="YAML file of prices; the shipped prices when not given.")
max_rejects = click.option(
    "--max-rejects",
    type=click.FloatRange(0, 100),
    default=50,
    show_default=True,
    metavar="PERCENT",
    help="Exit with 1 if more of the lines cannot be read.",
)
tz = click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="Time zone of the days.")
logs = click.argument("logs", nargs=-1, required=True, type=click.Path())


def example(line: str) -> str:
    """Return the end of the help of a command: an example that is not wrapped."""
    return f"\b\nExample:\n  {line}"
