"""ddf.crashlens: the detectors on a Dask DataFrame, on as many machines as Dask has. Importing this registers it."""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .accessor import check_holds_calls
from .detectors import (
    find_fallback_failures,
    find_fallback_storms,
    find_overkill_models,
    find_retry_loops,
    find_waste,
    flag,
)
from .errors import MissingExtraError
from .frame import empty_frame, frame_from_table, selected_columns, table_from_frame
from .io import AnyPath, partitions, read_parquet, trace_buckets
from .pricing import Prices, add_cost
from .report import PartialReport, merge_reports, partial_report, traces
from .scale import SCAN_COLUMNS
from .schema import CALLS
from .tokens import add_tokens

try:
    import dask.dataframe as dd
    from dask import delayed
    from dask.dataframe.extensions import register_dataframe_accessor
    from dask.dataframe.utils import clear_known_categories
except ImportError as error:
    raise MissingExtraError('dask is not installed; pip install "crashlens-frame[dask]"') from error

_BUCKET = "trace_bucket"
_ROW = "crashlens_row"


def read_dataset(folder: AnyPath, *, columns: Iterable[str] | None = None) -> dd.DataFrame:
    """Read a folder that ``write_dataset`` wrote as a Dask DataFrame, a partition of it as one of Dask.

    Parameters
    ----------
    folder
        Path of the folder, which every worker must be able to read.
    columns
        The columns of CALLS to read, in the order wanted; None: all. Of what is not used nothing is read.

    Returns
    -------
    dask.dataframe.DataFrame
        CALLS. Of a dataset by trace the index is ``trace_bucket``, and the divisions of Dask tell that each trace is
        whole in its partition.

    Raises
    ------
    FileNotFoundError
        The folder holds no partition.
    LogFileError
        Computing raises it where the dataset was overwritten since: the files are those at the time of this call.
    InvalidCallError
        There is no such column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import crashlens_frame as cf
    >>> import crashlens_frame.dask
    >>> with TemporaryDirectory() as folder:
    ...     cf.write_dataset(cf.simulate_workload(100, seed=1), folder, buckets=4)
    ...     ddf = cf.dask.read_dataset(folder)
    ...     ddf.npartitions, len(ddf.crashlens.waste().compute(scheduler="synchronous"))
    (4, 12)
    """
    names = [column.name for column in selected_columns(columns)]
    root = Path(folder).resolve()
    by_trace = trace_buckets(root)
    parts = by_trace or partitions(root)
    files = [[str(file) for file in part.files] for part in parts]
    if not by_trace:
        return dd.from_map(_read, files, columns=names, meta=_open(empty_frame()[names]))
    buckets = [int(part.name.partition("=")[2]) for part in parts]
    meta = _open(empty_frame()[names].set_axis(pd.Index([], dtype=np.int64, name=_BUCKET)))
    return dd.from_map(_read, files, buckets, columns=names, meta=meta, divisions=(*buckets, buckets[-1]))


def _read(files: list[str], bucket: int | None = None, *, columns: list[str]) -> pd.DataFrame:
    calls = read_parquet(files, columns=columns)
    return calls if bucket is None else calls.set_axis(pd.Index(np.full(len(calls), bucket), name=_BUCKET))


def _bound(
    function: Callable[..., pd.DataFrame], *, traces: bool = True, columns: Iterable[str] | None = None
) -> Callable[..., dd.DataFrame]:
    """Make a method of a function of calls: of whole traces, of which it may need some columns only."""

    @wraps(function)
    def method(self: Any, *args: Any, **options: Any) -> dd.DataFrame:
        calls = _whole_traces(_with(self._calls, columns)) if traces else self._calls
        work = partial(_applied, function, args, options)
        # what is not a row a call has an index of its own
        return calls.map_partitions(work, meta=_open(work(calls._meta)), clear_divisions=columns is not None)

    return method


