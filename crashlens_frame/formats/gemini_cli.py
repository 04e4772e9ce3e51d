"""Sessions of Gemini CLI, as one document or a message per line, and of Qwen Code."""

from collections.abc import Iterator

from .answers import DERIVED, mappings_of, text_or_none, tool_calls_of, with_derived
from .table import Field, Format, Record, Sign
from .texts import message_text
from .usage import TOTAL
from .values import count_value, text_value, time_value

_OTHER_ROLES = ("user", "info", "error", "warning")


def _records(record: Record) -> Iterator[Record]:
    """Yield the answers of a session, each with the question before it; a line that is no session is one message."""
    if "messages" not in record or "projectHash" not in record:
        yield _qwen_call(record) if "usageMetadata" in record else _call(record)
        return
    session = {key: value for key, value in record.items() if key not in ("messages", "sessionId")}
    prompt = None
    for message in mappings_of(record["messages"]):
        if message.get("type") == "user":
            prompt = message_text(message.get("content")) or prompt
        if message.get("type") == "gemini":
            yield _call({**message, "sessionId": record.get("sessionId"), "session": session}, prompt)


def _call(message: Record, prompt: str | None = None) -> Record:
    return with_derived(
        message,
        source="gemini-cli",
        session_id=text_or_none(message.get("sessionId")),
        prompt=prompt,
        response=text_or_none(message_text(message.get("content"))),
        tool_calls=tool_calls_of(message),
    )


def _qwen_call(line: Record) -> Record:
    message = line.get("message")
    branch = text_or_none(line.get("gitBranch"))
    return with_derived(
        line,
        source="qwen-code",
        session_id=text_or_none(line.get("sessionId")),
        response=text_or_none(message_text(message)),
        tool_calls=tool_calls_of(message),
        tags={"gitBranch": branch} if branch else None,
    )


def _is_call(record: Record) -> bool:
    return record.get("type") in ("gemini", "assistant")


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
        Sign("$set"),
        Sign("$rewindTo"),
    ),
    constants={"type": "generation", "log_format": "gemini_cli"},
    records=_records,
    is_call=_is_call,
    traces_itself=True,
)
