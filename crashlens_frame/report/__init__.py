"""Calls and findings summed up, and laid out for people as text, Markdown and HTML."""

from .layouts import calls_table, findings_table
from .merge import Tally, tally, whole
from .styling import style_findings
from .summary import Report, summarize
from .tables import Table, json_text, markdown, records, text_cells
from .totals import by, periods, trace_codes, traces

__all__ = [
    "Report",
    "Table",
    "Tally",
    "by",
    "calls_table",
    "findings_table",
    "json_text",
    "markdown",
    "periods",
    "records",
    "style_findings",
    "summarize",
    "tally",
    "text_cells",
    "trace_codes",
    "traces",
    "whole",
]
