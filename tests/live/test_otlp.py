"""The endpoint of OTLP over HTTP, asked by the exporter of the OpenTelemetry SDK and by raw requests."""

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

import crashlens_frame as cf
from tests.support.vendor_logs import Call, claude_code_event, otlp, span_of

ROOT = Path(__file__).parents[2]
EVENT = claude_code_event(Call()).line
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def book() -> cf.LogBook:
    return cf.LogBook()


@pytest.fixture
def endpoint(book: cf.LogBook) -> Iterator[Any]:
    with cf.live.serve_otlp(book, port=0, max_bytes=100_000, max_unpacked_bytes=200_000) as server:
        yield server


def post(port: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, body, JSON if headers is None else headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def logs_of(event: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**event, **changes}).encode()


def test_logs_as_json_have_the_rows_that_they_have_in_a_file(book: cf.LogBook, endpoint: Any, tmp_path: Path) -> None:
    assert post(endpoint.port, "/v1/logs", logs_of(EVENT)) == (200, b"{}")
    (tmp_path / "events.jsonl").write_bytes(logs_of(EVENT) + b"\n")
    pd.testing.assert_frame_equal(book.df, cf.read_logs(tmp_path / "events.jsonl"))
    assert book.df["source"].item() == "claude-code"


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_of_the_sdk_as_protobuf_have_the_rows_of_otlp_json(
    book: cf.LogBook, endpoint: Any, tmp_path: Path, compression: str
) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression

    spans = [span_of(Call(number=number)) for number in (1, 2)]
    exporter = OTLPSpanExporter(f"{endpoint.url}/v1/traces", compression=Compression(compression))
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    exporter.shutdown()
    # the JSON of OTLP has numbers for enumerations
    (tmp_path / "spans.jsonl").write_text(json.dumps(otlp(*spans)).replace('"SPAN_KIND_INTERNAL"', "1"))
    expected = cf.read_logs(tmp_path / "spans.jsonl")
    assert len(expected) == 2
    pd.testing.assert_frame_equal(book.df, expected)


