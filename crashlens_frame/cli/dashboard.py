"""The command dashboard: the Explorer as a page in the browser."""

from pathlib import Path

import click

from .. import dashboard as dashboards
from ..pricing import unpriced
from ..watch import Budgets
from ..words import quantity
from . import options
from .inputs import read_priced_calls
from .output import print_note, print_unpriced


@click.command(epilog=options.example("crashlens-frame dashboard logs.jsonl --theme dark"))
@options.logs
@options.config
@options.max_rejects
@click.option("--budgets", "limits", type=click.Path(), help="YAML file of budgets to show.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of the page; a free one when not given.")
@click.option("--theme", type=click.Choice(dashboards.THEMES), default="light", show_default=True, help="Colours.")
@click.option("--no-browser", is_flag=True, help="Print the address and do not open the browser.")
def dashboard(
    logs: tuple[str, ...],
    config: str | None,
    max_rejects: float,
    limits: str | None,
    port: int,
    theme: str,
    no_browser: bool,
) -> None:
    """Show LOGS as a dashboard in the browser, on this machine only; Ctrl+C ends it."""
    if limits is not None:
        Budgets.load(limits)  # so that a mistake is named here and not in the page
    calls, _ = read_priced_calls(logs, config, max_rejects)
    print_unpriced(unpriced(calls, config))

    def ready(address: str) -> None:
        click.echo(address)
        print_note("only this machine can open the address; Ctrl+C ends the dashboard")

    prices, limits = (None if path is None else str(Path(path).resolve()) for path in (config, limits))
    name = Path(logs[0]).name + (f" and {quantity(len(logs) - 1, 'more log')}" if len(logs) > 1 else "")
    dashboards.serve(
        calls, name=name, prices=prices, budgets=limits, port=port, theme=theme, browser=not no_browser, ready=ready
    )
