"""JSON Lines and JSON arrays with names of a user's own are read as a CSV file with the same columns is."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.formats import own_format
from crashlens_frame.io.read_sessions import session_format

Record = dict[str, Any]
OWN: list[Record] = [
    {"Created At": f"2026-03-01T10:00:0{number}Z", "model_name": "gpt-4o", "prompt_tokens": 1000 + number,
     "completion_tokens": 50, "question": "Is it in stock?", "answer": "Yes.", "latency": 900, "cost_usd": 0.25,
     "user": "ann", "weather": "rain"}
    for number in range(5)
]  # fmt: skip
MATCHED = (
    "Created At as timestamp, model_name as model, question as prompt, answer as response, prompt_tokens as"
    " input_tokens, completion_tokens as output_tokens, cost_usd as cost, latency as latency_ms, user as user_id"
)
says_what = pytest.warns(cf.MatchedColumnsWarning, match=MATCHED)


def lines(records: list[Record]) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(record).encode() + b"\n" for record in records))


def array(records: list[Record]) -> io.BytesIO:
    return io.BytesIO(json.dumps(records, indent=1).encode())


def as_csv(records: list[Record]) -> pd.DataFrame:
    with pytest.warns(cf.MatchedColumnsWarning):
        return cf.read_logs(io.BytesIO(pd.DataFrame(records).to_csv(index=False).encode()), prices=None)


def read(file: io.BytesIO | Path, **options: Any) -> pd.DataFrame:
    with pytest.warns(cf.MatchedColumnsWarning):
        return cf.read_logs(file, **{"prices": None, "on_error": "raise", **options})


def same(calls: pd.DataFrame, expected: pd.DataFrame, *but: str) -> None:
    """Check that calls are equal but for where numbers come from, which tables leave open, and some columns."""
    columns = ["token_source", "cost_source", *but]
    assert calls["trace_id"].is_unique
    pd.testing.assert_frame_equal(calls.drop(columns=columns), expected.drop(columns=columns))


@pytest.mark.parametrize("written", [lines, array])
def test_own_names_are_matched_as_those_of_csv_are_and_reported_once(written: Any) -> None:
    with says_what as seen:
        calls = cf.read_logs(written(OWN), prices=None, on_error="raise")
    assert len(seen) == 1
    same(calls, as_csv(OWN), "trace_id")
    assert calls["input_tokens"].tolist() == [1000, 1001, 1002, 1003, 1004]
    assert calls["extra"].tolist() == ['{"weather":"rain"}'] * 5


def test_calls_in_traces_of_their_own_names_are_read_as_in_csv() -> None:
    traced = [{"trace_id": f"t{number}", **record} for number, record in enumerate(OWN)]
    calls = read(lines(traced))
    same(calls, as_csv(traced))
    assert calls["trace_id"].tolist() == ["t0", "t1", "t2", "t3", "t4"]


def test_ids_are_the_event_ids_and_numbers_become_text() -> None:
    numbered = [{"id": number, **record, "user": 7} for number, record in enumerate(OWN)]
    calls = read(lines(numbered))
    same(calls, as_csv(numbered))
    assert calls["trace_id"].tolist() == calls["event_id"].tolist() == ["0", "1", "2", "3", "4"]
    assert calls["user_id"].tolist() == ["7"] * 5


def test_names_of_calls_alone_need_no_match_and_get_ids() -> None:
    plain = [{"model": "gpt-4o", "input_tokens": 5, "output_tokens": number} for number in range(3)]
    for written in (lines, array):
        calls = cf.read_logs(written(plain), on_error="raise")
        assert calls["output_tokens"].tolist() == [0, 1, 2]
        assert calls["trace_id"].is_unique
        pd.testing.assert_series_equal(calls["trace_id"], cf.read_logs(written(plain))["trace_id"])


def test_a_name_that_comes_later_is_matched_too() -> None:
    records = [*OWN * 60, OWN[0] | {"error_message": "timeout"}]
    with pytest.warns(cf.MatchedColumnsWarning, match=f"{MATCHED}, error_message as error; "):
        calls = cf.read_logs(lines(records), prices=None)
    assert calls["error"].notna().tolist() == [False] * 300 + [True]


def test_messages_are_read_and_kept_and_objects_stay_as_they_are() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    nested = {"model": "gpt-4o", "messages": messages, "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
    (call,) = read(lines([nested])).to_dict("records")
    assert (call["prompt"], call["input_tokens"], call["output_tokens"]) == ("Hi", 7, 1)
    assert json.loads(call["extra"]) == {"messages": messages}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"usage": {"input_tokens": 12, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40,
                    "cache_creation": {"ephemeral_1h_input_tokens": 25}, "output_tokens": 6}}, (352, 6, 300, 40, None)),
        ({"usage": {"input_tokens": 90, "input_tokens_details": {"cached_tokens": 64}, "output_tokens": 33,
                    "output_tokens_details": {"reasoning_tokens": 21}}}, (90, 33, 64, None, 21)),
        ({"usage": {"inputTokens": 8, "cacheReadInputTokens": 70, "cacheWriteInputTokens": 5, "outputTokens": 4,
                    "totalTokens": 87}}, (83, 4, 70, 5, None)),
        ({"usage": {"inputTokens": 80, "cachedInputTokens": 70, "outputTokens": 9, "reasoningTokens": 7,
                    "totalTokens": 89}}, (80, 9, 70, None, 7)),
        ({"usageMetadata": {"promptTokenCount": 50, "toolUsePromptTokenCount": 11, "cachedContentTokenCount": 30,
                            "candidatesTokenCount": 7, "thoughtsTokenCount": 13, "totalTokenCount": 81}},
         (61, 20, 30, None, 13)),
        ({"usage_metadata": {"prompt_token_count": 50, "candidates_token_count": 7, "thoughts_token_count": 13}},
         (50, 20, None, None, 13)),
        ({"usage_metadata": {"input_tokens": 44, "output_tokens": 9, "total_tokens": 53,
                             "input_token_details": {"cache_read": 32}}}, (44, 9, 32, None, None)),
        ({"usage": {"billed_units": {"input_tokens": 31, "output_tokens": 5}, "tokens": {"input_tokens": 90}}},
         (31, 5, None, None, None)),
        ({"token_usage": {"prompt_tokens": 15, "completion_tokens": 3, "total_tokens": 18}}, (15, 3, None, None, None)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ids", [{}, {"trace_id": "t"}])
def test_counts_of_a_vendor_beside_own_names_are_read_as_the_vendor_counts(
    usage: Record, counts: tuple[int | None, ...], ids: Record
) -> None:
    columns = ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens"]
    log = lines([{**ids, "model": "m", "timestamp": "2026-03-01T10:00:00Z", **usage}])
    calls = cf.read_logs(log, prices=None, on_error="raise")
    found = calls[columns].astype(object).where(calls[columns].notna(), None)
    assert found.to_numpy().tolist() == [list(counts)]


def test_a_list_of_models_holds_no_calls() -> None:
    models = [{"model": f"m{number}", "mode": "chat", "input_price": 2.5} for number in range(3)]
    for written in (lines, array):
        with pytest.warns(cf.RejectedLinesWarning, match="left out 3 lines"):
            assert cf.read_logs(written(models)).empty
    reasons = cf.read_rejects(lines(models))["reason"]
    assert reasons[0] == ("no tokens, prompt, response, cost, latency or error, only the keys model, mode, input_price")


def test_a_bad_line_costs_only_itself() -> None:
    hurt = [OWN[0], OWN[1] | {"prompt_tokens": "many"}, OWN[2] | {"Created At": "yesterday"}, OWN[3]]
    for written, above in ((lines, [2, 3]), (array, [14, 26])):
        with says_what:
            rejects = cf.read_rejects(written(hurt))
        with says_what:
            repairs = cf.read_repairs(written(hurt))
        assert (rejects["line"].tolist(), repairs["line"].tolist()) == (above[:1], above[1:])
        assert rejects["reason"].tolist() == ['input_tokens is "many", expected a whole number']
        with pytest.warns(cf.CrashlensFrameWarning):
            calls = cf.read_logs(written(hurt))
        assert calls["input_tokens"].tolist() == [1000, 1002, 1003]


def test_lines_of_vendors_after_many_are_read_by_themselves() -> None:
    chat = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "usage": {"prompt_tokens": 7}}
    calls = read(lines([*OWN * 30, chat, OWN[1]]))
    assert calls["input_tokens"].tolist()[149:] == [1004, 7, 1001]
    assert calls["log_format"].notna().tolist()[149:] == [False, True, False]


def test_lines_of_the_package_with_more_fields_stay_as_they_are() -> None:
    extra = '{"completion_tokens":5,"id":"7","user":"ann"}'
    known = {"trace_id": "t", "model": "gpt-4o", "cost": 0.5, "cost_source": "reported", "extra": extra}
    calls = cf.as_calls(pd.DataFrame([known]))
    for name in ("crashlens", "flat"):
        file = io.BytesIO()
        cf.to_jsonl(calls, file, format=name)
        pd.testing.assert_frame_equal(cf.read_logs(io.BytesIO(file.getvalue()), prices=None), calls)
    assert own_format([{"trace_id": "t", "model": "gpt-4o", "cost_usd": 1, "user": "ann", "id": "7"}]) is None


@pytest.mark.parametrize(
    "records",
    [[], [{"messages": [{"role": "user"}]}], [{"prompt": "a", "completion": "b"}], [{"mood": "ok"}],
     [{"traceId": "t", "model_name": "m"}]],
)  # fmt: skip
def test_what_has_no_model_or_is_of_the_package_has_no_own_names(records: list[Record]) -> None:
    assert own_format(records) is None
    assert session_format(lines(records).getvalue(), None) is None


def test_own_lines_are_read_through_every_door(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(lines(OWN).getvalue())
    with zipfile.ZipFile(tmp_path / "calls.zip", "w") as archive:
        archive.write(path, "calls.jsonl")
    expected = read(path)
    assert expected["cost"].sum() == pytest.approx(1.25)
    with says_what:
        pd.testing.assert_frame_equal(cf.read_jsonl(path), expected)
    with says_what:
        pd.testing.assert_frame_equal(cf.LogBook.from_logs(path).df, read(path, prices="shipped"))
    with says_what:
        assert cf.scan(path).report.cost == pytest.approx(1.25)
    same(read(tmp_path / "calls.zip"), expected)
    run = CliRunner().invoke(main, ["scan", str(path), "--format", "json"])
    assert MATCHED in " ".join(run.stderr.split())
    assert (run.exit_code, json.loads(run.stdout)["cost"]) == (0, pytest.approx(1.25))
    assert cf.detect_format(path) == ("crashlens", "its first lines have names of their own")


@pytest.mark.parametrize(
    "usage",
    [
        {
            "inputTokens": 1000,
            "outputTokens": 50,
            "totalTokens": 1050,
            "inputTokenDetails": {"noCacheTokens": 400, "cacheReadTokens": 600},
            "outputTokenDetails": {"reasoningTokens": 20},
        },
        {"input_tokens": 1000, "output_tokens": 50, "cache_read_tokens": 600, "details": {"reasoning_tokens": 20}},
        {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, "cached_tokens": 600},
        {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050, "input_token_details": {"cache_read": 600}},
        {"promptTokens": 1000, "completionTokens": 50, "totalTokens": 1050, "cachedInputTokens": 600},
        {"inputTokens": 400, "outputTokens": 50, "cacheReadInputTokens": 600, "cacheCreationInputTokens": 0},
    ],
)
def test_the_cache_in_the_usage_of_many_sdks(usage: dict[str, Any]) -> None:
    line = {"model": "gpt-4o", "timestamp": "2026-03-01T10:00:00Z", "usage": usage}
    calls = cf.read_logs(io.BytesIO(json.dumps(line).encode()), on_error="raise")
    assert calls[["input_tokens", "cached_input_tokens", "output_tokens"]].to_numpy().tolist() == [[1000, 600, 50]]
    assert calls["cost"].tolist() == [pytest.approx(400 * 2.5e-6 + 600 * 1.25e-6 + 50 * 10e-6)]


def test_the_cost_in_a_usage_is_that_of_the_call() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, "cost": 0.5}
    line = {"model": "gpt-4o", "timestamp": "2026-03-01T10:00:00Z", "usage": usage}
    for lines in (1, 200):
        calls = cf.read_logs(io.BytesIO((json.dumps(line).encode() + b"\n") * lines), on_error="raise")
        assert calls["cost"].tolist() == [0.5] * lines
        assert calls["cost_source"].tolist() == ["reported"] * lines
