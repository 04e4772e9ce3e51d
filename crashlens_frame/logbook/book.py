"""LogBook: accumulates calls, counts and prices them, writes them."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Self

import pandas as pd
import pyarrow as pa

from ..errors import InvalidCallError, resolve_alias
from ..formats import CRASHLENS, FLAT, convert_row, detect_format, row_from_record
from ..frame import as_calls, frame_from_table, table_from_frame
from ..io import AnyPath, Source, read_priced, to_jsonl, to_parquet, warn_left_out
from ..pricing import PriceBook, Prices
from ..report import Table, text_cells
from ..schema import REJECTS, arrow_schema
from .facts import book_facts
from .ledger import Ledger
from .records import table_from_records, with_start
from .responses import Responses, asked_columns
from .simulations import Simulations


class LogBook(Responses, Simulations):
    """Accumulate LLM calls into a typed DataFrame that knows what each one cost.

    Parameters
    ----------
    path
        JSONL file that keeps the book. Its calls are loaded, and each new call is appended to it before the method that
        logs it returns. Without a path the book is only in memory.
    prices
        The path of a YAML file, a PriceBook, or a mapping of the form of such a file; by default the shipped prices.
    fsync
        Whether a call has to be on the disk before the method that logs it returns. Without it the operating system has
        the call: it survives the end of the program, but not a loss of power.
    pricing
        Another name for ``prices``.

    Raises
    ------
    PriceFileError
        The prices break a rule of their form.
    InvalidOptionError
        Both ``prices`` and ``pricing`` are given.
    LogFileError
        The path leads to something that is not a plain log, such as a device, a Parquet file or a CSV file, or its name
        says so.

    Notes
    -----
    Several books, threads and processes may log to one file at the same time; each book has its own calls and those
    that the file held when the book was opened. If the file cannot be written to, or another program locks it for ten
    seconds, the method that logs raises UnsavedCallsError; the book keeps the call and writes it with the next one. A
    pickled or copied book has the same calls and prices, and logs to the same file.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Hello, world!", response="Hi there!", latency_ms=1250, team="search")
    >>> book.df[["model", "input_tokens", "output_tokens", "cost", "cost_source"]]
        model  input_tokens  output_tokens     cost cost_source
    0  gpt-4o             4              3  0.00004      priced
    """

    def __init__(
        self,
        path: AnyPath | None = None,
        *,
        prices: Prices | None = None,
        fsync: bool = False,
        pricing: Prices | None = None,
    ) -> None:
        self._prices = PriceBook.load(resolve_alias("prices", prices, "pricing", pricing))
        self._ledger = Ledger(self._prices, path, fsync=fsync)
        self._rejects: pa.Table = arrow_schema(REJECTS).empty_table()
        if path is not None and Path(path).exists():
            self._load(path, duplicates="all")

    # -- log ----------------------------------------------------------------------------------------------------------

    def log(
        self,
        *,
        model: str | None = None,
        prompt: Any = None,
        response: Any = None,
        trace_id: str | None = None,
        timestamp: Any = None,
        latency_ms: float | None = None,
        **columns: Any,
    ) -> str:
        """Log one call.

        Parameters
        ----------
        model
            Name of the model, as sent to the provider; an answer that is an object has one of its own.
        prompt
            What was sent: text, or messages as the packages of vendors take them.
        response
            Text that came back, None for a call that failed, or the answer itself: an object of a vendor's package or
            its dict, which is read as ``log_response`` does it.
        trace_id
            Groups the calls of one request; a new random one of 32 hexadecimal digits when not given.
        timestamp
            Start of the call: a datetime, a date, ISO 8601 text or an epoch number in s, ms, us or ns; UTC where it has
            no zone. When not given: now, less the latency.
        latency_ms
            Duration in milliseconds, rounded to a whole number.
        **columns
            Any other column of CALLS, such as ``team``, ``level``, ``input_tokens`` or ``cost``. Token counts and cost
            that are not given are computed when the frame is asked for.

        Returns
        -------
        str
            The trace id.

        Raises
        ------
        InvalidCallError
            A value does not fit its column.
        TypeError
            A name is no column.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> cf.LogBook().log(model="gpt-4o", prompt="Hi", trace_id="t1")
        't1'
        """
        columns = {**asked_columns(prompt), **columns}
        if response is not None and not isinstance(response, str):
            given = {"model": model, "trace_id": trace_id, "timestamp": timestamp, "latency_ms": latency_ms, **columns}
            return self._log_response(response, None, given, None, None)
        if trace_id is None:
            trace_id = os.urandom(16).hex()
        row = convert_row(
            {
                "trace_id": trace_id,
                "timestamp": timestamp,
                "model": model,
                "response": response,
                "latency_ms": latency_ms,
                "retry_count": 0,
                **columns,
            }
        )
        self._ledger.add(with_start(row))
        return str(row["trace_id"])

    def log_event(self, **record: Any) -> str:
        """Log one call with the nested names of CrashLens, the flat names of the Log Schema, or both.

        A record of any other format that ``read_jsonl`` reads is logged as the reader would read it.

        Parameters
        ----------
        **record
            ``traceId``, ``startTime``, ``endTime``, ``input={"model", "prompt"}``, ``usage={"prompt_tokens",
            "completion_tokens"}``, ``cost``, ``metadata``, ``level``, ``name``; or ``trace_id``, ``timestamp``,
            ``model``, ``prompt`` and so on. Without a trace id a new one is made; without a start the call ends now.
            Fields without a column are kept in ``extra``.

        Returns
        -------
        str
            The trace id.

        Raises
        ------
        InvalidCallError
            A value does not fit its column, the end is before the start, or two fields of one column disagree.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> book = cf.LogBook()
        >>> book.log_event(traceId="t1", startTime="2024-06-01T10:00:00Z", endTime="2024-06-01T10:00:01Z",
        ...                input={"model": "gpt-4o", "prompt": "What is 2+2?"}, usage={"prompt_tokens": 5}, mood="good")
        't1'
        >>> book.df[["latency_ms", "input_tokens", "extra"]]
           latency_ms  input_tokens            extra
        0        1000             5  {"mood":"good"}
        """
        own_names = detect_format(record).format in (CRASHLENS.name, FLAT.name)
        if own_names and record.keys().isdisjoint({"traceId", "trace_id"}):
            record = {"trace_id": os.urandom(16).hex(), **record}
        row = row_from_record(record)
        if not row.get("model"):
            raise InvalidCallError("no model is given, expected input.model or model as non-empty text")
        self._ledger.add(with_start(row))
        return str(row["trace_id"])

    def extend(self, calls: pd.DataFrame | Iterable[Any]) -> None:
        """Log many calls.

        Parameters
        ----------
        calls
            A frame with at least ``trace_id`` and ``model``, or records in any format that ``read_jsonl`` reads,
            or answers as the packages of vendors return them.

        Raises
        ------
        MissingColumnsError
            The frame lacks a column that every call must have.
        InvalidCallError, LogFileError
            A value does not fit its column; the text names the row or record. No call is logged then.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> book = cf.LogBook()
        >>> book.extend([{"trace_id": "t1", "model": "gpt-4o", "prompt": "Hi"}] * 3)
        >>> len(book)
        3
        """
        if isinstance(calls, pd.DataFrame):
            self._ledger.add_table(table_from_frame(as_calls(calls)))
            return
        self._ledger.add_table(table_from_records(calls))

    # -- look ---------------------------------------------------------------------------------------------------------

    @property
    def df(self) -> pd.DataFrame:
        """The calls as a typed frame, with tokens and costs computed where the log did not report them.

        Only calls logged since the last time are computed. Changing the frame does not change the book.
        """
        return self._ledger.frame()

    @property
    def rejects(self) -> pd.DataFrame:
        """The lines that could not be read: source, line, reason, text."""
        return frame_from_table(self._rejects, REJECTS)

    def __len__(self) -> int:
        return len(self._ledger)

    def __repr__(self) -> str:
        return f"LogBook: {'; '.join(book_facts(self.df, len(self._rejects), self.path).values())}"

    def _repr_html_(self) -> str:
        facts = book_facts(self.df, len(self._rejects), self.path)
        return Table({"LogBook": text_cells(facts), "": text_cells(facts.values())}).to_html()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a function after each change, from the thread that logged; return a function that ends this.

        Examples
        --------
        >>> import crashlens_frame as cf
        >>> book = cf.LogBook()
        >>> end = book.watch(lambda: print("calls:", len(book)))
        >>> trace = book.log(model="gpt-4o", prompt="Hi")
        calls: 1
        >>> end()
        """
        self._ledger.watchers.append(watcher)
        return lambda: self._ledger.watchers.remove(watcher)

    @property
    def path(self) -> str | None:
        """The file that keeps the book; None: the book is only in memory."""
        return self._ledger.path

    @property
    def prices(self) -> PriceBook:
        """The prices of the book."""
        return self._prices

    # -- the file of the book -----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the calls that an error kept from the file, and wait until all of the file is on the disk.

        Raises
        ------
        UnsavedCallsError
            The file cannot be written to. The text names the number of calls in the file and of those only in the book.
        """
        self._ledger.flush()

    def close(self) -> None:
        """Flush and close the file. The book keeps its calls, and logging opens the file again."""
        self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- round trip and export ----------------------------------------------------------------------------------------

    @classmethod
    def from_logs(
        cls,
        *sources: Source,
        format: str | None = None,
        on_error: str = "reject",
        prices: Prices | None = None,
        pricing: Prices | None = None,
    ) -> Self:
        """Make a book of the calls of logs of any kind; the parameters are those of ``read_logs`` and of LogBook.

        Examples
        --------
        >>> import io
        >>> import crashlens_frame as cf
        >>> len(cf.LogBook.from_logs(io.BytesIO(b'{"trace_id": "t1", "model": "gpt-4o", "prompt": "Hi"}')))
        1
        """
        book = cls(prices=prices, pricing=pricing)
        book._load(list(sources), format=format, on_error=on_error)
        return book

    @classmethod
    def from_jsonl(cls, source: Source, **options: Any) -> Self:
        """Make a book of the calls of JSON Lines; see ``from_logs``."""
        return cls.from_logs(source, **options)

    @classmethod
    def from_parquet(cls, source: Source, **options: Any) -> Self:
        """Make a book of the calls of Parquet files or of a folder of them; see ``from_logs``."""
        return cls.from_logs(source, **options)

    def to_jsonl(self, target: AnyPath | IO[bytes], *, format: str | None = None, schema: str | None = None) -> None:
        """Write the calls as JSONL; see :func:`crashlens_frame.to_jsonl`. ``schema`` is another name for ``format``."""
        to_jsonl(self.df, target, format=format, schema=schema)

    def to_parquet(self, target: AnyPath) -> None:
        """Write the calls as Parquet; see :func:`crashlens_frame.to_parquet`."""
        to_parquet(self.df, target)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _load(self, source: Source, **options: Any) -> None:
        log = read_priced(source, prices=self._prices, **options)
        warn_left_out(log, stacklevel=4)
        self._ledger.load(log.calls)
        self._rejects = pa.concat_tables([self._rejects, log.rejects])
