"""ddf.crashlens: the detectors on a Dask DataFrame, on as many machines as Dask has. Importing this registers it."""

from collections.abc import Callable, Iterable
from functools import partial, reduce, wraps
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .accessor import check_holds_calls
from .detectors import (
    CALL,
    MARKS,
    ROSTER,
    TOGETHER,
    JoinedFindings,
    Known,
    PartOfFindings,
    detectors_of,
    find_waste,
    flag,
    flag_marked,
    join_parts,
    mark_calls,
    part_keys,
    search_part,
    slim_calls,
)
from .errors import MissingExtraError
from .frame import empty_frame, frame_from_table, selected_columns, table_from_frame
from .io import NEEDED_TO_FILL, SHIPPED, AnyPath, partitions, price_book, priced_table, read_parquet, trace_buckets
from .pricing import PriceBook, Prices, add_cost
from .report import PartialReport, Report, merge_reports, partial_report, traces
from .scale import SCAN_COLUMNS, stack_findings
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
_ROW, _KEY = "crashlens_row", "crashlens_key"


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
    ...     ddf.npartitions, len(ddf.crashlens.waste().compute(scheduler="synchronous"))
    (4, 12)
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
        return calls.map_partitions(work, meta=_open(work(calls._meta)), clear_divisions=columns is not None)

    return method


def _bound_search(function: Callable[..., pd.DataFrame], names: tuple[str, ...] | None) -> Callable[..., dd.DataFrame]:
    """Make a method of a function that finds waste with some detectors, or all of them."""
    in_each_part = _bound(function, columns=SCAN_COLUMNS)

    @wraps(function)
    def method(self: Any, **options: Any) -> dd.DataFrame:
        if self._calls.npartitions == 1 or options.get("rules") == "crashlens":
            return in_each_part(self, **options)
        meta = _open(_applied(function, (), options, _with(self._calls, SCAN_COLUMNS)._meta))
        joined = _joined(_marked(_with(self._calls, SCAN_COLUMNS)), names, options)
        return dd.from_delayed([joined.findings], meta=meta)

    return method


@register_dataframe_accessor("crashlens")
class DaskAccessor:
    """The functions of the package that take calls, for calls on many machines.

    Each method is the free function of the same purpose, with its options, run on whole traces, one partition at a
    time. Nothing is computed before ``compute()``. The findings are the same as for all calls in memory, in the order
    of the partitions; ``summary()`` is a Delayed of the Report.

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
    >>> findings = ddf.crashlens.waste().compute(scheduler="synchronous")
    >>> sorted(findings["finding_id"]) == sorted(cf.find_waste(calls)["finding_id"])
    True
    """

    def __init__(self, calls: dd.DataFrame) -> None:
        check_holds_calls(calls.columns)
        self._calls = calls

    waste = _bound_search(find_waste, None)
    traces = _bound(traces, columns=SCAN_COLUMNS)

    add_tokens = _bound(add_tokens, traces=False)
    add_cost = _bound(add_cost, traces=False)

    def flag(self, **options: Any) -> dd.DataFrame:
        """Return the calls as :func:`crashlens_frame.flag` does, with its options."""
        if self._calls.npartitions == 1 or options.get("rules") == "crashlens":
            return _bound(flag)(self, **options)
        meta = _open(_applied(flag, (), options, self._calls._meta))
        marked = _marked(self._calls)
        joined = _joined(_with(marked, (*SCAN_COLUMNS, *MARKS)), None, options)
        return marked.map_partitions(_flagged, joined.flags, meta=meta)

    def summary(self, *, prices: Prices | None = None) -> Any:
        """Sum up the log as :func:`crashlens_frame.summarize` does, as a Delayed of the Report."""
        calls = _with(self._calls, SCAN_COLUMNS)
        findings = self.waste(prices=prices).to_delayed()
        reports = [delayed(_part_report)(part) for part in _whole_traces(calls).to_delayed()]
        return delayed(_merged)(reports, findings)


for _detector in ROSTER:
    setattr(DaskAccessor, _detector.name, _bound_search(_detector.find, (_detector.name,)))


def _with(calls: dd.DataFrame, columns: Iterable[str] | None) -> dd.DataFrame:
    return calls if columns is None else calls[[name for name in calls.columns if name in columns]]


def _whole_traces(calls: dd.DataFrame) -> dd.DataFrame:
    """Move all calls of a trace into one partition, unless they are in one already."""
    if calls.npartitions == 1 or (calls.known_divisions and calls._meta.index.name in (_BUCKET, "trace_id")):
        return calls
    numbered = calls.map_partitions(_numbered, meta=_numbered(calls._meta))
    return numbered.shuffle("trace_id").map_partitions(_in_order, meta=_in_order(numbered._meta))


