"""SQLite databases of llm, opencode, Copilot, new-api and AutoGen: each call is a row, as in what they export."""

import gzip
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from tests.formats.test_further_platforms import AUTOGEN, NEW_API
from tests.formats.test_platforms import LLM

# as llm/migrations.py of llm 0.31 and 0.36 make them, opencode 1.1, and the Copilot CLI 1.0.80
TABLES = {
    "responses": "id text primary key, model text, prompt text, system text, prompt_json text, options_json text,"
    " response text, response_json text, conversation_id text, duration_ms integer, datetime_utc text,"
    " input_tokens integer, output_tokens integer, token_details text, schema_id text, resolved_model text",
    "turns": "id text primary key, thread_id text, parent_message_hash text, tip_message_hash text, model text,"
    " resolved_model text, options_json text, schema_id text, input_tokens integer, output_tokens integer,"
    " token_details text, duration_ms integer, datetime_utc text",
    "parts": "id integer primary key, message_hash text, position integer, type text, tool_name text, text text",
    "session": "id text primary key, directory text",
    "message": "id text primary key, session_id text, time_created integer, time_updated integer, data text",
    "part": "id text primary key, message_id text, session_id text, time_created integer, data text",
    "sessions": "id text primary key, cwd text",
    "assistant_usage_events": "id integer primary key, session_id text, model text, input_tokens integer,"
    " output_tokens integer, cache_read_tokens integer, cache_write_tokens integer, reasoning_tokens integer,"
    " created_at text",
    "logs": "id integer primary key, user_id integer, created_at integer, type integer, content text, username text,"
    " token_name text, model_name text, quota integer, prompt_tokens integer, completion_tokens integer,"
    " use_time integer, is_stream numeric, channel_id integer, token_id integer, 'group' text, ip text,"
    " request_id text, other text",
    "chat_completions": "id integer primary key, invocation_id text, client_id integer, wrapper_id integer,"
    " session_id text, source_name text, request text, response text, is_cached integer, cost real, start_time text,"
    " end_time text",
}


def database(path: Path, **tables: list[dict[str, Any]]) -> Path:
    """Write a database with rows in some of its tables."""
    with sqlite3.connect(path) as connection:
        for name, rows in tables.items():
            connection.execute(f"create table {name} ({TABLES[name]})")
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"insert into {name} ({', '.join(row)}) values ({marks})", tuple(row.values()))
    connection.close()
    return path


def found(source: Any, *columns: str) -> list[list[Any]]:
    calls = cf.read_logs(source, on_error="raise")
    shown = json.loads(calls[list(columns)].to_json(orient="values"))
    assert isinstance(shown, list)
    return shown


