"""Tables that other programs exported: Parquet, CSV and frames have the rows that the JSON of the same program has."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import crashlens_frame as cf
from crashlens_frame.io import parquet
from tests.support.format_rows import case

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
ASKED = {"message.role": "user", "message.content": "Is it's in stock?"}
ANSWERED = {
    "message.role": "assistant", "message.content": "Yes.",
    "message.tool_calls": [{"tool_call.function.name": "stock", "tool_call.function.arguments": '{"sku": 7}'}],
}  # fmt: skip
OF_LLM = "attributes.llm."


def span(number: int, **columns: Any) -> dict[str, Any]:
    """Return a span as a frame of Phoenix has it."""
    known = {
        "name": "ChatCompletion", "span_kind": "LLM", "parent_id": "c1", "status_code": "OK", "status_message": "",
        "start_time": START + timedelta(seconds=number), "end_time": START + timedelta(seconds=number + 2),
        "events": [], "context.span_id": f"000000000000000{number}", "context.trace_id": "11",
        "attributes.openinference.span.kind": "LLM", "attributes.llm.model_name": "gpt-4o",
        "attributes.input.value": "42", "attributes.output.value": "[{'a': 1}]",
    }  # fmt: skip
    return known | {name.replace("__", "."): value for name, value in columns.items()}


COUNTED = {
    f"{OF_LLM}token_count.{name}": value
    for name, value in (("prompt", 1000.0), ("completion", 50.0), ("total", 1050.0), ("prompt_details.cache_read", 800))
}
SPANS = pd.DataFrame([
    span(1, **COUNTED, **{f"{OF_LLM}input_messages": [ASKED], f"{OF_LLM}output_messages": [ANSWERED],
                          "attributes.metadata": {"customer": "acme"}}),
    span(2, **{"attributes.openinference.span.kind": "CHAIN", "span_kind": "CHAIN", f"{OF_LLM}model_name": None}),
    span(3, **COUNTED, status_code="ERROR", status_message="overloaded"),
    span(4),
])  # fmt: skip
ROWS = [
    ("0000000000000001", "Is it's in stock?", "Yes.", 1000, 800, None, '{"customer":"acme"}'),
    ("0000000000000003", "42", "[{'a': 1}]", 1000, 800, "overloaded", None),
    ("0000000000000004", "42", "[{'a': 1}]", None, None, None, None),
]
NAMES = ["event_id", "prompt", "response", "input_tokens", "cached_input_tokens", "error", "tags"]
left_out_one = pytest.warns(cf.PassedOverWarning, match=r'left out 1 (row|record) other than calls .*"CHAIN"')


def values(calls: pd.DataFrame, names: list[str] = NAMES) -> list[tuple[Any, ...]]:
    rows = calls[names].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


def json_lines(table: pd.DataFrame) -> io.BytesIO:
    return io.BytesIO(table.to_json(orient="records", lines=True, date_format="iso").encode())


def same(calls: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Check that calls are equal but for the fields without a column, of which a table writes some in another way."""
    pd.testing.assert_frame_equal(calls.drop(columns="extra"), expected.drop(columns="extra"))


@pytest.fixture
def expected() -> pd.DataFrame:
    with left_out_one:
        calls = cf.read_logs(json_lines(SPANS), prices=None)
    assert values(calls) == ROWS
    assert calls["tool_calls"].tolist()[0] == '[{"arguments":{"sku":7},"name":"stock"}]'
    assert calls["latency_ms"].tolist() == [2000] * 3
    assert calls["log_format"].tolist() == ["otel"] * 3
    return calls


def test_spans_of_phoenix_in_parquet_are_those_of_its_json(expected: pd.DataFrame, tmp_path: Path) -> None:
    for name, frame in (("column", SPANS), ("index", SPANS.set_index("context.span_id"))):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        with left_out_one:
            same(cf.read_logs(tmp_path / f"{name}.parquet", prices=None), expected)
        with left_out_one:
            same(cf.read_parquet(tmp_path / f"{name}.parquet"), expected)


