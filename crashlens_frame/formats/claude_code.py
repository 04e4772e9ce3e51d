"""Transcripts of Claude Code, one file per session, and what ``claude -p --output-format stream-json`` prints.

A call is spread over lines: each content block has a line with the id of the answer and the counts so far, and the
question is on an earlier line. ``Transcript`` puts a call together as one line of the same shape, with "prompt" beside
it; ``_calls`` brings such a line into the shape of the fields.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..jsonvalues import is_object
from .answers import Within, count_or_none, found_finish_reason, made_id
from .claude_runs import RunTotals
from .steps import steps_by_model
from .table import Field, Format, Record, Sign, object_at
from .texts import message_text, region_of_geo
from .values import amount_value, count_value, json_text_value, milliseconds_value, text_value, time_value

_SPOKEN = ("assistant", "user", "system", "progress", "attachment")
_SYNTHETIC = "<synthetic>"  # the "model" of a message that Claude Code itself wrote
_MANY_OPEN = 32  # answers whose lines may be mixed; parallel subagents of one file are fewer
_MANY_LINES = 1 << 16  # lines that a later line may name as its parent; the texts themselves are shared


# -- lines of a file -> whole calls -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Answer:
    """The lines of one answer so far."""

    line: int
    record: dict[str, Any]
    uuids: list[Any] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add a later line: its content, the larger counts, and fields that the lines before have not."""
        old, new = object_at(self.record, "message"), object_at(record, "message")
        message = {**old, **{key: value for key, value in new.items() if value is not None}}
        message["usage"] = _fullest(old.get("usage"), new.get("usage"))
        blocks = _blocks(old)
        message["content"] = blocks + [block for block in _blocks(new) if block not in blocks]
        self.record |= {key: value for key, value in record.items() if self.record.get(key) is None}
        self.record["message"] = message
        if record.get("uuid") not in (None, self.record.get("uuid"), *self.uuids):
            self.uuids.append(record["uuid"])

    def whole(self, prompt: str | None) -> Record:
        """Return the call as one line."""
        later = {"laterUuids": self.uuids} if self.uuids else {}
        return {**self.record, **later, "prompt": prompt}


class Transcript:
    """Memory of one file: the answers whose lines may go on, and the question that each line belongs to.

    The question of a line is that of its parent, unless the line is one itself, so that a chain of any length needs one
    look-up. Only the last lines are remembered, and only the last answers are open: a line that comes later than that
    becomes a call of its own, with the event id of the first.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, list[_Answer]] = OrderedDict()  # copies of an answer, by its id
        self._questions: OrderedDict[Any, str | None] = OrderedDict()
        self._main: set[str] = set()  # ids of the answers that are not a subagent's
        self._session: Any = None
        self._run: RunTotals | None = None  # what Claude Code prints of a run, in place of a transcript

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next line, and yield the answers that are closed by now."""
        record = self._in_session(_typed(record))
        self._remember(record)
        if "parent_tool_use_id" in record or "modelUsage" in record:
            self._run = self._run or RunTotals()
        if self._run is not None and "modelUsage" in record:
            self._run.result(record)
        key = _answer_id(record)
        if key is None:
            if _is_call(record):
                self._open[f"line {line}"] = [_Answer(line, dict(record))]
            elif record.get("type") == "assistant" and object_at(record, "message").get("model") != _SYNTHETIC:
                yield line, record  # without counts it is no call, and that is reported
            return
        if not record.get("isSidechain"):
            self._main.add(key)
        elif key in self._main:
            return  # a subagent's file or chain repeats what it was started from
        copies = self._open.setdefault(key, [])
        answer = next((copy for copy in copies if _same_request(copy.record, record)), None)
        if answer is None:
            copies.append(_Answer(line, dict(record)))
        else:
            answer.add(record)
        while len(self._open) > _MANY_OPEN:
            yield self._close(self._open.popitem(last=False)[1])

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the answers that are still open."""
        while self._open:
            yield self._close(self._open.popitem(last=False)[1])
        for rest in self._run.rest() if self._run is not None else ():
            yield 1, rest

    def _in_session(self, record: Record) -> Record:
        """Return a line with the session of the lines before it where it names none; a file without one is one."""
        named = record.get("sessionId") or record.get("session_id")
        self._session = named or self._session or made_id(record)
        return record if named else {**record, "sessionId": self._session}

    def _close(self, copies: list[_Answer]) -> tuple[int, Record]:
        """Return the one of several copies that counts: the main chain's, or the largest."""
        answer = max(copies, key=lambda copy: (not copy.record.get("isSidechain"), _size(copy.record)))
        whole = answer.whole(self._question(answer.record))
        if self._run is not None:
            self._run.add(_calls(whole))
        return answer.line, whole

    def _question(self, record: Record) -> str | None:
        parent = record.get("parentUuid")
        return self._questions.get(parent) if isinstance(parent, str) else None

    def _remember(self, record: Record) -> None:
        uuid = record.get("uuid")
        if isinstance(uuid, str):
            self._questions[uuid] = _question_text(record) or self._question(record)
            if len(self._questions) > _MANY_LINES:
                self._questions.popitem(last=False)