def _marked(calls: dd.DataFrame) -> dd.DataFrame:
    """Return the calls of whole traces with a number, and with what other parts need to know of them."""
    traces = _whole_traces(calls)
    return traces.map_partitions(_with_marks, meta=_with_marks(traces._meta))


def _with_marks(calls: pd.DataFrame, partition_info: dict[str, Any] | None = None) -> pd.DataFrame:
    return mark_calls(_typed(calls), _first_number(partition_info))


def _joined(marked: dd.DataFrame, names: tuple[str, ...] | None, options: dict[str, Any]) -> Any:
    """Search marked calls, spread anew for each way in which detectors want them together, as a Delayed."""
    work = delayed(partial(_searched, names=names, options=options), nout=2)
    found, known = [], delayed(Known())
    for together in TOGETHER:
        if not detectors_of(together, names):
            continue
        parts = [work(part, together, known) for part in _spread(marked, together).to_delayed()]
        found += [findings for findings, _ in parts]
        known = delayed(_all_known)(known, [shown for _, shown in parts])
    costs = marked["cost"].map_partitions(_sum, meta=(None, "float64")).to_delayed()
    return delayed(_join)(found, costs, names is None)


def _spread(marked: dd.DataFrame, together: str) -> dd.DataFrame:
    if together == "trace":
        return marked
    keyed = marked.map_partitions(_with_keys, together, meta=_with_keys(marked._meta, together))
    return keyed.shuffle(_KEY)


def _with_keys(marked: pd.DataFrame, together: str) -> pd.DataFrame:
    keyed = slim_calls(marked.assign(**{_KEY: part_keys(marked, together)}), together)
    return keyed.astype(dict.fromkeys(keyed.select_dtypes("category").columns, "str"))


def _searched(
    marked: pd.DataFrame, together: str, known: Known, *, names: tuple[str, ...] | None, options: dict[str, Any]
) -> tuple[list[PartOfFindings], Known]:
    calls = _typed(marked.drop(columns=_KEY, errors="ignore").sort_values(CALL).reset_index(drop=True))
    if names is None:
        return search_part(calls, together, known, **_without_rules(options))
    own = {name: value for name, value in options.items() if name not in ("prices", "rules")}
    return search_part(calls, together, known, names=names, thresholds={names[0]: own}, prices=options.get("prices"))


def _without_rules(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "rules"}


def _all_known(known: Known, more: list[Known]) -> Known:
    return reduce(add, more, known)


def _sum(costs: pd.Series) -> pd.Series:
    return pd.Series([costs.sum()], dtype="float64")


def _join(found: list[list[PartOfFindings]], costs: list[pd.Series], count: bool) -> JoinedFindings:
    parts = [part for parts in found for part in parts]
    return join_parts(parts, float(sum(cost.sum() for cost in costs)), count=count)


def _flagged(marked: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    return flag_marked(marked, flags).drop(columns=list(MARKS))


def _merged(reports: list[PartialReport], findings: list[pd.DataFrame]) -> Report:
    return merge_reports(reports, stack_findings(findings))


def _first_number(partition_info: dict[str, Any] | None) -> int:
    """Return the number of the first call of a partition; each has room for many."""
    number: int = (partition_info or {"number": 0})["number"]
    return number << 40


def _numbered(calls: pd.DataFrame, partition_info: dict[str, Any] | None = None) -> pd.DataFrame:
    """Add row numbers, because a shuffle loses the order, and turn labels, which differ by partition, into text."""
    first = _first_number(partition_info)
    labels = calls.select_dtypes("category").columns
    return calls.astype(dict.fromkeys(labels, "str")).assign(**{_ROW: first + np.arange(len(calls), dtype=np.int64)})


def _in_order(calls: pd.DataFrame) -> pd.DataFrame:
    return calls.sort_values(_ROW).drop(columns=_ROW)


def _applied(
    function: Callable[..., pd.DataFrame], args: tuple[Any, ...], options: dict[str, Any], calls: pd.DataFrame
) -> pd.DataFrame:
    return function(_typed(calls), *args, **options)


def _part_report(calls: pd.DataFrame) -> PartialReport:
    return partial_report(_typed(calls))


def _typed(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the calls with the dtypes of CALLS: Dask has another kind of strings."""
    columns = tuple(column for column in CALLS if column.name in calls.columns)
    typed = frame_from_table(table_from_frame(calls, columns), columns).set_axis(calls.index)
    return calls.assign(**{column.name: typed[column.name] for column in columns})


def _open(meta: pd.DataFrame) -> pd.DataFrame:
    """Mark the categories of labels without a closed vocabulary as unknown before they are computed."""
    labels = [name for name in meta.select_dtypes("category") if not meta[name].cat.ordered]
    return clear_known_categories(meta, cols=labels)
