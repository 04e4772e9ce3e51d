"""Sessions of Gemini CLI and Qwen Code: one document, or a file of lines.

The lines of Gemini CLI are a journal: a header, messages, which are written again when more of them is known, and
changes. ``Session`` brings each answer into a document of its own, with the question before it.
"""

import re
from collections.abc import Iterator
from typing import Any

from ..jsonvalues import is_object
from .answers import DERIVED, Within, count_or_none, mapping_of, mappings_of, text_or_none, tool_calls_of, with_derived
from .table import Field, Format, Record, Sign
from .texts import billed_of_error, error_text, message_text
from .usage import TOTAL
from .values import count_value, milliseconds_value, text_value, time_value

_ANSWERS = ("gemini", "assistant")
_OTHER_ROLES = ("user", "info", "error", "warning")
_MOST_OPEN = 1_000  # answers of a session that later lines may still add to


class Session:
    """Memory of one file: the session, its last question, and the answers that later lines may add to.

    What a user takes back (``$rewindTo``), and what is left out of the context from then on, was billed all the same.
    """

    def __init__(self) -> None:
        self._session: dict[str, Any] = {}
        self._question: Record | None = None
        self._open: dict[str, tuple[int, Record | None, dict[str, Any]]] = {}

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next line, and yield the calls before another session, or the oldest of very many."""
        changes = record if "projectHash" in record else record.get("$set")
        if not is_object(changes):
            yield from self._message(record, line)
            return
        name = changes.get("sessionId")
        if name != self._session.get("sessionId", name) and name is not None:
            yield from self.finish()
            self._session, self._question = {}, None
        self._session.update((key, value) for key, value in changes.items() if key != "messages")
        for message in mappings_of(changes.get("messages")):
            yield from self._message(message, line)

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the other calls."""
        while self._open:
            yield self._oldest()

    def _message(self, message: Record, line: int) -> Iterator[tuple[int, Record]]:
        message = _answer_of_event(message)
        if message.get("type") == "user":
            self._question = message
        if message.get("type") not in _ANSWERS:
            return
        key = str(message.get("id") or message.get("uuid") or f"line {line}")
        _, _, answer = self._open.setdefault(key, (line, self._question, {}))
        answer.update((name, value) for name, value in message.items() if value is not None)
        if len(self._open) > _MOST_OPEN:
            yield self._oldest()

    def _oldest(self) -> tuple[int, Record]:
        line, question, answer = self._open.pop(next(iter(self._open)))
        return line, {**self._session, "messages": [answer] if question is None else [question, answer]}


# prompt ids: of a session "<session>########<number>", of a subagent "<session>#<subagent>#<number>"
_OF_SUBAGENT = re.compile(r"[^#]+#([^#]+)#\d+")


def _answer_of_event(line: Record) -> Record:
    """Return telemetry of a call that has no other line as an answer: of a subagent of Qwen Code, or a failed call."""
    event = mapping_of(mapping_of(line.get("systemPayload")).get("uiEvent"))
    name, prompt = str(event.get("event.name")), str(event.get("prompt_id"))
    subagent = _OF_SUBAGENT.fullmatch(prompt)
    if not (name.endswith(".api_error") or (name.endswith(".api_response") and subagent)):
        return line
    usage = {theirs: event[ours] for ours, theirs in _EVENT_COUNTS.items() if event.get(ours) is not None}
    text = event.get("response_text")
    kept = {key: value for key, value in event.items() if key not in (*_EVENT_COUNTS, "response_text", "model")}
    return {
        **{key: value for key, value in line.items() if key not in ("systemPayload", "subtype")},
        "type": "assistant",
        "timestamp": _start(event, line),
        "model": event.get("model"),
        "event": kept,
        **({"subagent": subagent[1]} if subagent else {}),
        **({"usageMetadata": usage} if usage else {}),
        **({"message": {"parts": [{"text": text}]}} if isinstance(text, str) else {}),
    }


def _start(event: Record, line: Record) -> Any:
    """Return when a call began: the event has its end and how long it took."""
    end, duration = event.get("event.timestamp") or line.get("timestamp"), count_or_none(event.get("duration_ms"))
    try:
        micros = time_value(end)
    except ValueError:
        return end
    return None if micros is None else micros - 1000 * (duration or 0)


