"""The data of the benchmarks of vendors: a log of each format that comes by the gigabyte, about a hundred megabytes.

What a line holds beside its texts, the vendor's own types make. How long the texts are was measured in what public
repositories hold: ``_LENGTHS`` has the mean number of bytes of each tenth of the lines, from the shortest on.

- answers of OpenAI (758) and of Anthropic (487): recorded by the tests of pydantic/pydantic-ai, Arize-ai/openinference,
  traceloop/openllmetry, langchain-ai/langsmith-sdk and vercel/ai
- generations of Langfuse (107) and spans (243): traces of agents in langfuse/langfuse (``framework-traces``), spans of
  Arize-ai/phoenix and Arize-ai/openinference
- lines of Claude Code (819): transcripts in d-kimuson/claude-code-viewer, chiphuyen/sniffly, daaain/claude-code-log,
  simonw/claude-code-transcripts, Piebald-AI/splitrail and junhoyeo/tokscale; of the lines there 37 % are results of
  tools, 37 % calls of tools, 18 % texts of the model and 6 % texts of the user, about a hundred lines a file

No such lines were found of LiteLLM and Bedrock, whose texts are as long here as those of Langfuse. Log records have no
texts, and a collector packs many: here ten, four of them calls, as an agent has results and decisions beside them.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.support import vendor_logs as told
from tests.support import vendor_samples
from tests.support.agent_logs import Answer, claude_lines
from tests.support.vendor_logs import Call

_DIFFERENT, _SPANS, _EVENTS, _OF_CALLS = 300, 5, 10, 4
_PREFIX = b"1000000"  # of the numbers of all calls
_ANSWERS = 16  # of a session: a hundred lines
SIZE = 100_000_000  # bytes of a log

_LENGTHS = {
    "answer of OpenAI": (404, 553, 616, 663, 698, 748, 831, 964, 1283, 4258),
    "answer of Anthropic": (330, 419, 465, 519, 563, 616, 730, 1005, 1461, 18648),
    "generation": (1074, 1153, 1223, 1448, 2163, 2988, 3989, 5970, 10761, 32225),
    "span": (384, 527, 685, 995, 1421, 2018, 3100, 4864, 9106, 19217),
    "result of a tool": (488, 564, 670, 1027, 1285, 1642, 2106, 3001, 6380, 23334),
    "call of a tool": (760, 850, 878, 906, 962, 1118, 1401, 1535, 2040, 7360),
    "text of the model": (547, 812, 827, 838, 853, 870, 893, 924, 1035, 1959),
    "text of the user": (191, 307, 338, 358, 381, 405, 455, 633, 840, 3076),
}


def vendor_log(name: str, folder: Path, size: int = SIZE) -> Path:
    """Return the log of a vendor, which is made where it is not there; it is a folder if a session is a file."""
    path = folder / f"vendor_{name}_{size}{'' if name in SESSIONS else '.jsonl'}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    blocks = _again(LOGS[name](), size)
    if name in SESSIONS:
        path.mkdir()
        for number, block in enumerate(blocks):
            (path / f"{number:06}.jsonl").write_bytes(block)
    else:
        with path.open("wb") as stream:
            stream.writelines(blocks)
    return path


def files_of(log: Path) -> list[Path]:
    """Return the files of a log."""
    return sorted(log.iterdir()) if log.is_dir() else [log]


def _again(blocks: list[bytes], size: int) -> Iterator[bytes]:
    """Yield blocks over and over, with other ids each time, so that no call is a copy of another."""
    written = 0
    for again, block in enumerate(cycle(blocks)):
        if written >= size:
            return
        new = block.replace(_PREFIX, b"%d" % (int(_PREFIX) + again // len(blocks)))
        written += len(new)
        yield new


def _text(length: int, start: int) -> str:
    """Return a text with line breaks and quotes, as code and its answers have them."""
    source = _source()
    start = start * 997 % len(source)
    return (source[start:] + source * (1 + length // len(source)))[:length]


def _source() -> str:
    return Path(json.decoder.__file__).read_text(encoding="utf-8")


def _content(kind: str, number: int) -> str:
    """Return a text as long as a line has it beside what the shortest has."""
    lengths = _LENGTHS[kind]
    return _text(1 + lengths[number % len(lengths)] - lengths[0], number)


def _calls(*, prompt: str = "", response: str = "") -> list[Call]:
    """Return calls whose prompts or responses are as long as those of some kind of lines."""
    calls = []
    for number, call in enumerate(vendor_samples.calls()[:_DIFFERENT], 1000 * int(_PREFIX)):
        texts = {"prompt": prompt, "response": response}
        longer = {name: _content(kind, number) for name, kind in texts.items() if kind}
        calls.append(replace(call, trace_id=f"{number}" + 22 * "a", number=number, **longer))
    random.Random(1).shuffle(calls)
    return calls


def _told(teller: Callable[[Call], Any], **lengths: str) -> list[bytes]:
    return [_line(teller(call).line) for call in _calls(**lengths)]


def _line(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _spans() -> list[bytes]:
    """Return lines of several spans, as a collector writes them."""
    calls = _calls(prompt="span")
    return [
        _line(told.otlp(*(told.span_of(call) for call in calls[first : first + _SPANS])))
        for first in range(0, len(calls), _SPANS)
    ]


def _events() -> list[bytes]:
    """Return lines of several log records of Claude Code, calls and other events."""
    lines = []
    calls = _calls()
    for first in range(0, len(calls), _OF_CALLS):
        line = told.claude_code_event(calls[first]).line
        records = [_event(call) for call in calls[first : first + _OF_CALLS]]
        others = [
            {
                **records[0],
                "body": {"stringValue": f"claude_code.{name}"},
                "attributes": _attributes(name, calls[first]),
            }
            for name in ("user_prompt", *3 * ("tool_decision", "tool_result"))[: _EVENTS - _OF_CALLS]
        ]
        line["resourceLogs"][0]["scopeLogs"][0]["logRecords"] = [*records, *others]
        lines.append(_line(line))
    return lines


def _event(call: Call) -> Any:
    return told.claude_code_event(call).line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]


def _attributes(name: str, call: Call) -> list[Any]:
    values = {
        "event.name": name,
        "session.id": call.trace_id,
        "tool_name": "Bash",
        "duration_ms": "310",
        "success": "true",
    }
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def _claude_code() -> list[bytes]:
    """Return sessions, each the lines of a file."""
    calls = _calls()
    sessions = []
    for first in range(0, len(calls) - _ANSWERS, _ANSWERS):
        story = [
            Answer(
                call.number,
                question=call.prompt if place % 3 == 0 else None,
                texts=(call.response or "",),
                tools=("ls", "cat a.py"),
                fresh=9,
                cached=call.input_tokens,
                output=40,
            )
            for place, call in enumerate(calls[first : first + _ANSWERS])
        ]
        lines = claude_lines(story, f"session-{calls[first].number}")
        sessions.append(b"".join(_line(_longer(line, n)) for n, line in enumerate(lines, first)))
    return sessions


def _longer(line: Any, number: int) -> Any:
    """Return a line of a transcript with the length of its kind; a tool's result is there twice, as it is logged."""
    message = line["message"]
    if isinstance(message["content"], str):
        return {**line, "message": {**message, "content": _content("text of the user", number)}}
    block = message["content"][0]
    if block["type"] == "text":
        block = {**block, "text": _content("text of the model", number)}
    elif block["type"] == "tool_use":
        block = {**block, "input": {"file_path": "/repo/a.py", "content": _content("call of a tool", number)}}
    else:
        half = _content("result of a tool", number)[::2]
        block = {**block, "content": half}
        line = {**line, "toolUseResult": {"type": "text", "file": {"filePath": "/repo/a.py", "content": half}}}
    return {**line, "message": {**message, "content": [block]}}


def _bedrock() -> list[bytes]:
    return [_line(_invocation(call)) for call in _calls(prompt="generation")]


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


LOGS: dict[str, Callable[[], list[bytes]]] = {
    "openai_chat": partial(_told, told.openai_chat_with_its_question, response="answer of OpenAI"),
    "openai_batch": partial(_told, told.openai_batch, response="answer of OpenAI"),
    "anthropic": partial(_told, told.anthropic_message, response="answer of Anthropic"),
    "anthropic_batch": partial(_told, told.anthropic_batch, response="answer of Anthropic"),
    "litellm": partial(_told, told.litellm_payload, prompt="generation"),
    "langfuse": partial(_told, told.langfuse_v2, prompt="generation"),
    "otlp_spans": _spans,
    "otlp_logs": _events,
    "bedrock": _bedrock,
    "claude_code": _claude_code,
}
SESSIONS = ("claude_code",)
