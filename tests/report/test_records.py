"""Rows of frames as plain Python values, and as JSON."""

import datetime as dt
import json
import re

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given

from crashlens_frame.report.records import frame_records, json_text, json_with_records


def test_records_are_plain_python_values():
    frame = pd.DataFrame(
        {
            "model": pd.Categorical(["o3", None]),
            "calls": pd.array([1, None], dtype="Int64"),
            "cost": [0.5, float("nan")],
            "start": pd.to_datetime(["2026-03-01T12:00Z", None], utc=True),
        }
    )

    rows = frame_records(frame)

    assert rows == [
        {"model": "o3", "calls": 1, "cost": 0.5, "start": dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)},
        {"model": None, "calls": None, "cost": None, "start": None},
    ]
    assert json_text(rows[:1]) == (
        '[\n  {\n    "model": "o3",\n    "calls": 1,\n    "cost": 0.5,\n    "start": "2026-03-01T12:00:00Z"\n  }\n]'
    )


@given(st.text())
def test_json_says_what_it_was_given_in_characters_that_print(text):
    written = json_text({"text": text.encode("utf-8", "replace").decode()})

    assert json.loads(written)["text"] == text.encode("utf-8", "replace").decode()
    assert not re.search("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", written)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.text() | st.sampled_from(['a",\n  "b', "100 %s", "\x7f\x1b[31m", "\u202egpt"]),
            "label": st.sampled_from([None, "o3", '"\n', "\u2028"]),
            "cost": st.none() | st.floats(allow_infinity=False),
            "calls": st.none() | st.integers(-(2**63), 2**63 - 1),
            "start": st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
            "is_late": st.booleans(),
        }
    ),
    max_size=4,
)


@given(ROWS)
def test_rows_are_written_by_columns_as_they_are_written_one_by_one(rows):
    texts = [None if row["text"] is None else row["text"].encode("utf-8", "replace").decode() for row in rows]
    values = {name: [row[name] for row in rows] for name in ("label", "cost", "calls", "start", "is_late")}
    frame = pd.DataFrame(
        {
            "text": pd.array(texts, dtype="str"),
            "label": pd.Categorical(values["label"], categories=["o3", '"\n', "\u2028"]),
            "cost": pd.array(values["cost"], dtype="float64"),
            "calls": pd.array(values["calls"], dtype="Int64"),
            "start": pd.Series(values["start"], dtype="datetime64[us]").dt.tz_localize("UTC"),
            "is_late": pd.array(values["is_late"], dtype="bool"),
        }
    )
    fields = {"cost": 0.5, "waste": [{"model": "\u202egpt"}]}

    assert json_with_records(fields, "findings", frame) == json_text({**fields, "findings": frame_records(frame)})
