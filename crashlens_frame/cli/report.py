"""The command report: logs as one HTML file."""

import click

from ..frame import frame_from_table
from ..handout import write_report
from ..pricing import unpriced
from ..schema import REJECTS
from . import options
from .inputs import read_calls, read_content
from .output import print_note, print_unpriced, working


@click.command(epilog=options.example("crashlens-frame report logs.jsonl -o march.html --by team --tz Europe/Paris"))
@options.logs
@click.option(
    "--output", "-o", type=click.Path(), default="report.html", show_default=True, help="File to write; - is stdout."
)
@click.option("--before", type=click.Path(), help="Log of the period before, to compare with.")
@click.option("--by", default="team", show_default=True, metavar="KEY", help="Column, tags.KEY or extra.PATH.")
@options.tz
@click.option("--title", help="Heading of the page.")
@options.config
@options.max_rejects
def report(
    logs: tuple[str, ...],
    output: str,
    before: str | None,
    by: str,
    tz: str,
    title: str | None,
    config: str | None,
    max_rejects: float,
) -> None:
    """Write LOGS as one HTML file to send and print: cost, change, waste and what to do.

    Without --before the last 30, 7 or 1 days of the log, the most that it holds twice, are compared with as many days
    before them.
    """
    log = read_content(logs, config, max_rejects)
    calls = frame_from_table(log.calls)
    earlier = None if before is None else read_calls([before], config, max_rejects)
    named = {} if title is None else {"title": title}
    with working("looking for waste"):
        rejects = frame_from_table(log.rejects, REJECTS)
        write_report(calls, output, before=earlier, rejects=rejects, by=by, tz=tz, prices=config, **named)
    print_unpriced(unpriced(calls, config))
    print_note(f"wrote {output}")
