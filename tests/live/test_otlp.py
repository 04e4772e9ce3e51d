"""The endpoint for exporters: real exporters send to it, and others try to break it."""

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.live import otlp
from tests.support.vendor_logs import Call, span_of
from tests.support.vendor_logs import otlp as traces_of

DATA = Path(__file__).parents[2] / "data"
TRACES = "/v1/traces"


@pytest.fixture
def book() -> cf.LogBook:
    return cf.LogBook()


@pytest.fixture
def server(book: cf.LogBook) -> Iterator[Any]:
    with cf.live.serve_otlp(book, port=0, team="platform") as server:
        yield server


def post(server: Any, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(server.url + path, body, given)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def document(*numbers: int) -> bytes:
    return json.dumps(traces_of(*(span_of(Call(number=number)) for number in numbers))).encode()


def test_traces_as_json_packed_or_not(book: cf.LogBook, server: Any) -> None:
    assert post(server, TRACES, document(1, 2)) == (200, {})
    assert post(server, TRACES, gzip.compress(document(3)), content_encoding="gzip") == (200, {})
    calls = book.df
    assert calls["model"].tolist() == ["model-x"] * 3
    assert calls["input_tokens"].tolist() == [1200] * 3
    assert calls["team"].tolist() == ["platform"] * 3
    assert server.n_calls == 3


@pytest.mark.parametrize("packed", [False, True])
def test_the_exporter_of_opentelemetry_sends_protobuf(book: cf.LogBook, server: Any, packed: bool) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    compression = Compression.Gzip if packed else Compression.NoCompression
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(server.url + TRACES, compression=compression)))
    tracer = provider.get_tracer("app")
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000,
             "gen_ai.usage.output_tokens": 10}  # fmt: skip
    with tracer.start_as_current_span("outer") as outer:
        outer.set_attributes(asked)
        with tracer.start_as_current_span("inner") as inner:
            inner.set_attributes(asked)
    provider.shutdown()
    (call,) = book.df.to_dict("records")  # the span around a call is the same call
    assert call["event_id"] == f"{inner.get_span_context().span_id:016x}"
    assert call["trace_id"] == f"{inner.get_span_context().trace_id:032x}"
    assert call["cost"] == pytest.approx(1000 * 2.5e-6 + 10 * 10e-6)


def test_logs_of_coding_agents(book: cf.LogBook, server: Any) -> None:
    case = Path(__file__).parents[1] / "cases" / "files" / "u06_claude_code_otlp_logs.jsonl"
    for line in case.read_bytes().splitlines():
        assert post(server, "/v1/logs", line) == (200, {})
    expected = cf.read_logs(case)
    assert book.df["model"].tolist() == expected["model"].tolist()
    assert book.df["cost"].tolist() == expected["cost"].tolist()
    assert book.df["source"].eq("claude-code").all()


def test_what_is_sent_again_is_the_same_call(book: cf.LogBook, server: Any) -> None:
    for _ in range(3):
        assert post(server, TRACES, document(1, 2))[0] == 200
    assert len(book) == 2


def test_metrics_hold_no_calls(book: cf.LogBook, server: Any) -> None:
    assert post(server, "/v1/metrics", b'{"resourceMetrics": []}') == (200, {})
    assert len(book) == 0


