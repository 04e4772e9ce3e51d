"""Totals of calls: by any of their columns, by periods of time, by trace."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import exact_sums, first_equal, text_keys
from ..detectors import search
from ..frame import arrow_column, check_calls, checked_calls, failed_calls
from ..pricing import Prices
from ..times import LATEST
from .keys import column_of_key, key_values
from .periods import period_starts

TOTALS_COLUMNS = ("trace_id", "cost", "input_tokens", "output_tokens", "latency_ms", "level", "error")


def by(
    calls: pd.DataFrame,
    *keys: str,
    freq: str | None = None,
    tz: str | None = None,
    waste: bool = False,
    prices: Prices | None = None,
) -> pd.DataFrame:
    """Sum up calls by columns and by periods of time.

    Parameters
    ----------
    calls
        Frame of calls.
    *keys
        Names of columns, such as ``"model"`` or ``"team"``; keys of the user's own, such as ``"tags.customer"``; paths
        of fields without a column, such as ``"extra.request.region"``. A null is a group of its own.
    freq
        Length of a period, as pandas writes it: ``"15min"``, ``"h"``, ``"D"``, ``"W"``, ``"MS"``.
    tz
        Time zone in which periods begin, such as ``"Europe/Paris"``; UTC when not given.
    waste
        Whether to search the calls for waste, and add what each group wasted. The calls are searched together, so the
        rows add up to the waste of all of them.
    prices
        Prices for the detectors that compare models, in any form that ``PriceBook.load`` takes.

    Returns
    -------
    DataFrame
        One row per group, sorted: the keys, ``timestamp`` (start of the period) where a freq is given, ``cost`` (USD,
        as far as known; NaN where none is), ``n_calls``, ``n_traces``, ``input_tokens``, ``output_tokens``,
        ``mean_latency_ms``, ``p95_latency_ms``, ``n_errors``, ``cached_share`` (of the input tokens that were read from
        a cache, 0 to 1; NaN without input); with ``waste`` also ``waste_cost`` (counted USD of certain and likely
        findings) and ``could_save`` (of candidates).

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.
    InvalidOptionError
        ``freq`` is no length of a period, ``tz`` no time zone, or a key has no name behind its dot.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for day, cost in (("2026-03-01", 0.5), ("2026-03-01", 0.25), ("2026-03-02", 1)):
    ...     trace = book.log(model="gpt-4o", prompt="Hi", timestamp=day, cost=cost, latency_ms=800)
    >>> cf.by(book.df, "model", freq="D")[["model", "timestamp", "n_calls", "cost", "mean_latency_ms"]]
        model                 timestamp  n_calls  cost  mean_latency_ms
    0  gpt-4o 2026-03-01 00:00:00+00:00        2  0.75            800.0
    1  gpt-4o 2026-03-02 00:00:00+00:00        1  1.00            800.0
    """
    if not waste:
        return totals_by_key(calls, keys, freq=freq, tz=tz)
    found = search(calls, prices=prices)
    return totals_by_key(calls, keys, freq=freq, tz=tz, wasted=found.wasted, trace=found.trace)


def totals_by_key(
    calls: pd.DataFrame,
    keys: Sequence[str],
    *,
    freq: str | None = None,
    tz: str | None = None,
    wasted: pd.DataFrame | None = None,
    trace: np.ndarray | None = None,
) -> pd.DataFrame:
    """Sum up calls as :func:`by` does, given what of each is wasted, and the number of its trace.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.report.totals import totals_by_key
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hi", cost=0.5)
    >>> totals_by_key(book.df, ["model"])[["model", "n_calls", "cost"]]
        model  n_calls  cost
    0  gpt-4o        1   0.5
    """
    check_calls(calls, needs=())
    optional = {"cached_input_tokens"} & set(calls.columns)
    needed = {*map(column_of_key, keys), *TOTALS_COLUMNS, *(["timestamp"] if freq else []), *optional}
    calls = checked_calls(calls, needs=needed)
    if trace is None:
        trace = first_equal(text_keys(arrow_column(calls["trace_id"], "trace_id")))
    sent = calls["input_tokens"].to_numpy("float64", na_value=0.0)
    cached = calls["cached_input_tokens"] if optional else pd.Series(0.0, calls.index)
    read = np.minimum(cached.to_numpy("float64", na_value=0.0), sent)
    amounts = pd.DataFrame({"cached_share": read, "sent": sent})
    if wasted is not None:
        amounts = amounts.assign(**wasted)
    totals = totals_by(calls, keys, trace, freq=freq, tz=tz, amounts=amounts)
    all_sent = totals.pop("sent")
    return totals.assign(cached_share=totals["cached_share"].div(all_sent).where(all_sent > 0))


def totals_by(
    calls: pd.DataFrame,
    keys: Sequence[str],
    trace: np.ndarray,
    *,
    freq: str | None = None,
    tz: str | None = None,
    amounts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Sum up calls as :func:`by` does, given the number of the trace of each, and other amounts of each to sum up.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.report.totals import totals_by, trace_codes
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hi", cost=0.5)
    >>> totals_by(book.df, ["model"], trace_codes(book.df["trace_id"])[0])[["model", "n_traces", "cost"]]
        model  n_traces  cost
    0  gpt-4o         1   0.5
    """
    labels: dict[str, pd.Series] = {key: key_values(calls, key) for key in keys}
    if freq is not None:
        labels["timestamp"] = period_starts(_times(calls), freq, tz or "UTC")
    groups, first = _grouped(labels, len(calls))
    result: dict[str, Any] = {name: _used(values.take(first).reset_index(drop=True)) for name, values in labels.items()}
    totals = pd.DataFrame({**result, **_measured(calls, groups, len(first), trace)})
    if amounts is None:
        return totals
    return totals.assign(**_by_group(amounts, groups, len(first)).sum(min_count=1).reset_index(drop=True))