def _typed(record: Record) -> Record:
    """Return a line with its type; where it has none, the message has a role."""
    message = record.get("message")
    role = message.get("role") if "type" not in record and is_object(message) else None
    return {**record, "type": role} if role in ("assistant", "user") else record


def _answer_id(record: Record) -> str | None:
    """Return the id that all lines of an answer have; None for other lines, and for an answer without an id."""
    message = record.get("message")
    if record.get("type") != "assistant" or not is_object(message) or message.get("model") == _SYNTHETIC:
        return None
    key = message.get("id") or record.get("requestId")
    return key if isinstance(key, str) else None


def _same_request(first: Record, other: Record) -> bool:
    """Whether two lines of one answer are two parts of it, and not the answer and a copy."""
    names = ("isSidechain", "agentId", "requestId")
    return all(first.get(name) == other.get(name) or name not in first.keys() & other.keys() for name in names)


def _size(record: Record) -> int:
    """Return the number of all tokens of a line."""
    usage = object_at(record, "message").get("usage")
    return sum(count_or_none(usage.get(key)) or 0 for key in _COUNTS) if is_object(usage) else 0


def _question_text(record: Record) -> str | None:
    """Return the text of a line that a user wrote; None for results of tools, and for what Claude Code put in."""
    message = record.get("message")
    if record.get("type") != "user" or record.get("isMeta") or not is_object(message):
        return None
    content = message.get("content")
    if isinstance(content, list):
        content = [block for block in content if is_object(block) and block.get("type") == "text"]
    return message_text(content) or None