def test_what_cannot_be_read_is_said_and_the_rest_logged(book: cf.LogBook, server: Any) -> None:
    whole = json.loads(document(1, 2))
    spans = whole["resourceSpans"][0]["scopeSpans"][0]["spans"]
    whole["resourceSpans"].append({"scopeSpans": [{"spans": [{**spans[0], "spanId": "", "traceId": ""}]}]})
    status, answer = post(server, TRACES, json.dumps(whole).encode())
    assert status == 200
    assert answer["partialSuccess"]["rejectedSpans"] == "1"
    assert "trace id" in answer["partialSuccess"]["errorMessage"]
    assert len(book) == 2


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        ("/v2/traces", b"{}", {}, 404, "/v2/traces is not served"),
        (TRACES, b"{", {}, 400, "the body is no JSON"),
        (TRACES, b"\xff\xff", {"content_type": "application/x-protobuf"}, 400, "no ExportTraceServiceRequest"),
        (TRACES, b"{}", {"content_type": "text/plain"}, 415, "content-type is text/plain, expected"),
        (TRACES, b"{}", {"content_encoding": "br"}, 415, "content-encoding is br, expected gzip"),
        (TRACES, b"no gzip", {"content_encoding": "gzip"}, 400, "not packed with gzip"),
        (TRACES, gzip.compress(b"{}")[:-6], {"content_encoding": "gzip"}, 400, "not packed with gzip"),
        (TRACES, b"{}", {"origin": "https://evil.test"}, 403, "web pages"),
        (TRACES, gzip.compress(bytes(3000)), {"content_encoding": "gzip"}, 413, "when it is unpacked"),
        (TRACES, bytes(3000), {}, 413, "a body may have 2,000 bytes"),
    ],
)
def test_what_is_no_export_is_refused(
    monkeypatch: pytest.MonkeyPatch, book: cf.LogBook, server: Any, path: str, body: bytes, headers: dict[str, str],
    status: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(otlp, "MAX_BODY", 2000)
    found, answer = post(server, path, body, **headers)
    assert found == status
    assert message in answer["message"]
    assert len(book) == 0


def test_a_token_is_asked_for() -> None:
    book = cf.LogBook()
    with cf.live.serve_otlp(book, port=0, token="secret") as server:
        assert post(server, TRACES, document(1))[0] == 401
        assert post(server, TRACES, document(1), authorization="Bearer wrong")[0] == 401
        assert post(server, TRACES, document(1), authorization="Bearer secret")[0] == 200
    assert len(book) == 1
    with pytest.raises(cf.InvalidOptionError, match=r"host is '0\.0\.0\.0', which other machines reach"):
        cf.live.serve_otlp(book, port=0, host="0.0.0.0")


def test_without_protobuf_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    monkeypatch.setattr(otlp, "import_module", lambda name: (_ for _ in ()).throw(ModuleNotFoundError(name)))
    status, answer = post(server, TRACES, b"", content_type="application/x-protobuf")
    assert (status, "crashlens-frame[live]" in answer["message"]) == (415, True)


def test_an_exporter_is_asked_to_send_again_what_the_disk_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = cf.LogBook(tmp_path / "log.jsonl")
    with cf.live.serve_otlp(book, port=0) as server:
        with monkeypatch.context() as patch:
            patch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            assert post(server, TRACES, document(1))[0] == 503
        assert post(server, TRACES, document(1))[0] == 200
        book.flush()
    assert len(cf.read_jsonl(tmp_path / "log.jsonl")) == 1


def test_all_calls_of_a_document_are_kept_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = cf.LogBook(tmp_path / "log.jsonl")
    with cf.live.serve_otlp(book, port=0) as server:
        with monkeypatch.context() as patch:
            patch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            assert post(server, TRACES, document(1, 2, 3))[0] == 503
        assert post(server, TRACES, document(1, 2, 3))[0] == 200
        book.flush()
    assert len(cf.read_jsonl(tmp_path / "log.jsonl", duplicates="all")) == 3


def test_an_outer_span_that_is_sent_first_counts_once_too(book: cf.LogBook, server: Any) -> None:
    outer, inner = nested_spans()
    for span in (outer, inner):
        assert post(server, TRACES, json.dumps(traces_of(span)).encode())[0] == 200
    assert len(book) == 1


def nested_spans() -> tuple[Any, Any]:
    from opentelemetry.sdk.trace import TracerProvider

    counts = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50}
    attributes = {"gen_ai.request.model": "gpt-4o", "gen_ai.operation.name": "chat", **counts}
    span = TracerProvider().get_tracer("app").start_as_current_span
    with span("outer", attributes=attributes) as outer, span("inner", attributes=attributes) as inner:
        pass
    return outer, inner


def connect(server: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)


