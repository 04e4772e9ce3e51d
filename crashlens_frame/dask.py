"""ddf.crashlens: the detectors on a Dask DataFrame, on as many machines as Dask has. Importing this registers it."""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .accessor import check_holds_calls
from .detectors import ROSTER, find_waste, flag, weigh_findings
from .errors import MissingExtraError
from .frame import empty_frame, frame_from_table, selected_columns, table_from_frame
from .io import NEEDED_TO_FILL, SHIPPED, AnyPath, partitions, price_book, priced_table, read_parquet, trace_buckets
from .pricing import PriceBook, Prices, add_cost
from .report import PartialReport, merge_reports, partial_report, traces
from .scale import SCAN_COLUMNS, warn_divided
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
_SEARCHES = {find_waste, *(detector.find for detector in ROSTER)}
_ROW = "crashlens_row"


def read_dataset(
    folder: AnyPath, *, columns: Iterable[str] | None = None, prices: Prices | None = SHIPPED
) -> dd.DataFrame:
    """Read a folder that ``write_dataset`` wrote as a Dask DataFrame with the same partitions.

    Parameters
    ----------
    folder
        Path of the folder. Every worker must be able to read it.
    columns
        The columns of CALLS to read, in this order; None: all.
    prices
        Prices for the calls whose cost is not known, as for ``read_logs``. None: the calls stay as they are, and
        columns that are not used are not read.

    Returns
    -------
    dask.dataframe.DataFrame
        CALLS. The index of a dataset by trace is ``trace_bucket``, and its divisions guarantee that all calls of a
        trace are in one partition.

    Raises
    ------
    FileNotFoundError
        The folder holds no partition.
    LogFileError
        Computing raises it where the dataset was overwritten since: the files are those at the time of this call.
    InvalidOptionError
        There is no such column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import crashlens_frame as cf
    >>> import crashlens_frame.dask
    >>> with TemporaryDirectory() as folder:
    ...     cf.write_dataset(cf.simulate_workload(100, seed=1), folder, buckets=4)
    ...     ddf = cf.dask.read_dataset(folder)
    ...     ddf.npartitions, len(ddf.crashlens.traces().compute(scheduler="synchronous"))
    (4, 100)
    """
    names = [column.name for column in selected_columns(columns)]
    book = price_book(prices)
    root = Path(folder).expanduser().resolve()
    by_trace = trace_buckets(root)
    parts = by_trace or partitions(root)
    files = [[str(file) for file in part.files] for part in parts]
    if not by_trace:
        return dd.from_map(_read, files, columns=names, prices=book, meta=_open(empty_frame()[names]))
    buckets = [int(part.name.partition("=")[2]) for part in parts]
    meta = _open(empty_frame()[names].set_axis(pd.Index([], dtype=np.int64, name=_BUCKET)))
    return dd.from_map(_read, files, buckets, columns=names, prices=book, meta=meta, divisions=(*buckets, buckets[-1]))


def _read(files: list[str], bucket: int | None = None, *, columns: list[str], prices: PriceBook | None) -> pd.DataFrame:
    needed = columns if prices is None else list(dict.fromkeys((*columns, *NEEDED_TO_FILL)))
    table = table_from_frame(read_parquet(files, columns=needed), selected_columns(needed))
    calls = frame_from_table(priced_table(table, prices).select(columns), selected_columns(columns))
    return calls if bucket is None else calls.set_axis(pd.Index(np.full(len(calls), bucket), name=_BUCKET))


def _bound(
    function: Callable[..., pd.DataFrame], *, traces: bool = True, columns: Iterable[str] | None = None
) -> Callable[..., dd.DataFrame]:
    """Make a method of a function of calls, which may need whole traces, and only some of their columns."""

    @wraps(function)
    def method(self: Any, *args: Any, **options: Any) -> dd.DataFrame:
        calls = _whole_traces(_with(self._calls, columns)) if traces else self._calls
        work = partial(_applied, function, args, options)
        # a result that has not one row per call has an index of its own
        found = calls.map_partitions(work, meta=_open(work(calls._meta)), clear_divisions=columns is not None)
        if function not in {*_SEARCHES, flag} or options.get("rules") == "crashlens":
            return found
        _warn_if_divided(calls)
        if function is flag:
            return found
        cost = calls["cost"].sum() if "cost" in calls.columns else 0.0
        return found.map_partitions(weigh_findings, cost, meta=found._meta)

    return method


