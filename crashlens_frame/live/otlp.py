"""serve_otlp: an endpoint of OTLP over HTTP on this machine, for what coding agents and programs export."""

import gzip
import hmac
import io
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import orjson

from .._core import access_error
from ..errors import InvalidOptionError, UnsavedCallsError, check_number, check_text
from .context import check_book, columns_checked
from .telemetry import Taken, Telemetry

if TYPE_CHECKING:
    from ..logbook import LogBook

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MOST_PORTS = 1 << 16
MAX_BODY = 64 * 1024 * 1024  # bytes of a body, also when it is unpacked
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
# path -> what is in it, and the field of the answer for what was refused; metrics hold no calls
_SIGNALS = {
    "/v1/traces": ("trace", "ExportTraceService", "rejectedSpans"),
    "/v1/logs": ("logs", "ExportLogsService", "rejectedLogRecords"),
    "/v1/metrics": ("metrics", "ExportMetricsService", "rejectedDataPoints"),
}


class OtlpServer:
    """An endpoint that is served until it is closed; made by ``serve_otlp``.

    Attributes
    ----------
    url
        Address for ``OTEL_EXPORTER_OTLP_ENDPOINT``.
    """

    def __init__(self, telemetry: Telemetry, host: str, port: int, token: str | None) -> None:
        self._telemetry = telemetry
        self.token = token
        self._server = _Server((host, port), _Handler)
        self._server.owner = self
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def take(self, document: Any) -> Taken:
        """Log the calls of a document."""
        return self._telemetry.take(document)

    @property
    def n_calls(self) -> int:
        """Number of calls that were logged."""
        return self._telemetry.n_calls

    def close(self) -> None:
        """Answer what has begun, and stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # which waits for the threads of the requests

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve_otlp(
    book: "LogBook", *, port: int = 4318, host: str = "127.0.0.1", token: str | None = None, **columns: Any
) -> OtlpServer:
    """Serve an endpoint of OTLP over HTTP that logs the calls among spans and log records to a book.

    Claude Code, Codex, Gemini CLI and every program with an exporter of OpenTelemetry can send to it: traces and logs,
    as JSON or protobuf (with the extra ``live``), packed or not. Metrics are accepted and passed over: they hold no
    calls.

    Parameters
    ----------
    book
        Where the calls are logged.
    port
        Port of the endpoint; 0: any free one.
    host
        Address of this machine that it listens at.
    token
        What has to be in the header ``Authorization: Bearer ...`` of each request. It is needed for any ``host`` that
        other machines reach.
    **columns
        Columns of CALLS that all calls share, such as ``team``; what is sent counts before them.

    Returns
    -------
    OtlpServer
        The endpoint, served by threads until it is closed, also as a context manager. ``url`` is its address.

    Raises
    ------
    InvalidOptionError
        Other machines reach ``host``, and there is no token; ``book`` is no LogBook, another option is not allowed, or
        a column does not exist.
    FileAccessError
        The port is in use.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> with cf.live.serve_otlp(book, port=0) as server:
    ...     server.url.rpartition(":")[0]  # OTEL_EXPORTER_OTLP_ENDPOINT
    'http://127.0.0.1'
    """
    check_book(book)
    check_text("host", host)
    check_number("port", port, -1, _MOST_PORTS, f"a whole number from 0 to {_MOST_PORTS - 1:,}", whole=True)
    if token is not None and not (isinstance(token, str) and token.isascii() and token.isprintable()):
        raise InvalidOptionError("token is no text of ASCII characters, as a header needs it")
    if host not in LOOPBACK and not token:
        raise InvalidOptionError(f"host is {host!r}, which other machines reach; expected a token, or 127.0.0.1")
    telemetry = Telemetry(book, columns_checked(columns))
    try:
        return OtlpServer(telemetry, host, port, token)
    except OSError as error:
        raise access_error(f"port {port} of {host}", error) from error
    except ValueError as error:
        raise InvalidOptionError(f"host is {host!r}, expected an address of this machine: {error}") from error


class _Server(ThreadingHTTPServer):
    owner: OtlpServer
    daemon_threads = False  # closing waits for the requests that have begun
    block_on_close = True


class _Refusal(Exception):  # noqa: N818  it never leaves this module
    """A request that is not taken: its status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a request may take to come
    server: _Server

    def do_POST(self) -> None:
        """Take one export."""
        self.close_connection = True  # a connection that waits for more would keep the end waiting
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            self._check()
            body = self._body()
            if self.path not in _SIGNALS:
                raise _Refusal(404, f"{self.path} is not served, only {', '.join(_SIGNALS)}")
            answer = self._taken(kind, body)
        except _Refusal as refusal:
            self._send(refusal.status, _JSON, orjson.dumps({"message": str(refusal)}))
            return
        self._send(200, kind, answer)

    def _check(self) -> None:
        """Refuse what did not come from an exporter on this machine, or has no token."""
        owner = self.server.owner
        if self.headers.get("origin") is not None:
            raise _Refusal(403, "requests of web pages are not taken")
        if owner.token is not None:
            given = self.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), owner.token.encode()):
                raise _Refusal(401, "the token is missing or wrong")

    def _body(self) -> bytes:
        length = self.headers.get("content-length", "")
        if self.headers.get("transfer-encoding", "").lower() == "chunked":  # as exporters in Node send it
            body = b"".join(self._chunks())
        elif length.isdecimal():
            body = self._read(int(length), 0)
        else:
            raise _Refusal(411, "a request needs a content-length")
        packing = self.headers.get("content-encoding", "identity").lower()
        if packing == "identity":
            return body
        if packing != "gzip":
            raise _Refusal(415, f"content-encoding is {packing}, expected gzip")
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                unpacked = packed.read(MAX_BODY + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise _Refusal(400, f"the body is not packed with gzip: {error}") from error
        if len(unpacked) > MAX_BODY:
            raise _Refusal(413, f"a body may have {MAX_BODY:,} bytes when it is unpacked")
        return unpacked

    def _chunks(self) -> Iterator[bytes]:
        """Yield the parts of a body that names the length of each part before it."""
        before = 0
        while True:
            try:
                size = int(self.rfile.readline(1024).partition(b";")[0], 16)
            except ValueError:
                raise _Refusal(400, "the body is cut") from None
            if size <= 0:
                return
            yield self._read(size, before)
            before += size
            self.rfile.readline(1024)  # the line break behind it

    def _read(self, size: int, before: int) -> bytes:
        if before + size > MAX_BODY:
            raise _Refusal(413, f"a body may have {MAX_BODY:,} bytes")
        part = self.rfile.read(size)
        if len(part) < size:
            raise _Refusal(400, "the body is cut")
        return part

    def _taken(self, kind: str, body: bytes) -> bytes:
        """Log the calls, and return the answer: what was refused, and why."""
        signal, service, field = _SIGNALS[self.path]
        if kind == _JSON:
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise _Refusal(400, f"the body is no JSON: {error}") from error
            return orjson.dumps(self._logged(signal, field, document))
        if kind != _PROTOBUF:
            raise _Refusal(415, f"content-type is {kind or 'missing'}, expected {_JSON} or {_PROTOBUF}")
        request, answer, to_dict, parse = _messages(signal, service)
        try:
            document = to_dict(request.FromString(body))
        except Exception as error:  # of the library
            raise _Refusal(400, f"the body is no {service}Request: {error}") from error
        found: bytes = parse(self._logged(signal, field, document), answer()).SerializeToString()
        return found

    def _logged(self, signal: str, field: str, document: Any) -> dict[str, Any]:
        if signal == "metrics":
            return {}
        try:
            errors = self.server.owner.take(document).errors
        except UnsavedCallsError as error:  # the exporter sends it again
            raise _Refusal(503, str(error)) from error
        return {"partialSuccess": {field: str(len(errors)), "errorMessage": errors[0]}} if errors else {}

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def _messages(signal: str, service: str) -> tuple[Any, Any, Callable[[Any], Any], Callable[[Any, Any], Any]]:
    """Return the messages of a signal, and how they become dicts and come from them."""
    try:
        from google.protobuf.json_format import MessageToDict, ParseDict

        module = import_module(f"opentelemetry.proto.collector.{signal}.v1.{signal}_service_pb2")
    except ImportError as error:
        missing = "protobuf needs opentelemetry-proto: pip install 'crashlens-frame[live]', or export as JSON"
        raise _Refusal(415, missing) from error
    return getattr(module, f"{service}Request"), getattr(module, f"{service}Response"), MessageToDict, ParseDict
