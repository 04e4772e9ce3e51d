"""Frames of calls with values that programs, people and attackers leave in logs, each frame with one kind of them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import crashlens_frame as cf
from tests.support.attack import ATTACKS

ROWS = 12
LARGEST = 2**63 - 1
TEXTS = (
    "trace_id",
    "model",
    "prompt",
    "response",
    "team",
    "route",
    "error",
    "session_id",
    "tool_calls",
    "tags",
    "extra",
)
COUNTS = ("input_tokens", "output_tokens", "cached_input_tokens", "retry_count")


def usual() -> pd.DataFrame:
    """Make calls with retry loops, fallbacks, failures and two teams."""
    rows = pd.RangeIndex(ROWS)
    calls = pd.DataFrame(
        {
            "trace_id": [f"t{row // 4}" for row in rows],
            "timestamp": pd.Timestamp("2026-03-02T09:00:00Z") + pd.to_timedelta(rows * 7, unit="s"),
            "model": [("gpt-4", "gpt-4", "gpt-4o", "claude-sonnet-4-5")[row % 4] for row in rows],
            "prompt": "the same question",
            "response": ["answer" if row % 3 else None for row in rows],
            "level": ["info" if row % 3 else "error" for row in rows],
            "input_tokens": 1000 + rows,
            "output_tokens": 100,
            "cached_input_tokens": 10,
            "retry_count": rows % 4,
            "cost": 0.25,
            "latency_ms": 900,
            "team": ["search" if row % 2 else "support" for row in rows],
            "session_id": "s1",
        }
    )
    return cf.as_calls(calls)


def _texts(*values: Any) -> pd.DataFrame:
    """Put values into every column of texts, in turn."""
    column = pd.Series([values[row % len(values)] for row in range(ROWS)], dtype=object)
    return usual().assign(**dict.fromkeys(TEXTS, column))


def _models(*values: Any) -> pd.DataFrame:
    return usual().assign(model=pd.Series([values[row % len(values)] for row in range(ROWS)], dtype=object))


def _times(*values: Any) -> pd.DataFrame:
    return usual().assign(timestamp=pd.Series([values[row % len(values)] for row in range(ROWS)], dtype=object))


def _numbers(columns: tuple[str, ...], *values: Any, dtype: Any = object) -> pd.DataFrame:
    column = pd.Series([values[row % len(values)] for row in range(ROWS)], dtype=dtype)
    return usual().assign(**dict.fromkeys(columns, column))


def hostile_frames() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield frames, each with the name of what is wrong in it."""
    yield "models with an underscore", _models("_x", "_", "__y")
    yield "attacks in every text", _texts(*ATTACKS)
    yield "mathtext", _texts("$\\frac{$", "$$", "a_b^{", "\\")
    yield "half surrogate pairs", _texts("\ud800", "a\udfffb", "\udc80")
    yield "control characters and long texts", _texts("\x00", "\r\n", "x" * 20_000, "\x1b]0;t\x07", "\ufeff", " ")
    yield "texts that are JSON of the wrong kind", _texts("{", "[1, 2]", '{"a":1e999}', "null", '[{"name":1}]')
    yield "empty texts", _texts("", None)
    yield (
        "nulls of every kind",
        usual().assign(**{name: [None, np.nan, pd.NA] * 4 for name in usual() if name != "trace_id"}),
    )
    yield "all null", usual().assign(**dict.fromkeys(usual()))
    yield "year 1", _times("0001-01-01T00:00:00Z")
    yield "year 9999", _times("9999-12-31T23:59:59.999999Z")
    yield (
        "years 1, 9999 and 2026",
        _times("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-03-02T09:00:00Z"),
    )
    yield "no times", usual().assign(timestamp=pd.NaT)
    yield "some times", _times("2026-03-02T09:00:00Z", pd.NaT, None)
    yield "times of no calendar", _times("0000-00-00", "2026-02-30T25:61:61Z", "yesterday")
    yield "times that are infinite", _numbers(("timestamp",), float("inf"), 1e300, dtype=float)
    yield (
        "times with a zone",
        usual().assign(timestamp=pd.date_range("2026-10-25", periods=ROWS, freq="h", tz="Europe/Paris")),
    )
    yield "times in seconds", usual().assign(timestamp=pd.Series(["1500-01-01"] * ROWS).astype("datetime64[s]"))
    yield "periods", usual().assign(timestamp=pd.period_range("2026", periods=ROWS, freq="D"))
    yield "endless latency", _numbers(("latency_ms",), 1e300, -1e300, float("inf"), dtype=float)
    yield "latency of 64 bits", _numbers(("latency_ms",), LARGEST, -LARGEST - 1)
    yield "tokens of 64 bits", _numbers(("input_tokens", "output_tokens"), LARGEST)
    yield "tokens beyond 64 bits", _numbers(COUNTS, 2**64, 2**70)
    yield "tokens of 2**53 + 1", _numbers(("input_tokens",), 2**53 + 1)
    yield "negative tokens", _numbers(COUNTS, -5)
    yield "tokens that are no numbers", _numbers(COUNTS, "many", True, 1.5)
    yield "infinite cost", _numbers(("cost",), float("inf"), float("-inf"), dtype=float)
    yield "cost whose sum is infinite", _numbers(("cost",), 1.7e308, dtype=float)
    yield "cost of nothing and refunds", _numbers(("cost",), float("nan"), -3.0, 0.0, -0.0, 5e-324, dtype=float)
    yield (
        "decimals and fractions",
        _numbers(("cost", "latency_ms"), Decimal("0.25"), Decimal("NaN"), Decimal("Infinity")),
    )
    yield "binary columns", _texts(b"\xff\x00", b"gpt-4")
    yield "binary columns of Arrow", _as(pa.binary(), b"\xff\x00")
    yield "columns of lists", _texts([1, [2]], {"a": {1, 2}}, object)
    yield "nested columns of Arrow", _as(pa.list_(pa.struct([("a", pa.int8())])), [{"a": 1}])
    yield "dictionaries of Arrow", _as(pa.dictionary(pa.int8(), pa.string()), "gpt-4")
    yield "view strings of Arrow", _as(pa.string_view(), "gpt-4")
    yield "decimals of Arrow", _numbers(("cost",), Decimal("0.25"), dtype=pd.ArrowDtype(pa.decimal128(20, 5)))
    yield "complex numbers", _numbers((*COUNTS, "cost"), 1 + 2j, dtype=complex)
    yield "durations", _numbers((*COUNTS, "latency_ms"), pd.Timedelta("1s"), dtype="timedelta64[us]")
    yield (
        "small and unsigned numbers",
        usual().astype({"input_tokens": "uint16", "output_tokens": "int8", "cost": "float16"}),
    )
    yield "sparse numbers", usual().astype({"cost": "Sparse[float]", "output_tokens": "Sparse[int]"})
    yield "categories of numbers", usual().assign(model=pd.Categorical(range(ROWS)), team=pd.Categorical([1.5] * ROWS))
    yield "intervals", usual().assign(model=pd.interval_range(0, ROWS), cost=pd.interval_range(0, ROWS))
    yield "flags for texts", usual().assign(model=True, prompt=False)
    yield "levels that there are not", usual().assign(level=7, finish_reason="never", billed="perhaps", cost_source="x")
    yield "the same row label for all", usual().set_axis([0] * ROWS, axis="index")
    yield "two levels of row labels", usual().set_axis(pd.MultiIndex.from_product([["a"], range(ROWS)]), axis="index")
    yield "columns twice", pd.concat([usual(), usual()[["model", "cost"]]], axis="columns")
    yield "columns that have no texts as names", usual().assign().rename(columns={"team": 7, "session_id": None})
    yield "two levels of columns", pd.concat({"a": usual()}, axis="columns")
    yield "one call", usual().head(1)
    yield "no calls", usual().head(0)
    yield "no calls and no types", pd.DataFrame(columns=list(usual()))
    yield "nothing at all", pd.DataFrame()


def _as(type: pa.DataType, value: Any) -> pd.DataFrame:
    column = pd.Series(pd.array([value] * ROWS, dtype=pd.ArrowDtype(type)))
    return usual().assign(**dict.fromkeys(TEXTS, column))
