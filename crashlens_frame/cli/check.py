"""The command check: budgets, rules and the cost of an earlier log, as a gate of a build."""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree

import click

from ..pricing import unpriced
from ..report import frame_records, json_text
from ..watch import Budgets, CostIncrease, broken_rules, budgets, cost_increase
from ..words import money, printable, quantity
from . import options
from .inputs import read_calls
from .output import print_note, print_unpriced, working

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of one check: ``level`` is ok, warn or fail, ``text`` what was found."""

    kind: str
    name: str
    level: str
    text: str

    def line(self) -> str:
        return printable(f"{self.level} {self.kind} {self.name}: {self.text}")


class _Percent(click.ParamType[float]):
    """A share such as 10%."""

    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _PERCENT.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no share, expected a number with its sign, such as 10%", param, ctx)
        return float(found[1]) / 100


@click.command(epilog=options.example("crashlens-frame check new.jsonl --baseline old.jsonl --max-increase 10%"))
@options.logs
@click.option("--budgets", "limits", type=click.Path(), help="YAML file of budgets and rules, or rules of guard.")
@click.option("--baseline", type=click.Path(), help="Earlier log that the cost of a trace is compared with.")
@click.option(
    "--max-increase", type=_Percent(), default="10%", show_default=True, metavar="PERCENT", help="Largest increase."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "junit", "github"]),
    default="table",
    show_default=True,
    help="Form of the output.",
)
@options.config
@options.max_rejects
def check(
    logs: tuple[str, ...],
    limits: str | None,
    baseline: str | None,
    max_increase: float,
    form: str,
    config: str | None,
    max_rejects: float,
) -> None:
    """Check LOGS against budgets, rules and an earlier log; exit with 1 if one of them is broken.

    A line is printed for each violation. An increase counts if the cost of a trace went up by more than --max-increase
    beyond what chance does: if the whole interval of 90 % is above it.
    """
    if limits is None and baseline is None:
        raise click.UsageError("Nothing to check: give --budgets, --baseline, or both.")
    loaded = Budgets() if limits is None else Budgets.load(limits)
    calls = read_calls(logs, config, max_rejects)
    if calls.empty:
        raise click.ClickException("the logs hold no calls, so nothing was checked")
    with working("checking"):
        spent, broken = budgets(calls, loaded), broken_rules(calls, loaded)
        results = [*map(_of_budget, frame_records(spent)), *map(_of_rule, frame_records(broken))]
        increase = None
        if baseline is not None:
            increase = cost_increase(read_calls([baseline], config, max_rejects), calls)
            results.append(_of_increase(increase, baseline, max_increase))
    print_unpriced(unpriced(calls, config))
    if form == "json":
        found = {"results": [asdict(result) for result in results]}
        found |= {"budgets": frame_records(spent), "rules": frame_records(broken)}
        click.echo(json_text(found | ({} if increase is None else {"increase": asdict(increase)})))
    else:
        text = _FORMS[form](results)
        if text:
            click.echo(text)
    n_failed = sum(result.level == "fail" for result in results)
    if n_failed:
        raise click.ClickException(f"{quantity(n_failed, 'violation')} in {quantity(len(calls), 'call')}")
    print_note(f"no violation in {quantity(len(calls), 'call')}")


def _of_budget(row: dict[str, Any]) -> _Result:
    """Return the result of a budget, a group and a period."""
    text, status = f"{money(row['spent'])} of {money(row['limit'])} spent", row["status"]
    if status == "unknown":
        text = f"the cost of all {quantity(row['unknown'], 'call')} is unknown"
    elif row["unknown"]:
        text += f", and the cost of {quantity(row['unknown'], 'call')} is unknown"
    if status == "warn" and (row["projected"] or 0) > row["limit"]:
        text += f", {money(row['projected'])} projected"
    if row["exhausted_on"]:
        text += f", used up on {row['exhausted_on']:%Y-%m-%d}"
    label = ", ".join(row[name] for name in ("name", "group", "period") if row[name] is not None)
    # what cannot be known to hold does not hold
    return _Result("budget", label, {"over": "fail", "unknown": "fail"}.get(status, status), text)


def _of_rule(row: dict[str, Any]) -> _Result:
    if not row["n_calls"]:
        return _Result("rule", row["name"], "ok", "no call breaks it")
    text = f"{quantity(row['n_calls'], 'call')}, {money(row['cost'])}, the first in trace {row['trace_id']}"
    return _Result("rule", row["name"], row["action"], text)


def _of_increase(increase: CostIncrease, baseline: str, most: float) -> _Result:
    text = f"a trace cost {money(increase.before)} and costs {money(increase.after)}"
    if math.isnan(increase.increase):
        return _Result("increase", baseline, "fail", f"{text}, so the increase is unknown")
    text += (
        f", {increase.increase:+.1%} (90 % interval {increase.low:+.1%} to {increase.high:+.1%}),"
        f" at most {most:+.1%} is allowed"
    )
    return _Result("increase", baseline, "fail" if increase.low > most else "ok", text)


def _lines(results: list[_Result]) -> str:
    return "\n".join(result.line() for result in results if result.level != "ok")


def _github(results: list[_Result]) -> str:
    """Return workflow commands, which GitHub shows as annotations."""
    commands = {"fail": "error", "warn": "warning"}
    return "\n".join(
        f"::{commands[result.level]} title={_escaped(f'{result.kind} {result.name}', ',:')}::{_escaped(result.text)}"
        for result in results
        if result.level != "ok"
    )


def _escaped(text: str, others: str = "") -> str:
    """Return a text as workflow commands write it."""
    escaped = printable(text).replace("%", "%25")
    for character in others:
        escaped = escaped.replace(character, f"%{ord(character):02X}")
    return escaped


def _junit(results: list[_Result]) -> str:
    failed = sum(result.level == "fail" for result in results)
    suite = ElementTree.Element("testsuite", name="crashlens-frame", tests=str(len(results)), failures=str(failed))
    for result in results:
        case = ElementTree.SubElement(suite, "testcase", classname=result.kind, name=printable(result.name))
        if result.level == "fail":
            ElementTree.SubElement(case, "failure", message=printable(result.text))
        elif result.level == "warn":
            ElementTree.SubElement(case, "system-out").text = result.line()
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


_FORMS: dict[str, Callable[[list[_Result]], str]] = {"table": _lines, "github": _github, "junit": _junit}