@register_dataframe_accessor("crashlens")
class DaskAccessor:
    """What can be asked of calls on many machines.

    Each method is the free function of the same purpose, with its options, run on whole traces, a partition at a time.
    Nothing is computed before ``compute()``. The findings are those of all calls in memory, in the order of the
    partitions; ``summary()`` is a Delayed of the Report.

    Where the divisions do not tell that traces are whole in their partitions, as they do for ``read_dataset`` and where
    the index is ``trace_id``, the calls are shuffled by ``trace_id`` first. Calls of one trace and one time keep the
    order in which they are in the Dask DataFrame.

    Raises
    ------
    NotCallsError
        The frame has no ``trace_id`` or no ``model`` column, so it holds no calls.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import crashlens_frame as cf
    >>> import crashlens_frame.dask
    >>> calls = cf.simulate_workload(100, seed=1)
    >>> ddf = dd.from_pandas(calls, npartitions=3)
    >>> findings = ddf.crashlens.waste().compute(scheduler="synchronous")
    >>> sorted(findings["finding_id"]) == sorted(cf.find_waste(calls)["finding_id"])
    True
    """

    def __init__(self, calls: dd.DataFrame) -> None:
        check_holds_calls(calls.columns)
        self._calls = calls

    retry_loops = _bound(find_retry_loops, columns=SCAN_COLUMNS)
    fallback_storms = _bound(find_fallback_storms, columns=SCAN_COLUMNS)
    fallback_failures = _bound(find_fallback_failures, columns=SCAN_COLUMNS)
    overkill_models = _bound(find_overkill_models, columns=SCAN_COLUMNS)
    waste = _bound(find_waste, columns=SCAN_COLUMNS)
    traces = _bound(traces, columns=SCAN_COLUMNS)
    flag = _bound(flag)

    add_tokens = _bound(add_tokens, traces=False)
    add_cost = _bound(add_cost, traces=False)

    def summary(self, *, prices: Prices | None = None) -> Any:
        """Sum up the log as :func:`crashlens_frame.summarize` does, as a Delayed of the Report."""
        parts = _whole_traces(_with(self._calls, SCAN_COLUMNS)).to_delayed()
        return delayed(merge_reports)([delayed(_tallied)(part, prices) for part in parts])


def _with(calls: dd.DataFrame, columns: Iterable[str] | None) -> dd.DataFrame:
    return calls if columns is None else calls[[name for name in calls.columns if name in columns]]


def _whole_traces(calls: dd.DataFrame) -> dd.DataFrame:
    """Bring all calls of a trace into one partition, unless they are."""
    if calls.npartitions == 1 or (calls.known_divisions and calls._meta.index.name in (_BUCKET, "trace_id")):
        return calls
    numbered = calls.map_partitions(_numbered, meta=_numbered(calls._meta))
    return numbered.shuffle("trace_id").map_partitions(_in_order, meta=_in_order(numbered._meta))


def _numbered(calls: pd.DataFrame, partition_info: dict[str, Any] | None = None) -> pd.DataFrame:
    """Give rows numbers, as a shuffle loses their order, and labels as text, as each partition has its own."""
    first = (partition_info or {"number": 0})["number"] << 40
    labels = calls.select_dtypes("category").columns
    return calls.astype(dict.fromkeys(labels, "str")).assign(**{_ROW: first + np.arange(len(calls), dtype=np.int64)})


def _in_order(calls: pd.DataFrame) -> pd.DataFrame:
    return calls.sort_values(_ROW).drop(columns=_ROW)


def _applied(
    function: Callable[..., pd.DataFrame], args: tuple[Any, ...], options: dict[str, Any], calls: pd.DataFrame
) -> pd.DataFrame:
    return function(_typed(calls), *args, **options)


def _tallied(calls: pd.DataFrame, prices: Prices | None) -> PartialReport:
    calls = _typed(calls)
    return partial_report(calls, find_waste(calls, prices=prices))


def _typed(calls: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of CALLS their dtypes: Dask has strings of another kind."""
    columns = tuple(column for column in CALLS if column.name in calls.columns)
    typed = frame_from_table(table_from_frame(calls, columns), columns).set_axis(calls.index)
    return calls.assign(**{column.name: typed[column.name] for column in columns})


def _open(meta: pd.DataFrame) -> pd.DataFrame:
    """Tell Dask of each column of labels without a closed vocabulary that its categories are not known beforehand."""
    labels = [name for name in meta.select_dtypes("category") if not meta[name].cat.ordered]
    return clear_known_categories(meta, cols=labels)