def test_spans_of_phoenix_in_csv_are_those_of_its_json(expected: pd.DataFrame) -> None:
    with left_out_one:
        same(cf.read_logs(io.BytesIO(SPANS.to_csv(index=False).encode()), prices=None), expected)


@pytest.mark.parametrize("index", [None, "context.span_id"])
def test_a_frame_of_phoenix_becomes_calls(expected: pd.DataFrame, index: str | None) -> None:
    frame = SPANS if index is None else SPANS.set_index(index)
    before = frame.copy(deep=True)
    with left_out_one:
        same(cf.as_calls(frame), expected)
    pd.testing.assert_frame_equal(frame, before)
    with left_out_one:
        same(cf.as_calls(pd.read_csv(io.StringIO(SPANS.to_csv(index=False)), dtype=str)), expected)


def test_chosen_columns_of_an_export_are_those_of_all(expected: pd.DataFrame, tmp_path: Path) -> None:
    SPANS.to_parquet(tmp_path / "spans.parquet")
    for names in (["model", "input_tokens"], ["latency_ms", "prompt"]):
        with left_out_one:
            read = cf.read_parquet(tmp_path / "spans.parquet", columns=names)
        pd.testing.assert_frame_equal(read, expected[names])
        with left_out_one:
            read = cf.read_logs(tmp_path / "spans.parquet", columns=names, prices=None)
        pd.testing.assert_frame_equal(read, expected[names])


def test_a_scan_of_an_export_has_its_bill(tmp_path: Path) -> None:
    SPANS[SPANS["span_kind"] == "LLM"].to_parquet(tmp_path / "spans.parquet")
    report = cf.scan(tmp_path / "spans.parquet").report
    assert report.events == 3
    assert report.cost == pytest.approx(cf.read_logs(tmp_path / "spans.parquet")["cost"].sum())


def test_the_size_of_the_parts_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = pd.concat([SPANS.assign(**{"context.span_id": f"{part:016}"}).iloc[:1] for part in range(50)])
    many.to_parquet(tmp_path / "spans.parquet")
    whole = cf.read_logs(tmp_path / "spans.parquet")
    monkeypatch.setattr(parquet, "_BATCH", 7)
    monkeypatch.setattr("crashlens_frame.io.csv._ROWS", 7)
    pd.testing.assert_frame_equal(cf.read_logs(tmp_path / "spans.parquet"), whole)
    same(cf.read_logs(io.BytesIO(many.to_csv(index=False).encode())), whole)
    assert whole["event_id"].nunique() == 50


def test_a_bad_row_costs_only_itself_and_has_its_number(tmp_path: Path) -> None:
    hurt = SPANS.iloc[[0, 2, 3]].reset_index(drop=True)
    hurt["start_time"] = hurt["start_time"].astype(str).where(hurt.index != 1, "yesterday")
    hurt["context.trace_id"] = ["11", "11", None]
    hurt.to_csv(tmp_path / "spans.csv", index=False)
    hurt.to_parquet(tmp_path / "spans.parquet")
    for name, above in (("spans.csv", 1), ("spans.parquet", 0)):
        path = tmp_path / name
        assert cf.read_rejects(path)[["line", "reason"]].to_numpy().tolist() == [
            [above + 3, "the trace id is missing, expected trace_id as non-empty text"]
        ]
        assert cf.read_repairs(path)[["line", "field"]].to_numpy().tolist() == [[above + 2, "start"]]
        with pytest.warns(cf.RejectedLinesWarning, match="left out 1 line"):
            calls = cf.read_logs(path, prices=None)
        assert calls["event_id"].tolist() == ["0000000000000001", "0000000000000003"]
        assert calls["timestamp"].isna().tolist() == [False, True]


