"""The plots draw the right numbers, write them as text, and write why where there is nothing to draw."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import crashlens_frame as cf
from crashlens_frame.detectors import ROSTER
from crashlens_frame.errors import InvalidOptionError, MissingColumnsError, UnknownTraceError
from crashlens_frame.frame import empty_frame
from crashlens_frame.plot import (
    COLORS,
    GREY,
    WELL_SPENT,
    colors_of,
    plot_anomalies,
    plot_cache,
    plot_cost,
    plot_heatmap,
    plot_latency,
    plot_tokens,
    plot_trace,
    plot_waste,
)
from crashlens_frame.plot.anomalies import _draw_events
from crashlens_frame.plot.canvas import new_axes
from crashlens_frame.words import money
from tests.support.calls import calls
from tests.support.findings import findings

PLOTS = [plot_cost, plot_waste, plot_latency, plot_tokens, plot_cache, plot_heatmap, plot_anomalies]


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def spent() -> pd.DataFrame:
    """Return four calls of two days, three of them with a known cost, ten dollars in all."""
    return calls(
        {"s": 0, "model": "gpt-4", "cost": 6.0, "latency_ms": 900, "input_tokens": 70, "output_tokens": 30},
        {"s": 86_400, "model": "gpt-4", "cost": 3.0, "latency_ms": 1100, "input_tokens": 20, "output_tokens": 10},
        {"s": 86_401, "model": "o3", "cost": 1.0, "latency_ms": 20_000, "input_tokens": 5, "output_tokens": 50},
        {"s": 86_402, "model": "local"},
    )


def found() -> pd.DataFrame:
    return findings(
        {"trace_id": "t1", "detector": "retry_loops", "waste_cost": 4.0},
        {"trace_id": "t2", "detector": "retry_loops", "waste_cost": 0.5},
        {"trace_id": "t3", "detector": "overkill_models", "waste_cost": 0.25, "certainty": "candidate"},
        {"trace_id": "t1", "detector": "overkill_models", "waste_cost": 9.0, "suppressed_by": "retry_loops"},
    )


def bars(ax) -> list[tuple[float, float, str]]:
    return [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor()).upper()) for bar in ax.patches]


def stacked(ax) -> dict[str, list[float]]:
    """Return the heights of the bars by the label of their series."""
    return {series.get_label(): [bar.get_height() for bar in series] for series in ax.containers}


def words(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_waste_steps_down_from_what_was_spent_to_what_would_have_been_enough():
    likely = {"trace_id": "t4", "detector": "cache_misses", "waste_cost": 1.0, "certainty": "likely"}
    ax = plot_waste(spent(), findings=pd.concat([found(), findings(likely)]))

    certain, likely, candidate = COLORS[5], COLORS[1], COLORS[4]
    assert bars(ax) == [
        (0.0, 10.0, GREY),
        (5.5, 4.5, certain),
        (4.5, 1.0, likely),
        (0.0, 4.5, WELL_SPENT),
        (4.25, 0.25, candidate),
    ]
    assert [bar.get_hatch() for bar in ax.patches] == [None, "", "", None, "///"]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "spent", "retry loops", "cache misses", "without waste", "overkill models",
    ]  # fmt: skip
    assert words(ax) == [
        "$10.00",
        "$4.50, 45.0 % in 2 findings",
        "$1.00, 10.0 % in 1 finding",
        "$4.50",
        "$0.25, 2.5 % in 1 finding",
    ]
    assert ax.get_title("left") == "$5.50 of $10.00 wasted (55.0 %), $0.25 more could be saved"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "certain  $4.50", "likely  $1.00", "could save  $0.25",
    ]  # fmt: skip
    assert ax.get_xlabel().splitlines() == [
        "US dollars; 1 call without a known price not shown",
        "nothing found: cut answers, fallback storms, fallback failures, stuck agents, repeated calls, growing context,"
        " batchable calls",
    ]


def test_a_detector_that_is_certain_of_some_and_not_of_all_has_a_bar_of_two_colours():
    rows = [
        {"detector": "cache_misses", "trace_id": "t1", "waste_cost": dollars, "certainty": certainty}
        for dollars, certainty in ((2.0, "certain"), (1.0, "likely"))
    ]
    ax = plot_waste(spent(), findings=findings(*rows))

    assert bars(ax)[1:3] == [(8.0, 2.0, COLORS[5]), (7.0, 1.0, COLORS[1])]
    assert [bar.get_y() for bar in ax.patches[1:3]] == [pytest.approx(1 - 0.34)] * 2
    assert words(ax)[1] == "$3.00, 30.0 % in 2 findings"


def test_each_step_hangs_from_the_one_above_it():
    ax = plot_waste(spent(), findings=found())

    # one upright line above each step, where the bar above it ends
    assert [line.get_segments()[0][:, 0].tolist() for line in ax.collections] == [[10.0, 10.0], [5.5, 5.5]]


def test_waste_of_unknown_cost_is_called_unknown():
    ax = plot_waste(spent(), findings=findings({"trace_id": "t1", "detector": "fallback_storms"}))

    assert words(ax) == ["$10.00", "unknown, unknown in 1 finding", "$10.00"]
    assert [width for _, width, _ in bars(ax)] == [10.0, 10.0]


def test_that_no_waste_was_found_is_written_and_no_step_drawn():
    ax = plot_waste(spent(), findings=findings())

    assert ax.get_title("left") == "No waste found in 4 calls"
    assert [width for _, width, _ in bars(ax)] == [10.0, 10.0]
    assert ax.get_legend() is None


def test_calls_that_cost_nothing_waste_nothing():
    ax = plot_waste(calls({"cost": 0.0}), findings=findings())

    assert words(ax)[0] == words(ax)[-1] == "$0.00"


@pytest.mark.parametrize("number", [1, 9, 14])
def test_there_may_be_any_number_of_detectors(number, monkeypatch):
    roster = [replace(ROSTER[0], name=f"pattern_{place}") for place in range(number)]
    monkeypatch.setattr("crashlens_frame.plot.waste.ROSTER", roster)
    rows = [{"trace_id": f"t{place}", "waste_cost": 0.5} for place in range(number)]
    some = findings(*rows).assign(detector=[f"pattern_{place}" for place in range(number)])

    ax = plot_waste(spent(), findings=some)

    named = [f"pattern {place}" for place in range(number)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["spent", *named, "without waste"]
    assert [width for _, width, _ in bars(ax)] == [10.0, *[0.5] * number, 10.0 - number / 2]
    assert ax.get_xlabel() == "US dollars; 1 call without a known price not shown"


def test_cost_is_stacked_by_model_day_by_day():
    ax = plot_cost(spent(), freq="D")

    assert stacked(ax) == {"gpt-4  $9.00": [6.0, 3.0], "o3  $1.00": [0.0, 1.0]}
    assert [bar.get_y() for bar in ax.containers[1]] == [6.0, 3.0]
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["o3  $1.00", "gpt-4  $9.00"]
    assert ax.get_title("left") == "$10.00 in 3 calls, by model"
    assert ax.get_xlabel() == "2026-03-02 to 2026-03-03, UTC; 1 call without time or price not shown"
    assert ax.get_ylabel() == "US dollars per day"


def test_a_bar_covers_its_period_in_the_time_zone():
    ax = plot_cost(calls({"s": 0, "cost": 1.0}), freq="D", tz="Asia/Tokyo")

    (bar,) = ax.patches
    began = mpl.dates.num2date(bar.get_x())
    assert began.isoformat() == "2026-03-01T15:00:00+00:00"  # midnight in Tokyo
    assert ax.get_xlabel() == "2026-03-02, Asia/Tokyo"


@pytest.mark.parametrize(
    ("seconds", "period"),
    [
        (0, "minute"),
        (62 * 60, "minute"),
        (62 * 60 + 1, "5 minutes"),
        (40_000, "15 minutes"),
        (86_400, "hour"),
        (30 * 86_400, "day"),
        (200 * 86_400, "week"),
        (900 * 86_400, "month"),
        (9000 * 86_400, "year"),
    ],
)
def test_the_period_fits_the_span(seconds, period):
    ax = plot_cost(calls({"s": 0, "cost": 1.0}, {"s": seconds, "cost": 1.0}))

    assert ax.get_ylabel() == f"US dollars per {period}"


def test_the_six_most_expensive_names_have_bars_of_their_own_and_an_unknown_name_is_one():
    rows = [{"s": 0, "team": f"team {number}", "cost": float(number)} for number in range(1, 8)]

    ax = plot_cost(calls(*rows, {"s": 0, "cost": 20.0}), by="team", freq="h")

    assert [series.get_label() for series in ax.containers] == [
        "unknown  $20.00",
        *(f"team {number}  ${number}.00" for number in (7, 6, 5, 4, 3)),
        "others  $3.00",
    ]
    assert to_hex(ax.containers[-1][0].get_facecolor()).upper() == GREY


def test_a_name_is_plain_text_and_never_a_formula():
    ax = plot_cost(calls({"s": 0, "model": "$a$\x1b" + "x" * 40, "cost": 1.0}))

    (label,) = ax.get_legend().get_texts()
    assert label.get_text() == r"$a$\x1bxxxxxxxxxxxxxxxxxxxx…  $1.00"
    ax.figure.savefig(BytesIO())
    assert not label.get_parse_math()


@pytest.mark.parametrize(
    ("plot", "known"),
    [(plot_cost, "a time and a known cost"), (plot_waste, "a known cost"), (plot_heatmap, "a time and a known cost")],
)
def test_a_plot_with_nothing_to_draw_says_why(plot, known):
    assert words(plot(empty_frame())) == ["No calls to draw"]

    ax = plot(calls({"s": 0}, {"s": 1}))

    assert words(ax) == [f"None of the calls has {known}"]
    assert not ax.axison


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_draws_on_the_axes_given_and_changes_no_calls(plot):
    _, (left, right) = plt.subplots(ncols=2)
    log = spent()
    before = log.copy(deep=True)

    assert plot(log, ax=right) is right
    assert not left.patches
    assert plt.get_fignums() == [right.figure.number]
    pd.testing.assert_frame_equal(log, before)


@pytest.mark.parametrize("plot", PLOTS)
def test_the_order_and_the_index_of_the_calls_do_not_matter(plot):
    log = spent()
    mixed = log.iloc[[2, 0, 3, 1]].set_axis(["a", "b", "b", "c"])

    assert bars(plot(mixed)) == bars(plot(log))


def test_a_missing_column_and_an_unknown_period_are_named():
    with pytest.raises(MissingColumnsError, match="missing column: cost"):
        plot_waste(spent().drop(columns="cost"))
    with pytest.raises(MissingColumnsError, match=r"missing column: teams \(did you mean team\?\)"):
        plot_cost(spent(), by="teams")
    with pytest.raises(InvalidOptionError, match="freq is 'fortnight'"):
        plot_cost(spent(), freq="fortnight")
    with pytest.raises(InvalidOptionError, match="tz is 'Mars'"):
        plot_cost(spent(), tz="Mars")
    with pytest.raises(InvalidOptionError, match="tz is 'Mars'"):
        plot_heatmap(spent(), tz="Mars")
    with pytest.raises(InvalidOptionError, match="value is 'tokens', expected 'cost' or 'calls'"):
        plot_heatmap(spent(), value="tokens")


def test_names_have_different_colours_and_keep_them():
    six = [f"model-{number}" for number in range(6)]

    assert set(colors_of(six).values()) == {*COLORS, GREY}
    assert colors_of(["o3"])["o3"] == colors_of(["o3", "others"])["o3"]
    assert colors_of([])["others"] == GREY


def test_a_model_has_one_colour_in_every_plot_of_a_log():
    log = calls(*({"s": n, "model": f"m{n}", "cost": 40.0 - n, "trace_id": f"t{n}"} for n in range(40)))
    legend = plot_cost(log).get_legend()
    colors = [to_hex(patch.get_facecolor()) for patch in legend.get_patches()]
    by_model = dict(zip((text.get_text()[:2] for text in legend.get_texts()), colors, strict=True))
    assert len(set(by_model.values())) == 7

    for n in range(6):
        (bar,) = plot_trace(log, f"t{n}").patches
        assert to_hex(bar.get_edgecolor()) == by_model[f"m{n}"]


def test_the_week_sums_up_hours_as_clocks_show_them():
    log = calls(
        {"s": 0, "cost": 1.0},  # Monday, 09:00 in UTC, 14:30 in Kolkata
        {"s": 7 * 86_400 + 1, "cost": 2.0},
        {"s": 1800, "cost": 4.0},
        {"s": 3600, "cost": None},
        {"cost": 8.0},
    )
    (mesh,) = plot_heatmap(log).collections
    expected = np.zeros((7, 24))
    expected[0, 9] = 7.0
    assert mesh.get_array().tolist() == expected.tolist()

    ax = plot_heatmap(log, tz="Asia/Kolkata")
    (mesh,) = ax.collections
    expected[0, 9], expected[0, 14], expected[0, 15] = 0.0, 3.0, 4.0
    assert mesh.get_array().tolist() == expected.tolist()
    assert ax.get_title(loc="left") == "$7.00, most of it on Mon from 15:00: $4.00"
    assert ax.get_xlabel() == "hour of the day, Asia/Kolkata; 2 calls without time or price not shown"

    ax = plot_heatmap(log, value="calls")
    assert ax.get_title(loc="left") == "4 calls, most of it on Mon from 09:00: 3"
    assert ax.get_xlabel() == "hour of the day, UTC; 1 call without a time not shown"


def test_the_colours_show_on_white_and_on_black():
    def luminance(color):
        parts = np.array(mpl.colors.to_rgb(color))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for color in {*COLORS, GREY, WELL_SPENT}:
        assert 1.05 / (luminance(color) + 0.05) > 2, f"{color} on white"
        assert (luminance(color) + 0.05) / 0.05 > 2, f"{color} on black"


def marks(ax) -> dict[str, list[float]]:
    """Return the places of the marks by the label of their series, from the lowest row up."""
    return {
        series.get_label(): series.get_offsets()[:, 0].tolist()
        for series in ax.collections
        if series.get_label()[0] != "_"
    }


def names(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_latency_marks_the_percentiles_of_each_name_with_the_slowest_on_top():
    log = calls(
        *({"s": n, "model": "gpt-4", "latency_ms": 100 * n} for n in range(1, 101)),
        *({"s": n, "model": "o3", "latency_ms": 20_000} for n in range(3)),
        {"s": 0, "model": "o3"},
    )
    ax = plot_latency(log)
    assert names(ax) == ["gpt-4", "o3"]
    ranked = [100 * n for n in range(1, 101)]  # between two neighbours the percentile lies in proportion
    expected = {
        label: ranked[int(place)] + (place - int(place)) * 100
        for label, place in (("median", 49.5), ("p95", 94.05), ("p99", 98.01))
    }
    for label, places in marks(ax).items():
        assert places == pytest.approx([expected[label], 20_000.0])
    assert ax.get_xlabel() == "time for an answer; 1 call with other values or unknown latency not shown"
    assert ax.get_title(loc="left") == "p95 9.79 s, median 5.2 s, by model"


def test_latency_and_tokens_draw_no_more_than_twelve_names():
    log = calls(*({"s": n, "model": f"m{n:02}", "latency_ms": 10 + n, "input_tokens": n} for n in range(14)))
    for plot, left_out in ((plot_latency, "unknown latency"), (plot_tokens, "unknown tokens")):
        ax = plot(log)
        assert len(names(ax)) == 12
        assert ax.get_xlabel().endswith(f"; 2 calls with other values or {left_out} not shown")


def test_tokens_stacks_what_was_sent_read_from_a_cache_and_came_back():
    log = calls(
        {"s": 0, "model": "gpt-4", "input_tokens": 700, "cached_input_tokens": 200, "output_tokens": 30},
        {"s": 1, "model": "gpt-4", "input_tokens": 300, "output_tokens": None},
        {"s": 2, "model": "o3", "input_tokens": 10, "output_tokens": 5_000},
        {"s": 3, "model": "o3"},
    )
    ax = plot_tokens(log)
    assert names(ax) == ["gpt-4", "o3"]
    widths = {series.get_label(): [bar.get_width() for bar in series] for series in ax.containers}
    assert widths == {"input": [800.0, 10.0], "input from a cache": [200.0, 0.0], "output": [30.0, 5000.0]}
    assert ax.get_title(loc="left") == "1.01k tokens in (19.8 % from a cache), 5.03k out, by model"
    assert ax.get_xlabel() == "tokens; 1 call with other values or unknown tokens not shown"


TRACE = calls(
    {"s": 0, "model": "gpt-4", "latency_ms": 500, "level": "error", "error": "503 $x$", "cost": 0.1},
    {"s": 2, "model": "gpt-4", "latency_ms": 500, "level": "error", "cost": None},
    {"s": 6, "model": "gpt-4o", "latency_ms": 1500, "response": "Yes", "cost": 0.25},
    {"model": "gpt-4o", "response": "Yes"},
    {"s": 1, "trace_id": "t2", "response": "Yes"},
)


def test_a_trace_is_drawn_call_by_call_failures_hollow():
    ax = plot_trace(TRACE.iloc[::-1], "t1")
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0.0, 0.5), (2.0, 0.5), (6.0, 1.5)]
    assert [bar.get_facecolor()[3] for bar in ax.patches] == [0.0, 0.0, 1.0]
    assert words(ax) == ["gpt-4, $0.10, 503 $x$", "gpt-4, cost unknown, failed", "gpt-4o, $0.25"]
    assert not any(text.get_parse_math() for text in ax.texts)
    # both failed attempts were thrown away, one of them at an unknown cost
    assert ax.get_title(loc="left") == "t1: 4 calls, 2 failures, cost $0.35, $0.10 wasted"
    assert ax.get_xlabel().splitlines() == [
        "seconds since the start of the trace",
        "1 call without a time or after the fortieth not shown",
    ]


def test_beside_a_trace_each_cost_is_divided_by_meter_and_what_was_wasted_is_hatched():
    usage = {"input_tokens": 50_000, "output_tokens": 1_000, "latency_ms": 900, "response": "x"}
    log = cf.add_cost(
        calls(
            {"s": 0, "cache_write_tokens": 50_000, **usage},
            {
                "s": 9,
                "cached_input_tokens": 40_000,
                "tool_calls": '[{"name":"search","arguments":{"name":"b"}}]',
                **usage,
            },
            model="claude-sonnet-4-5",
        )
    ).assign(waste_cost=[0.1, 0.0])
    ax = plot_trace(log, "t1")
    (beside,) = ax.child_axes
    # dollars per million tokens: input 3, read 0.30, written 3.75, output 15
    expected = {
        "read from the cache": [0.0, 0.012],
        "written to the cache": [0.1875, 0.0],
        "input": [0.0, 0.030],
        "output": [0.015, 0.015],
    }
    found = {bars.get_label(): [bar.get_width() for bar in bars] for bars in beside.containers}
    assert found == {name: pytest.approx(widths) for name, widths in expected.items()}
    assert {bars.get_label(): [bar.get_hatch() is not None for bar in bars] for bars in beside.containers} == {
        name: [True, False] for name in expected
    }
    assert words(ax) == ["claude-sonnet-4-5, $0.203", "claude-sonnet-4-5, $0.057, search()"]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [*expected, "wasted"]


@pytest.mark.parametrize(
    ("start", "length", "ink"),
    [(0.0, 2.0, 1.0), (8.0, 2.0, 1.0), (0.0, 10.0, 0.35), (1.5, 7.0, 0.35)],
    ids=["room behind", "room before", "no room", "little room on both sides"],
)
def test_the_text_of_a_bar_is_within_the_axes_and_a_bar_below_it_is_pale(start, length, ink):
    log = calls(
        {"s": 0, "model": "m", "latency_ms": 100, "response": "x", "cost": 0.1},
        {"s": start, "model": "claude-sonnet-4-5-20250929", "latency_ms": 1000 * length, "response": "x", "cost": 0.2},
        {"s": 9.9, "model": "m", "latency_ms": 100, "response": "x", "cost": 0.1},
    )
    ax = plot_trace(log, "t1")
    ax.figure.draw_without_rendering()
    box, whole = ax.texts[1].get_window_extent(), ax.get_window_extent()
    assert whole.x0 <= box.x0
    assert box.x1 <= whole.x1
    assert ax.patches[1].get_facecolor()[3] == ink


def test_what_stands_beside_a_trace_is_within_its_figure():
    ax = plot_trace(TRACE, "t1")
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1


def test_a_trace_that_cost_nothing_has_no_meters():
    assert plot_trace(calls({"s": 0, "response": "a", "cost": 0.0}), "t1").child_axes == []


def cached(**row) -> dict:
    return {"model": "claude-sonnet-4-5", "latency_ms": 900, "output_tokens": 10, "response": "x", **row}


def test_the_cache_is_drawn_lane_by_lane_with_its_misses():
    log = cf.add_cost(
        calls(
            cached(s=0, trace_id="a", input_tokens=50_000, cache_write_tokens=50_000),
            cached(s=60, trace_id="a", input_tokens=50_000, cached_input_tokens=50_000),
            cached(s=720, trace_id="a", input_tokens=50_000, cache_write_tokens=50_000),  # after eleven minutes
            cached(s=30, trace_id="b", route="/b", input_tokens=1_000),
            cached(s=40, trace_id="c", route="/c"),
            session_id=None,
        ).assign(session_id=["s1", "s1", "s1", None, None])
    )
    ax = plot_cache(log)

    assert names(ax) == ["s1\n33.3 % read, 3 calls", "/b\n0.0 % read, 1 call"]
    heights: dict[str, list[float]] = {}
    for series in ax.containers:
        heights.setdefault(series.get_label(), []).extend(round(-bar.get_height(), 9) for bar in series)
    # each lane is as high as its busiest period
    assert heights == {"_read": [0.66], "_written": [0.66, 0.66], "_paid in full": [0.66]}
    (mark,) = [series for series in ax.collections if len(series.get_offsets())]
    assert len(mark.get_offsets()) == 1
    # 50,000 tokens written at $3.75 and not read at $0.30 a million; the hour's cache would have cost more elsewhere
    missed = cf.cache_report(log)["missed"].sum()
    assert missed > 0
    assert ax.get_title("left") == f"33.1 % of 151k input tokens read from a cache, misses cost {money(missed)}"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["read", "written", "paid in full", "expired"]
    assert ax.get_xlabel() == "2026-03-02, UTC; 1 call of other lanes, or without tokens, not shown"


def test_the_lanes_of_the_cache_are_of_the_column_that_is_asked_for():
    log = calls(*(cached(s=n, trace_id=f"t{n}", team=f"team {n}", input_tokens=100 + n) for n in range(8)))
    assert [name.splitlines()[0] for name in names(plot_cache(log, lane="team"))] == [
        f"team {number}" for number in (7, 6, 5, 4, 3, 2)
    ]
    with pytest.raises(InvalidOptionError, match="lane is 'prompt', expected 'session_id', 'route'"):
        plot_cache(log, lane="prompt")
    assert words(plot_cache(calls({"s": 0}))) == ["None of the calls has a time and known tokens"]


@pytest.mark.parametrize(
    ("seconds", "unit", "places"),
    [(100, "seconds", 100), (600, "minutes", 10), (36_000, "hours", 10), (864_000, "days", 10), (0, "seconds", 0)],
)
def test_the_time_of_a_trace_is_in_the_unit_that_fits(seconds, unit, places):
    ax = plot_trace(calls({"s": 0, "response": "a"}, {"s": seconds, "response": "b"}), "t1")
    assert [bar.get_x() for bar in ax.patches] == [0.0, places]
    assert ax.get_xlabel() == f"{unit} since the start of the trace"


def test_a_trace_without_times_and_one_that_is_not_there():
    assert words(plot_trace(calls({"response": "a"}), "t1")) == ["No call of the trace has a time"]
    unpriced = plot_trace(calls({"s": 0, "model": "local", "response": "a"}), "t1")
    assert unpriced.get_title(loc="left") == "t1: 1 call, 0 failures, cost unknown"
    with pytest.raises(
        UnknownTraceError, match=r"^no call belongs to the trace 't9'; df.crashlens.traces\(\) lists them$"
    ):
        plot_trace(TRACE, "t9")


def test_a_long_trace_shows_its_first_forty_calls():
    ax = plot_trace(calls(*({"s": n, "response": "a"} for n in range(50))), "t1")
    assert len(ax.patches) == 40
    assert ax.get_xlabel().endswith("\n10 calls without a time or after the fortieth not shown")


def test_the_accessor_draws_every_plot():
    draw = TRACE.crashlens.plot
    assert {name for name in dir(draw) if not name.startswith("_")} == {
        "anomalies", "cache", "cost", "heatmap", "latency", "tokens", "trace", "waste",
    }  # fmt: skip
    for ax in (draw.cost(), draw.latency(), draw.trace("t1"), draw.waste(), draw.heatmap()):
        assert ax.get_title(loc="left")
    assert words(draw.tokens()) == ["None of the calls has known tokens"]


def month_with_a_spike(*, outage: bool = False) -> pd.DataFrame:
    """Return ten calls an hour of two models, one of them with 300 more in two hours, and both with an outage."""
    hours = pd.date_range("2026-03-02", periods=24 * 24, freq="h", tz="UTC")
    usual = hours.delete(range(480, 504)) if outage else hours
    spike = pd.date_range("2026-03-18 10:00", periods=300, freq="24s", tz="UTC")
    models = {"gpt-$4": [*usual.repeat(10), *spike], "o3": usual.repeat(10)}
    frames = [pd.DataFrame({"timestamp": times, "model": model, "cost": 0.01}) for model, times in models.items()]
    rows = pd.concat(frames, ignore_index=True)
    return cf.as_calls(rows.assign(trace_id=rows.index.astype(str)))


def test_the_spend_what_was_expected_and_what_moved_are_drawn():
    log = month_with_a_spike()
    assert plot_anomalies(log, min_usd=1e6).get_title(loc="left") == "Nothing unusual, by model"
    ax = plot_anomalies(log)
    (event,) = cf.anomalies(log).to_dict("records")
    assert ax.get_title(loc="left") == f"1 anomaly by model, {money(event['dollars'])} more than expected"
    assert [text.get_text() for text in ax.texts] == [f"spike +{money(event['dollars'])}"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["gpt-$4\n$60.60"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["spend", "expected", "more calls"]
    steps = ax.lines[0]  # ten calls of a cent each hour, three hours a step; nothing before three days are known
    drawn = steps.get_ydata()[:-1]
    assert np.isnan(drawn[:24]).all()
    assert np.nanmax(drawn[56:]) - np.nanmin(drawn[56:]) < 0.02 * np.nanmax(drawn)
    assert [to_hex(line.get_color()) for line in ax.lines] == [WELL_SPENT.lower(), COLORS[5].lower()]


def test_a_fall_of_all_series_is_drawn_once_and_named():
    ax = plot_anomalies(month_with_a_spike(outage=True))
    (fall,) = cf.anomalies(month_with_a_spike(outage=True)).query("dollars < 0").to_dict("records")
    assert [text.get_text() for text in ax.texts if "drop" in text.get_text()] == [
        f"drop of many series -{money(-fall['dollars'])}"
    ]
    assert "fewer calls" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_where_nothing_is_unusual_the_spend_is_drawn_all_the_same():
    ax = plot_anomalies(month_with_a_spike().query("model == 'o3'"))
    assert ax.get_title(loc="left") == "Nothing unusual, by model"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["o3\n$57.60"]


def test_anomalies_are_marked_in_the_colour_of_their_series():
    log = month_with_a_spike()
    ax = plot_cost(log, freq="D", marked=cf.anomalies(log))
    mark, _in_legend = ax.lines
    (found,) = cf.anomalies(log).to_dict("records")
    begin, end = mpl.dates.num2date(mark.get_xdata(), tz="UTC")
    assert (begin, end) == (found["start"], found["end"])
    assert to_hex(mark.get_color()) == colors_of(["gpt-$4", "o3"])["gpt-$4"].lower()
    assert "anomaly" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_texts_of_events_do_not_cover_one_another_and_the_largest_is_written():
    ax = new_axes(None, width=10.0)
    begin, end = pd.Timestamp("2026-03-01", tz="UTC"), pd.Timestamp("2026-03-31", tz="UTC")
    start = pd.Series(pd.to_datetime([f"2026-03-{day}T06:00Z" for day in (1, 2, 3, 4, 14, 29, 30)]))
    events = pd.DataFrame({"start": start, "end": start + pd.Timedelta("6h"), "kind": "night loop"})
    dollars = [1.0, 2.0, 99.5, 3.0, 4.0, 5.0, 6.0]
    _draw_events(ax, 0, events.assign(moved="calls", dollars=dollars, is_shared=False), begin, end)
    ax.set_xlim(begin, end)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(text.overlaps(other) for text, other in itertools.combinations(boxes, 2))
    assert {"night loop +$99.50", "night loop +$4.00"} <= set(words(ax))
    assert ax.get_window_extent().x0 <= min(box.x0 for box in boxes)
    assert max(box.x1 for box in boxes) <= ax.get_window_extent().x1


def test_the_text_beside_a_bar_does_not_cover_the_names_of_rows():
    log = calls({"model": "o3", "cost": 100.0})
    finding = {"suppressed_by": None, "detector": "cache_misses", "certainty": "likely"}
    findings = pd.DataFrame([{**finding, "counted_cost": cost} for cost in (30.0, 40.0)])
    findings.loc[0, "detector"] = "retry_loops"
    ax = cf.plot_waste(log, findings=findings)
    ax.figure.draw_without_rendering()
    assert min(text.get_window_extent().x0 for text in ax.texts) >= ax.get_window_extent().x0


def test_the_highest_bar_ends_below_the_lines_of_anomalies():
    ax = plot_cost(calls({"model": "o3", "cost": 3.0, "s": 0}, {"model": "gpt-4", "cost": 1.0, "s": 86400}), freq="D")
    assert ax.get_ylim() == (0, pytest.approx(3.0 * 1.08))
