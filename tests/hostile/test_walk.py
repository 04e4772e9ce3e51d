"""Each public function with hostile frames: what it raises is a child of the one base."""

import inspect

import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.accessor import CrashlensAccessor
from crashlens_frame.widgets.panels import MOST_CHOICES

from .doors import DOORS
from .frames import hostile_frames, usual
from .walk import EVERY, pairs, walk

FRAMES = dict(hostile_frames())
# the functions that take a frame of calls as their first argument
TAKERS = {
    name
    for name in cf.__all__
    if callable(getattr(cf, name))
    and not isinstance(getattr(cf, name), type)
    and next(iter(inspect.signature(getattr(cf, name)).parameters)) in ("calls", "before", "df", "findings")
}


def test_every_function_that_takes_calls_is_a_door():
    assert {name.partition(",")[0] for name in DOORS} >= TAKERS
    methods = {name for name in vars(CrashlensAccessor) if not name.startswith("_")} - {"plot", "summary", "waste"}
    assert {name for name in methods if not {name, f"find_{name}", f"write_{name}"} & set(DOORS)} == set()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_no_door_raises_an_error_of_another_base():
    faults = [
        f"{door_name} with {frame_name}: {fault}"
        for frame_name, frame, door_name, door in pairs(EVERY)
        if (fault := walk(frame, door))
    ]
    assert faults == []


def test_the_walk_sees_an_error_of_another_base_and_a_text_with_escapes():
    def raw(calls, _):
        raise OSError("raw")

    def escapes(calls, _):
        raise UnprintableError("\x1b[31m")

    class UnprintableError(cf.InvalidOptionError):
        def __str__(self):
            return str(self.args[0])

    assert "OSError: raw" in walk(usual(), raw)
    assert "is not printable" in walk(usual(), escapes)


# -- each kind of defect that the walk found ------------------------------


def test_columns_of_other_types_are_converted_and_a_typed_frame_stays_itself():
    from crashlens_frame.frame import checked_calls

    typed = cf.as_calls(usual())
    assert checked_calls(typed, needs=["cost"]) is typed
    foreign = usual().set_axis([0] * len(usual()), axis="index").astype({"cost": "float32", "model": object})
    checked = checked_calls(foreign, needs=["cost", "model"])
    assert (str(checked["cost"].dtype), str(checked["model"].dtype)) == ("float64", "category")
    assert checked.index.equals(foreign.index)
    assert str(foreign["cost"].dtype) == "float32"


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("infinite cost", "cost is inf in row 0, expected a finite number from 0 on"),
        ("binary columns", "trace_id is b'\\xff\\x00' in row 0, expected text"),
        ("columns twice", "two columns have the same name: cost, model; rename one of each"),
        ("endless latency", "latency_ms is 1e+300 in row 0, expected a whole number from 0 to 2**63 - 1"),
    ],
)
def test_what_does_not_fit_is_named(frame, text):
    for function in (cf.by, cf.traces, cf.summarize):
        with pytest.raises(cf.InvalidCallError) as caught:
            function(FRAMES[frame])
        assert str(caught.value) == text


def test_names_that_begin_with_an_underscore_are_in_the_legend():
    ax = cf.plot_cost(FRAMES["models with an underscore"])
    labels = {text.get_text().split()[0] for text in ax.get_legend().get_texts()}
    assert labels == {"_x", "_", "__y"}


def test_the_last_microsecond_of_the_calendar_survives_parquet(tmp_path):
    calls = cf.as_calls(FRAMES["year 9999"])
    cf.to_parquet(calls, tmp_path / "logs.parquet")
    pd.testing.assert_frame_equal(cf.read_parquet(tmp_path / "logs.parquet"), calls)


@pytest.mark.parametrize("tz", ["America/New_York", "Asia/Tokyo"])
def test_times_that_no_clock_of_a_zone_shows_are_without_a_period(tz):
    found = cf.by(FRAMES["years 1, 9999 and 2026"], freq="D", tz=tz)
    assert found["n_calls"].sum() == 12
    assert found.loc[found["timestamp"].isna(), "n_calls"].tolist() == [8]
    ax = cf.plot_heatmap(FRAMES["years 1, 9999 and 2026"], tz=tz)
    assert "8 calls without time or price not shown" in ax.get_xlabel()


def test_periods_between_calls_of_two_ages_are_refused_before_they_are_made():
    with pytest.raises(cf.InvalidOptionError) as caught:
        cf.change(FRAMES["years 1, 9999 and 2026"], freq="h")
    assert str(caught.value).startswith("freq is 'h', too short for calls from 0001-01-01 to 9999-12-31;")
    assert len(cf.change(FRAMES["years 1, 9999 and 2026"], freq="YS")) == 9999


def test_costs_beyond_all_numbers_are_named_in_the_plot_of_waste():
    ax = cf.plot_waste(FRAMES["cost whose sum is infinite"])
    assert ax.texts[0].get_text() == "The costs add up to more than a number can hold"


def test_half_surrogate_pairs_are_drawn():
    calls = FRAMES["half surrogate pairs"]
    assert len(cf.plot_trace(calls, cf.as_calls(calls)["trace_id"].iloc[0]).patches) > 0


def test_lists_of_the_explorer_end_and_name_what_they_leave_out():
    count = MOST_CHOICES + 100
    calls = pd.DataFrame(
        {"trace_id": "t", "model": [f"m{row}" for row in range(count)], "cost": np.arange(count) / 100}
    )
    explorer = cf.Explorer(cf.as_calls(pd.concat([calls, calls.tail(1)])))
    model = explorer.filters.labels["model"]
    assert len(model.rows) == 40
    assert model.rows[0]["text"] == f"m{count - 1}"  # with most calls
    assert model.more == f"and {count - 40} more, which the search finds"
    model.search = f"M{count - 2}"
    assert [row["text"] for row in model.rows] == [f"m{count - 2}"]
    assert explorer.what_if.model.value == f"m{count - 1}"
    assert len(explorer.what_if.model.options) == MOST_CHOICES
    assert explorer.status.value == ""
