"""The data of the benchmarks of vendors: a log of each format that comes by the gigabyte, about a hundred megabytes."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import vendor_logs as told
from tests.support import vendor_samples
from tests.support.agent_logs import Answer, claude_lines
from tests.support.vendor_logs import Call

_DIFFERENT, _FIRST_NUMBER, _SPANS = 300, 1_000_000_000, 5
SIZE = 100_000_000  # bytes of a log


def vendor_log(name: str, folder: Path, size: int = SIZE) -> Path:
    """Return the log of a vendor, which is made where it is not there."""
    path = folder / f"vendor_{name}_{size}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        lines = LOGS[name]()
        written = again = 0
        with path.open("wb") as stream:
            while written < size:
                written += sum(stream.write(_renumbered(line, number, again)) for number, line in lines)
                again += 1
    return path


def _renumbered(line: bytes, number: int, again: int) -> bytes:
    """Return a line with other ids, so that no call is a copy of another."""
    new = number + again * 1_000_000
    spans = [f"{int(told.SPAN, 16) + each:016x}".encode() for each in (number, new)]
    return line.replace(str(number).encode(), str(new).encode()).replace(*spans)


def _calls() -> list[Call]:
    return [
        replace(call, trace_id=f"{number}" + 22 * "a", number=number)
        for number, call in enumerate(vendor_samples.calls()[:_DIFFERENT], _FIRST_NUMBER)
    ]


def _told(teller: Callable[[Call], Any]) -> list[tuple[int, bytes]]:
    return [(call.number, _line(teller(call).line)) for call in _calls()]


def _line(record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _spans() -> list[tuple[int, bytes]]:
    """Return lines of several spans, as a collector writes them."""
    calls = _calls()
    return [
        (call.number, _line(told.otlp(*(told.span_of(call) for call in calls[first : first + _SPANS]))))
        for first, call in list(enumerate(calls))[::_SPANS]
    ]


def _claude_code() -> list[tuple[int, bytes]]:
    """Return the lines of sessions of thirty answers each."""
    lines: list[tuple[int, bytes]] = []
    calls = _calls()
    for first in range(0, len(calls), 30):
        story = [
            Answer(call.number, question=call.prompt, texts=(call.response or "",), tools=("ls",), fresh=9, output=40)
            for call in calls[first : first + 30]
        ]
        session = str(calls[first].number)
        lines += [(calls[first].number, _line(line)) for line in claude_lines(story, session)]
    return lines


def _bedrock() -> list[tuple[int, bytes]]:
    return [(call.number, _line(_invocation(call))) for call in _calls()]


def _invocation(call: Call) -> Any:
    """Return a line of the log of invocations, of a model of Anthropic."""
    answer = told.anthropic_message(call).line
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": call.start.isoformat(),
        "accountId": "123456789012",
        "region": "eu-west-1",
        "requestId": call.trace_id,
        "operation": "InvokeModel",
        "modelId": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/shop/web"},
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": call.input_tokens,
            "inputBodyJson": {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 1024,
                "temperature": 0.2,
                "messages": [{"role": "user", "content": [{"type": "text", "text": call.prompt}]}],
            },
        },
        "output": {
            "outputContentType": "application/json",
            "outputTokenCount": call.output_tokens,
            "outputBodyJson": answer,
        },
    }


LOGS: dict[str, Callable[[], list[tuple[int, bytes]]]] = {
    "openai_chat": partial(_told, told.openai_chat_with_its_question),
    "openai_batch": partial(_told, told.openai_batch),
    "anthropic": partial(_told, told.anthropic_message),
    "anthropic_batch": partial(_told, told.anthropic_batch),
    "litellm": partial(_told, told.litellm_payload),
    "langfuse": partial(_told, told.langfuse_v2),
    "otlp_spans": _spans,
    "otlp_logs": partial(_told, told.claude_code_event),
    "bedrock": _bedrock,
    "claude_code": _claude_code,
}
