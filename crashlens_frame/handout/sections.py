"""The sections of the report, each as HTML in which no logged text is markup."""

from collections.abc import Iterable
from functools import partial
from html import escape
from typing import Any

import pandas as pd

from ..plot import draw_svg, plot_cost, plot_waste
from ..pricing import PriceBook
from ..report import (
    Report,
    Table,
    blind_table,
    change_cells,
    compared_table,
    count_cells,
    frame_records,
    groups_table,
    key_values,
    text_cells,
    unpriced_table,
)
from ..watch import anomalies, compare
from ..words import UNKNOWN, cut, money, percent, printable, quantity, signed_money
from .periods import Periods

_MOST_ROWS = 8
_MOST_PATTERNS = 6
_MOST_REASONS = 6
_LONGEST = 300  # characters of a logged text
EFFECT_TEXTS = {
    "volume": "more or fewer calls",
    "mix": "other calls",
    "tokens": "longer or shorter calls",
    "cache": "less or more from the cache",
    "price": "other models or rates",
    "waste": "waste",
}


def text(value: Any) -> str:
    """Return a logged text as HTML: printable, cut, escaped.

    Examples
    --------
    >>> from crashlens_frame.handout.sections import text
    >>> text("<b>")
    '&lt;b&gt;'
    """
    return escape(UNKNOWN if pd.isna(value) else cut(printable(str(value)), _LONGEST))


def titled(title: str, *parts: str) -> str:
    """Return a section with a title; nothing where it has no parts.

    Examples
    --------
    >>> from crashlens_frame.handout.sections import titled
    >>> titled("Empty", "", "")
    ''
    """
    content = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def headline(report: Report, periods: Periods | None) -> str:
    """Return the figures that everybody asks for: cost, its change, waste, what could be saved."""
    found = [("cost", money(report.cost), f"{quantity(report.events, 'call')} in {quantity(report.traces, 'trace')}")]
    if periods is not None:
        before, after = (_cost(side) for side in (periods.before, periods.after))
        share = (
            f"{percent(abs(after - before), before)} of {money(before)}" if before > 0 else "nothing to compare with"
        )
        found.append((f"change, {periods.names[1]}", signed_money(after - before), share))
    found.append(("wasted", money(report.waste_cost), f"{percent(report.waste_cost, report.cost)} of the cost"))
    found.append(("could save", money(report.could_save), "if somebody agrees"))
    boxes = (
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(figure)}</b><span>{escape(detail)}</span></dd></div>"
        for name, figure, detail in found
    )
    return f"<dl class='cards'>{''.join(boxes)}</dl>"


def changed(periods: Periods | None, by: str, prices: PriceBook) -> str:
    """Return what changed between the periods, and by what."""
    if periods is None:
        return "<p>The log is shorter than two days, so there is no period before to compare with.</p>"
    if periods.before.empty or periods.after.empty:
        return f"<p>No calls in {escape(periods.names[0] if periods.before.empty else periods.names[1])}.</p>"
    compared = compare(periods.before, periods.after, by=by)
    why = periods.explained(by, prices)
    parts = sorted(((name, _sum(why[name])) for name in EFFECT_TEXTS if name in why), key=lambda part: -abs(part[1]))
    causes = Table(
        {
            "because of": text_cells(EFFECT_TEXTS[name] for name, _ in parts),
            "difference": change_cells(amount for _, amount in parts),
        }
    )
    return (
        f"<p>{escape(periods.names[1])} against {escape(periods.names[0])}. The parts add up to the difference.</p>"
        f"{_scrolled(causes)}{_scrolled(compared_table(compared, by, _MOST_ROWS))}"
    )


def patterns(report: Report) -> str:
    """Return what wastes money and what to do about it, the most expensive first."""
    counted = report.patterns[report.patterns[["waste_cost", "could_save"]].max(axis=1) > 0]
    head, hidden = counted.head(_MOST_PATTERNS), len(counted) - _MOST_PATTERNS
    items = "".join(map(_pattern, frame_records(head)))
    more = f"<p>and {quantity(hidden, 'more pattern')}</p>" if hidden > 0 else ""
    return f"<ol class='patterns'>{items}</ol>{more}" if items else "<p>No waste was found.</p>"


def _pattern(row: dict[str, Any]) -> str:
    amount = row["could_save"] if row["certainty"] == "candidate" else row["waste_cost"]
    verb = "could be saved" if row["certainty"] == "candidate" else f"wasted, {row['certainty']}"
    place = " · ".join(text(row[name]) for name in ("route", "model", "team") if row[name] is not None)
    note = f"<p class='todo'>{text(row['savings_note'])}</p>" if row["savings_note"] else ""
    return f"<li><b>{escape(money(amount))}</b> {escape(verb)}: {text(row['pattern'])}<p>{place}</p>{note}</li>"


