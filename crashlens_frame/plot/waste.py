"""How much of the cost was wasted."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ..detectors import ROSTER, find_waste
from ..frame import checked_calls
from ..schema import CERTAINTIES
from ..words import money, percent, quantity
from .canvas import COLORS, GREY, WELL_SPENT, axis_label, draw_message, format_dollars, new_axes, set_rows, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT, _FRAME_HEIGHT = 0.46, 1.3  # inches
_BAR = 0.68  # of the height of a row
_INSIDE = 0.5  # of the cost, a bar that holds its text
_LETTER = 0.016  # of the width, of a letter beside a bar
_A_CENT = 0.005  # what is less, rounded, is no headline
# what is certain, what is likely, and what could be saved if somebody agrees
_STYLES = dict(zip(CERTAINTIES, ((COLORS[5], ""), (COLORS[1], ""), (COLORS[4], "///")), strict=True))
_LEGEND = dict(zip(CERTAINTIES, ("certain", "likely", "could save"), strict=True))


class _Step(NamedTuple):
    """One row: its name, the US dollars of each certainty, and what is written beside it."""

    name: str
    dollars: dict[str, float]
    text: str


def plot_waste(calls: pd.DataFrame, *, ax: "Axes | None" = None, findings: pd.DataFrame | None = None) -> "Axes":
    """Draw the waste that each detector found, as steps from the cost down to the cost without waste.

    Parameters
    ----------
    calls
        Frame of calls.
    ax
        Axes to draw on; a new figure when not given.
    findings
        Findings in the calls; those of ``find_waste`` when not given. Suppressed findings are not drawn.

    Returns
    -------
    Axes
        One bar for the cost, one per detector that found something, one for the cost without waste, in US dollars.
        Certain and likely waste have colours of their own. What could be saved if somebody agrees is hatched, and
        stands below the cost without waste. Detectors that found nothing are named below the axis.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> ax = cf.plot_waste(cf.LogBook().df)
    >>> ax.texts[0].get_text()
    'No calls to draw'
    """
    calls = checked_calls(calls, needs=("cost",))
    if not calls["cost"].notna().any():
        why = "None of the calls has a known cost" if len(calls) else "No calls to draw"
        return draw_message(new_axes(ax), why)
    with np.errstate(over="ignore"):
        spent = float(calls["cost"].sum())
    if not np.isfinite(spent):
        return draw_message(new_axes(ax), "The costs add up to more than a number can hold")
    if findings is None:
        findings = find_waste(calls)
    counted = findings[findings["suppressed_by"].isna()]
    is_candidate = counted["certainty"] == "candidate"
    wasted, saved = (_steps(counted[rows], spent) for rows in (~is_candidate, is_candidate))
    ax = new_axes(ax, height=_FRAME_HEIGHT + _ROW_HEIGHT * (3 + len(wasted) + len(saved)))

    ends = [(0.0, spent)]
    ax.barh([0], [spent], color=GREY, height=_BAR)
    left = _draw_steps(ax, wasted, ends, spent)
    ends.append((0.0, left))
    ax.barh([len(ends) - 1], [left], color=WELL_SPENT, height=_BAR)
    texts = [money(spent), *(step.text for step in wasted), money(left)]
    names = ["spent", *(step.name for step in wasted), "without waste"]
    least = _draw_steps(ax, saved, ends, left)
    names += [step.name for step in saved]
    texts += [step.text for step in saved]
    for row, ((begin, end), text) in enumerate(zip(ends, texts, strict=True)):
        _beside(ax, row, begin, end, spent, text)
    ax.set_yticks(range(len(names)), names)
    set_rows(ax, len(names))
    ax.set_xlim(min(0.0, least, *(begin for begin, _ in ends)), 1.015 * spent or 1.0)
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    format_dollars(ax.xaxis)
    found = {step.name for step in (*wasted, *saved)}
    clean = [detector.title for detector in ROSTER if detector.title not in found]
    label = axis_label("US dollars", int(calls["cost"].isna().sum()), "without a known price")
    ax.set_xlabel(f"{label}\nnothing found: {', '.join(clean)}" if clean else label, wrap=True)
    _add_legend(ax, counted)
    sure, more = (float(counted.loc[rows, "counted_cost"].sum()) for rows in (~is_candidate, is_candidate))
    title = f"{money(sure)} of {money(spent)} wasted ({percent(sure, spent)})"
    title += f", {money(more)} more could be saved" if more >= _A_CENT else ""
    set_title(ax, title if len(counted) else f"No waste found in {quantity(len(calls), 'call')}")
    return ax


def _steps(findings: pd.DataFrame, spent: float) -> list[_Step]:
    """Return the rows of the detectors that found something, in the order of the roster."""
    by_detector = findings.groupby(findings["detector"].astype("str"))
    dollars = findings.groupby([findings["detector"].astype("str"), findings["certainty"].astype("str")])[
        "counted_cost"
    ]
    sums, n_findings = dollars.sum(), by_detector.size()
    total = by_detector["counted_cost"].sum(min_count=1)
    return [
        _Step(
            each.title,
            {certainty: float(sums.get((each.name, certainty), 0.0)) for certainty in CERTAINTIES},
            f"{money(total[each.name])}, {percent(total[each.name], spent)} in"
            f" {quantity(int(n_findings[each.name]), 'finding')}",
        )
        for each in ROSTER
        if each.name in n_findings.index
    ]


def _draw_steps(ax: "Axes", steps: list[_Step], ends: list[tuple[float, float]], right: float) -> float:
    """Draw each step from where the one above it ends; return where the last one ends."""
    for step in steps:
        row, begin = len(ends), right
        for certainty, dollars in step.dollars.items():
            color, hatch = _STYLES[certainty]
            if dollars:
                bar = ax.barh([row], [dollars], left=begin - dollars, color=color, height=_BAR, hatch=hatch)
                bar[0].set_edgecolor("white" if hatch else "none")
            begin -= dollars
        ends.append((begin, right))
        ax.vlines(right, row - 1 + _BAR / 2, row - _BAR / 2, color=GREY, linewidth=0.8)
        right = begin
    return right


def _add_legend(ax: "Axes", counted: pd.DataFrame) -> None:
    """Explain the colours that occur, with the sum of each."""
    from matplotlib.patches import Patch

    sums = counted["counted_cost"].groupby(counted["certainty"].astype("str")).sum()
    patches = [
        Patch(facecolor=color, hatch=hatch, edgecolor="white", label=f"{_LEGEND[certainty]}  {money(sums[certainty])}")
        for certainty, (color, hatch) in _STYLES.items()
        if certainty in sums.index
    ]
    if patches:
        legend = ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a $ starts no formula


def _beside(ax: "Axes", row: int, left: float, right: float, whole: float, text: str) -> None:
    """Write a text into a bar that is long enough, else before it if there is room, else after it."""
    inside = right - left > _INSIDE * whole
    # what does not fit after a bar goes on beyond the axes, where nothing is
    before = not inside and left > max(whole - right, _LETTER * len(text) * whole)
    ax.annotate(
        text,
        (left if before or inside else right, row),
        xytext=(-6 if before else 6, 0),
        textcoords="offset points",
        ha="right" if before else "left",
        va="center",
        color="white" if inside else None,
        fontweight="bold" if inside else None,
        parse_math=False,
    )