def _blocks(message: Record) -> list[Any]:
    content = message.get("content")
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _fullest(old: Any, new: Any) -> Any:
    """Return the larger of two counts, and of two objects the larger of each count: they grow from line to line."""
    if new is None or old == new:
        return old
    if is_object(old) and is_object(new):
        return {key: _fullest(old.get(key), new.get(key)) for key in {**old, **new}}
    if isinstance(old, int) and isinstance(new, int):
        return max(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return max(new, old, key=len)
    return old if isinstance(old, int) else new


# -- a whole call -> the shape of the fields --------------------------------------------------------------------------

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _is_call(record: Record) -> bool:
    """Whether a line is an answer of a model, or the error that came in place of one."""
    message = record.get("message")
    if record.get("type") != "assistant" or not is_object(message):
        return False
    return bool(record.get("isApiErrorMessage")) or (
        message.get("model") != _SYNTHETIC and is_object(message.get("usage"))
    )


def _calls(record: Record) -> Iterator[Record]:
    """Yield the call of a line, and the calls of other models that the answer took."""
    record = _typed(record)
    if not _is_call(record):
        yield record
        return
    message = object_at(record, "message")
    agent = record.get("agentId") or record.get("attributionAgent")
    session = record.get("sessionId") or record.get("session_id")
    call = {key: value for key, value in record.items() if key not in ("type", "message", "gitBranch", "session_id")}
    call |= {
        "sessionId": session,
        "trace": f"{session}/{agent}" if session and agent else session,
        "branch": {"gitBranch": record["gitBranch"]} if record.get("gitBranch") else None,
    }
    if record.get("isApiErrorMessage"):
        yield {**call, "failure": message_text(message.get("content")) or record.get("error"), **_of_synthetic(record)}
        return
    steps = steps_by_model(message)
    key = message.get("id") or record.get("requestId")
    own = {**_unfolded(message), "id": key, "model": steps.model, "usage": _own_usage(steps.usage)}
    yield {**call, "provider": _provider(message), "message": own}
    for number, usage in enumerate(steps.others):
        taken = {
            "id": f"{key}/{number}",
            "model": usage["model"],
            "usage": {k: v for k, v in usage.items() if k != "model"},
        }
        yield {**call, "costUSD": None, "message": taken}  # a cost is that of the whole answer


def _of_synthetic(record: Record) -> Record:
    """Return the fields of an error: it has no model, and its counts are fillers."""
    message = object_at(record, "message")
    kept = {
        key: value for key, value in message.items() if key not in ("id", "type", "role", "model", "content", "usage")
    }
    return {"message": {**kept, "id": message.get("id") or record.get("uuid")}, "billed": "no"}


def _unfolded(message: Record) -> Record:
    """Return a message with its text, its calls of tools and the rest of its content beside one another."""
    blocks = [block if is_object(block) else {"type": "unknown", "block": block} for block in _blocks(message)]
    texts = [block["text"] for block in blocks if block.get("type") == "text" and isinstance(block.get("text"), str)]
    tools = [
        {"name": block.get("name"), "arguments": block.get("input")}
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    rest = [
        {key: value for key, value in block.items() if key not in _UNFOLDED.get(str(block.get("type")), ())}
        for block in blocks
    ]
    reason = message.get("stop_reason")
    finish = found_finish_reason(reason)
    unfolded = {
        **{key: value for key, value in message.items() if key not in ("type", "role", "content", "stop_reason")},
        "text": "\n".join(texts) if texts else None,
        "tools": tools or None,
        "finish": finish,
        "stop_reason": reason if finish is None else None,
        "content": [block for block in rest if block.keys() != {"type"}] or None,
    }
    return {key: value for key, value in unfolded.items() if value is not None}


_UNFOLDED: dict[str, tuple[str, ...]] = {"text": ("text",), "tool_use": ("name", "input")}


def _own_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the counts of the model that answered, in the form of the fields."""
    if usage.get("cache_creation_input_tokens") is None:
        lifetimes = map(count_or_none, object_at(usage, "cache_creation").values())
        written = [count for count in lifetimes if count is not None]
        usage |= {"cache_creation_input_tokens": sum(written)} if written else {}
    if usage.get("speed") == "fast":
        usage["service_tier"] = usage["speed"]
    if isinstance(usage.get("iterations"), list) and len(usage["iterations"]) == 1:
        del usage["iterations"]  # it repeats the counts of the answer
    return usage


def _provider(message: Record) -> str | None:
    """Return who served an answer, by how its id begins; a gateway may make ids of other kinds."""
    key, model = message.get("id"), message.get("model")
    if not isinstance(key, str) or not isinstance(model, str):
        return None
    served = next((name for prefix, name in _PROVIDERS.items() if key.startswith(prefix)), None)
    return served if served != "anthropic" or model.startswith("claude") else None


_PROVIDERS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex_ai", "msg_": "anthropic"}


CLAUDE_CODE = Format(
    "claude_code",
    "transcripts of Claude Code 1.0 to 2.1 (~/.claude/projects), as https://github.com/ryoppippi/ccusage and the bug"
    " reports there describe them; usage: BetaUsage of the anthropic package 2.12",
    (
        Field("trace", "trace_id", text_value),
        Field("sessionId", "session_id", text_value),
        Field("parentUuid", "parent_id", text_value),
        Field("message.id", "event_id", text_value),
        Field("timestamp", "timestamp", time_value),
        Field("durationMs", "latency_ms", milliseconds_value, loose=True),
        Field("message.model", "model", text_value),
        Field("provider", "provider", text_value),
        Field("prompt", "prompt", text_value),
        Field("message.text", "response", text_value),
        Field("message.tools", "tool_calls", json_text_value),
        Field("message.finish", "finish_reason", text_value),
        Field("failure", "error", text_value),
        Field("billed", "billed", text_value),
        Field("message.usage.input_tokens", "input_tokens", count_value),
        Field("message.usage.cache_read_input_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("message.usage.cache_creation_input_tokens", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("message.usage.cache_creation.ephemeral_5m_input_tokens", "", count_value),
        Field("message.usage.cache_creation.ephemeral_1h_input_tokens", "cache_write_1h_tokens", count_value),
        Field("message.usage.output_tokens", "output_tokens", count_value),
        Field("message.usage.output_tokens_details.thinking_tokens", "reasoning_tokens", count_value),
        Field("message.usage.server_tool_use.web_search_requests", "web_searches", count_value),
        Field("message.usage.service_tier", "service_tier", text_value),
        Field("message.usage.inference_geo", "region", region_of_geo, loose=True, kept=True),
        Field("costUSD", "cost", amount_value),
        Field("agentId", "agent", text_value),
        Field("attributionAgent", "agent", text_value, loose=True),
        Field("cwd", "route", text_value),
        Field("branch", "tags", json_text_value),
    ),
    signs=(
        *(Sign(key, types=_SPOKEN) for key in ("isSidechain", "parentUuid", "requestId", "parent_tool_use_id")),
        Within("message", inside=("role",), beside=("sessionId",)),
        Sign("subtype", beside=("session_id",), types=("system",)),
        Sign("modelUsage", types=("result",)),
        Sign("leafUuid", types=("summary",)),
        Sign("snapshot", types=("file-history-snapshot",)),
        Sign("operation", beside=("sessionId",), types=("queue-operation",)),
    ),
    constants={"type": "generation", "source": "claude-code", "log_format": "claude_code"},
    records=_calls,
    is_call=lambda call: "trace" in call,
    session=Transcript,
)
