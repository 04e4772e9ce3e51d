"""The questions about a bill that is watched: who spends it, why it changed, what is unusual, whether it will hold."""

from pathlib import Path
from typing import Any

import ipywidgets as W  # noqa: N812
import pandas as pd

from .._core import scratch_folder
from ..handout import EFFECT_TEXTS
from ..report import Table, change_cells, text_cells
from ..watch import Budgets, BudgetSource, budgets, divided_change, forecast, reconcile
from ..words import cut, money, percent, printable, quantity, signed_money
from . import markup
from .grids import GridColumn
from .panels import show_errors, toolbar
from .seen import Seen
from .waste import GridView

_MOST_ROWS = 8
_STATUS_TEXTS = {"ok": "", "warn": "near its limit", "over": "used up", "unknown": "no cost is known"}
_TOTALS = (
    GridColumn("cost", "cost", "money"),
    GridColumn("cost_change", "change", "change"),
    GridColumn("n_calls", "calls", "count"),
    GridColumn("waste_cost", "wasted", "money"),
    GridColumn("could_save", "could save", "money"),
    GridColumn("input_tokens", "tokens in", "count"),
    GridColumn("output_tokens", "out", "count"),
    GridColumn("cached_share", "from cache", "share"),
    GridColumn("n_errors", "errors", "count"),
    GridColumn("p95_latency_ms", "p95", "seconds"),
)
_UNUSUAL = (
    GridColumn("start", "when", "time"),
    GridColumn("series", "who"),
    GridColumn("kind", "kind"),
    GridColumn("dollars", "dollars", "change"),
    GridColumn("sentence", "what happened", "wide"),
)
_INVOICE = (
    GridColumn("day", "day", "text"),
    GridColumn("model", "model"),
    GridColumn("ours", "ours", "money"),
    GridColumn("billed", "billed", "money"),
    GridColumn("difference", "difference", "change"),
    GridColumn("cause", "likely cause", "wide"),
)


class GroupsPanel(W.VBox):
    """Who spends it: the totals of each group, which add up to the bill."""

    def __init__(self) -> None:
        self.grid = GridView((), hint="search groups")
        self.status = W.HTML()
        super().__init__([self.status, self.grid])

    @show_errors
    def show(self, seen: Seen) -> None:
        """Show the groups of a view."""
        columns = [column for column in _TOTALS if seen.before is not None or column.name != "cost_change"]
        self.grid.show(seen.view.groups(seen.by, seen.before), [GridColumn(seen.by, seen.by), *columns])
        self.status.value = markup.note(
            "" if seen.before is not None else "Choose a period above to see how each has changed since the one before."
        )


class WhyPanel(W.VBox):
    """Why it changed: parts that add up to the difference of two periods."""

    def __init__(self) -> None:
        self.status = W.HTML()
        self.parts = W.HTML()
        self.grid = GridView((), hint="search groups")
        super().__init__([self.status, self.parts, self.grid])

    @show_errors
    def show(self, seen: Seen) -> None:
        """Explain the difference."""
        self.parts.value = ""
        self.grid.layout.display = "none"
        if seen.compared is None:
            self.status.value = markup.note("The log is shorter than two days: there is nothing to compare.")
            return
        days, days_before, after, before = seen.compared
        if not len(before) or not len(after):
            self.status.value = markup.note(f"No calls in {days if len(before) else days_before} to compare.")
            return
        views = (before, after)
        rows = divided_change(
            [view.priced for view in views], [view.wasted for view in views], by=seen.by, prices=after.study.prices
        )
        known = rows[rows["row"] == "group"]
        total = known["difference"].sum()
        self.status.value = (
            f"<b>{markup.escape_text(signed_money(total))}</b> "
            f"{markup.escape_text(f'{days}: ' + money(known['cost_after'].sum()))}, against "
            f"{markup.escape_text(f'{days_before}: ' + money(known['cost_before'].sum()))}"
        )
        sums = {name: float(known[name].sum()) for name in EFFECT_TEXTS if known[name].abs().sum() > 0}
        ordered = sorted(sums.items(), key=lambda part: -abs(part[1]))
        table = Table(
            {
                "because of": text_cells(EFFECT_TEXTS[name] for name, _ in ordered),
                "difference": change_cells(amount for _, amount in ordered),
            }
        )
        self.parts.value = markup.scrolled(table, "cl-parts") if sums else ""
        columns = [
            GridColumn(seen.by, seen.by),
            GridColumn("cost_before", "before", "money"),
            GridColumn("cost_after", "after", "money"),
            GridColumn("difference", "difference", "change"),
            *(GridColumn(name, EFFECT_TEXTS[name], "change") for name, _ in ordered),
        ]
        self.grid.show(known, columns)
        self.grid.layout.display = ""


