"""Answers of vendors, as objects of their packages or as dicts -> rows of CALLS, read as the same answers in a file."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pandas as pd

from ..errors import InvalidCallError, InvalidOptionError
from ..formats import (
    CRASHLENS,
    FLAT,
    Row,
    convert_row,
    detect_format,
    message_text,
    quoted_value,
    rows_from_line,
    time_value,
    unpacked,
    whole_prompt_hash,
)
from ..frame import frame_from_table, table_from_rows
from ..io import SHIPPED, LeftOutCounts, price_book, priced_table
from ..jsonvalues import canonical_json
from ..pricing import Prices
from .ledger import Ledger
from .objects import plain_value
from .records import table_from_records, with_start

_SINCE = 946_684_800_000_000  # the year 2000: an earlier time is no time of a call


def from_responses(responses: Iterable[Any], *, prices: Prices | None = SHIPPED) -> pd.DataFrame:
    """Return the calls that answers of vendors belong to.

    Parameters
    ----------
    responses
        Answers as the packages of OpenAI, Anthropic, Google, Mistral or Cohere return them, or the Converse API of
        Amazon Bedrock, or as dicts; ``{"request": ..., "response": ...}`` where the arguments of the call are known.
    prices
        As for ``read_logs``; None: the calls are not priced.

    Returns
    -------
    DataFrame
        CALLS, one row per answer, equal to the row that the answer has in a file of JSON Lines.

    Raises
    ------
    LogFileError
        An element is no answer. The text names its number, from 1.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    ...           "content": [{"type": "text", "text": "Paris"}], "usage": {"input_tokens": 1000, "output_tokens": 10}}
    >>> cf.from_responses([answer])[["model", "response", "input_tokens", "cost"]]
                   model response  input_tokens     cost
    0  claude-sonnet-4-5    Paris          1000  0.00315
    """
    return frame_from_table(priced_table(table_from_records(responses), price_book(prices)))


class Responses:
    """The methods of a book that log answers of vendors."""

    _ledger: Ledger

    def log_response(
        self,
        response: Any,
        request: Mapping[str, Any] | None = None,
        *,
        started: Any = None,
        ended: Any = None,
        **columns: Any,
    ) -> str:
        """Log the call that an answer belongs to.

        Parameters
        ----------
        response
            Answer as the packages of OpenAI, Anthropic, Google, Mistral or Cohere return it, of Amazon Bedrock's
            Converse, or the dict of one. It is read as the same answer in a file is.
        request
            The arguments of the call, such as ``{"model": ..., "messages": ...}``: prompt, temperature and so on.
        started, ended
            When the call began and ended: a datetime, ISO 8601 text or an epoch number, as ``time.time()`` returns it.
            Both give the latency. Without them the answer's own time counts; without one the call ends now.
        **columns
            Any column of CALLS, such as ``team``, ``tags``, ``session_id``, ``user_id``, ``latency_ms`` or
            ``trace_id``. What is given is preferred to what the answer holds; tags are joined.

        Returns
        -------
        str
            The trace id; that of the answer is its own id, where none is given.

        Raises
        ------
        InvalidCallError
            The object is no answer that a format knows, or a value does not fit its column.
        InvalidOptionError
            Both ``started`` and ``timestamp`` are given.
        TypeError
            A name is no column.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "created": 1772359200,
        ...           "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}}
        >>> book = cf.LogBook()
        >>> book.log_response(answer, {"messages": [{"role": "user", "content": "Hi"}]}, team="search", latency_ms=900)
        'chatcmpl-1'
        >>> book.df[["prompt", "team", "latency_ms", "input_tokens", "cost"]]
          prompt    team  latency_ms  input_tokens   cost
        0     Hi  search         900          1000  0.003
        """
        return self._log_response(response, request, columns, started, ended)

    def log_rows(self, rows: list[Row]) -> None:
        """Log calls that a format has read, each a dict of values by column as ``formats`` converts them.

        Raises
        ------
        UnsavedCallsError
            The file of the book cannot be written to; the book has the calls.
        """
        if len(rows) == 1:
            self._ledger.add(with_start(rows[0]))
        elif rows:
            self._ledger.add_table(table_from_rows([*map(with_start, rows)]))

    def _log_response(self, response: Any, request: Mapping[str, Any] | None, given: Row, *times: Any) -> str:
        row = row_of_response(response, request, given, *times, stacklevel=4)
        self._ledger.add(with_start(row))
        return str(row["trace_id"])


def row_of_response(
    response: Any, request: Mapping[str, Any] | None, given: Row, started: Any, ended: Any, *, stacklevel: int
) -> Row:
    """Return the row of an answer, with the columns that were given beside it.

    Raises
    ------
    InvalidCallError
        The object is no answer, holds a value that its column cannot hold, or the times are none of a call.
    InvalidOptionError
        The start is given twice.
    """
    if started is not None and given.get("timestamp") is not None:
        raise InvalidOptionError("started and timestamp are both given, expected one of them")
    row = _read(response, request, stacklevel=stacklevel + 1)
    known = {name: value for name, value in given.items() if value is not None}
    for name in ("tags", "extra"):
        if name in row and name in known:
            known[name] = _merged(name, row[name], known[name])
    for source, amounts in (("cost_source", ("cost",)), ("token_source", ("input_tokens", "output_tokens"))):
        if not known.keys().isdisjoint(amounts):
            row.pop(source, None)  # it was that of the answer's own
    return timed(convert_row({"model": None, **row, **known}), started, ended)


def _merged(name: str, own: str, given: Any) -> str:
    """Return JSON text of an object with the keys of the answer's own and of the given one, which is preferred."""
    more = unpacked(given)
    if not isinstance(more, Mapping):
        raise InvalidCallError(f"{name} is {quoted_value(given)}, expected an object with keys")
    return canonical_json({**orjson.loads(own), **more})