_EVENT_COUNTS = {
    "input_token_count": "promptTokenCount", "output_token_count": "candidatesTokenCount",
    "cached_content_token_count": "cachedContentTokenCount", "thoughts_token_count": "thoughtsTokenCount",
    "total_token_count": "totalTokenCount",
}  # fmt: skip


def _records(record: Record) -> Iterator[Record]:
    """Yield the answers of a session, each with the question before it; a line that is no session is one message."""
    if "messages" not in record:
        yield _call(_answer_of_event(record))
        return
    known = {} if record.get("sessionId") is None else {"sessionId": record["sessionId"]}
    session = {key: value for key, value in record.items() if key not in ("messages", "sessionId")}
    prompt = None
    for message in mappings_of(record["messages"]):
        if message.get("type") == "user":
            prompt = message_text(message.get("content") or message.get("message")) or prompt
        elif message.get("type") in _ANSWERS:
            yield _call({**message, **known, **({"session": session} if session else {})}, prompt)


def _call(message: Record, prompt: str | None = None) -> Record:
    is_of_qwen = message.get("type") == "assistant"
    content = message.get("message" if is_of_qwen else "content")
    branch = text_or_none(message.get("gitBranch"))
    return with_derived(
        message,
        source="qwen-code" if is_of_qwen else "gemini-cli",
        session_id=text_or_none(message.get("sessionId")),
        prompt=prompt,
        response=text_or_none(message_text(content)),
        tool_calls=tool_calls_of(content if is_of_qwen else message),
        tags={"gitBranch": branch} if branch else None,
    )


def _is_call(record: Record) -> bool:
    return record.get("type") in _ANSWERS


GEMINI_CLI = Format(
    "gemini_cli",
    "ConversationRecord of https://github.com/google-gemini/gemini-cli (packages/core/src/services), in which"
    " tokens.input includes what came from a cache, and tokens.output leaves thoughts out; ChatRecord of"
    " https://github.com/QwenLM/qwen-code",
    (
        *DERIVED,
        Field("sessionId", "trace_id", text_value),
        Field("trace_id", "trace_id", text_value, loose=True),
        Field("id", "event_id", text_value),
        Field("uuid", "event_id", text_value),
        Field("parentUuid", "parent_id", text_value, loose=True),
        Field("timestamp", "timestamp", time_value),
        Field("model", "model", text_value),
        Field("cwd", "route", text_value, loose=True),
        Field("subagent", "agent", text_value),
        Field("event.duration_ms", "latency_ms", milliseconds_value, loose=True),
        Field("event.error", "error", error_text, loose=True, also={"billed": billed_of_error}),
        Field("event.error_message", "error", error_text, loose=True),
        Field("event.status_code", "billed", billed_of_error, loose=True, kept=True),
        Field("session.projectHash", "route", text_value, loose=True),
        Field("tokens.input", "input_tokens", count_value),
        Field("tokens.tool", "", count_value, adds="input_tokens"),
        Field("tokens.cached", "cached_input_tokens", count_value),
        Field("tokens.output", "output_tokens", count_value),
        Field("tokens.thoughts", "reasoning_tokens", count_value, adds="output_tokens"),
        Field("tokens.total", TOTAL, count_value),
        Field("usageMetadata.promptTokenCount", "input_tokens", count_value),
        Field("usageMetadata.cachedContentTokenCount", "cached_input_tokens", count_value),
        Field("usageMetadata.candidatesTokenCount", "output_tokens", count_value),
        Field("usageMetadata.thoughtsTokenCount", "reasoning_tokens", count_value),
        Field("usageMetadata.totalTokenCount", TOTAL, count_value),
    ),
    signs=(
        Sign("projectHash", beside=("sessionId",)),
        Sign("type", ("gemini",), ("timestamp", "content")),
        Sign("type", _OTHER_ROLES, ("id", "timestamp", "content")),
        Sign("usageMetadata", beside=("parentUuid",)),
        Within("message", inside=("parts",), beside=("uuid", "parentUuid")),
        Sign("systemPayload", beside=("uuid", "parentUuid")),
        Sign("$set"),
        Sign("$rewindTo"),
    ),
    constants={"type": "generation", "log_format": "gemini_cli"},
    records=_records,
    is_call=_is_call,
    traces_itself=True,
    session=Session,
)
