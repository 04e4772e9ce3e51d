"""Patterns are what a loop over the findings adds up, with the dollars that are counted and no others."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.detectors import ROSTER
from crashlens_frame.errors import InvalidOptionError
from crashlens_frame.report.layouts import patterns_table
from crashlens_frame.report.patterns import merge_patterns, waste_by
from crashlens_frame.report.tables import Table, money_cells, text_cells
from crashlens_frame.words import terminal_width
from tests.support.calls import calls
from tests.support.findings import findings

CERTAINTY = {"retry_loops": "certain", "cache_misses": "likely", "overkill_models": "candidate"}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "detector": st.sampled_from(sorted(CERTAINTY)),
            "cause": st.sampled_from((None, "expired")),
            "route": st.sampled_from(("/a", "/b", None)),
            "model": st.sampled_from(("gpt-4", None)),
            "team": st.sampled_from(("search", "legal")),
            "n_calls": st.integers(1, 9),
            "waste_cost": st.sampled_from((None, 0.0, 0.25, 0.5, 2.0)),
            "suppressed_by": st.sampled_from((None, None, "retry_loops")),
            "savings_note": st.sampled_from(("Do this.", "Do that.")),
        }
    ),
    max_size=12,
)


def made(rows: list[dict]) -> pd.DataFrame:
    return findings(*({**row, "certainty": CERTAINTY[row["detector"]]} for row in rows))


def null(value: object) -> object:
    return None if pd.isna(value) else value


@given(rows=ROWS, by=st.sampled_from(((), ("team",), ("route", "team"), ("cause",))))
@settings(max_examples=60)
def test_a_pattern_is_what_a_loop_over_the_findings_adds_up(rows, by):
    keys = list(dict.fromkeys(("detector", "cause", *(by or ("route", "model")), "certainty", "savings_note")))
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        if row["suppressed_by"] is None:
            values = {**row, "certainty": CERTAINTY[row["detector"]]}
            groups.setdefault(tuple(values[key] for key in keys), []).append(row)
    expected = {}
    for key, group in groups.items():
        known = [row["waste_cost"] for row in group if row["waste_cost"] is not None]
        dollars = sum(known) if known else None
        is_candidate = CERTAINTY[key[0]] == "candidate"
        expected[key] = (
            len(group),
            sum(row["n_calls"] for row in group),
            0.0 if is_candidate else dollars,
            dollars if is_candidate else 0.0,
        )

    table = waste_by(calls(), *by, findings=made(rows))

    sums = ["n_findings", "n_calls", "waste_cost", "could_save"]
    found = {
        tuple(null(row[key]) for key in keys): tuple(null(row[name]) for name in sums)
        for row in table.to_dict("records")
    }
    assert found == expected
    worth = (table["waste_cost"] + table["could_save"]).tolist()
    known = [dollars for dollars in worth if not pd.isna(dollars)]
    assert worth[: len(known)] == sorted(known, reverse=True)


@pytest.mark.long
@given(rows=ROWS, place=st.integers(0, 12))
@settings(max_examples=30)
def test_the_patterns_of_parts_are_those_of_the_whole(rows, place):
    parts = [waste_by(calls(), "route", "team", findings=made(part)) for part in (rows[:place], rows[place:])]
    pd.testing.assert_frame_equal(merge_patterns(parts), waste_by(calls(), "route", "team", findings=made(rows)))


def test_a_pattern_is_written_in_words():
    rows = [{"detector": "retry_loops", "n_calls": n, "waste_cost": 1.0} for n in (3, 3, 4)]
    rows += [{"detector": "cache_misses", "cause": "broken prefix", "n_calls": 1200, "waste_cost": 0.5}]
    rows += [{"detector": "overkill_models", "n_calls": 1, "waste_cost": 0.25, "certainty": "candidate"}] * 1500
    assert sorted(waste_by(calls(), findings=findings(*rows))["pattern"]) == [
        "cache misses, broken prefix: once, 1,200 calls",
        "overkill models: 1,500 times, 1 call each",
        "retry loops: 3 times, 3 calls each",
    ]


def test_every_detector_of_the_roster_has_a_pattern():
    rows = [{"detector": each.name, "n_calls": 2, "waste_cost": 1.0, "certainty": each.certainty} for each in ROSTER]
    assert waste_by(calls(), findings=findings(*rows))["detector"].tolist() == [each.name for each in ROSTER]


def test_findings_are_found_where_none_are_given_and_no_findings_are_no_patterns():
    loop = calls(*({"s": 2 * s, "cost": 0.5, "route": "/a", "output_tokens": 0, "level": "error"} for s in range(3)))
    (found,) = waste_by(loop).to_dict("records")
    # three attempts and no answer: one of them was needed
    assert (found["detector"], found["route"], found["model"], found["waste_cost"]) == (
        "retry_loops",
        "/a",
        "gpt-4",
        1.0,
    )
    nothing = waste_by(calls({"s": 0, "response": "Yes"}))
    assert len(nothing) == 0
    assert list(nothing.columns) == list(waste_by(loop).columns)


def test_a_column_that_findings_lack_is_refused():
    with pytest.raises(InvalidOptionError, match="a column to group by is 'prompt', expected 'route', 'model', 'team'"):
        waste_by(calls(), "prompt")


def test_the_table_shows_the_most_expensive_patterns_and_what_the_others_cost():
    rows = [{"detector": "retry_loops", "route": f"/{n}", "n_calls": 2, "waste_cost": 1.0 + n} for n in range(9)]
    rows += [{"detector": "overkill_models", "n_calls": 1, "waste_cost": 7.0, "certainty": "candidate"}]
    patterns = waste_by(calls(), "route", "model", "team", findings=findings(*rows))

    wasted = patterns_table(patterns, "waste_cost")

    assert wasted.columns["wasted"].texts == ("$9.00", "$8.00", "$7.00", "$6.00", "$5.00", "$4.00")
    assert wasted.note == "and 3 more patterns, $6.00"
    assert patterns_table(patterns, "could_save").columns["could save"].texts == ("$7.00",)
    assert patterns_table(patterns, "could_save").note == ""


@pytest.mark.parametrize("width", [8, 20, 40, 80])
def test_lines_below_a_row_stand_under_its_last_column_and_fit(width):
    table = Table(
        {
            "waste": money_cells([1.5]),
            "what": text_cells(["loops"]),
            "route": text_cells(["/a"]),
            "model": text_cells([None]),
            "note": text_cells(["Wait longer before each attempt, " * 2]),
        },
        below=(("route", "model"), ("note",)),
    )
    text = table.to_text(width)
    assert max(map(terminal_width, text.splitlines())) <= width
    if width == 80:
        assert text.splitlines() == [
            "waste  what",
            "$1.50  loops",
            "       /a",
            "       Wait longer before each attempt, Wait longer before each attempt,",
        ]
    assert table.to_markdown().splitlines()[0] == "| waste | what | route | model | note |"


def test_the_pattern_of_a_simulated_day_names_the_deploy():
    first = cf.simulate_incidents(100, seed=3).crashlens.waste_by("route", "model", "team").iloc[0]
    assert first[["detector", "cause", "route", "model", "team"]].tolist() == [
        "cache_misses", "broken prefix", "/v1/contracts", "claude-sonnet-4-5", "legal",
    ]  # fmt: skip
    assert first["savings_note"].startswith("Move what changes (time, ids, names")
