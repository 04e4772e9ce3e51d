"""Calls and findings summed up, and laid out for people as text, Markdown and HTML."""

from .keys import column_of_key, key_values
from .layouts import PATTERN_PLACE, calls_table, findings_table, pattern_tables
from .merge import PartialReport, merge_reports, partial_report
from .patterns import PATTERN_COLUMNS, waste_by
from .styling import style_findings
from .summary import REPORT_COLUMNS, Report, summarize
from .tables import Table, count_cells, escape_markdown, frame_records, json_text, money_cells, text_cells
from .totals import TOTALS_COLUMNS, all_period_starts, by, period_starts, shown_by_clocks, trace_codes, traces

__all__ = [
    "PATTERN_COLUMNS",
    "PATTERN_PLACE",
    "REPORT_COLUMNS",
    "TOTALS_COLUMNS",
    "PartialReport",
    "Report",
    "Table",
    "all_period_starts",
    "by",
    "calls_table",
    "column_of_key",
    "count_cells",
    "escape_markdown",
    "findings_table",
    "frame_records",
    "json_text",
    "key_values",
    "merge_reports",
    "money_cells",
    "partial_report",
    "pattern_tables",
    "period_starts",
    "shown_by_clocks",
    "style_findings",
    "summarize",
    "text_cells",
    "trace_codes",
    "traces",
    "waste_by",
]
