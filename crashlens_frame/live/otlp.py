"""An endpoint of OTLP over HTTP on this machine, which puts the calls that programs report into the book."""

import hmac
import ipaddress
import sys
import threading
import warnings
import zlib
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import orjson

from ..errors import InvalidOptionError, MissingExtraError, PassedOverWarning
from ..logbook import LogBook
from .intake import Intake
from .protobuf import SIGNALS, Signal, error_message, json_form, partial_answer

_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_TIMEOUT_S = 10  # until a sender that stopped in the middle is given up
_CHUNK = 1 << 16


def serve_otlp(
    book: LogBook,
    *,
    port: int = 4318,
    host: str = "127.0.0.1",
    token: str | None = None,
    max_bytes: int = 16 << 20,
    max_unpacked_bytes: int = 64 << 20,
) -> "OtlpServer":
    """Start an endpoint of OTLP over HTTP that logs the calls that programs export to it.

    Claude Code, Codex and Gemini CLI report their calls as logs; instrumented programs report spans.

    Parameters
    ----------
    book
        Where the calls are logged.
    port
        Port to listen on; 0: any free one.
    host
        Address to listen on. Another one than that of this machine itself needs a token.
    token
        What a sender has to show, as ``Authorization: Bearer TOKEN``.
    max_bytes, max_unpacked_bytes
        Largest body of a request, as it is sent and after decompression.

    Returns
    -------
    OtlpServer
        The endpoint, which listens already, with ``port`` and ``url``; ``close()``, or the end of a ``with`` block,
        stops it.

    Raises
    ------
    InvalidOptionError
        Others than this machine could reach the endpoint, and there is no token.
    OSError
        The port is taken.

    Notes
    -----
    A request is answered when its calls are in the file of the book. Records that cannot be read are counted in the
    answer as rejected. Metrics are accepted and passed over, as they hold no calls.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> with cf.live.serve_otlp(book, port=0) as endpoint:
    ...     endpoint.url.startswith("http://127.0.0.1:")
    True
    """
    if token is None and not _is_loopback(host):
        raise InvalidOptionError(
            f"host is {host!r}, which other machines can reach, expected '127.0.0.1', or a token= that senders show"
        )
    if token is not None and (not token or not token.isascii()):
        raise InvalidOptionError("token is not ASCII text, expected letters, digits and signs")
    return OtlpServer(book, (host, port), token, max_bytes, max_unpacked_bytes)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OtlpServer:
    """A running endpoint; ``serve_otlp`` starts it.

    Attributes
    ----------
    port
        The port that it listens on.
    url
        What senders name as their endpoint.
    """

    def __init__(
        self, book: LogBook, address: tuple[str, int], token: str | None, max_bytes: int, max_unpacked_bytes: int
    ) -> None:
        work = _Work(
            {signal.path: Intake(book, signal.format) for signal in SIGNALS if signal.format is not None},
            token,
            max_bytes,
            max_unpacked_bytes,
            threading.Event(),
        )
        self._book = book
        self._server = _Server(address, partial(_Handler, work))
        self.port = int(self._server.server_address[1])
        self.url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="otlp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more requests, finish those that have begun, and flush the book; the book stays open.

        Raises
        ------
        UnsavedCallsError
            The file of the book cannot be written to; the book has the calls.
        """
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._book.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Work(NamedTuple):
    """What the requests share."""

    intakes: dict[str, Intake]
    token: str | None
    max_bytes: int
    max_unpacked_bytes: int
    saw_metrics: threading.Event


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits until the requests that have begun are finished

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Warn of an error of this package; a sender that goes away gets no answer, and sends again."""
        error = sys.exception()
        if not isinstance(error, OSError):
            warnings.warn(f"a request was not taken: {error!r}", RuntimeWarning, stacklevel=2)


class _RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    timeout = _TIMEOUT_S
    protocol_version = "HTTP/1.1"
    server_version = "crashlens-frame"
    sys_version = ""

    def __init__(self, work: _Work, *connection: Any) -> None:
        self._work = work
        super().__init__(*connection)

    def do_POST(self) -> None:
        """Log the calls of a request, and answer."""
        self.close_connection = True  # a thread waits for no second request, so that the end is quick
        kind = self.headers.get_content_type()
        try:
            signal = self._signal(kind)
            answer = self._log(signal, kind, self._unpacked(self._body()))
        except _RefusedError as refusal:
            self._answer(refusal.status, kind, error_message(str(refusal), as_json=kind != _PROTOBUF))
        except MissingExtraError as error:
            self._answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, kind, error_message(str(error), as_json=False))
        else:
            self._answer(HTTPStatus.OK, kind, answer)

    def _signal(self, kind: str) -> Signal:
        """Return what is sent, once the sender and the kind of content are known to be right."""
        token = self._work.token
        if token is not None:
            given = self.headers.get("Authorization", "").encode("latin-1", "replace")
            if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                raise _RefusedError(HTTPStatus.UNAUTHORIZED, "expected the header Authorization: Bearer TOKEN")
        signal = next((each for each in SIGNALS if each.path == self.path.partition("?")[0]), None)
        if signal is None:
            paths = ", ".join(each.path for each in SIGNALS)
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"expected a path among {paths}")
        if kind not in (_JSON, _PROTOBUF):  # a page in a browser cannot send these two without being asked
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {_JSON} or {_PROTOBUF}")
        return signal

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked_body()
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "expected the header Content-Length")
        return self._read(int(length), 0)

    def _chunked_body(self) -> bytes:
        body = b""
        while True:
            line = self.rfile.readline(1024)
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body ends within a chunk") from None
            if size <= 0:
                return body
            body += self._read(size, len(body))
            self.rfile.readline(1024)  # the end of the chunk

    def _read(self, size: int, before: int) -> bytes:
        if before + size > self._work.max_bytes:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self._work.max_bytes} bytes"
            )
        part = self.rfile.read(size)
        if len(part) < size:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body ends after {before + len(part)} bytes")
        return part

    def _unpacked(self, body: bytes) -> bytes:
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if encoding == "identity":
            return body
        if encoding != "gzip":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected Content-Encoding gzip or none")
        unpacker = zlib.decompressobj(wbits=31)
        try:
            unpacked = unpacker.decompress(body, self._work.max_unpacked_bytes + 1)
        except zlib.error as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no gzip: {error}") from None
        if len(unpacked) > self._work.max_unpacked_bytes:
            limit = f"{self._work.max_unpacked_bytes} bytes"
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the unpacked body is larger than {limit}")
        if not unpacker.eof:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the gzip of the body is cut off")
        return unpacked

    def _log(self, signal: Signal, kind: str, body: bytes) -> bytes:
        if signal.format is None:
            if not self._work.saw_metrics.is_set():
                self._work.saw_metrics.set()
                warnings.warn(
                    "metrics are accepted and passed over: they hold no calls", PassedOverWarning, stacklevel=2
                )
            return partial_answer(signal, 0, "", as_json=kind == _JSON)
        try:
            record = orjson.loads(body) if kind == _JSON else json_form(signal, body)
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {error}") from None
        if not isinstance(record, dict):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
        # a request without records is right: some senders try whether the endpoint is there
        errors = self._work.intakes[signal.path].take(record).errors if record else []
        return partial_answer(signal, len(errors), errors[0] if errors else "", as_json=kind == _JSON)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind if kind == _PROTOBUF else _JSON)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: the standard output and error are those of the program."""
