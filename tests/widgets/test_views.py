"""ViewFilters pass the calls that a loop over the calls passes, and the figures of a view add up."""

from datetime import date
from math import isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.widgets.views import Study, ViewFilters
from tests.support.calls import calls, logs

LOG = calls(
    {
        "s": 0,
        "retry_count": 0,
        "trace_id": "Alpha",
        "model": "gpt-4",
        "team": "search",
        "route": "/a",
        "cost": 1.0,
        "latency_ms": 100,
    },
    {
        "s": 1,
        "retry_count": 1,
        "trace_id": "Alpha",
        "model": "gpt-4",
        "team": "search",
        "route": "/a",
        "cost": 2.0,
        "latency_ms": 200,
    },
    {
        "s": 2,
        "retry_count": 2,
        "trace_id": "Alpha",
        "model": "gpt-4",
        "team": "search",
        "route": "/a",
        "cost": 4.0,
        "latency_ms": 300,
    },
    {
        "s": 3,
        "retry_count": 3,
        "trace_id": "Alpha",
        "model": "gpt-4",
        "team": "search",
        "route": "/a",
        "cost": 8.0,
        "latency_ms": None,
    },
    {"s": 86_400, "trace_id": "beta", "model": "o3", "team": None, "route": "/b", "cost": None, "latency_ms": 50},
    {"trace_id": "gamma", "model": None, "team": "legal", "route": None, "cost": 16.0, "prompt": "y"},
)


def left(**filters) -> list[int]:
    return Study(LOG).view(ViewFilters(**filters)).logged.index.tolist()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"since": date(2026, 3, 3)}, [4]),
        ({"until": date(2026, 3, 2)}, [0, 1, 2, 3]),
        ({"until": date(2026, 3, 1)}, []),
        ({"since": date(2026, 3, 2), "until": date(2026, 3, 3)}, [0, 1, 2, 3, 4]),
        ({"labels": {"model": ("gpt-4",)}}, [0, 1, 2, 3]),
        ({"labels": {"model": ("gpt-4", None)}}, [0, 1, 2, 3, 5]),
        ({"labels": {"model": ("o3", "gpt-4"), "team": (None,)}}, [4]),
        ({"labels": {"route": ("/nowhere",), "team": ()}}, []),
        ({"trace": "ALPH"}, [0, 1, 2, 3]),
        ({"trace": "a"}, [0, 1, 2, 3, 4, 5]),
        ({"trace": "."}, []),
        ({"only_wasted": True}, [0, 1, 2]),
    ],
)
def test_each_filter_passes_its_calls(filters, expected):
    assert left(**filters) == expected


def test_the_figures_are_those_of_the_calls_that_pass():
    figures = Study(LOG).view(ViewFilters(labels={"model": ("gpt-4", "o3")})).figures()

    assert figures.n_calls == 5
    assert figures.cost == 15.0
    assert figures.waste_cost == 7.0  # never answered: all but the most expensive attempt
    assert figures.p95_latency_ms == np.quantile([100, 200, 300, 50], 0.95)
    assert figures.unpriced_share == pytest.approx(0.2)


def test_the_figures_of_no_calls_are_zero_or_nan():
    study = Study(LOG)

    empty = study.view(ViewFilters(trace="none")).figures()
    assert (empty.n_calls, empty.cost, empty.waste_cost, empty.unpriced_share) == (0, 0.0, 0.0, 0.0)
    assert isnan(empty.p95_latency_ms)
    assert isnan(study.view(ViewFilters(labels={"model": ("o3",)})).figures().cost)
    assert Study(LOG.head(0)).view(ViewFilters()).figures().n_calls == 0


def test_findings_hold_the_waste_of_the_calls_that_pass():
    log = pd.concat([LOG, calls({"s": 86_401, "trace_id": "Alpha", "model": "o3", "team": "search", "cost": 1.0})])
    study = Study(log)

    assert study.view(ViewFilters()).findings["waste_cost"].tolist() == [7.0]
    assert study.view(ViewFilters(until=date(2026, 3, 2))).findings["waste_cost"].tolist() == [7.0]
    assert study.view(ViewFilters(labels={"model": ("o3",)})).findings.empty


