"""What the Explorer shows of a bill that is watched: the period against the one before, and budgets."""

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..report import compared_table
from ..watch import Budgets, BudgetSource, budgets, compare
from ..words import cut, money, percent, printable, quantity, signed_money
from . import markup
from .panels import make_field, show_errors
from .views import Study, ViewFilters

_MOST_ROWS = 8
_LENGTHS = {"day": 1, "week": 7, "30 days": 30}
_STATUS_TEXTS = {"ok": "", "warn": "near its limit", "over": "used up", "unknown": "no cost is known"}


class ChangePanel(W.VBox):
    """The period of the filters, or the last days of the log, against as many days before it."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._shown: tuple[ViewFilters, str] | None = None
        self.length = make_field(W.Dropdown, "Compare", options=list(_LENGTHS), value="week")
        self.table = W.HTML()
        self.status = W.HTML()
        self.length.observe(lambda _: self.compute(), names="value")
        super().__init__([self.length, self.status, self.table])

    def show(self, filters: ViewFilters, by: str) -> None:
        """Compare the calls that pass filters, group by group."""
        self._shown = filters, by
        # the days of the filters are a period already
        self.length.layout.display = "none" if filters.since is not None else ""
        self.compute()

    @show_errors
    def compute(self) -> None:
        """Compare again."""
        assert self._shown is not None
        filters, by = self._shown
        self.table.value = self.status.value = ""
        periods = self._study.periods(filters, _LENGTHS[self.length.value])
        if periods is None:
            self.status.value = markup.note("None of the calls has a time.")
            return
        before, after = (self._study.view(period).counted(by) for period in periods)
        texts = [f"{period.since:%Y-%m-%d} to {period.until:%Y-%m-%d}" for period in periods]
        if before.empty:
            self.status.value = markup.note(f"No calls from {texts[0]} to compare with.")
            return
        rows = compare(before, after, by=by)
        total = rows[["cost_before", "cost_after"]].sum()
        more = total["cost_after"] - total["cost_before"]
        self.status.value = markup.note(
            f"{texts[1]}: {money(total['cost_after'])}, {signed_money(more)}"
            f" ({percent(abs(more), total['cost_before'])}) against {texts[0]}"
        )
        self.table.value = markup.scrolled(compared_table(rows, by, _MOST_ROWS), "cl-compared")


class BudgetPanel(W.HTML):
    """The budgets, each as a bar with what is spent of it and what is projected for the end of its period."""

    def __init__(self, calls: pd.DataFrame, limits: BudgetSource) -> None:
        loaded = Budgets.load(limits)
        rows = budgets(calls, loaded)
        # what counts is the last period of each budget
        rows = rows[~rows.duplicated(["name", "group"], keep="last")]
        used = rows[["spent", "projected"]].max(axis=1) / rows["limit"]
        rows = rows.loc[used.sort_values(ascending=False, kind="stable", na_position="first").index]
        shown = rows.head(_MOST_ROWS)
        more = len(rows) - len(shown)
        bars = [_bar(each) for _, each in shown.transpose().items()]
        super().__init__("".join(bars) + (markup.note(f"and {quantity(more, 'more budget')}") if more else ""))


def _bar(row: pd.Series) -> str:
    name = row["name"] if pd.isna(row["group"]) else f"{row['name']}: {row['group']}"
    period = "" if pd.isna(row["period"]) else f", {row['period']}"
    texts = [f"{money(row['spent'])} of {money(row['limit'])}"]
    if pd.notna(row["projected"]) and row["projected"] > row["spent"]:
        texts.append(f"{money(row['projected'])} projected")
    if row["unknown"]:
        texts.append(f"{quantity(row['unknown'], 'call')} of unknown cost")
    status = _STATUS_TEXTS[row["status"]]
    if pd.notna(row["exhausted_on"]):
        status = f"used up on {row['exhausted_on']:%Y-%m-%d}"
    return markup.budget_bar(
        f"{cut(printable(str(name)), 60)}{period}",
        ", ".join(texts),
        status,
        str(row["status"]),
        spent=row["spent"] / row["limit"],
        projected=row["projected"] / row["limit"],
    )