class UnusualPanel(W.VBox):
    """What is unusual: hours in which the calls, or the cost of one, were not what their past lets expect."""

    def __init__(self) -> None:
        self.status = W.HTML()
        self.grid = GridView(_UNUSUAL, hint="search events")
        super().__init__([self.status, self.grid])

    @show_errors
    def show(self, seen: Seen) -> None:
        """Show the events of a view."""
        found = seen.anomalies
        names = found[seen.by].astype("object")
        frame = found.assign(
            series=names.where(names.notna(), "all together"), start=found["start"].dt.tz_convert(seen.tz)
        )
        order = frame["dollars"].abs().sort_values(ascending=False, kind="stable").index
        self.grid.show(frame.loc[order])
        self.grid.layout.display = "" if len(found) else "none"
        self.status.value = markup.note(
            f"by {seen.by}, the largest sums first" if len(found) else "No hour was unusual against its own past."
        )


class ForecastPanel(W.VBox):
    """Whether it will hold: what will be spent at the end of the month, and the budgets."""

    def __init__(self, limits: BudgetSource | None) -> None:
        self._limits = None if limits is None else Budgets.load(limits)
        self.status = W.HTML()
        self.cards = W.HTML()
        self.bars = W.HTML()
        super().__init__([self.status, self.cards, self.bars])

    @property
    def tz(self) -> str:
        """Time zone of the budgets; UTC if they have none in common."""
        zones = {budget.tz for budget in self._limits.budgets} if self._limits else set()
        return zones.pop() if len(zones) == 1 else "UTC"

    @show_errors
    def show(self, seen: Seen) -> None:
        """Forecast the calls of a view; budgets are of all calls, whatever the filters."""
        self.status.value = self.cards.value = self.bars.value = ""
        rows = forecast(seen.past.columns("timestamp", "cost"), until="month", tz=seen.tz)
        if rows.empty:
            self.status.value = markup.note("None of the calls has a time.")
        else:
            self.cards.value = markup.cards(_forecast_cards(rows.iloc[0]))
        if self._limits is not None:
            self.bars.value = markup.heading("Budgets, of all calls") + budget_bars(
                self.spending(seen.view.study.calls)
            )

    def spending(self, calls: pd.DataFrame) -> pd.DataFrame:
        """Return the last period of each budget, what is nearest to its limit first."""
        if self._limits is None or not self._limits.budgets:
            return pd.DataFrame()
        rows = budgets(calls, self._limits)
        rows = rows[~rows.duplicated(["name", "group"], keep="last")]
        used = rows[["spent", "projected"]].max(axis=1) / rows["limit"]
        return rows.loc[used.sort_values(ascending=False, kind="stable", na_position="first").index]


