"""The command redact: a log that others may see."""

from typing import IO

import click

from ..watch import CONTENTS
from ..watch import redact as redact_calls
from . import options
from .files import check_target, write_calls
from .inputs import read_calls
from .output import print_written, working


@click.command(epilog=options.example("crashlens-frame redact logs.jsonl to_send.jsonl --content drop"))
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("target", metavar="OUT", type=click.Path())
@click.option(
    "--content",
    type=click.Choice(CONTENTS),
    default="mask",
    show_default=True,
    help="Mask what is recognised, hash words, or drop texts.",
)
@click.option("--key-file", type=click.File("rb"), help="File with the key of the hashes, which stays with you.")
@options.schema
@options.max_rejects
def redact(source: str, target: str, content: str, key_file: IO[bytes] | None, schema: str, max_rejects: float) -> None:
    """Write the logs IN to OUT without e-mail addresses, phone and card numbers, keys and the like."""
    check_target(target)
    if content == "hash" and key_file is None:
        raise click.UsageError("Missing option '--key-file': hashes need a key.")
    calls = read_calls([source], None, max_rejects, priced=False)
    key = None if key_file is None else key_file.read().strip()
    with working("redacting"):
        redacted = redact_calls(calls, content=content, key=key)
    write_calls(redacted, target, schema)
    print_written(redacted, target)
