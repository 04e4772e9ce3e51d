"""The command focus: costs for tools of FinOps."""

import click

from ..pricing import unpriced
from ..watch import to_focus
from ..words import quantity
from . import options
from .inputs import read_calls
from .output import print_note, print_unpriced


@click.command(epilog=options.example("crashlens-frame focus logs.jsonl focus.csv --account team"))
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("target", metavar="OUT", type=click.Path())
@click.option("--account", default="team", show_default=True, help="Field that divides costs into sub accounts.")
@options.config
@options.max_rejects
def focus(source: str, target: str, account: str, config: str | None, max_rejects: float) -> None:
    """Write the costs of the logs IN to OUT as CSV of FOCUS 1.2, the FinOps Open Cost and Usage Specification."""
    calls = read_calls([source], config, max_rejects)
    rows = to_focus(calls, target, account=account, prices=config)
    print_unpriced(unpriced(calls, config))
    print_note(f"wrote {quantity(len(rows), 'row')} to {target}")