COUNTS = ("model", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def test_responses_of_llm_are_those_that_it_exports(tmp_path: Path) -> None:
    row = {name: value for name, value in LLM.items() if name in TABLES["responses"]}
    kept = cf.read_logs(database(tmp_path / "logs.db", responses=[row]))
    exported = cf.read_logs(io.BytesIO(json.dumps([LLM]).encode()))
    columns = [name for name in kept.columns if name != "extra"]
    assert kept[columns].equals(exported[columns])
    assert kept["cost"].tolist() == [pytest.approx(400 * 2.5e-6 + 600 * 1.25e-6 + 50 * 10e-6)]


def test_turns_of_newer_versions_of_llm_have_the_texts_of_their_messages(tmp_path: Path) -> None:
    names = ("id", "model", "resolved_model", "options_json", "input_tokens", "output_tokens", "token_details",
             "duration_ms", "datetime_utc")  # fmt: skip
    turn = {name: LLM[name] for name in names}
    turn |= {"thread_id": "c-1", "parent_message_hash": "asked", "tip_message_hash": "answered"}
    parts = [
        {"message_hash": "asked", "position": 0, "type": "text", "text": "Is it in stock?"},
        {"message_hash": "answered", "position": 0, "type": "reasoning", "text": "Let me see."},
        {"message_hash": "answered", "position": 1, "type": "text", "text": "Yes."},
    ]
    path = database(tmp_path / "logs.db", responses=[], turns=[turn], parts=parts)
    assert found(path, "event_id", "session_id", "prompt", "response", "latency_ms") == [
        ["01k", "c-1", "Is it in stock?", "Yes.", 1250]
    ]
    assert found(path, *COUNTS) == [["gpt-4o", 1000, 600, None, 50, None]]


ANSWER = {
    "role": "assistant", "modelID": "claude-sonnet-4-6", "providerID": "anthropic", "cost": 0.0123,
    "time": {"created": 1772359200000, "completed": 1772359204000}, "finish": "stop",
    "tokens": {"input": 1000, "output": 300, "reasoning": 0, "cache": {"read": 200, "write": 100}},
}  # fmt: skip


def opencode(path: Path) -> Path:
    records = {"user": {"role": "user"}, "answer": ANSWER, "broken": "{"}
    messages = [
        {"id": f"msg_{place}", "session_id": "ses_1", "time_created": place,
         "data": data if isinstance(data, str) else json.dumps(data)}
        for place, data in enumerate(records.values())
    ]  # fmt: skip
    texts = [
        {"id": f"prt_{place}", "message_id": f"msg_{place}", "session_id": "ses_1", "time_created": place,
         "data": json.dumps({"type": "text", "text": text})}
        for place, text in enumerate(("Is it in stock?", "Yes."))
    ]  # fmt: skip
    return database(path, session=[{"id": "ses_1"}], message=messages, part=texts)


def test_messages_of_opencode(tmp_path: Path) -> None:
    path = opencode(tmp_path / "opencode.db")
    assert found(path, *COUNTS, "cost", "prompt", "response", "latency_ms", "event_id", "session_id") == [
        ["claude-sonnet-4-6", 1300, 200, 100, 300, 0, 0.0123, "Is it in stock?", "Yes.", 4000, "msg_1", "ses_1"]
    ]


def test_requests_of_copilot(tmp_path: Path) -> None:
    rows = [
        {"session_id": "s-1", "model": "claude-sonnet-4.6", "input_tokens": 1000, "output_tokens": 50,
         "cache_read_tokens": 600, "cache_write_tokens": 100, "reasoning_tokens": 0,
         "created_at": "2026-08-01T12:00:00.000Z"}
    ] * 2  # fmt: skip
    path = database(tmp_path / "session-store.db", sessions=[], assistant_usage_events=rows)
    assert found(path, *COUNTS, "trace_id", "event_id") == [
        ["claude-sonnet-4.6", 1000, 600, 100, 50, 0, "s-1", f"s-1/{number}"] for number in (1, 2)
    ]
    # 300 x $3 + 600 x $0.3 + 100 x $3.75 + 50 x $15, all by the million
    assert found(path, "cost") == [[pytest.approx(0.002205)]] * 2


def test_a_database_at_any_door(tmp_path: Path) -> None:
    path = opencode(tmp_path / "opencode.db")
    packed = tmp_path / "opencode.db.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    expected = [["claude-sonnet-4-6", 0.0123]]
    for source in (path, str(path), packed, io.BytesIO(path.read_bytes()), [path]):
        assert found(source, "model", "cost") == expected
    report, _ = cf.scan(path)
    assert report.cost == pytest.approx(0.0123)
    assert cf.LogBook.from_logs(path).df["cost"].tolist() == [0.0123]
    assert cf.detect_format(path).format == "sqlite"


def test_what_a_program_has_written_beside_its_database_is_read(tmp_path: Path) -> None:
    path = opencode(tmp_path / "opencode.db")
    writer = sqlite3.connect(path)
    writer.execute("pragma journal_mode = wal")
    writer.execute("update message set data = json_set(data, '$.cost', 0.5) where id = 'msg_1'")
    writer.commit()
    before = path.read_bytes()
    assert found(path, "cost") == [[0.5]]
    assert path.read_bytes() == before
    writer.close()


def test_other_and_damaged_databases_say_what_they_are(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table photos (id integer)")
    other.close()
    with pytest.raises(
        cf.LogFileError, match="an SQLite database, and no log of a program that is known; its tables: photos"
    ):
        cf.read_logs(tmp_path / "other.db", on_error="raise")
    torn = opencode(tmp_path / "opencode.db").read_bytes()[:5000]
    with pytest.raises(cf.LogFileError, match="an SQLite database that cannot be read"):
        cf.read_logs(io.BytesIO(torn), on_error="raise")


@given(st.data())
def test_a_damaged_database_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "whole.db"
    if not path.exists():
        opencode(path)
    image = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(16, len(image) - 1), min_size=1, max_size=8)):
        image[place] = data.draw(st.integers(0, 255))
    rejects = cf.read_rejects(io.BytesIO(bytes(image)))
    assert len(rejects) <= 1


def test_logs_of_new_api_are_those_of_its_api(tmp_path: Path) -> None:
    row = {name: value for name, value in NEW_API.items() if name not in ("channel", "group")} | {"is_stream": 0}
    topped = row | {"id": 78, "type": 1, "model_name": "", "prompt_tokens": 0}
    with pytest.warns(cf.PassedOverWarning):
        (call,) = cf.read_logs(database(tmp_path / "one-api.db", logs=[row, topped])).to_dict("records")
    assert (call["input_tokens"], call["cached_input_tokens"], call["stream"]) == (1000, 600, False)
    assert call["cost"] == pytest.approx(400 * 2.5e-6 + 600 * 1.25e-6 + 50 * 10e-6)


def test_answers_of_autogen_from_its_cache_are_not_billed(tmp_path: Path) -> None:
    asked = json.dumps({"messages": AUTOGEN["messages"], "model": "gpt-4o"})
    row = {"session_id": "ag-s", "request": asked, "response": json.dumps(AUTOGEN["response"]), "cost": 0.1}
    path = database(tmp_path / "logs.db", chat_completions=[row | {"is_cached": 0}, row | {"is_cached": 1}])
    names = ("trace_id", "prompt", "input_tokens", "cached_input_tokens", "output_tokens")
    assert found(path, *names) == [["ag-s", "Is it in stock?", 1000, 600, 50]] * 2
    calls = cf.read_logs(path)
    assert calls["cost"].tolist() == [pytest.approx(400 * 2.5e-6 + 600 * 1.25e-6 + 50 * 10e-6), 0]
