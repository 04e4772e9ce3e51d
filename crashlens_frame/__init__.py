"""Typed DataFrames of LLM calls: what they cost, and how much of it was wasted.

The public names are those of ``dir(crashlens_frame)``. ``datasets`` is an alias that stays: ``datasets.partitions`` is
``partitions``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import accessor as _accessor  # noqa: F401  registers df.crashlens
from .detectors import FINDERS, cache_report, find_waste, flag
from .errors import (
    BudgetExceeded,
    BudgetFileError,
    CrashlensFrameError,
    CrashlensFrameWarning,
    DividedSearchWarning,
    InvalidCallError,
    InvalidOptionError,
    LogFileChangedWarning,
    LogFileError,
    MatchedColumnsWarning,
    MissingColumnsError,
    MissingExtraError,
    NotCallsError,
    PassedOverWarning,
    PriceFileError,
    RejectedLinesWarning,
    RepairedFieldsWarning,
    SchemaVersionError,
    TokenizerError,
    TokenizerWarning,
    UnclearTokensWarning,
    UnknownFormatError,
    UnknownModelError,
    UnknownTraceError,
    UnpricedWarning,
    UnsavedCallsError,
    UnsavedCallsWarning,
)
from .frame import as_calls
from .io import (
    datasets,  # noqa: F401  the alias
    partitions,
    read_csv,
    read_jsonl,
    read_logs,
    read_parquet,
    read_rejects,
    read_repairs,
    to_csv,
    to_excel,
    to_jsonl,
    to_parquet,
    write_dataset,
)
from .io import detect_log_format as detect_format
from .logbook import LogBook, from_responses
from .plot import PLOTS as _PLOTS
from .pricing import PriceBook, add_cost, cost_parts, reprice, reprice_calls, unpriced
from .report import Report, by, style_findings, summarize, traces, waste_by
from .scale import Scan, scan
from .schema import CALLS, FINDINGS, LOG_SCHEMA, REJECTS, REPAIRS
from .simulate import simulate_fallback, simulate_incidents, simulate_overkill, simulate_retries, simulate_workload
from .tokens import add_tokens, count_tokens

if TYPE_CHECKING:
    from . import live
    from .watch import (
        Budgets,
        CostIncrease,
        anomalies,
        broken_rules,
        budgets,
        change,
        compare,
        cost_increase,
        explain_change,
        forecast,
        reconcile,
        redact,
        to_focus,
    )
    from .widgets import Explorer, LogForm

__version__ = "0.1.0"

# rooms that most programs do not need, imported when a name of them is first used
_LATER = {
    **dict.fromkeys(("Explorer", "LogForm"), "widgets"),
    **dict.fromkeys(
        (
            "Budgets",
            "CostIncrease",
            "anomalies",
            "broken_rules",
            "budgets",
            "change",
            "compare",
            "cost_increase",
            "explain_change",
            "forecast",
            "reconcile",
            "redact",
            "to_focus",
        ),
        "watch",
    ),
}

__all__ = [
    "CALLS",
    "FINDINGS",
    "LOG_SCHEMA",
    "REJECTS",
    "REPAIRS",
    "BudgetExceeded",
    "BudgetFileError",
    "Budgets",
    "CostIncrease",
    "CrashlensFrameError",
    "CrashlensFrameWarning",
    "DividedSearchWarning",
    "Explorer",
    "InvalidCallError",
    "InvalidOptionError",
    "LogBook",
    "LogFileChangedWarning",
    "LogFileError",
    "LogForm",
    "MatchedColumnsWarning",
    "MissingColumnsError",
    "MissingExtraError",
    "NotCallsError",
    "PassedOverWarning",
    "PriceBook",
    "PriceFileError",
    "RejectedLinesWarning",
    "RepairedFieldsWarning",
    "Report",
    "Scan",
    "SchemaVersionError",
    "TokenizerError",
    "TokenizerWarning",
    "UnclearTokensWarning",
    "UnknownFormatError",
    "UnknownModelError",
    "UnknownTraceError",
    "UnpricedWarning",
    "UnsavedCallsError",
    "UnsavedCallsWarning",
    "add_cost",
    "add_tokens",
    "anomalies",
    "as_calls",
    "broken_rules",
    "budgets",
    "by",
    "cache_report",
    "change",
    "compare",
    "cost_increase",
    "cost_parts",
    "count_tokens",
    "detect_format",
    "explain_change",
    "find_waste",
    "flag",
    "forecast",
    "from_responses",
    "live",
    "partitions",
    "read_csv",
    "read_jsonl",
    "read_logs",
    "read_parquet",
    "read_rejects",
    "read_repairs",
    "reconcile",
    "redact",
    "reprice",
    "reprice_calls",
    "scan",
    "simulate_fallback",
    "simulate_incidents",
    "simulate_overkill",
    "simulate_retries",
    "simulate_workload",
    "style_findings",
    "summarize",
    "to_csv",
    "to_excel",
    "to_focus",
    "to_jsonl",
    "to_parquet",
    "traces",
    "unpriced",
    "waste_by",
    "write_dataset",
]

# one find_<name> for each detector of the roster, one plot_<name> for each plot
_plots = {f"plot_{plot.name}": plot.draw for plot in _PLOTS}
globals().update(FINDERS | _plots)
__all__ += [*FINDERS, *_plots]
__all__.sort()


def __dir__() -> list[str]:
    """List the public names, without submodules and imports."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import what is not imported with the package."""
    if name == "live":
        return import_module(f"{__name__}.live")
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