def test_a_bad_row_of_a_frame_is_an_error_that_names_it() -> None:
    hurt = SPANS.iloc[[0, 3]].assign(start_time=[START, "yesterday"])
    with pytest.raises(cf.InvalidCallError, match=r'start is "yesterday", expected .*, in row 3'):
        cf.as_calls(hurt)


LANGFUSE = case("w03_langfuse_blob_storage.jsonl")[0]
OF_LANGFUSE = ["trace_id", "event_id", "model", "input_tokens", "output_tokens", "cost", "latency_ms", "log_format"]
IN_LANGFUSE = [("t-1", "o-1", "gpt-4o", 1000, 50, 0.003, 2000, "langfuse")]


def test_observations_of_langfuse_have_their_counts_and_their_latency_in_every_table(tmp_path: Path) -> None:
    frame = pd.DataFrame([LANGFUSE])
    frame.to_parquet(tmp_path / "structs.parquet")
    frame.to_csv(tmp_path / "literals.csv", index=False)
    packed = frame.assign(usage_details=json.dumps(LANGFUSE["usage_details"]), cost_details="{}")
    packed.to_csv(tmp_path / "json.csv", index=False)
    counts = pa.map_(pa.string(), pa.uint64())
    maps = pa.table(frame.drop(columns=["usage_details", "cost_details", "model_parameters"]))
    maps = maps.append_column("usage_details", pa.array([list(LANGFUSE["usage_details"].items())], counts))
    maps = maps.set_column(
        maps.column_names.index("total_cost"), "total_cost", pa.array([Decimal("0.003")], pa.decimal128(18, 12))
    )
    pq.write_table(maps, tmp_path / "maps.parquet")
    for path in sorted(tmp_path.iterdir()):
        assert values(cf.read_logs(path, prices=None), OF_LANGFUSE) == IN_LANGFUSE, path.name
    assert values(cf.as_calls(frame), OF_LANGFUSE) == IN_LANGFUSE


def test_a_table_of_a_users_own_is_matched_by_its_names() -> None:
    own = pd.DataFrame({"trace_id": ["t"], "model": ["gpt-4o"], "usage_details": [{"input": 5}], "prompt_tokens": [7]})
    with pytest.warns(cf.MatchedColumnsWarning, match="prompt_tokens as input_tokens"):
        assert values(cf.as_calls(own), ["trace_id", "input_tokens", "log_format"]) == [("t", 7, None)]
    columns = {"context.trace_id": "trace_id", "attributes.llm.model_name": "model"}
    with pytest.warns(cf.MatchedColumnsWarning, match="start_time as timestamp"):
        assert cf.as_calls(SPANS.iloc[[0]], columns=columns)["log_format"].isna().all()


def test_the_accessor_of_a_frame_of_phoenix_names_what_makes_it_calls() -> None:
    with pytest.raises(cf.NotCallsError, match=r"df = cf\.as_calls\(df\) makes it calls"):
        SPANS.crashlens.summarize()


def test_a_named_format_is_that_of_the_rows() -> None:
    activity = Path(__file__).parents[1] / "cases" / "files" / "u09_openrouter_activity.csv"
    assert cf.read_logs(activity, format="openrouter")["log_format"].tolist() == ["openrouter"]
    with pytest.warns(cf.RejectedLinesWarning):
        assert cf.read_logs(activity, format="anthropic").empty


def test_answers_that_pandas_normalized_have_their_counts(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
             "prompt_tokens_details": {"cached_tokens": 640}}  # fmt: skip
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1772359200, "model": "gpt-4o", "usage": usage}
    table = pd.json_normalize([answer])
    table.to_csv(tmp_path / "answers.csv", index=False)
    for calls in (cf.read_logs(tmp_path / "answers.csv"), cf.as_calls(table)):
        names = ["input_tokens", "cached_input_tokens", "output_tokens"]
        assert calls[names].to_numpy().tolist() == [[1000, 640, 50]]
        assert calls["timestamp"].tolist() == [pd.Timestamp(1772359200, unit="s", tz="UTC")]
