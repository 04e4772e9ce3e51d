"""Calls with impossible times and values are drawn, or left out and counted; no plot ends in an error of Matplotlib."""

import io
import json
from typing import Any

import pytest
from matplotlib import pyplot as plt

import crashlens_frame as cf
from crashlens_frame.plot import PLOTS

FIRST, LAST, USUAL = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00Z"
TIMES = [(FIRST, FIRST), (LAST, LAST), (FIRST, LAST), (FIRST, USUAL)]


def log(times: tuple[str, ...], **fields: Any) -> Any:
    lines = [
        {"trace_id": "t", "model": "gpt-4", "prompt": "x", "timestamp": time, "input_tokens": 5, "output_tokens": 5}
        for time in times
    ]
    return cf.read_logs(io.BytesIO("\n".join(json.dumps(line | fields) for line in lines).encode()))


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
@pytest.mark.parametrize("times", TIMES, ids=["first", "last", "both", "one usual"])
def test_every_plot_of_impossible_years_is_drawn(plot: Any, times: tuple[str, ...]) -> None:
    draw = getattr(cf, f"plot_{plot.name}")
    calls = log(times)
    ax = draw(calls, "t") if plot.name == "trace" else draw(calls)
    ax.figure.canvas.draw()
    plt.close("all")


def test_cost_is_drawn_in_a_zone_and_calls_of_impossible_years_are_counted() -> None:
    ax = cf.plot_cost(log((FIRST, USUAL, LAST)), tz="Asia/Tokyo")
    ax.figure.canvas.draw()
    assert "in 1 call" in ax.get_title(loc="left") + ax.get_title()
    assert "2 calls" in ax.get_xlabel()
    plt.close("all")
