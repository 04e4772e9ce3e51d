"""LogBook: accumulates calls, counts and prices them, writes them."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import pandas as pd
import pyarrow as pa

from ..errors import MissingFileError, resolve_alias
from ..frame import frame_from_table
from ..io import AnyPath, Source, read_priced, to_jsonl, to_parquet, warn_left_out
from ..pricing import PriceBook, Prices
from ..report import Table, text_cells
from ..schema import REJECTS, arrow_schema
from .entries import Entries
from .facts import book_facts
from .ledger import Ledger
from .simulations import Simulations


class LogBook(Entries, Simulations):
    """Accumulate LLM calls into a typed DataFrame that knows what each one cost.

    Parameters
    ----------
    path
        JSONL file that keeps the book. Its calls are loaded, and each new call is appended to it before the method that
        logs it returns; those of clients that are watched some milliseconds later, by a thread. Without a path the book
        is only in memory.
    prices
        The path of a YAML file, a PriceBook, or a mapping of the form of such a file; by default the shipped prices.
    fsync
        Whether a call has to be on the disk before the method that logs it returns, and a watched call before it
        returns. Without it the operating system has the call: it survives the end of the program, but not a loss of
        power.
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
            with suppress(MissingFileError):  # another program has moved it away in the meantime
                self._load(path, duplicates="all")

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
        """Write the calls that wait for the file, and wait until all of it is on the disk.

        These are calls that an error kept from the file, and the last ones of clients that are watched.

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


def from_responses(responses: Iterable[Any], *, prices: Prices | None = None) -> pd.DataFrame:
    """Return the calls that SDKs returned answers to, counted and priced.

    Parameters
    ----------
    responses
        Objects of the SDKs of OpenAI, Anthropic, Google, Mistral, Cohere or Amazon Bedrock, or the dicts of them.
    prices
        Prices, in any form that ``PriceBook.load`` takes; None: the shipped prices.

    Returns
    -------
    DataFrame
        One row per answer, with the columns of CALLS. ``LogBook.log_response`` takes what was sent as well.

    Raises
    ------
    LogFileError
        An answer cannot be read. The text names its number, from 1.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> answer = {"id": "1", "object": "chat.completion", "model": "gpt-4o", "choices": [],
    ...           "usage": {"prompt_tokens": 1000, "completion_tokens": 0}}
    >>> cf.from_responses([answer])["cost"].tolist()
    [0.0025]
    """
    book = LogBook(prices=prices)
    book.extend(responses)
    return book.df
