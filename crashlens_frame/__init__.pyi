"""Where each public name is: the one list of them, which type checkers read, and ``__init__.py`` imports from."""

import collections.abc
import typing

from . import live as live
from .detectors import (
    cache_report as cache_report,
)
from .detectors import (
    find_waste as find_waste,
)
from .detectors import (
    flag as flag,
)
from .errors import (
    BudgetExceeded as BudgetExceeded,
)
from .errors import (
    BudgetFileError as BudgetFileError,
)
from .errors import (
    CrashlensFrameError as CrashlensFrameError,
)
from .errors import (
    CrashlensFrameWarning as CrashlensFrameWarning,
)
from .errors import (
    ExistingFileError as ExistingFileError,
)
from .errors import (
    FileAccessError as FileAccessError,
)
from .errors import (
    InvalidCallError as InvalidCallError,
)
from .errors import (
    InvalidOptionError as InvalidOptionError,
)
from .errors import (
    LogFileChangedWarning as LogFileChangedWarning,
)
from .errors import (
    LogFileError as LogFileError,
)
from .errors import (
    MatchedColumnsWarning as MatchedColumnsWarning,
)
from .errors import (
    MissingColumnsError as MissingColumnsError,
)
from .errors import (
    MissingExtraError as MissingExtraError,
)
from .errors import (
    MissingFileError as MissingFileError,
)
from .errors import (
    NotCallsError as NotCallsError,
)
from .errors import (
    PassedOverWarning as PassedOverWarning,
)
from .errors import (
    PriceFileError as PriceFileError,
)
from .errors import (
    RejectedLinesWarning as RejectedLinesWarning,
)
from .errors import (
    RepairedFieldsWarning as RepairedFieldsWarning,
)
from .errors import (
    SchemaVersionError as SchemaVersionError,
)
from .errors import (
    TokenizerError as TokenizerError,
)
from .errors import (
    TokenizerWarning as TokenizerWarning,
)
from .errors import (
    UnclearTokensWarning as UnclearTokensWarning,
)
from .errors import (
    UnknownFormatError as UnknownFormatError,
)
from .errors import (
    UnknownModelError as UnknownModelError,
)
from .errors import (
    UnknownTraceError as UnknownTraceError,
)
from .errors import (
    UnpricedWarning as UnpricedWarning,
)
from .errors import (
    UnsavedCallsError as UnsavedCallsError,
)
from .errors import (
    UnsavedCallsWarning as UnsavedCallsWarning,
)
from .frame import as_calls as as_calls
from .handout import (
    write_report as write_report,
)
from .io import (
    detect_format as detect_format,
)
from .io import (
    partitions as partitions,
)
from .io import (
    read_csv as read_csv,
)
from .io import (
    read_jsonl as read_jsonl,
)
from .io import (
    read_logs as read_logs,
)
from .io import (
    read_parquet as read_parquet,
)
from .io import (
    read_rejects as read_rejects,
)
from .io import (
    read_repairs as read_repairs,
)
from .io import (
    to_csv as to_csv,
)
from .io import (
    to_excel as to_excel,
)
from .io import (
    to_jsonl as to_jsonl,
)
from .io import (
    to_parquet as to_parquet,
)
from .io import (
    write_dataset as write_dataset,
)
from .logbook import (
    LogBook as LogBook,
)
from .logbook import (
    from_responses as from_responses,
)
from .pricing import (
    PriceBook as PriceBook,
)
from .pricing import (
    add_cost as add_cost,
)
from .pricing import (
    cost_parts as cost_parts,
)
from .pricing import (
    reprice as reprice,
)
from .pricing import (
    reprice_calls as reprice_calls,
)
from .pricing import (
    unpriced as unpriced,
)
from .report import (
    Report as Report,
)
from .report import (
    by as by,
)
from .report import (
    style_findings as style_findings,
)
from .report import (
    summarize as summarize,
)
from .report import (
    traces as traces,
)
from .report import (
    waste_by as waste_by,
)
from .scale import (
    Scan as Scan,
)
from .scale import (
    scan as scan,
)
from .schema import (
    CALLS as CALLS,
)
from .schema import (
    FINDINGS as FINDINGS,
)
from .schema import (
    LOG_SCHEMA as LOG_SCHEMA,
)
from .schema import (
    REJECTS as REJECTS,
)
from .schema import (
    REPAIRS as REPAIRS,
)
from .simulate import (
    simulate_fallback as simulate_fallback,
)
from .simulate import (
    simulate_incidents as simulate_incidents,
)
from .simulate import (
    simulate_overkill as simulate_overkill,
)
from .simulate import (
    simulate_retries as simulate_retries,
)
from .simulate import (
    simulate_workload as simulate_workload,
)
from .tokens import (
    add_tokens as add_tokens,
)
from .tokens import (
    count_tokens as count_tokens,
)
from .watch import (
    Budgets as Budgets,
)
from .watch import (
    CostIncrease as CostIncrease,
)
from .watch import (
    anomalies as anomalies,
)
from .watch import (
    broken_rules as broken_rules,
)
from .watch import (
    budgets as budgets,
)
from .watch import (
    change as change,
)
from .watch import (
    compare as compare,
)
from .watch import (
    cost_increase as cost_increase,
)
from .watch import (
    explain_change as explain_change,
)
from .watch import (
    forecast as forecast,
)
from .watch import (
    reconcile as reconcile,
)
from .watch import (
    redact as redact,
)
from .watch import (
    to_focus as to_focus,
)
from .widgets import (
    Explorer as Explorer,
)
from .widgets import (
    LogForm as LogForm,
)

__version__: str
__all__: list[str]

# find_<name> of each detector in its roster, plot_<name> of each plot in its
def __getattr__(name: str) -> collections.abc.Callable[..., typing.Any]: ...