def groups(report: Report) -> str:
    """Return the totals by group."""
    return "" if report.groups is None else _scrolled(groups_table(report.groups))


def unusual(found: pd.DataFrame | None, by: str, tz: str) -> str:
    """Return the unusual hours, a sentence each, those with the most money first."""
    if found is None:
        return "<p>No call has a time, so nothing can be judged.</p>"
    if found.empty:
        return "<p>No hour was unusual against its own past.</p>"
    order = found["dollars"].abs().sort_values(ascending=False, kind="stable").index
    head = found.loc[order].head(_MOST_ROWS)
    starts = head["start"].dt.tz_convert(tz).dt.strftime("%Y-%m-%d %H:%M")
    names = head[by].astype("object")
    items = "".join(
        f"<li>{text(start)}, {'all together' if pd.isna(name) else text(name)}: {text(sentence)}</li>"
        for start, name, sentence in zip(starts, names, head["sentence"], strict=True)
    )
    hidden = len(found) - len(head)
    return f"<ul>{items}</ul>" + (f"<p>and {quantity(hidden, 'more event')}</p>" if hidden else "")


def unknown(report: Report, rejects: pd.DataFrame | None) -> str:
    """Return what is not in the figures: calls without a price, contradicting counts, lines that could not be read."""
    unclear = report.token_readings.get("unclear", 0)
    facts = {
        "of unknown cost, in no sum": report.cost_sources["unknown"],
        "whose counts of tokens contradict one another": unclear,
        "without a time, in no period": report.no_timestamp,
    }
    lines = [f"{quantity(number, 'call')} {name}" for name, number in facts.items() if number]
    if rejects is None:
        lines.append("lines that could not be read: not counted here")
    elif len(rejects):
        lines.append(f"{quantity(len(rejects), 'line')} that could not be read")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return "".join(
        (
            f"<ul>{items}</ul>" if items else "<p>Nothing: every line was read, every call has a price and a time.</p>",
            _scrolled(unpriced_table(report.unpriced)) if len(report.unpriced) else "",
            _scrolled(_reasons(rejects)) if rejects is not None and len(rejects) else "",
            _blind(report),
        )
    )


def _reasons(rejects: pd.DataFrame) -> Table:
    counts = rejects["reason"].astype("str").value_counts()
    head = counts.head(_MOST_REASONS)
    hidden = len(counts) - len(head)
    return Table(
        {"why a line could not be read": text_cells(head.index), "lines": count_cells(head)},
        note=f"and {quantity(hidden, 'more reason')}" if hidden else "",
    )


def _blind(report: Report) -> str:
    if report.waste["missing"].isna().all():
        return ""
    return f"<p>These detectors could not look:</p>{_scrolled(blind_table(report.waste))}"


def method(prices: PriceBook, tz: str) -> str:
    """Return how the figures were made."""
    source = " ".join(str(part) for part in (prices.source, prices.checked and f"checked on {prices.checked}") if part)
    lines = (
        f"Prices: {source or 'a price file'}. Each call has the rate of its day, tier, region and length, meter by"
        " meter; a cost that the log reports is taken as it is. An unknown price is unknown, never 0.",
        "Wasted: money that a sound client would not have paid, as certain findings (paid twice or thrown away) and"
        " likely ones (a rule that has exceptions) have it. Could save: if somebody agrees that less would do. Each"
        " dollar is counted once.",
        "Unusual: the number of calls and the cost of a call, each judged against the same hours of comparable days"
        " before.",
        f"Days begin in the time zone {tz}. Amounts are US dollars. Written by crashlens_frame.",
    )
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def events(calls: pd.DataFrame, by: str, tz: str) -> pd.DataFrame | None:
    """Return the anomalies; None where no call has a time."""
    return None if calls["timestamp"].isna().all() else anomalies(calls, by=by, tz=tz)


def cost_plot(calls: pd.DataFrame, by: str, tz: str, found: pd.DataFrame | None) -> str:
    """Return the plot of costs over time, with unusual hours marked."""
    labelled = calls.reset_index(drop=True).assign(**{by: key_values(calls, by)})
    return _figure(partial(plot_cost, labelled, by=by, tz=tz, marked=found))


def waste_plot(calls: pd.DataFrame, findings: pd.DataFrame) -> str:
    """Return the plot of waste by detector; nothing where nothing was found."""
    return _figure(partial(plot_waste, calls, findings=findings)) if len(findings) else ""


def _figure(draw: Any) -> str:
    return f"<figure>{draw_svg(draw, width=9.6, height=3.6)}</figure>"


def _scrolled(table: Table) -> str:
    return f"<div class='table'>{table.to_html()}</div>"


def _cost(calls: pd.DataFrame) -> float:
    return float(calls["cost"].sum(min_count=1)) if len(calls) else 0.0


def _sum(values: Iterable[float]) -> float:
    return float(pd.Series(values).sum())
