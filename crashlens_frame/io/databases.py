"""Calls that programs keep in an SQLite database -> lines of JSON, which formats read."""

import os
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import LogFileError

_MOST_TABLES = 8  # that a message names
_LINES = 1000  # that are read at a time


class Store(NamedTuple):
    """What a program keeps: the tables and columns that show it, and the query for a line of JSON for each row.

    ``{row}`` in the query is an object with all columns of the first table.
    """

    tables: dict[str, tuple[str, ...]]
    query: str


_OF_TURN = """(select group_concat(text, char(10)) from parts where parts.message_hash = {hash} and type = 'text')"""
STORES = (
    Store(  # llm up to 0.31 (https://github.com/simonw/llm)
        {"responses": ("id", "model", "prompt", "response", "options_json", "datetime_utc")},
        "select {row} from responses order by datetime_utc, id",
    ),
    Store(  # llm from 0.32 on; texts are those of messages, which are shared
        {"turns": ("id", "model", "options_json", "datetime_utc", "parent_message_hash", "tip_message_hash")},
        "select json_patch({row}, json_object("
        f" 'prompt', {_OF_TURN.format(hash='turns.parent_message_hash')},"
        f" 'response', {_OF_TURN.format(hash='turns.tip_message_hash')}))"
        " from turns order by datetime_utc, id",
    ),
    Store(  # opencode (https://github.com/sst/opencode): the messages of a session are one line
        {"message": ("id", "session_id", "time_created", "data"), "part": ("id", "message_id", "data")},
        "select json_object('messages', json_group_array(json(entry))) from (select session_id, json_object('info',"
        " json_patch(message.data, json_object('id', id, 'sessionID', session_id)), 'parts', (select"
        " json_group_array(json(part.data)) from (select data from part where message_id = message.id and"
        " json_valid(data) order by id) as part)) as entry from message where json_valid(data) order by session_id,"
        " time_created, id) group by session_id",
    ),
    Store(  # Copilot CLI 1.0.80 (~/.copilot/session-store.db): a row for each request, its input includes the cache
        {"assistant_usage_events": ("id", "session_id", "model", "input_tokens", "output_tokens", "cache_read_tokens",
                                    "cache_write_tokens", "reasoning_tokens", "created_at")},
        "select json_object('trace_id', session_id, 'session_id', session_id, 'event_id', session_id || '/' || id,"
        " 'model', model, 'timestamp', created_at, 'input_tokens', input_tokens, 'output_tokens', output_tokens,"
        " 'cached_input_tokens', cache_read_tokens, 'cache_write_tokens', cache_write_tokens, 'reasoning_tokens',"
        " reasoning_tokens, 'source', 'copilot', 'type', 'generation') from assistant_usage_events order by id",
    ),
    Store(  # one-api and new-api: the table of their logs
        {"logs": ("id", "created_at", "type", "model_name", "token_name", "quota", "prompt_tokens")},
        "select {row} from logs order by id",
    ),
    Store(  # runtime_logging of AutoGen 0.2 and AG2 (https://github.com/ag2ai/ag2): answers in the form of OpenAI
        {"chat_completions": ("id", "session_id", "request", "response", "is_cached", "cost", "start_time",
                              "end_time")},
        # an answer of its own cache has the id of the answer that was billed
        "select json_patch(json(response), json_object('id', json_extract(response, '$.id') || iif(is_cached, '/' ||"
        " id, ''), 'trace_id', session_id, 'session_id', session_id, 'messages', json_extract(request, '$.messages'),"
        " 'billed', iif(is_cached, 'no', null), 'logged', json_object('start_time', start_time, 'end_time', end_time,"
        " 'cost', cost))) from chat_completions where json_valid(response) and json_valid(request) order by id",
    ),
)  # fmt: skip


def database_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield blocks of lines of JSON of the calls in a database.

    A file with a path is opened there, so that what its program has written to the log beside it is read too.

    Raises
    ------
    LogFileError
        It holds no calls of a program that is known, or it is damaged.
    """
    try:
        database = _opened(stream)
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            yield from _blocks(database)
        finally:
            database.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the second where an error quotes a damaged name
        raise LogFileError(f"the file is an SQLite database that cannot be read: {error}") from None


def _opened(stream: IO[bytes]) -> sqlite3.Connection:
    path = getattr(stream, "name", None)
    if isinstance(path, str) and _is_at(stream, path):
        return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    image = bytearray(stream.read())
    image[18:20] = b"\1\1"  # a copy has no log beside it
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.deserialize(bytes(image))
    return database


def _is_at(stream: IO[bytes], path: str) -> bool:
    """Whether an open file is the one that a path leads to; the name of a file within an archive is no path."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))  # noqa: PTH116
    except (OSError, ValueError):  # io.UnsupportedOperation is both
        return False


def _blocks(database: sqlite3.Connection) -> Iterator[bytes]:
    columns = _columns(database)
    stores = [store for store in STORES if _has(store, columns)]
    if not stores:
        named = ", ".join(sorted(columns)[:_MOST_TABLES]) or "none"
        raise LogFileError(
            f"the file is an SQLite database, and no log of a program that is known; its tables: {named}"
        )
    for store in stores:
        table = next(iter(store.tables))
        query = store.query.replace("{row}", _as_object(columns[table]))
        lines = (line.encode("utf-8", "replace") for (line,) in database.execute(query))
        while block := b"".join(line + b"\n" for line in islice(lines, _LINES)):
            yield block


def _as_object(columns: list[str]) -> str:
    """Return the expression for a JSON object with some columns."""
    names = ["'" + column.replace("'", "''") + "'" for column in columns]
    values = ['"' + column.replace('"', '""') + '"' for column in columns]
    return f"json_object({', '.join(map(', '.join, zip(names, values, strict=True)))})"


def _columns(database: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the columns of each table."""
    found: dict[str, list[str]] = {}
    query = "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'"
    for table, column in database.execute(query):
        found.setdefault(table, []).append(column)
    return found


def _has(store: Store, columns: dict[str, list[str]]) -> bool:
    return all(set(needed) <= set(columns.get(table, ())) for table, needed in store.tables.items())
