"""One trace: when its calls were made, and of each what was asked, answered, paid for and thrown away."""

from functools import partial
from typing import Any

import ipywidgets as W  # noqa: N812
import numpy as np
import orjson
import pandas as pd

from ..frame import failed_calls
from ..plot import draw_svg, plot_trace
from ..pricing import cost_parts
from ..report import frame_records
from ..words import UNKNOWN, cut, digits, money, printable, quantity
from . import markup
from .panels import show_errors
from .views import Study

MOST_CALLS = 40
_LONGEST_TEXT = 20_000  # characters
_TEXTS = {"prompt": "prompt", "response": "answer", "error": "error"}
_COLUMNS = (
    "timestamp", "model", "prompt", "response", "tool_calls", "error", "input_tokens", "output_tokens", "latency_ms",
    "cost", "retry_count", "finish_reason",
)  # fmt: skip


class TracePanel(W.VBox):
    """The calls of a trace."""

    def __init__(self) -> None:
        self.timeline = W.HTML()
        self.calls = W.HTML()
        self.status = W.HTML()
        super().__init__([self.status, self.timeline, self.calls])

    def clear(self) -> None:
        """Show no trace."""
        self.timeline.value = self.calls.value = self.status.value = ""

    @show_errors
    def show(self, study: Study, trace_id: str, finding_id: str) -> None:
        """Show the calls of a trace, and those of the finding in other traces; a model has its colour of all plots."""
        self.status.value = ""
        searched = study.searched
        calls = study.calls.assign(waste_cost=searched.wasted)
        number = np.flatnonzero((searched.findings["finding_id"] == finding_id).to_numpy())
        in_trace = (calls["trace_id"] == trace_id).fillna(False).to_numpy(bool)
        own = calls[in_trace | np.isin(searched.finding, number)]
        n_own = int(in_trace.sum())
        height = min(1.4 + 0.34 * max(n_own, 4), 9.0)
        self.timeline.value = markup.picture(draw_svg(partial(plot_trace, calls, trace_id), height=height))
        head = own.sort_values("timestamp", kind="stable").head(MOST_CALLS).reset_index(drop=True)
        elsewhere = len(own) - n_own
        title = f"The {quantity(len(own), 'call')}" + (
            f", {digits(elsewhere)} of them in other traces" if elsewhere else ""
        )
        self.calls.value = markup.heading(title) + call_details(head)
        more = len(own) - len(head)
        self.status.value = markup.note(f"the first {digits(len(head))} calls are listed below" if more else "")


def call_details(calls: pd.DataFrame) -> str:
    """Return calls as HTML, each a line that opens to its texts, tool calls and meters; no logged text is markup.

    Parameters
    ----------
    calls
        Few calls, with ``waste_cost`` as :func:`crashlens_frame.flag` adds it.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.widgets.trace import call_details
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="<b>", response="Hi")
    >>> call_details(book.df.assign(waste_cost=0.0)).count("&lt;b&gt;")
    2
    """
    parts = cost_parts(calls)
    meters = dict(iter(parts.groupby(parts.index)))
    failed = failed_calls(calls)
    rows = frame_records(calls[[*_COLUMNS, "waste_cost"]])
    lines = [_call(number, row, meters.get(number), bool(failed[number])) for number, row in enumerate(rows)]
    return f'<div class="cl-calls">{"".join(lines)}</div>'


def _call(number: int, row: dict[str, Any], meters: pd.DataFrame | None, failed: bool) -> str:
    text = markup.escape_text
    time = f"{row['timestamp']:%H:%M:%S}" if row["timestamp"] else ""
    wasted = row["waste_cost"]
    marks = ['<span class="cl-mark cl-failed">failed</span>'] if failed else []
    if wasted is None or wasted > 0:
        marks.append(f'<span class="cl-mark cl-wasted">{text(money(wasted))} thrown away</span>')
    head = (
        f"<summary><span>{number + 1}</span><span>{time}</span><b>{text(row['model'] or UNKNOWN)}</b>"
        f"<span>{text(money(row['cost']))}</span>{''.join(marks)}"
        f'<span class="cl-begin">{text(cut(printable(row["prompt"] or ""), 90))}</span></summary>'
    )
    facts = [
        f"{digits(row['input_tokens'])} tokens in, {digits(row['output_tokens'])} out",
        *([f"{row['latency_ms'] / 1000:.3g} s"] if row["latency_ms"] is not None else []),
        *([f"retry {row['retry_count']}"] if row["retry_count"] else []),
        *([f"ended by {row['finish_reason']}"] if row["finish_reason"] else []),
    ]
    texts = [_labelled(name, row[column]) for column, name in _TEXTS.items() if row[column]]
    tools = [_labelled("tool calls", _indented(row["tool_calls"]))] if row["tool_calls"] else []
    return (
        f"<details>{head}<p>{text(', '.join(facts))}</p>{_meters(meters)}"
        f"{''.join(texts + tools) or markup.note('The log has no texts of this call.')}</details>"
    )


def _labelled(name: str, content: str) -> str:
    shown, more = content[:_LONGEST_TEXT], len(content) - _LONGEST_TEXT
    rest = markup.note(f"and {digits(more)} more characters") if more > 0 else ""
    return f"<h4>{name}</h4><pre>{markup.escape_lines(shown)}</pre>{rest}"


def _indented(tool_calls: str) -> str:
    try:
        return orjson.dumps(orjson.loads(tool_calls), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return tool_calls


def _meters(meters: pd.DataFrame | None) -> str:
    if meters is None or meters.empty:
        return ""
    parts = (
        f"<span>{markup.escape_text(row['meter'].replace('_', ' '))} "
        f"{digits(row['units']) if row['units'] is not None else ''} <b>{money(row['cost'])}</b></span>"
        for row in frame_records(meters.astype({"meter": "str"}))
    )
    return f'<div class="cl-meters">{"".join(parts)}</div>'