def test_other_thresholds_find_other_waste():
    study = Study(LOG)
    study.detect({"retry_loops": {"max_retries": 4}})

    assert study.view(ViewFilters()).findings.empty
    assert left(only_wasted=True) == [0, 1, 2]


def test_values_are_counted_in_what_passes_the_other_filters():
    study = Study(LOG)
    assert study.labels["model"].cat.categories.tolist() == ["gpt-4", "o3"]
    assert study.view(ViewFilters()).counts("model").tolist() == [4, 1, 1]
    filtered = study.view(ViewFilters(labels={"model": ("gpt-4",), "team": ("search",)}))
    assert filtered.counts("model").tolist() == [4, 0, 0]
    assert filtered.counts("route").tolist() == [4, 0, 0]
    assert filtered.counts("team").tolist() == [0, 4, 0]


def test_groups_add_up_and_know_what_they_cost_before():
    study = Study(LOG)
    first, second = (study.view(ViewFilters(since=date(2026, 3, day), until=date(2026, 3, day))) for day in (2, 3))
    rows = study.view(ViewFilters()).groups("team").set_index("team")
    assert rows["n_calls"].sum() == len(LOG)
    assert rows["waste_cost"].to_dict() == {"search": 7.0, "legal": 0.0, np.nan: 0.0}
    change = second.groups("team", first).set_index("team")["cost_change"]
    assert change["search"] == -15.0
    assert isnan(change[np.nan])  # its cost is not known


def test_repricing_is_that_of_the_calls_that_pass():
    log = calls(*({"s": n, "model": "gpt-4", "input_tokens": 1000, "output_tokens": 0, "cost": 0.03} for n in range(3)))
    view = Study(log).view(ViewFilters())

    pd.testing.assert_frame_equal(
        view.reprice("gpt-4", "gpt-4o"), cf.reprice(log, {"gpt-4": "gpt-4o"}, prices=cf.PriceBook.default())
    )


def passes(call: dict, filters: ViewFilters, wasted: float) -> bool:
    """State the rule of the filters for one call."""
    day = None if pd.isna(call["timestamp"]) else call["timestamp"].date()
    if (filters.since or filters.until) and day is None:
        return False
    if (filters.since and day < filters.since) or (filters.until and day > filters.until):
        return False
    for label, values in (filters.labels or {}).items():
        if values and (None if pd.isna(call[label]) else call[label]) not in values:
            return False
    return filters.trace.lower() in call["trace_id"].lower() and (not filters.only_wasted or wasted != 0)


FILTERS = st.builds(
    ViewFilters,
    since=st.sampled_from((None, date(2026, 3, 2), date(2026, 3, 3))),
    until=st.sampled_from((None, date(2026, 3, 1), date(2026, 3, 2))),
    labels=st.dictionaries(
        st.just("model"), st.lists(st.sampled_from(("gpt-4", "GPT-4", "gpt-4o", "", None))).map(tuple)
    ),
    trace=st.sampled_from(("", "t", "T1", "2")),
    only_wasted=st.booleans(),
)


@pytest.mark.long
@given(logs(), FILTERS)
@settings(max_examples=60)
def test_a_view_is_what_a_loop_over_the_calls_passes(log, filters):
    study, flagged = Study(log), cf.flag(log)
    rows = [
        place
        for place, (call, wasted) in enumerate(zip(log.to_dict("records"), flagged["waste_cost"], strict=True))
        if passes(call, filters, wasted)
    ]
    view = study.view(filters)

    assert view.logged.index.tolist() == rows
    kept = flagged.iloc[rows]
    assert view.figures().waste_cost == pytest.approx(kept["waste_cost"].sum())
    assert set(view.findings["finding_id"]) == set(kept["finding_id"].dropna())
    if len(rows) == len(log):
        whole = cf.find_waste(log)
        whole = whole[whole["suppressed_by"].isna()].set_index("finding_id")["waste_cost"]
        seen = view.findings.set_index("finding_id")["waste_cost"]
        pd.testing.assert_series_equal(seen.sort_index(), whole.sort_index(), check_names=False)
