"""watch: a client of an SDK, watched."""

from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import InvalidOptionError
from ..logbook import LogBook
from .attempt import Settings
from .context import check_book, columns_checked
from .transport import library_of, watched_client

Client = TypeVar("Client")
# clients of the SDK of Anthropic whose paths and streams are those of a cloud
_OF_CLOUDS = {"AnthropicBedrock", "AsyncAnthropicBedrock"}


def watch(
    client: Client,
    book: LogBook,
    *,
    capture_content: bool = True,
    redact: Callable[[str], str] | None = None,
    ask_usage: bool = False,
    **columns: Any,
) -> Client:
    """Return a copy of a client that logs every attempt to a book: those that are retried, and those that fail.

    The client itself, its answers and its errors stay as they are. A call that is retried twice is three rows of one
    trace, with ``retry_count`` 0, 1 and 2. What the provider does not bill (429, 5xx, no connection) has ``billed``
    "no"; of an answer that the program left, or that was cut, the tokens that arrived are counted, with ``billed``
    "estimated" and ``finish_reason`` "aborted".

    Parameters
    ----------
    client
        ``OpenAI``, ``AsyncOpenAI``, ``AzureOpenAI``, ``Anthropic``, ``AsyncAnthropic``, ``AnthropicVertex``, and the
        clients of other SDKs that Stainless makes, such as Groq. Or a ``Client`` or ``AsyncClient`` of httpx or
        httpx2, which SDKs such as google-genai, mistralai and cohere take as theirs.
    book
        Where the calls are logged. A book in memory makes their rows when it is read. Of a book with a file the first
        call is in the file when it returns; those after it are written by a thread, in their order, some milliseconds
        after they return. If the file cannot be written to, a warning says so, the calls stay in memory, and the
        program goes on.
    capture_content
        Whether prompts, answers, calls of tools and texts of errors are logged. Without them their hashes and the
        numbers of their tokens are.
    redact
        Function that is given each text before it is logged, and returns what is logged.
    ask_usage
        Whether to ask for the usage of streamed chat completions, which OpenAI otherwise does not send. The piece that
        it comes in is kept from the program. By default no request is changed.
    **columns
        Columns of CALLS that all calls of the client share, such as ``team``, ``route`` or ``tags``.

    Returns
    -------
    object
        A client of the same kind, which shares the connections of the one given.

    Raises
    ------
    InvalidOptionError
        The client is of another kind or watched already, ``book`` is no LogBook, or a column does not exist.

    Notes
    -----
    Requests for images, audio, files and tokens are not logged, nor is what is sent over web sockets.

    ``book.flush()``, ``book.close()``, whatever else is logged to the book and the end of the program, also by an
    exception, write what waits for the file. A program that is killed, by ``kill -9``, by SIGTERM without a handler or
    by ``os._exit``, loses the calls of its last milliseconds, and the answer that it was reading. At most 256 calls
    wait for the file; a call that finds more writes them itself. With ``LogBook(path, fsync=True)``, within ``budget``
    and with ``redact``, each call is written before it returns.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from openai import OpenAI
    >>> book = cf.LogBook()
    >>> client = cf.live.watch(OpenAI(api_key="..."), book, team="search")
    >>> type(client).__name__
    'OpenAI'
    """
    check_book(book)
    settings = Settings(book, columns_checked(columns), capture_content, redact, ask_usage)
    if library_of(client) is not None:
        return watched_client(client, settings)
    http, with_options = getattr(client, "_client", None), getattr(client, "with_options", None)
    if library_of(http) is None or not callable(with_options):
        raise InvalidOptionError(
            f"client is {type(client).__name__}, expected one of the SDKs of OpenAI or Anthropic, or an HTTP client of"
            " httpx or httpx2"
        )
    if not _OF_CLOUDS.isdisjoint(kind.__name__ for kind in type(client).__mro__):
        raise InvalidOptionError(
            f"client is {type(client).__name__}, whose requests are those of a cloud and would not be seen; log its"
            " answers with book.log_response"
        )
    return with_options(http_client=watched_client(http, settings))
