"""The chart of costs over time: bars, unusual hours and budgets, as the browser draws them. Figures, no widget."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..plot import GREY, CostStack
from ..words import cut, digits, money, printable

_LONGEST_NAME = 40
_MOST_LEVELS = 4
_MOST_NOTES = 2  # sentences beside the values of a bar
_MOST_LIMITS = 4  # lines of budgets
_STEPS = (1, 2, 2.5, 5, 10)
_TICKS = {"D": "%d %b", "W": "%d %b", "MS": "%b %Y", "YS": "%Y"}
_TITLES = {"D": "%a %d %b %Y", "W": "week of %d %b %Y", "MS": "%B %Y", "YS": "%Y"}


def cost_chart(
    stack: CostStack,
    by: str,
    *,
    marked: pd.DataFrame | None = None,
    limits: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return costs over time, laid out for the browser.

    Parameters
    ----------
    stack
        The costs.
    by
        The label that ``marked`` was found by.
    marked
        Anomalies; their sentences are in the values of the bars that they touch.
    limits
        Lines of budgets: ``text``, and ``value`` in US dollars per period or ``time`` in milliseconds since 1970.

    Returns
    -------
    dict
        ``title``, ``span`` (milliseconds), ``top`` (US dollars), ``levels``, ``ticks``, ``series``, ``bars``,
        ``bands``, ``limits``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot import cost_stack
    >>> from crashlens_frame.widgets.charting import cost_chart
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hi", cost=0.5, timestamp="2026-03-01 12:30")
    >>> cost_chart(cost_stack(book.df, "model", freq="D"), "model")["bars"][0]["total"]
    '$0.50'
    """
    empty: list[Any] = []
    if stack.costs.empty:
        return {"title": stack.title, "bars": empty, "series": empty}
    begins = pd.DatetimeIndex(stack.costs.index)
    starts, length = _millis(begins), stack.days * 86_400_000
    totals = stack.costs.to_numpy().clip(min=0).sum(axis=1)
    span = (float(starts[0]), float(starts[-1] + length))
    inside = [each for each in limits if span[0] <= each.get("time", span[0]) <= span[1]]
    highest = max([float(totals.max()), *(each["value"] for each in inside if "value" in each)])
    levels, top = _levels(highest)
    names = [cut(printable(str(name)), _LONGEST_NAME) for name in stack.costs.columns]
    colors = [stack.colors[name] for name in stack.costs.columns]
    sums = stack.costs.sum()
    bands = _bands(marked, by, stack.colors, span)
    return {
        "title": f"{stack.title}, US dollars per {stack.period}",
        "span": span,
        "top": top,
        "levels": levels,
        "ticks": _ticks(begins, starts, stack.freq),
        # the most expensive one at first, as the bars have it at the bottom
        "series": [
            {"name": name, "color": color, "total": money(dollars)}
            for name, color, dollars in zip(names, colors, sums, strict=True)
        ],
        "bars": [
            {
                "start": float(start),
                "end": float(start + length),
                "title": begin.strftime(_TITLES.get(stack.freq, "%a %d %b %Y, %H:%M")),
                "total": money(row.sum()),
                "parts": [
                    {"name": name, "color": color, "dollars": float(dollars), "amount": money(dollars)}
                    for name, color, dollars in zip(names, colors, row, strict=True)
                    if dollars > 0
                ],
                "notes": _notes(
                    [each["text"] for each in bands if each["start"] < start + length and each["end"] > start]
                ),
            }
            for begin, start, row in zip(begins, starts, stack.costs.to_numpy(), strict=True)
        ],
        "bands": bands,
        "limits": inside,
    }


def _notes(texts: list[str]) -> list[str]:
    more = len(texts) - _MOST_NOTES
    return [*texts[:_MOST_NOTES], *([f"and {digits(more)} more that is unusual"] if more > 0 else [])]


def _millis(times: pd.DatetimeIndex) -> np.ndarray:
    return times.tz_convert("UTC").as_unit("ms").asi8


def _ticks(begins: pd.DatetimeIndex, starts: np.ndarray, freq: str) -> list[dict[str, Any]]:
    step = -(-len(begins) // 10)
    form = _TICKS.get(freq, "%H:%M" if begins[0].date() == begins[-1].date() else "%d %b %H:%M")
    return [
        {"time": float(start), "text": begin.strftime(form)}
        for begin, start in zip(begins[::step], starts[::step], strict=True)
    ]


def _levels(highest: float) -> tuple[list[dict[str, Any]], float]:
    """Return round amounts from 0 up, and the amount at the upper edge."""
    if not np.isfinite(highest) or highest <= 0:
        return [{"value": 0.0, "text": money(0.0)}], 1.0
    size = 10 ** np.floor(np.log10(highest / _MOST_LEVELS))
    step = next(float(size * each) for each in _STEPS if highest / (size * each) <= _MOST_LEVELS)
    values = step * np.arange(int(highest / step) + 1)
    return [{"value": float(value), "text": _level_text(value, step)} for value in values], highest * 1.04


def _level_text(value: float, step: float) -> str:
    return f"${value:,.0f}" if step >= 1 and step % 1 == 0 else money(value)


def _bands(
    marked: pd.DataFrame | None, by: str, colors: Mapping[str, str], span: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return the anomalies as bands in the colour of their series, grey where many series share one."""
    if marked is None or marked.empty:
        return []
    starts, ends = (_millis(pd.DatetimeIndex(marked[name])) for name in ("start", "end"))
    names = marked[by].astype("object")
    found: Iterable[dict[str, Any]] = (
        {
            "start": float(start),
            "end": float(end),
            "color": colors.get(name, GREY) if isinstance(name, str) else GREY,
            "text": f"{cut(printable(name), _LONGEST_NAME) if isinstance(name, str) else 'all'}: {printable(sentence)}",
        }
        for start, end, name, sentence in zip(starts, ends, names, marked["sentence"], strict=True)
    )
    return [each for each in found if each["end"] > span[0] and each["start"] < span[1]]


def budget_lines(spending: pd.DataFrame, stack: CostStack) -> list[dict[str, Any]]:
    """Return the days on which budgets are used up, as lines of the chart.

    Parameters
    ----------
    spending
        Budgets with what is spent of them, as :func:`crashlens_frame.budgets` returns them.
    stack
        The costs that are drawn; budgets are lines only where a period is a day or longer.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.plot import cost_stack
    >>> from crashlens_frame.widgets.charting import budget_lines
    >>> book = cf.LogBook()
    >>> for day in (1, 2, 3):
    ...     trace = book.log(model="gpt-4o", prompt="Hi", cost=4, timestamp=f"2026-03-0{day} 12:30")
    >>> spending = cf.budgets(book.df, {"budgets": [{"name": "all", "per": "month", "limit_usd": 10}]})
    >>> budget_lines(spending, cost_stack(book.df, "model", freq="D"))[0]["text"]
    'all: used up'
    """
    if spending.empty or stack.costs.empty:
        return []
    used_up = spending[spending["exhausted_on"].notna()].head(_MOST_LIMITS)
    zone = pd.DatetimeIndex(stack.costs.index).tz
    days = (
        pd.DatetimeIndex(used_up["exhausted_on"])
        .tz_localize(None)
        .tz_localize(zone, nonexistent="shift_forward", ambiguous=True)
    )
    names = used_up["name"].astype("str") + (": " + used_up["group"].astype("str")).fillna("")
    noon = _millis(days) + 43_200_000  # in the middle of the bar of the day
    return [
        {"time": float(time), "text": f"{cut(printable(name), 24)}: used up"}
        for time, name in zip(noon, names, strict=True)
    ]
