"""Commands that report what is in logs: analyze and scan."""

from difflib import get_close_matches

import click

from ..detectors import find_waste
from ..errors import UnknownTraceError
from ..io import SHIPPED
from ..report import (
    Report,
    WasteTotals,
    escape_markdown,
    findings_table,
    frame_records,
    json_with_records,
    sum_waste,
    summarize,
)
from ..words import money, percent, quantity
from . import options
from .inputs import read_priced_calls, report_left_out
from .output import print_unpriced, terminal_columns, working


@click.command(epilog=options.example("crashlens-frame analyze ~/.claude/projects --by route"))
@options.logs
@click.option("--model", help="Only calls of this model.")
@click.option("--trace-id", help="Only calls of this trace.")
@click.option("--by", multiple=True, metavar="KEY", help="Totals by a column, tags.KEY or extra.PATH too; repeatable.")
@options.config
@options.max_rejects
@options.form
def analyze(
    logs: tuple[str, ...],
    model: str | None,
    trace_id: str | None,
    by: tuple[str, ...],
    config: str | None,
    max_rejects: float,
    form: str,
) -> None:
    """Summarize LOGS: calls, cost, tokens, latency, models, unpriced calls and waste.

    LOGS are files of JSON Lines, JSON, CSV or Parquet (also .gz, .zst and .zip), folders, patterns of file names, or -
    for stdin.
    """
    calls, prices = read_priced_calls(logs, config, max_rejects)
    if trace_id is not None:
        calls = calls[calls["trace_id"] == trace_id].reset_index(drop=True)
        if calls.empty:
            raise UnknownTraceError(f"no call belongs to the trace {trace_id!r}; a trace id must match exactly")
    if model is not None:
        models = calls["model"].cat.categories.tolist()
        calls = calls[calls["model"] == model].reset_index(drop=True)
        if calls.empty:
            near = get_close_matches(model, models, n=3, cutoff=0.3) or list(models[:3])
            raise click.ClickException(f"no call used the model {model!r}; the log has {', '.join(near) or 'none'}")
    with working("looking for waste"):
        report = summarize(calls, by=by or None, prices=prices)
    print_unpriced(report.unpriced)
    texts = {
        "table": lambda: report.to_text(terminal_columns()),
        "json": report.to_json,
        "markdown": report.to_markdown,
    }
    click.echo(texts[form]())


@click.command(epilog=options.example('crashlens-frame scan "logs/*.jsonl.gz" --fail-on-waste 10'))
@options.logs
@options.config
@options.max_rejects
@options.form
@click.option("--fail-on-waste", type=click.FloatRange(min=0), metavar="USD", help="Exit with 1 if more was wasted.")
@click.option("--memory", metavar="SIZE", help="Search part by part, each within SIZE such as 2GB; for large logs.")
def scan(
    logs: tuple[str, ...],
    config: str | None,
    max_rejects: float,
    form: str,
    fail_on_waste: float | None,
    memory: str | None,
) -> None:
    """Find the money wasted in LOGS, one finding per line.

    LOGS are files of JSON Lines, JSON, CSV or Parquet (also .gz, .zst and .zip), folders, patterns of file names, or -
    for stdin.
    """
    report: WasteTotals | Report
    if memory is None:
        calls, prices = read_priced_calls(logs, config, max_rejects)
        with working("looking for waste"):
            findings = find_waste(calls, prices=prices)
            report = sum_waste(calls, findings, prices=prices)
    else:
        from ..scale import scan_counted

        (report, findings), left = scan_counted(list(logs), memory=memory, prices=config or SHIPPED)
        report_left_out(left, report.events, max_rejects)
    print_unpriced(report.unpriced)
    total = (
        f"{money(report.waste_cost)} wasted in {quantity(int(report.waste['n_findings'].sum()), 'finding')},"
        f" {percent(report.waste_cost, report.cost)} of {money(report.cost)} for {quantity(report.events, 'call')}"
    )
    if form == "json":
        waste = {"cost": report.cost, "waste_cost": report.waste_cost, "waste": frame_records(report.waste)}
        click.echo(json_with_records(waste, "findings", findings))
    elif form == "markdown":
        table = findings_table(findings).to_markdown()
        click.echo(f"{table}\n\n{escape_markdown(total)}" if len(findings) else escape_markdown(total))
    else:
        table = findings_table(findings).to_text(terminal_columns())
        click.echo(f"{table}\n\n{total}" if len(findings) else total)
    if fail_on_waste is not None and report.waste_cost > fail_on_waste:
        raise click.ClickException(f"waste of {money(report.waste_cost)} exceeds the limit of {money(fail_on_waste)}")