def test_a_body_in_chunks_is_taken_as_exporters_in_node_send_it(book: cf.LogBook, server: Any) -> None:
    body, connection = document(1), connect(server)
    headers = {"content-type": "application/json"}
    connection.request("POST", TRACES, iter([body[:100], body[100:]]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(book) == 1


def test_a_body_in_chunks_has_the_same_limit(book: cf.LogBook, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MAX_BODY", 1000)
    connection = connect(server)
    headers = {"content-type": "application/json"}
    connection.request("POST", TRACES, iter([b"x" * 600, b"x" * 600]), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("sent", [b"POST /v1/traces HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", b""])
def test_a_body_in_chunks_that_ends_early_is_not_logged(book: cf.LogBook, server: Any, sent: bytes) -> None:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as sender:
        sender.sendall(sent)
        sender.shutdown(socket.SHUT_WR)
        answer = sender.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400 ") if sent else answer == b""
    assert len(book) == 0


def test_a_sender_that_would_keep_its_connection_does_not_keep_the_end_waiting() -> None:
    with cf.live.serve_otlp(cf.LogBook(), port=0) as server:
        connection = connect(server)
        connection.request("POST", TRACES, document(1), {"content-type": "application/json"})
        assert connection.getresponse().read() == b"{}"
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    connection.close()


def test_a_request_that_has_begun_is_finished_when_the_endpoint_closes(book: cf.LogBook) -> None:
    server = cf.live.serve_otlp(book, port=0)
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    body = document(1)
    head = f"POST {TRACES} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as sender:
        sender.sendall(head.encode() + body[:50])
        time.sleep(0.2)
        closing = threading.Thread(target=server.close)
        closing.start()
        time.sleep(0.2)
        sender.sendall(body[50:])
        assert sender.recv(100).startswith(b"HTTP/1.1 200 ")
    closing.join(10)
    assert len(book) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_what_to_set_and_loses_nothing_when_it_ends(tmp_path: Path, number: int) -> None:
    output = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "crashlens_frame", "watch", "--output", str(output), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        url = process.stderr.readline().split()[2].rstrip(",")

        class Server:
            pass

        server: Any = Server()
        server.url = url
        for call in range(20):
            assert post(server, TRACES, document(call))[0] == 200
        os.kill(process.pid, number)
        assert process.wait(20) == 0
        settings, notes = process.stdout.read(), process.stderr.read()
    assert len(cf.read_jsonl(output)) == 20
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={url}" in settings
    assert "CLAUDE_CODE_ENABLE_TELEMETRY=1" in settings
    assert "logged 20 calls" in notes


def test_the_command_in_this_process(tmp_path: Path) -> None:
    output = tmp_path / "log.jsonl"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server: Any = SimpleNamespace(url=f"http://127.0.0.1:{port}")
    answers: list[Any] = []

    def send() -> None:
        try:
            for _ in range(200):
                try:
                    answers.append(post(server, TRACES, document(1, 2), authorization="Bearer secret"))
                    break
                except OSError:  # it does not listen yet
                    time.sleep(0.05)
            time.sleep(0.2)  # it listens before it takes signals
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        arguments = ["watch", "--output", str(output), "--port", str(port), "--token", "secret"]
        result = CliRunner().invoke(main, arguments)
    finally:
        sender.join(20)
        signal.signal(signal.SIGTERM, before)
    assert (result.exit_code, answers) == (0, [(200, {})])
    assert len(cf.read_jsonl(output)) == 2
    assert "OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer TOKEN'" in result.output
    assert "logged 2 calls" in result.output
    assert "secret" not in result.output


def test_calls_that_the_file_does_not_take_are_counted(tmp_path: Path, monkeypatch: Any) -> None:
    durable = cf.LogBook(tmp_path / "log.jsonl")
    with cf.live.serve_otlp(durable, port=0) as server:
        with monkeypatch.context() as broken:
            broken.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            assert post(server, TRACES, document(1, 2))[0] == 503
        assert (server.n_calls, len(durable)) == (2, 2)
        assert post(server, TRACES, document(1, 2, 3)) == (200, {})
        assert (server.n_calls, len(durable)) == (3, 3)