class InvoicePanel(W.VBox):
    """Whether the log matches the invoice, which is read in the kernel and goes nowhere."""

    def __init__(self) -> None:
        self._seen: Seen | None = None
        self.upload = W.FileUpload(
            description="Open an invoice", accept=".csv,.json,.jsonl,.parquet,.gz", multiple=False
        )
        self.status = W.HTML()
        self.grid = GridView(_INVOICE, hint="search days and models")
        self.grid.layout.display = "none"
        self.upload.observe(lambda _: self.compute(), names="value")
        hint = markup.note(
            "costs or usage of OpenAI, Anthropic, OpenRouter, AWS, LiteLLM, or any table of day, model, cost"
        )
        super().__init__([toolbar(self.upload, W.HTML(hint)), self.status, self.grid])

    def show(self, seen: Seen) -> None:
        """Compare the calls of a view with the invoice, if there is one."""
        self._seen = seen
        self.compute()

    @show_errors
    def compute(self) -> None:
        """Compare again."""
        self.status.value = ""
        self.grid.layout.display = "none"
        if self._seen is None or not self.upload.value:
            return
        (file,) = self.upload.value
        with scratch_folder() as folder:
            path = Path(folder) / Path(file["name"]).name
            path.write_bytes(bytes(file["content"]))
            found = reconcile(self._seen.view.columns("timestamp", "model", "cost"), path)
        order = found["difference"].abs().sort_values(ascending=False, kind="stable", na_position="first").index
        days = found["day"].dt.strftime("%Y-%m-%d") if len(found) else found["day"]
        self.grid.show(found.assign(day=days).loc[order])
        self.grid.layout.display = ""
        ours, billed = found["ours"].sum(), found["billed"].sum()
        self.status.value = markup.note(
            f"ours {money(ours)}, billed {money(billed)}: {signed_money(billed - ours)}"
            f" ({percent(abs(billed - ours), ours)} of ours)"
        )


def _forecast_cards(row: pd.Series) -> dict[str, markup.Card]:
    month = f"{row['start']:%B %Y}"
    likely = f"{money(row['low'])} to {money(row['high'])} in four of five such months, by weekdays and trend"
    unsure = "what is likely is given from seven days of calls on"
    unknown = f"{quantity(row['unknown'], 'call')} of unknown cost" if row["unknown"] else "every cost is known"
    # the same projection as that of the budgets below, which adds up over teams
    return {
        f"Spent in {month}": markup.Card(money(row["spent"]), unknown),
        f"{month} at this pace": markup.Card(money(row["pace"]), likely if pd.notna(row["low"]) else unsure),
    }


def budget_bars(rows: pd.DataFrame) -> str:
    """Return budgets as bars, each with what is spent of it and what is projected for the end of its period.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.widgets.watching import budget_bars
    >>> budget_bars(pd.DataFrame())
    ''
    """
    head = rows.head(_MOST_ROWS)
    more = len(rows) - len(head)
    bars = [_bar(each) for _, each in head.transpose().items()]
    return "".join(bars) + (markup.note(f"and {quantity(more, 'more budget')}") if more else "")


def _bar(row: Any) -> str:
    name = row["name"] if pd.isna(row["group"]) else f"{row['name']}: {row['group']}"
    period = "" if pd.isna(row["period"]) else f", {row['period']}"
    texts = [f"{money(row['spent'])} of {money(row['limit'])}"]
    if pd.notna(row["projected"]) and row["projected"] > row["spent"]:
        texts.append(f"{money(row['projected'])} projected")
    if row["unknown"]:
        texts.append(f"{quantity(row['unknown'], 'call')} of unknown cost")
    status = _STATUS_TEXTS[row["status"]]
    if pd.notna(row["exhausted_on"]):
        verb = "used up" if row["spent"] >= row["limit"] else "will be used up"
        status = f"{verb} on {row['exhausted_on']:%Y-%m-%d}"
    return markup.budget_bar(
        f"{cut(printable(str(name)), 60)}{period}",
        ", ".join(texts),
        status,
        str(row["status"]),
        spent=row["spent"] / row["limit"],
        projected=row["projected"] / row["limit"],
    )
