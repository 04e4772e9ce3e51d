"""Bodies of OTLP over HTTP: protobuf as the JSON that the formats read, and answers in the form of the request."""

import base64
from typing import Any, NamedTuple

import orjson

from ..errors import MissingExtraError

_IDS = ("traceId", "spanId", "parentSpanId")


class Signal(NamedTuple):
    """What a path of the endpoint takes; without a format it is passed over."""

    path: str
    format: str | None
    service: str  # of opentelemetry.proto.collector
    message: str
    rejected: str  # name of the count of what was not taken


SIGNALS = (
    Signal("/v1/traces", "otel", "trace.v1.trace_service_pb2", "ExportTraceService", "rejected_spans"),
    Signal("/v1/logs", "otlp_logs", "logs.v1.logs_service_pb2", "ExportLogsService", "rejected_log_records"),
    Signal("/v1/metrics", None, "metrics.v1.metrics_service_pb2", "ExportMetricsService", "rejected_data_points"),
)


def json_form(signal: Signal, body: bytes) -> Any:
    """Return a request of protobuf as OTLP JSON has it, with ids in hexadecimal digits.

    Raises
    ------
    ValueError
        The body is no such message.
    MissingExtraError
        opentelemetry-proto is not installed.
    """
    message = _message(signal, "Request")
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    return _with_hex_ids(MessageToDict(message, use_integers_for_enums=True))


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(inner).hex() if key in _IDS and isinstance(inner, str) else _with_hex_ids(inner)
        for key, inner in value.items()
    }


def partial_answer(signal: Signal, rejected: int, reason: str, *, as_json: bool) -> bytes:
    """Return the answer to a request that was taken, with the number of its records that cannot be read."""
    if as_json:
        head, *rest = signal.rejected.split("_")
        count = head + "".join(map(str.capitalize, rest))
        # OTLP JSON writes whole numbers of 64 bits as text
        partial = {"partialSuccess": {count: str(rejected), "errorMessage": reason}}
        return orjson.dumps(partial if rejected else {})
    answer = _message(signal, "Response")
    if rejected:
        setattr(answer.partial_success, signal.rejected, rejected)
        answer.partial_success.error_message = reason
    return bytes(answer.SerializeToString())


def error_message(reason: str, *, as_json: bool) -> bytes:
    """Return a google.rpc.Status with a message, as OTLP asks of answers that refuse a request."""
    if as_json:
        return orjson.dumps({"message": reason})
    text = reason.encode()[:127]  # whose length is a single byte
    return b"\x12" + bytes([len(text)]) + text


def _message(signal: Signal, kind: str) -> Any:
    from importlib import import_module

    try:
        module = import_module(f"opentelemetry.proto.collector.{signal.service}")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "OTLP as protobuf needs opentelemetry-proto, which is not installed: pip install 'crashlens-frame[live]'"
        ) from error
    return getattr(module, f"{signal.message}{kind}")()