def _read(response: Any, request: Mapping[str, Any] | None, *, stacklevel: int) -> Row:
    answer = plain_value(response)
    if not isinstance(answer, Mapping):
        raise InvalidCallError(
            f"response is {quoted_value(response)}, expected an answer of a vendor's package or its dict;"
            " of a stream, the whole answer once it has been read"
        )
    record = answer if request is None else {"request": plain_value(request), "response": answer}
    if detect_format(record).format in (CRASHLENS.name, FLAT.name):
        keys = ", ".join(map(str, list(answer)[:8])) or "none"
        raise InvalidCallError(
            f"response is a {type(response).__name__} with the keys {keys}, expected an answer of OpenAI, Anthropic,"
            " Gemini, Mistral, Cohere, Bedrock or another vendor; log_event takes records of other kinds"
        )
    found = rows_from_line(record)
    if found.errors or len(found.rows) != 1:
        what = found.errors[0] if found.errors else f"it holds {len(found.rows)} calls, expected one"
        raise InvalidCallError(f"response is a {type(response).__name__} that cannot be read: {what}")
    left = LeftOutCounts(unclear=[("<response>", counts) for counts in found.unclear], repairs=len(found.repairs))
    if found.repairs:
        left.first_repair = {"source": "<response>", "line": 1, "reason": found.repairs[0][1]}
    left.warn(stacklevel=stacklevel + 1)
    return found.rows[0]


def timed(row: Row, started: Any, ended: Any) -> Row:
    """Return a row with its start, and with its duration where both ends are known.

    Raises
    ------
    InvalidCallError
        A value is no time of a call, or the end is before the start.

    Examples
    --------
    >>> from crashlens_frame.logbook.responses import timed
    >>> timed({}, "2026-03-01T10:00:00Z", "2026-03-01T10:00:01.250Z")
    {'timestamp': 1772359200000000, 'latency_ms': 1250}
    """
    start, end = _time("started", started), _time("ended", ended)
    if start is not None:
        row = {**row, "timestamp": start}
    if end is None:
        return row
    if start is not None and end < start:
        raise InvalidCallError(f"ended is {quoted_value(ended)}, expected a time not before started, {started!r}")
    latency = row.get("latency_ms")
    if start is None:  # an end alone is the start as well, unless there is a better one
        begin = end - 1000 * latency if latency is not None else row.get("timestamp") or end
        return {**row, "timestamp": begin}
    return {**row, "latency_ms": (end - start) // 1000 if latency is None else latency}


def _time(name: str, value: Any) -> int | None:
    try:
        micros = time_value(value)
    except ValueError as error:
        raise InvalidCallError(f"{name} is {quoted_value(value)}, expected {error}") from None
    if micros is not None and micros < _SINCE:
        raise InvalidCallError(
            f"{name} is {quoted_value(value)}, a time before the year 2000, expected that of the call; time.time()"
            " counts from 1970, time.perf_counter() does not"
        )
    return micros


def asked_columns(prompt: Any) -> Row:
    """Return the columns of what was sent: a text, or messages as the packages of vendors take them.

    Examples
    --------
    >>> from crashlens_frame.logbook.responses import asked_columns
    >>> asked_columns([{"role": "user", "content": "Hi"}])
    {'prompt': 'Hi', 'prompt_hash': None, 'extra': '{"messages":[{"content":"Hi","role":"user"}]}'}
    """
    if prompt is None or isinstance(prompt, str):
        return {"prompt": prompt}
    messages = plain_value(prompt)
    if not isinstance(messages, Mapping | list):
        raise InvalidCallError(f"prompt is {quoted_value(prompt)}, expected text or messages")
    sent = {"messages": messages}
    return {
        "prompt": message_text(messages),
        "prompt_hash": whole_prompt_hash(sent),
        "extra": canonical_json(sent),
    }
