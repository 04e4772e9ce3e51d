"""A server on loopback that plays a script of answers and faults, one step a request, as providers are seen to."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Step:
    """What the server does with one request."""

    status: int = 200
    body: Any = None  # an object is sent as JSON, bytes as they are
    events: list[Any] | None = None  # a stream; text is sent as it is, an object as JSON
    named: bool = False  # whether events have names, as those of Anthropic have
    delay: float = 0.0  # seconds before anything is sent
    pause: float = 0.0  # seconds between two events
    reset: bool = False  # whether the connection is cut after what was sent
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """The server, and the requests that it got."""

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def play(self, *steps: Step) -> None:
        """Play these steps from the next request on; the last one is repeated."""
        self.script = list(steps)
        self.requests.clear()
        self.headers.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self) -> Step:
        with self._lock:
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else the second half of an answer waits 40 ms

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with owner._lock:
                    owner.requests.append(json.loads(body))
                    owner.headers.append(dict(self.headers.items()))
                step = owner._next()
                time.sleep(step.delay)
                try:
                    self._answer(step)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client is gone

            def _answer(self, step: Step) -> None:
                if step.reset and step.events is None and step.body is None:
                    self._cut()
                    return
                self.send_response(step.status)
                for name, value in step.headers.items():
                    self.send_header(name, value)
                if step.events is not None:
                    self.send_header("content-type", "text/event-stream")
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    for event in step.events:
                        self._event(event, named=step.named)
                        time.sleep(step.pause)
                    if step.reset:
                        self._cut()
                    else:
                        self.wfile.write(b"0\r\n\r\n")
                    return
                body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body) + 50 * step.reset))
                self.end_headers()
                self.wfile.write(body)
                if step.reset:
                    self._cut()

            def _event(self, event: Any, *, named: bool) -> None:
                name = f"event: {event['type']}\n" if named else ""
                text = event if isinstance(event, str) else json.dumps(event)
                data = f"{name}data: {text}\n\n".encode()
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

            def _cut(self) -> None:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@contextmanager
def fault_server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()
