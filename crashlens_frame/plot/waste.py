"""How much of the cost was wasted."""

from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..detectors import ROSTER, find_waste
from ..frame import check_calls
from ..words import money, percent, quantity
from .canvas import GREY, WELL_SPENT, axis_label, draw_message, format_dollars, new_axes, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), then the muted colours of Tol (2021) that resemble neither GREY nor WELL_SPENT; more detectors
# than colours begin again with the first one, which is clear enough, as each bar has its name beside it
_PALETTE = (
    "#D55E00", "#E69F00", "#CC79A7", "#56B4E9", "#0072B2", "#882255", "#999933", "#AA4499", "#88CCEE", "#CC6677",
)  # fmt: skip
_ROW_HEIGHT = 0.6  # inches
# what is likely is drawn paler than what is certain, and what could be saved if somebody agrees is hatched
_OPACITY = {"certain": 1.0, "likely": 0.75, "candidate": 0.5}


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
        One bar for the cost, one per detector, one for the cost without waste, in US dollars. Likely waste is paler
        than certain waste, and what could be saved if somebody agrees is hatched.

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
    check_calls(calls, needs=("cost",))
    names = ["spent", *(detector.title for detector in ROSTER), "without waste"]
    ax = new_axes(ax, height=_ROW_HEIGHT * len(names))
    spent = float(calls["cost"].sum())
    if not calls["cost"].notna().any():
        return draw_message(ax, "None of the calls has a known cost" if len(calls) else "No calls to draw")
    if findings is None:
        findings = find_waste(calls)
    counted = findings[findings["suppressed_by"].isna()]
    by_detector = counted["counted_cost"].groupby(counted["detector"].astype("str"))
    order = [detector.name for detector in ROSTER]
    n_findings = by_detector.size().reindex(order, fill_value=0)
    wasted = by_detector.sum(min_count=1).reindex(order).where(n_findings > 0, 0.0)
    steps = wasted.fillna(0.0).to_numpy()
    left = spent - steps.cumsum()

    widths, starts = np.array([spent, *steps, left[-1]]), np.array([0.0, *left, 0.0])
    colors = [GREY, *islice(cycle(_PALETTE), len(ROSTER)), WELL_SPENT]
    bars = ax.barh(names, widths, left=starts, color=colors, height=0.66)
    for bar, certainty in zip(bars[1:-1], (detector.certainty for detector in ROSTER), strict=True):
        bar.set_alpha(_OPACITY[certainty])
        bar.set_hatch("//" if certainty == "candidate" else "")
    # each step begins where the one above it ends
    gaps = np.arange(len(names) - 1)
    ax.vlines([spent, *left], gaps + 0.33, gaps + 0.67, color=GREY, linewidth=0.8)
    details = [
        f"{money(cost)}, {percent(cost, spent)} in {quantity(number, 'finding')}"
        for cost, number in zip(wasted, n_findings, strict=True)
    ]
    for row, text in enumerate([money(spent), *details, money(left[-1])]):
        _beside(ax, row, starts[row], starts[row] + widths[row], spent, text)
    ax.set_xlim(min(0.0, left.min()), 1.015 * spent or 1.0)
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    format_dollars(ax.xaxis)
    ax.set_xlabel(axis_label("US dollars", int(calls["cost"].isna().sum()), "without a known price"))
    could_save = float(counted.loc[counted["certainty"] == "candidate", "counted_cost"].sum())
    sure = steps.sum() - could_save
    share_of_all = f"{money(sure)} of {money(spent)} wasted ({percent(sure, spent)})"
    share_of_all += f", {money(could_save)} more could be saved" if could_save else ""
    set_title(ax, share_of_all if len(counted) else f"No waste found in {quantity(len(calls), 'call')}")
    return ax


def _beside(ax: "Axes", row: int, left: float, right: float, whole: float, text: str) -> None:
    """Write a text into a bar that is long enough, else beside it, on the side with more room."""
    inside = right - left > 0.5 * whole
    before = not inside and left > whole - right
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