def test_a_program_with_the_sdk_exports_to_it(book: cf.LogBook, endpoint: Any) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{endpoint.url}/v1/traces")))
    counts = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50}
    with provider.get_tracer("app").start_as_current_span("work") as outer:
        with provider.get_tracer("app").start_as_current_span("chat") as span:
            span.set_attributes({"gen_ai.request.model": "gpt-4o", "gen_ai.operation.name": "chat", **counts})
        context = outer.get_span_context()
    provider.shutdown()
    (row,) = book.df.to_dict("records")
    assert (row["trace_id"], row["parent_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert (row["model"], row["cost"]) == ("gpt-4o", 0.003)


def test_records_that_cannot_be_read_are_counted_in_the_answer_and_the_others_are_logged(
    book: cf.LogBook, endpoint: Any
) -> None:
    record = json.loads(logs_of(EVENT))
    events = record["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    broken = json.loads(json.dumps(events[0]))
    for pair in broken["attributes"]:
        if pair["key"] == "input_tokens":
            pair["value"] = {"stringValue": "many"}
    events.append(broken)
    with pytest.warns(cf.RejectedLinesWarning, match='input_tokens is "many"'):
        status, answer = post(endpoint.port, "/v1/logs", json.dumps(record).encode())
    partial = json.loads(answer)["partialSuccess"]
    assert (status, partial["rejectedLogRecords"], len(book)) == (200, "1", 1)
    assert 'input_tokens is "many", expected a whole number' in partial["errorMessage"]


def test_metrics_are_passed_over_with_one_warning(book: cf.LogBook, endpoint: Any) -> None:
    with pytest.warns(cf.PassedOverWarning, match="metrics are accepted and passed over") as warned:
        answers = [post(endpoint.port, "/v1/metrics", b'{"resourceMetrics": []}') for _ in range(3)]
    assert answers == [(200, b"{}")] * 3
    assert (len(warned), len(book)) == (1, 0)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "text"),
    [
        ("/v1/profiles", b"{}", JSON, 404, "expected a path among /v1/traces, /v1/logs, /v1/metrics"),
        ("/v1/logs", b"{}", {"Content-Type": "text/plain"}, 415, "expected application/json or"),
        ("/v1/logs", b"{", JSON, 400, "the body cannot be read"),
        ("/v1/logs", b"[]", JSON, 400, "the body is no JSON object"),
        ("/v1/logs", b"x" * 100_001, JSON, 413, "larger than 100000 bytes"),
        ("/v1/logs", gzip.compress(b" " * 200_001), JSON | {"Content-Encoding": "gzip"}, 413, "the unpacked body"),
        ("/v1/logs", gzip.compress(os.urandom(999))[:99], JSON | {"Content-Encoding": "gzip"}, 400, "is cut off"),
        ("/v1/logs", b"no gzip", JSON | {"Content-Encoding": "gzip"}, 400, "the body is no gzip"),
        ("/v1/logs", b"{}", JSON | {"Content-Encoding": "br"}, 415, "expected Content-Encoding gzip or none"),
    ],
)
def test_a_request_that_is_wrong_is_refused_with_the_reason(
    book: cf.LogBook, endpoint: Any, path: str, body: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    found, answer = post(endpoint.port, path, body, headers)
    assert (found, len(book)) == (status, 0)
    assert text in json.loads(answer)["message"]
    assert post(endpoint.port, "/v1/logs", logs_of(EVENT)) == (200, b"{}")  # and others are taken


def test_bytes_that_are_no_protobuf_are_refused_as_protobuf(endpoint: Any) -> None:
    from google.rpc.status_pb2 import Status

    status, answer = post(endpoint.port, "/v1/traces", b"\xff\xff", {"Content-Type": "application/x-protobuf"})
    assert (status, Status.FromString(answer).message[:23]) == (400, "the body cannot be read")


def test_a_body_that_ends_early_is_not_logged(book: cf.LogBook, endpoint: Any) -> None:
    body = logs_of(EVENT)
    head = f"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as sender:
        sender.sendall(head.encode() + body[:-20])
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(100).startswith(b"HTTP/1.1 400 ")
    assert len(book) == 0


def test_a_body_in_chunks_is_read_as_programs_in_node_send_it(book: cf.LogBook, endpoint: Any) -> None:
    body = logs_of(EVENT)
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    connection.request("POST", "/v1/logs", iter([body[:100], body[100:]]), JSON, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(book) == 1


def test_a_body_in_chunks_has_the_same_limit(book: cf.LogBook, endpoint: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    connection.request("POST", "/v1/logs", iter([b"x" * 60_000] * 2), JSON, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("given", [None, "Bearer wrong", "secret", "Bearer s\xe9cret"])
def test_a_sender_without_the_token_is_refused(given: str | None) -> None:
    book = cf.LogBook()
    with cf.live.serve_otlp(book, port=0, token="secret") as endpoint:
        refused = {} if given is None else {"Authorization": given}
        assert post(endpoint.port, "/v1/logs", logs_of(EVENT), JSON | refused)[0] == 401
        assert post(endpoint.port, "/v1/logs", logs_of(EVENT), JSON | {"Authorization": "Bearer secret"})[0] == 200
    assert len(book) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_can_reach_needs_a_token(host: str) -> None:
    with pytest.raises(cf.InvalidOptionError, match="which other machines can reach"):
        cf.live.serve_otlp(cf.LogBook(), port=0, host=host)


@pytest.mark.parametrize("token", ["", "schlüssel"])
def test_a_token_is_ascii_text(token: str) -> None:
    with pytest.raises(cf.InvalidOptionError, match="token is not ASCII text"):
        cf.live.serve_otlp(cf.LogBook(), port=0, token=token)


def test_a_book_that_cannot_write_takes_the_calls_and_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise cf.UnsavedCallsError("the disk is full")

    book = cf.LogBook(tmp_path / "logs.jsonl")
    with cf.live.serve_otlp(book, port=0) as endpoint:
        monkeypatch.setattr(book._ledger._journal, "save", fail)
        with pytest.warns(RuntimeWarning, match="the disk is full"):
            answer = post(endpoint.port, "/v1/logs", logs_of(EVENT))
        monkeypatch.undo()
    assert answer[0] == 200
    assert len(cf.read_logs(tmp_path / "logs.jsonl")) == 1  # written when the endpoint was closed


# -- the command ------------------------------


def start(tmp_path: Path, *options: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "crashlens_frame", "watch", "--output", "logs.jsonl", "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    line = process.stderr.readline()
    return process, int(line.partition("http://127.0.0.1:")[2].partition(";")[0])


def notes_at_the_end(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    with process.stderr as notes:
        text = notes.read()
    assert process.wait(timeout=20) == 0
    return text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_logs_until_a_signal_ends_it_in_the_middle_of_a_request(tmp_path: Path, number: int) -> None:
    process, port = start(tmp_path)
    for each in range(5):
        assert post(port, "/v1/logs", logs_of(claude_code_event(Call(number=each)).line))[0] == 200
    body = logs_of(claude_code_event(Call(number=9)).line)
    head = f"POST /v1/logs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        sender.sendall(head.encode() + body[:50])
        time.sleep(0.2)
        process.send_signal(number)
        time.sleep(0.3)
        sender.sendall(body[50:])  # what has begun is finished
        assert sender.recv(100).startswith(b"HTTP/1.1 200 ")
    notes = notes_at_the_end(process)
    assert "logged 6 calls to logs.jsonl" in notes
    assert len(cf.read_logs(tmp_path / "logs.jsonl", duplicates="all")) == 6


def test_the_command_prints_what_to_set(tmp_path: Path) -> None:
    process, port = start(tmp_path, "--token", "secret")
    assert post(port, "/v1/logs", logs_of(EVENT))[0] == 401
    process.send_signal(signal.SIGTERM)
    notes = notes_at_the_end(process)
    for setting in (
        "CLAUDE_CODE_ENABLE_TELEMETRY=1",
        f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20secret",
        f"GEMINI_TELEMETRY_OTLP_ENDPOINT=http://127.0.0.1:{port}",
        f'endpoint = "http://127.0.0.1:{port}/v1/logs", protocol = "json", headers',
    ):
        assert setting in notes
