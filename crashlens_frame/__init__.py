"""Typed DataFrames of LLM calls: what they cost, and what of it was wasted."""

from typing import TYPE_CHECKING, Any

from . import accessor as _accessor  # noqa: F401  registers df.crashlens
from .detectors import FINDERS, find_waste, flag
from .errors import (
    CrashlensFrameError,
    CrashlensFrameWarning,
    InvalidCallError,
    InvalidOptionError,
    LogFileChangedWarning,
    LogFileError,
    MissingColumnsError,
    MissingExtraError,
    NotCallsError,
    PassedOverWarning,
    PriceFileError,
    RejectedLinesWarning,
    SchemaVersionError,
    TokenizerError,
    TokenizerWarning,
    UnknownFormatError,
    UnknownModelError,
    UnknownTraceError,
    UnpricedWarning,
    UnsavedCallsError,
)
from .formats import detect_format
from .frame import as_calls
from .io import datasets, read_jsonl, read_parquet, read_rejects, to_csv, to_jsonl, to_parquet, write_dataset
from .logbook import LogBook
from .pricing import PriceBook, add_cost, reprice, reprice_calls, unpriced
from .report import Report, style_findings, summarize
from .scale import Scan, scan
from .schema import CALLS, FINDINGS, LOG_SCHEMA, REJECTS
from .simulate import simulate_fallback, simulate_overkill, simulate_retries, simulate_workload
from .tokens import add_tokens, count_tokens

if TYPE_CHECKING:
    from .widgets import Explorer, LogForm

__version__ = "0.1.0"

__all__ = [
    "CALLS",
    "FINDINGS",
    "LOG_SCHEMA",
    "REJECTS",
    "CrashlensFrameError",
    "CrashlensFrameWarning",
    "Explorer",
    "InvalidCallError",
    "InvalidOptionError",
    "LogBook",
    "LogFileChangedWarning",
    "LogFileError",
    "LogForm",
    "MissingColumnsError",
    "MissingExtraError",
    "NotCallsError",
    "PassedOverWarning",
    "PriceBook",
    "PriceFileError",
    "RejectedLinesWarning",
    "Report",
    "Scan",
    "SchemaVersionError",
    "TokenizerError",
    "TokenizerWarning",
    "UnknownFormatError",
    "UnknownModelError",
    "UnknownTraceError",
    "UnpricedWarning",
    "UnsavedCallsError",
    "add_cost",
    "add_tokens",
    "as_calls",
    "count_tokens",
    "datasets",
    "detect_format",
    "find_waste",
    "flag",
    "read_jsonl",
    "read_parquet",
    "read_rejects",
    "reprice",
    "reprice_calls",
    "scan",
    "simulate_fallback",
    "simulate_overkill",
    "simulate_retries",
    "simulate_workload",
    "style_findings",
    "summarize",
    "to_csv",
    "to_jsonl",
    "to_parquet",
    "unpriced",
    "write_dataset",
]

# find_retry_loops and its like: one function for each detector of the roster
globals().update(FINDERS)
__all__ += FINDERS
__all__.sort(key=lambda name: (not name.isupper(), name.islower(), name))


def __getattr__(name: str) -> Any:
    """Import the widgets when they are first asked for: most programs show none."""
    if name in ("Explorer", "LogForm"):
        from . import widgets

        return getattr(widgets, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