def traces(calls: pd.DataFrame) -> pd.DataFrame:
    """Sum up calls by trace.

    Parameters
    ----------
    calls
        Frame of calls.

    Returns
    -------
    DataFrame
        One row per trace, in the order of their first calls in the frame: ``trace_id``, ``n_calls``, ``models``
        (distinct, in the order in which they were called, as "a -> b"), ``start`` (of the first call), ``end`` (latest
        end of a call, as far as latencies are known), ``span_s``, ``cost`` (USD, as far as known; NaN where none is),
        ``input_tokens``, ``output_tokens``, ``n_errors``.

    Raises
    ------
    MissingColumnsError
        The frame lacks a column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for model in ("gpt-4", "gpt-4", "gpt-4o"):
    ...     trace = book.log(model=model, prompt="Hi", trace_id="t1", cost=0.5)
    >>> cf.traces(book.df)[["trace_id", "n_calls", "models", "cost"]]
      trace_id  n_calls           models  cost
    0       t1        3  gpt-4 -> gpt-4o   1.5
    """
    calls = checked_calls(calls, needs={*TOTALS_COLUMNS, "timestamp", "model"})
    codes, names = trace_codes(calls["trace_id"])
    size = len(names)
    start = _times(calls)
    latency = calls["latency_ms"].fillna(0).to_numpy("int64")
    # a call whose end would be past the calendar has none
    is_within = latency <= (LATEST - start.array.asi8) // 1000
    end = (start + pd.to_timedelta(np.where(is_within, latency, 0), unit="ms")).where(is_within)
    started, ended = start.groupby(codes).min(), end.groupby(codes).max().dt.as_unit("us")
    summed = _sums(calls, codes, size)
    return pd.DataFrame(
        {
            "trace_id": pd.array(names, dtype="str"),
            "n_calls": np.bincount(codes, minlength=size),
            "models": _models(calls, codes, size),
            "start": started,
            "end": ended,
            "span_s": (ended - started) / pd.Timedelta("1s"),
            **summed,
        }
    )


def trace_codes(trace_id: pd.Series) -> tuple[np.ndarray, pa.Array]:
    """Return the number of the trace of each call, and the id of each trace, in the order of their first calls.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.totals import trace_codes
    >>> codes, names = trace_codes(pd.Series(["b", "a", "b"]))
    >>> codes.tolist(), names.to_pylist()
    ([0, 1, 0], ['b', 'a'])
    """
    first = first_equal(text_keys(arrow_column(trace_id, "trace_id")))
    begins = first == np.arange(len(first))
    return (begins.cumsum() - 1)[first], arrow_column(trace_id[begins], "trace_id").cast(pa.string())