@register_dataframe_accessor("crashlens")
class DaskAccessor:
    """The functions of the package that take calls, for calls on many machines.

    Each method is the free function of the same purpose, with its options, run on whole traces, one partition at a
    time. Nothing is computed before ``compute()``. The findings are the same as for all calls in memory, in the order
    of the partitions, but for what goes across traces, which is found within each partition only: a warning says so.
    ``summary()`` is a Delayed of the Report.

    The calls are shuffled by ``trace_id`` first, unless the divisions guarantee that all calls of a trace are in one
    partition, as they do for ``read_dataset`` and where the index is ``trace_id``. Calls of one trace with equal times
    keep the order that they have in the Dask DataFrame.

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
    >>> findings = ddf.crashlens.waste(rules="crashlens").compute(scheduler="synchronous")
    >>> sorted(findings["finding_id"]) == sorted(cf.find_waste(calls, rules="crashlens")["finding_id"])
    True
    """

    def __init__(self, calls: dd.DataFrame) -> None:
        check_holds_calls(calls.columns)
        self._calls = calls

    waste = _bound(find_waste, columns=SCAN_COLUMNS)
    traces = _bound(traces, columns=SCAN_COLUMNS)
    flag = _bound(flag)

    add_tokens = _bound(add_tokens, traces=False)
    add_cost = _bound(add_cost, traces=False)

    def summary(self, *, prices: Prices | None = None) -> Any:
        """Sum up the log as :func:`crashlens_frame.summarize` does, as a Delayed of the Report."""
        calls = _whole_traces(_with(self._calls, SCAN_COLUMNS))
        _warn_if_divided(calls)
        parts = calls.to_delayed()
        return delayed(merge_reports)([delayed(_part_report)(part, prices) for part in parts])


for _detector in ROSTER:
    setattr(DaskAccessor, _detector.name, _bound(_detector.find, columns=SCAN_COLUMNS))


def _warn_if_divided(calls: dd.DataFrame) -> None:
    if calls.npartitions > 1:
        warn_divided(calls.npartitions, "for a log that fits into memory, use cf.find_waste", stacklevel=3)


def _with(calls: dd.DataFrame, columns: Iterable[str] | None) -> dd.DataFrame:
    return calls if columns is None else calls[[name for name in calls.columns if name in columns]]


def _whole_traces(calls: dd.DataFrame) -> dd.DataFrame:
    """Move all calls of a trace into one partition, unless they are in one already."""
    if calls.npartitions == 1 or (calls.known_divisions and calls._meta.index.name in (_BUCKET, "trace_id")):
        return calls
    numbered = calls.map_partitions(_numbered, meta=_numbered(calls._meta))
    return numbered.shuffle("trace_id").map_partitions(_in_order, meta=_in_order(numbered._meta))


def _numbered(calls: pd.DataFrame, partition_info: dict[str, Any] | None = None) -> pd.DataFrame:
    """Add row numbers, because a shuffle loses the order, and turn labels, which differ by partition, into text."""
    first = (partition_info or {"number": 0})["number"] << 40
    labels = calls.select_dtypes("category").columns
    return calls.astype(dict.fromkeys(labels, "str")).assign(**{_ROW: first + np.arange(len(calls), dtype=np.int64)})


def _in_order(calls: pd.DataFrame) -> pd.DataFrame:
    return calls.sort_values(_ROW).drop(columns=_ROW)


def _applied(
    function: Callable[..., pd.DataFrame], args: tuple[Any, ...], options: dict[str, Any], calls: pd.DataFrame
) -> pd.DataFrame:
    return function(_typed(calls), *args, **options)


def _part_report(calls: pd.DataFrame, prices: Prices | None) -> PartialReport:
    calls = _typed(calls)
    return partial_report(calls, find_waste(calls, prices=prices))


def _typed(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the calls with the dtypes of CALLS: Dask has another kind of strings."""
    columns = tuple(column for column in CALLS if column.name in calls.columns)
    typed = frame_from_table(table_from_frame(calls, columns), columns).set_axis(calls.index)
    return calls.assign(**{column.name: typed[column.name] for column in columns})


def _open(meta: pd.DataFrame) -> pd.DataFrame:
    """Mark the categories of labels without a closed vocabulary as unknown before they are computed."""
    labels = [name for name in meta.select_dtypes("category") if not meta[name].cat.ordered]
    return clear_known_categories(meta, cols=labels)
