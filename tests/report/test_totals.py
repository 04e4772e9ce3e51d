import datetime as dt
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from crashlens_frame.errors import InvalidOptionError, MissingColumnsError
from crashlens_frame.frame import as_calls, empty_frame
from crashlens_frame.report.totals import by, traces

PARIS = ZoneInfo("Europe/Paris")
ROW = st.fixed_dictionaries(
    {
        "trace_id": st.sampled_from(["t1", "t2", "t3"]),
        "timestamp": st.none()
        # across the hour that clocks in Paris show twice
        | st.integers(0, 6 * 60).map(lambda m: dt.datetime(2024, 10, 26, 21, tzinfo=dt.UTC) + dt.timedelta(minutes=m)),
        "model": st.none() | st.sampled_from(["gpt-4", "gpt-4o", "o3"]),
        "team": st.none() | st.sampled_from(["ops", "search"]),
        "input_tokens": st.none() | st.integers(0, 2**53 + 1),
        "output_tokens": st.none() | st.integers(0, 50),
        "cost": st.none() | st.sampled_from([0.0, 0.25, 1.5]),
        "latency_ms": st.none() | st.integers(0, 5000),
        "level": st.sampled_from([None, "info", "error"]),
        "error": st.sampled_from([None, None, "timeout"]),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=12)


def frame(rows):
    return as_calls(pd.DataFrame(rows, dtype=object))


def known(rows, name):
    return [row[name] for row in rows if row[name] is not None]


def total(rows, name):
    values = known(rows, name)
    return sum(values) if values else None


def measures(rows):
    latencies = known(rows, "latency_ms")
    return {
        "cost": total(rows, "cost"),
        "n_calls": len(rows),
        "n_traces": len({row["trace_id"] for row in rows}),
        "input_tokens": total(rows, "input_tokens"),
        "output_tokens": total(rows, "output_tokens"),
        "mean_latency_ms": sum(latencies) / len(latencies) if latencies else None,
        "p95_latency_ms": pytest.approx(np.percentile(latencies, 95)) if latencies else None,
        # the rows have neither a response nor a tool call: no output either means that nothing came back
        "n_errors": sum(
            row["level"] == "error" or row["error"] is not None or row["output_tokens"] == 0 for row in rows
        ),
        "cached_share": cached_share(rows),
    }


def cached_share(rows):
    sent = sum(row["input_tokens"] or 0 for row in rows)
    return pytest.approx(sum(row.get("cached_input_tokens") or 0 for row in rows) / sent) if sent else None


def hour_in_paris(time):
    return None if time is None else time.astimezone(PARIS).replace(minute=0)


def plain(df):
    """Give the rows of a frame as plain values, null as None, times in UTC."""
    rows = []
    for row in df.astype(object).where(df.notna(), None).to_dict("records"):
        rows.append({k: v.astimezone(dt.UTC) if isinstance(v, dt.datetime) else v for k, v in row.items()})
    return rows


def utc(time):
    return None if time is None else time.astimezone(dt.UTC)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_by_model_and_hour_sums_what_a_loop_over_the_calls_sums(rows):
    groups = {}
    for row in rows:
        groups.setdefault((row["model"], utc(hour_in_paris(row["timestamp"]))), []).append(row)
    order = sorted(groups, key=lambda key: [(part is None, part) if part is not None else (True, "") for part in key])
    expected = [{"model": model, "timestamp": hour, **measures(groups[model, hour])} for model, hour in order]

    found = plain(by(frame(rows), "model", freq="h", tz="Europe/Paris"))

    assert [list(row) for row in found] == [list(row) for row in expected]
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_traces_sums_what_a_loop_over_the_calls_sums(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["trace_id"], []).append(row)
    expected = []
    for trace_id, calls in groups.items():
        timed = sorted(
            calls,
            key=lambda row: (row["timestamp"] is None, row["timestamp"] or dt.datetime.min.replace(tzinfo=dt.UTC)),
        )
        models = list(dict.fromkeys(row["model"] for row in timed if row["model"] is not None))
        starts = known(calls, "timestamp")
        ends = [
            row["timestamp"] + dt.timedelta(milliseconds=row["latency_ms"] or 0)
            for row in calls
            if row["timestamp"] is not None
        ]
        sums = measures(calls)
        expected.append(
            {
                "trace_id": trace_id,
                "n_calls": len(calls),
                "models": " -> ".join(models) or None,
                "start": min(starts, default=None),
                "end": max(ends, default=None),
                "span_s": (max(ends) - min(starts)).total_seconds() if starts else None,
                **{name: sums[name] for name in ("cost", "input_tokens", "output_tokens", "n_errors")},
            }
        )

    found = plain(traces(frame(rows)))

    assert [list(row) for row in found] == [list(row) for row in expected]
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_neither_order_nor_index_nor_further_columns_change_the_sums_and_the_input_stays(rows, random):
    calls = frame(rows)
    before = calls.copy(deep=True)
    order = random.sample(range(len(rows)), len(rows))
    other = calls.iloc[order].set_axis([f"row {i}" for i in order]).assign(user="ann")

    pd.testing.assert_frame_equal(by(other, "model", "team", freq="D"), by(calls, "model", "team", freq="D"))
    mixed = traces(other).sort_values("trace_id", ignore_index=True)
    straight = traces(calls).sort_values("trace_id", ignore_index=True)
    # calls of one time stand in the order of the log, and so do their models
    pd.testing.assert_frame_equal(mixed.drop(columns="models"), straight.drop(columns="models"))
    pd.testing.assert_frame_equal(calls, before)


def at(*times):
    return as_calls(pd.DataFrame({"trace_id": "t", "model": "o3", "timestamp": pd.to_datetime(list(times), utc=True)}))


@pytest.mark.parametrize(
    ("freq", "tz", "starts"),
    [
        ("15min", None, ["2024-10-26 22:15+00:00", "2024-10-27 00:30+00:00", "2024-10-27 01:30+00:00"]),
        ("90s", None, ["2024-10-26 22:16:30+00:00", "2024-10-27 00:30+00:00", "2024-10-27 01:30+00:00"]),
        ("h", "Europe/Paris", ["2024-10-27 00:00+02:00", "2024-10-27 02:00+02:00", "2024-10-27 02:00+01:00"]),
        ("2h", "Europe/Paris", ["2024-10-27 00:00+02:00", "2024-10-27 02:00+02:00"]),
        ("D", None, ["2024-10-26 00:00+00:00", "2024-10-27 00:00+00:00"]),
        ("D", "Europe/Paris", ["2024-10-27 00:00+02:00"]),
        ("W", "Europe/Paris", ["2024-10-21 00:00+02:00"]),
        ("W-SAT", None, ["2024-10-20 00:00+00:00", "2024-10-27 00:00+00:00"]),
        ("MS", "Asia/Kolkata", ["2024-10-01 00:00+05:30"]),
        ("QS", None, ["2024-10-01 00:00+00:00"]),
        ("YE", None, ["2024-01-01 00:00+00:00"]),
    ],
)
def test_a_period_is_named_by_its_start_in_the_time_zone(freq, tz, starts):
    calls = at("2024-10-26T22:16:45Z", "2024-10-27T00:31:00Z", "2024-10-27T01:31:00Z")

    found = by(calls, freq=freq, tz=tz)["timestamp"]

    assert found.dtype == f"datetime64[us, {tz or 'UTC'}]"
    assert [time.isoformat(" ", "auto" if time.second else "minutes") for time in found] == starts


def test_a_day_that_begins_at_an_hour_shown_twice_or_never_is_one_day():
    # in Havana 00:00 to 00:59 came twice on 3 November 2024, and never on 10 March
    autumn = at("2024-11-03T04:30Z", "2024-11-03T05:30Z", "2024-11-03T12:00Z")
    spring = at("2024-03-10T05:30Z", "2024-03-10T12:00Z")

    assert by(autumn, freq="D", tz="America/Havana")["n_calls"].tolist() == [3]
    assert [str(time) for time in by(spring, freq="D", tz="America/Havana")["timestamp"]] == [
        "2024-03-10 01:00:00-04:00"
    ]


def test_a_model_called_at_an_unknown_time_is_named_last():
    calls = at(None, "2024-10-27").assign(model=["o3", "gpt-4"])

    assert traces(calls)["models"].tolist() == ["gpt-4 -> o3"]


def test_without_keys_there_is_one_row_for_all():
    calls = frame([{"trace_id": "t1", "model": "o3", "cost": 0.5}, {"trace_id": "t2", "model": None, "cost": 0.25}])

    pd.testing.assert_frame_equal(
        by(calls),
        pd.DataFrame(
            {
                "cost": [0.75],
                "n_calls": [2],
                "n_traces": [2],
                "input_tokens": pd.array([None], dtype="Int64"),
                "output_tokens": pd.array([None], dtype="Int64"),
                "mean_latency_ms": [np.nan],
                "p95_latency_ms": [np.nan],
                "n_errors": [0],
                "cached_share": [np.nan],
            }
        ),
    )


def test_no_calls_give_no_rows_of_the_same_dtypes():
    calls = frame([{"trace_id": "t1", "model": "o3", "cost": 0.5, "timestamp": "2026-03-01"}])
    none = empty_frame()

    def dtypes(df):
        return [str(dtype) for dtype in df.dtypes]

    assert len(by(none)) == len(traces(none)) == 0
    assert dtypes(by(none, "model", "trace_id", freq="W", tz="Europe/Paris")) == dtypes(
        by(calls, "model", "trace_id", freq="W", tz="Europe/Paris")
    )
    assert dtypes(traces(none)) == dtypes(traces(calls))


def test_groups_keep_the_dtype_of_their_column_and_only_the_categories_that_occur():
    calls = frame([{"trace_id": "t1", "model": "o3"}, {"trace_id": "t2", "model": "gpt-4"}])

    found = by(calls.iloc[:1], "model")["model"]

    assert found.dtype == pd.CategoricalDtype(pd.Index(["o3"], dtype="str"))


FREQ = ", expected a length such as 15min, h, 6h or D, or one of W, MS, QS, YS"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freq": "fortnight"}, "freq is 'fortnight'" + FREQ),
        ({"freq": "2W"}, "freq is '2W'" + FREQ),
        ({"freq": "-1D"}, "freq is '-1D'" + FREQ),
        ({"freq": "B"}, "freq is 'B'" + FREQ),
        ({"freq": "D", "tz": "Mars"}, "tz is 'Mars', expected the name of a time zone such as Europe/Paris"),
    ],
)
def test_a_period_or_zone_that_is_none_is_refused(options, message):
    with pytest.raises(InvalidOptionError) as error:
        by(at("2024-10-26"), **options)
    assert str(error.value) == message


def test_a_column_that_is_missing_is_named():
    with pytest.raises(MissingColumnsError, match=r"missing column: modle \(did you mean model\?\)"):
        by(empty_frame(), "modle")
    with pytest.raises(MissingColumnsError, match=r"missing column: customer; a key of tags is .* tags\.customer,"):
        by(empty_frame(), "customer")
    with pytest.raises(MissingColumnsError, match="cost, error, input_tokens, latency_ms, level"):
        traces(pd.DataFrame({"trace_id": ["t"], "model": ["o3"]}))