def _grouped(labels: dict[str, pd.Series], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the group of each row, in sorted order with nulls last, and the first row of each group."""
    if not labels:
        return np.zeros(rows, np.int64), np.zeros(min(rows, 1), np.int64)
    number = np.zeros(rows, np.int64)
    for values in labels.values():
        rank, ranks = _ranked(values)
        number = _dense(number * ranks + rank)
    first = np.empty(number.max(initial=-1) + 1, np.int64)
    first[number[::-1]] = np.arange(rows)[::-1]  # of several rows the first one is kept
    return number, first


def _dense(number: np.ndarray) -> np.ndarray:
    """Replace numbers by new ones from 0, in the same order and without gaps."""
    size = int(number.max(initial=-1)) + 1
    if size > 8 * len(number) + 1024:
        codes, _ = pd.factorize(number, sort=True)
        return codes
    occurs = np.zeros(size, bool)
    occurs[number] = True
    return (occurs.cumsum() - 1)[number]


def _ranked(values: pd.Series) -> tuple[np.ndarray, int]:
    """Return a number for each value, in the order of the values and the largest for null, and how many there are."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, number = values.cat.codes.to_numpy(np.int64), len(values.cat.categories)
    else:
        codes, distinct = pd.factorize(values, sort=True)
        number = len(distinct)
    return np.where(codes < 0, number, codes), number + 1


def _used(values: pd.Series) -> pd.Series:
    return values.cat.remove_unused_categories() if isinstance(values.dtype, pd.CategoricalDtype) else values


def _measured(calls: pd.DataFrame, groups: np.ndarray, size: int, trace: np.ndarray) -> dict[str, Any]:
    sums = _sums(calls, groups, size)
    latency = _by_group(calls[["latency_ms"]].astype("float64"), groups, size)["latency_ms"]
    return {
        "cost": sums["cost"],
        "n_calls": np.bincount(groups, minlength=size),
        "n_traces": _distinct(groups, trace, size),
        "input_tokens": sums["input_tokens"],
        "output_tokens": sums["output_tokens"],
        "mean_latency_ms": latency.mean().array,
        "p95_latency_ms": latency.quantile(0.95).array,
        "n_errors": sums["n_errors"],
    }


def _distinct(groups: np.ndarray, trace: np.ndarray, size: int) -> np.ndarray:
    """Count the distinct traces of each group."""
    some = np.full(int(trace.max(initial=-1)) + 1, -1)
    some[trace] = groups
    in_several = np.zeros(len(some), bool)
    in_several[trace[some[trace] != groups]] = True
    of_one_group = np.bincount(some[(some >= 0) & ~in_several], minlength=size)
    rows = np.flatnonzero(in_several[trace])
    if not len(rows):
        return of_one_group
    group = groups[rows]
    first = first_equal([group, trace[rows]])
    return of_one_group + np.bincount(group[first == np.arange(len(first))], minlength=size)


def _sums(calls: pd.DataFrame, groups: np.ndarray, size: int) -> dict[str, Any]:
    """Sum the known values of each group; null where none is known."""
    names = ["cost", "input_tokens", "output_tokens"]
    sums = exact_sums(_by_group(calls[names], groups, size))
    errors = np.bincount(groups, weights=failed_calls(calls), minlength=size)
    return {**{name: sums[name].array for name in names}, "n_errors": errors.astype(np.int64)}


def _by_group(values: pd.DataFrame, groups: np.ndarray, size: int) -> Any:
    """Group by numbers without gaps, so that pandas need not look for the distinct ones."""
    labels: Any = pd.Categorical.from_codes(groups, categories=pd.RangeIndex(size), validate=False)
    return values.groupby(labels, observed=False)


def _models(calls: pd.DataFrame, codes: np.ndarray, size: int) -> pd.Series:
    """Join the distinct models of each trace, in the order in which they were called; null where none is known."""
    model = calls["model"].astype("category").array
    base = max(len(model.categories), 1)
    pairs = codes * base + model.codes
    # a missing time is the smallest integer; minus one it becomes the largest, and is sorted last
    started = _times(calls).array.asi8 - 1
    known = model.codes >= 0
    if np.all(started[1:] >= started[:-1]):
        pairs = pairs[known]
    else:
        order = np.argsort(started, kind="stable")
        pairs = pairs[order][known[order]]
    distinct = pd.unique(pairs)
    distinct = distinct[np.argsort(distinct // base, kind="stable")]
    counts = np.bincount(distinct // base, minlength=size)
    names = pa.array(model.categories, pa.string()).take(pa.array(distinct % base))
    joined = pc.binary_join(pa.ListArray.from_arrays(np.append(0, counts.cumsum()).astype(np.int32), names), " -> ")
    return pd.Series(joined.to_pandas(), dtype="str").where(counts > 0)


def _times(calls: pd.DataFrame) -> pd.Series:
    return arrow_column(calls["timestamp"], "timestamp").to_pandas()
